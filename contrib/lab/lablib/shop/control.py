# SPDX-License-Identifier: Apache-2.0
"""Takes the shop's switches over its control socket; the other end is lablib.control.

A switch is answered when it is in force: read-only when no write is left inside, another store
when the old one has its last write. Changes of mode and store are written to the lab's
switches.jsonl, from which the proof knows when the authority moved.
"""

import json
import os
import socketserver
import threading
import time

import psycopg2


from .store import Store


class Refused(Exception):
    pass


class Control:
    def __init__(self, world, shop):
        self._world = world
        self._shop = shop
        self._one_at_a_time = threading.Lock()
        self._switches = {"mode": self._set_mode, "store": self._set_store,
                          "errors": self._set_errors, "latency_s": self._set_latency}

    def answer(self, request):
        deadline = time.monotonic() + request.get("within", 5)
        try:
            for name, value in request.get("set", {}).items():
                if not self._one_at_a_time.acquire(timeout=max(deadline - time.monotonic(), 0)):
                    raise Refused("another switch is still under way")
                try:
                    self._switches[name](value, deadline)
                finally:
                    self._one_at_a_time.release()
        except Refused as e:
            return {"ok": False, "why": str(e), "status": self._shop.status()}
        return {"ok": True, "status": self._shop.status()}

    def _set_mode(self, mode, deadline):
        before = self._shop.status()["mode"]
        if mode == "read-write":
            self._shop.gate.open()
        elif not self._shop.gate.close(deadline):
            raise Refused(f"no new write is let in, but {self._shop.gate.inside} are still under "
                          "way; ask again")
        self._note("mode", before, mode)

    def _set_store(self, side, deadline):
        shop, before = self._shop, self._shop.store.side
        if side == before:
            return
        store = Store(self._world, side)
        try:
            store.check()
        except psycopg2.Error as e:
            raise Refused(f"{side}'s database does not answer, still storing in {before}: "
                          f"{str(e).strip()}") from None
        was_open = shop.gate.is_open
        try:
            if not shop.gate.close(deadline):
                raise Refused(f"{shop.gate.inside} writes are still under way to {before}'s "
                              "database; nothing was switched")
            shop.store = store
            self._note("store", before, side)
        finally:
            if was_open:
                shop.gate.open()

    def _set_errors(self, ratio, _):
        self._shop.faults.error_ratio = ratio

    def _set_latency(self, seconds, _):
        self._shop.faults.latency_s = seconds

    def _note(self, what, before, after):
        if before == after:
            return
        line = json.dumps({"at": time.time(), "who": self._shop.side, "what": what,
                           "from": before, "to": after}) + "\n"
        fd = os.open(self._world.path("log", "switches.jsonl"),
                     os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)


class Handler(socketserver.StreamRequestHandler):
    timeout = 15

    def handle(self):
        request = json.loads(self.rfile.readline(65536))
        self.wfile.write(json.dumps(self.server.control.answer(request)).encode() + b"\n")


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path, control):
        self.control = control
        path.unlink(missing_ok=True)
        super().__init__(str(path), Handler)
        os.chmod(path, 0o600)


