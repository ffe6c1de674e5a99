# SPDX-License-Identifier: Apache-2.0
"""Free ports, for the lab and for servers of tests that run beside it.

Between the choice of a port and the server's bind() nobody else who chooses here gets it: while the
process that chose it lives, it holds a socket without a place in the file system, of the port's name.
"""

import random
import socket

# They start where no registered service is likely and end where the kernel's ephemeral range
# begins: a client that polls a port inside that range may connect to itself and steal it.
RANGE = (20000, 32767)

_held = []


def free_port(*addresses):
    """Free for TCP and UDP on each of the addresses; OSError where none is found."""
    for _ in range(200):
        port = random.SystemRandom().randint(*RANGE)
        if is_ours(port) and all(is_free(address, port) for address in addresses):
            return port
    raise OSError(f"no free port found in {RANGE}; end some servers on loopback")


def is_ours(port):
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0cutover-port-{port}")
    except OSError:
        name.close()
        return False
    _held.append(name)
    return True


def is_free(address, port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind((address, port))
            except OSError:
                return False
    return True
