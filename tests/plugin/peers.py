# SPDX-License-Identifier: Apache-2.0
"""Servers that misbehave, for whatever protocol is spoken to them; used by test_peers.py.

    Peer(BEHAVIOURS["drips"], answer).address

A behaviour gets a connection and the answer that a good server would give to its first request."""

import contextlib
import random
import socket
import struct
import threading
import time

from servers import LOOPBACK, free_port, hang_up

GIB = 1 << 30
GARBAGE = bytes(random.Random(7).randbytes(4096))


def hold(link):
    """Says no more, until the other side goes."""
    while link.recv(65536):
        pass


def is_deaf(link, answer):
    hold(link)


def resets(link, answer):
    link.recv(65536)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs_up(link, answer):
    link.recv(65536)


def answers_half(link, answer):
    link.recv(65536)
    link.sendall(answer[:len(answer) // 2])
    hold(link)


def answers_half_and_goes(link, answer):
    link.recv(65536)
    link.sendall(answer[:len(answer) // 2])


def drips(link, answer):
    """One byte a second."""
    link.recv(65536)
    for i in range(len(answer)):
        link.sendall(answer[i:i + 1])
        time.sleep(1)


def talks_garbage(link, answer):
    link.recv(65536)
    link.sendall(GARBAGE)


def floods(link, answer):
    """1 GiB behind the start of the answer."""
    link.recv(65536)
    link.sendall(answer)
    chunk = b"a" * 65536
    for _ in range(GIB // len(chunk)):
        link.sendall(chunk)


def has_endless_headers(link, answer):
    link.recv(65536)
    link.sendall(b"HTTP/1.1 200 OK\r\n")
    for i in range(GIB // 1024):
        link.sendall(f"X-{i}: {'a' * 1000}\r\n".encode())


def answers(link, answer):
    link.recv(65536)
    link.sendall(answer)


class Peer:
    """On TCP, or on a UNIX socket where a path is given. tls: the context of a certificate.
    greeting: sent for a first request; the second one gets what it behaves like. backlog 0 and nobody
    who accepts: is_full."""

    def __init__(self, behaviour, answer=b"", *, path=None, tls=None, greeting=None, is_full=False,
                 port=None):
        self.port = None if path else port or free_port()
        self.address = str(path) if path else f"{LOOPBACK}:{self.port}"
        self._behaviour, self._answer, self._tls, self._greeting = behaviour, answer, tls, greeting
        self._links = []
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(str(path) if path else (LOOPBACK, self.port))
        self.listener.listen(0 if is_full else 64)
        if is_full:
            self._fill()
        else:
            threading.Thread(target=self._serve, daemon=True).start()

    def _fill(self):
        for _ in range(4):
            link = socket.socket(self.listener.family)
            link.setblocking(False)
            link.connect_ex(self.listener.getsockname())
            self._links.append(link)

    def _serve(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self._links.append(link)
            threading.Thread(target=self._talk, args=(link,), daemon=True).start()

    def _talk(self, link):
        with contextlib.suppress(OSError), link:
            if self._tls:
                link = self._tls.wrap_socket(link, server_side=True)
            if self._greeting is not None:
                link.recv(65536)
                link.sendall(self._greeting)
            self._behaviour(link, self._answer)
            link.close()

    def end(self):
        for s in (self.listener, *self._links):
            hang_up(s)


class Names:
    """A name server on UDP: reply(request) gives what it sends; over TCP it is a Peer beside it."""

    def __init__(self, reply, over_tcp=None):
        self.port = free_port()
        self.address = f"{LOOPBACK}:{self.port}"
        self._reply = reply
        self._tcp = over_tcp and Peer(over_tcp, DNS_OVER_TCP, port=self.port)
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                request, client = self._socket.recvfrom(65536)
                if not request:
                    return
                reply = self._reply(request)
                if reply:
                    self._socket.sendto(reply, client)
            except OSError:
                return

    def end(self):
        hang_up(self._socket)
        if self._tcp:
            self._tcp.end()


# A length, and the start of a message of that length.
DNS_OVER_TCP = struct.pack(">H", 512) + bytes(512)


def question_end(request):
    at = 12
    while request[at]:
        at += request[at] + 1
    return at + 5


def rcode(code):
    """Answers nothing but a code, as an authoritative server."""
    def reply(request):
        head = request[:2] + bytes([0x84 | request[2] & 0x79, code]) + request[4:6] + bytes(6)
        return head + request[12:question_end(request)]
    return reply


def truncated(request):
    reply = rcode(0)(request)
    return reply[:2] + bytes([reply[2] | 2]) + reply[3:]


def stale(request):
    """An A record that is not the new one."""
    reply = rcode(0)(request)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + bytes([127, 0, 0, 99])
    return reply[:6] + struct.pack(">HHH", 1, 0, 0) + reply[12:] + record


def silent(request):
    return None


def garbled(request):
    return request[:2] + GARBAGE[:200]
