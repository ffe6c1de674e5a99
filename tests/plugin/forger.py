# SPDX-License-Identifier: Apache-2.0
"""A server between the plugin and a real one that lies about updates, as a broken server or somebody
on the way would. Queries pass through, but for no_edns (which knows no EDNS) and foreign_answer (a
forged one with a wrong id before the truth); what it says to an UPDATE is its behaviour's."""

import base64
import hashlib
import hmac
import socket
import struct
import threading
import time

from servers import LOOPBACK, free_port, hang_up

KEY_WIRE = b"\x07cutover\x00"
ALGORITHM_WIRE = b"\x0bhmac-sha256\x00"
MAC_LEN = 32


def signed(reply, request, secret, now):
    """The reply with a TSIG record that is right for the request (RFC 8945 5.3)."""
    request_mac = request[-MAC_LEN - 6:-6]
    stamp = struct.pack(">Q", now)[2:] + struct.pack(">H", 300)
    variables = KEY_WIRE + struct.pack(">HI", 255, 0) + ALGORITHM_WIRE + stamp + b"\0\0\0\0"
    mac = hmac.new(secret, struct.pack(">H", MAC_LEN) + request_mac + reply + variables,
                   hashlib.sha256).digest()
    data = (ALGORITHM_WIRE + stamp + struct.pack(">H", MAC_LEN) + mac + reply[:2] + b"\0\0\0\0")
    record = KEY_WIRE + struct.pack(">HHIH", 250, 255, 0, len(data)) + data
    return reply[:10] + struct.pack(">H", 1) + reply[12:] + record


class Forger:
    """behaviour: ignore (a signed NOERROR and nothing done), unsigned, wrong_key, old (signed an hour
    ago), silent, lost (done, but the reply gets lost), foreign_first (a forged refusal with a wrong id
    before the truth), garbage, servfail, refused (both without a signature), conflict (the records
    are others, it says)."""

    def __init__(self, server, behaviour):
        self.server = server
        self.behaviour = behaviour
        self.port = free_port()
        self.updates = 0
        self.on_update = lambda: None
        self._secret = base64.b64decode(server.secret)
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def text(self):
        return f"{LOOPBACK}:{self.port}"

    def connection(self):
        return self.server.connection(servers=[self.text])

    def end(self):
        hang_up(self._socket)

    def _serve(self):
        while True:
            try:
                request, client = self._socket.recvfrom(65536)
                if not request:
                    return
                for reply in self._replies(request):
                    self._socket.sendto(reply, client)
            except OSError:
                return

    def _replies(self, request):
        if request[2] >> 3 & 15 != 5:
            return self._answers(request)
        self.updates += 1
        self.on_update()
        noerror = request[:2] + b"\xa8\0" + bytes(8)
        refused = bytes([request[0] ^ 1, request[1]]) + b"\xa8\x05" + bytes(8)
        now = int(time.time())
        if self.behaviour == "lost":
            self._pass_on(request)
            return []
        if self.behaviour == "foreign_first":
            return [refused, self._pass_on(request)]
        if self.behaviour in ("no_edns", "foreign_answer"):
            return [self._pass_on(request)]
        return {
            "ignore": lambda: [signed(noerror, request, self._secret, now)],
            "unsigned": lambda: [noerror],
            "wrong_key": lambda: [signed(noerror, request, b"another", now)],
            "old": lambda: [signed(noerror, request, self._secret, now - 3600)],
            "silent": list,
            "garbage": lambda: [request[:2] + bytes(range(256))],
            "servfail": lambda: [noerror[:3] + b"\2" + noerror[4:]],
            "refused": lambda: [noerror[:3] + b"\5" + noerror[4:]],
            "conflict": lambda: [signed(noerror[:3] + b"\x08" + noerror[4:], request,
                                        self._secret, now)],
        }[self.behaviour]()

    def _answers(self, query):
        if self.behaviour == "no_edns" and query[11]:
            return [query[:2] + b"\x80\1" + bytes(8)]
        answer = self._pass_on(query)
        if self.behaviour == "foreign_answer":
            forged = answer.replace(bytes([127, 0, 0, 2]), bytes([9, 9, 9, 9]))
            return [bytes([forged[0] ^ 1]) + forged[1:], answer]
        return [answer]

    def _pass_on(self, request):
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.settimeout(60)
            s.connect((LOOPBACK, self.server.port))
            s.send(request)
            return s.recv(65536)
