# SPDX-License-Identifier: Apache-2.0
"""Switches and asks the two applications, through the socket that each keeps in the lab's folder.

One line of JSON there, one back; the other end is shop/control. {"set": {name: value}, "within":
seconds} is answered {"ok": true, "status": {…}} or {"ok": false, "why": "…", "status": {…}}.
"""

import json
import socket
import time

from .world import SIDES, LabError

SWITCH_SECONDS = 9


class NotRunning(LabError):
    pass


def socket_path(world, side):
    return world.path("run", f"{side}.sock")


def exchange(world, side, request, seconds):
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(max(seconds, 0.1))
            s.connect(str(socket_path(world, side)))
            s.sendall(json.dumps(request).encode() + b"\n")
            with s.makefile() as reply:
                return json.loads(reply.readline())
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunning(f"{side} is not running; see "
                         f"{world.path('log', f'{side}.log')}") from None
    except (OSError, ValueError) as e:
        raise LabError(f"{side} does not answer its control socket: {e}") from None


def switch(world, sides, settings):
    """Returns when it took effect on all sides; their states by side."""
    deadline = time.monotonic() + SWITCH_SECONDS
    states = {}
    for side in sides:
        left = deadline - time.monotonic()
        # The application gives up first, so that its own reason is what is reported.
        reply = exchange(world, side, {"set": settings, "within": max(left - 0.5, 0.1)}, left)
        if not reply["ok"]:
            done = f"; {' and '.join(states)} did switch" if states else ""
            raise LabError(f"{side}: {reply['why']}{done}")
        states[side] = reply["status"]
    return states


def status(world, side, seconds=3):
    return exchange(world, side, {}, seconds)["status"]


def ask_all_running(world):
    """The states of those applications that run; one that is gone takes no orders."""
    states = {}
    for side in SIDES:
        try:
            states[side] = status(world, side)
        except NotRunning:
            pass
    return states
