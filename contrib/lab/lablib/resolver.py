# SPDX-License-Identifier: Apache-2.0
"""A small DNS client: one question to one server, and a resolver that honours TTLs.

The shoppers find the edge through it, as clients of the real thing would.
"""

import itertools
import random
import socket
import struct
import time
from collections import namedtuple

TYPE_A = 1
FLAG_TRUNCATED = 0x0200

Answer = namedtuple("Answer", "rcode addresses ttl_s")


class DnsError(OSError):
    pass


def ask(server, name, seconds=1.0):
    """The A records of a name as one server gives them. RFC 1035, sections 4.1 and 4.2.1."""
    ident = random.randrange(0x10000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        s.connect(server)
        s.send(struct.pack(">6H", ident, 0, 1, 0, 0, 0) + encode_name(name)
               + struct.pack(">2H", TYPE_A, 1))
        reply = s.recv(4096)
    try:
        return decode(reply, ident)
    except (struct.error, IndexError):
        raise DnsError(f"{server[0]}:{server[1]} sent a broken reply") from None


def decode(reply, ident):
    got, flags, questions, answers, _, _ = struct.unpack_from(">6H", reply)
    if got != ident or flags & FLAG_TRUNCATED:
        raise DnsError("a reply that is not ours, or cut short")
    at = 12
    for _ in range(questions):
        at = skip_name(reply, at) + 4
    addresses, ttls = [], []
    for _ in range(answers):
        at = skip_name(reply, at)
        kind, _, ttl, length = struct.unpack_from(">2HIH", reply, at)
        at += 10
        if kind == TYPE_A and length == 4:
            addresses.append(socket.inet_ntoa(reply[at:at + 4]))
            ttls.append(ttl)
        at += length
    return Answer(flags & 0xF, addresses, min(ttls, default=0))


def encode_name(name):
    labels = name.rstrip(".").split(".")
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"


def skip_name(message, at):
    while message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += message[at] + 1
    return at + 1


class Resolver:
    """Asks the servers in turn and keeps an answer for as long as its TTL allows."""

    def __init__(self, servers):
        self._servers = itertools.cycle(servers)
        self._tries = len(servers)
        self._cache = {}

    def address(self, name):
        expires, addresses = self._cache.get(name, (0, None))
        if time.monotonic() >= expires:
            asked = time.monotonic()
            answer = self._ask_any(name)
            addresses = answer.addresses
            self._cache[name] = (asked + answer.ttl_s, addresses)
        return random.choice(addresses)

    def _ask_any(self, name):
        for _ in range(self._tries):
            server = next(self._servers)
            try:
                answer = ask(server, name)
            except OSError:
                continue
            if answer.rcode == 0 and answer.addresses:
                return answer
        raise DnsError(f"no server of the zone has an address for {name}")
