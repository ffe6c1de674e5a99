# SPDX-License-Identifier: Apache-2.0
"""Drives a plugin in the real cutover-host over its frames, as the engine does.

    with Host("dns", connections={"zone": {...}}, secrets={"tsig": "..."}) as host:
        done = host.call("set_ttl", "apply", {"zone": "zone", ...})
        assert done.status == "ok", done.text
"""

import json
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CUTOVER_BUILD", ROOT / "build"))
HOST = os.environ.get("CUTOVER_HOST", str(BUILD / "engine" / "host" / "cutover-host"))
PATIENCE_S = 60  # for what needs no time but the machine's
SANITIZED = b"__asan_init" in pathlib.Path(HOST).read_bytes()
KEPT = ("PATH", "HOME", "LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")


class HostGone(Exception):
    pass


class Done:
    """How a call ended, what it saved first, what it noted on the way, seconds from its start."""

    def __init__(self, frame, saved, notes, seconds):
        self.status = frame["status"]
        self.text = frame["text"] or ""
        self.data = frame["data"]
        self.saved = saved
        self.notes = notes
        self.seconds = seconds

    def __repr__(self):
        return f"<{self.status}: {self.text} {self.data}>"


class Host:
    """plugin: a name, a path with slashes, or None for the built-in steps."""

    def __init__(self, plugin, connections=None, secrets=None, folder="/", hosts=None,
                 env=(), under=()):
        argv = [HOST]
        if plugin:
            argv += ["--plugin", plugin if "/" in str(plugin) else
                     str(BUILD / "plugins" / plugin / f"{plugin}.so")]
        ours, theirs = socket.socketpair()
        self._link = ours
        kept = {k: os.environ[k] for k in KEPT if k in os.environ}
        if under:
            argv = [shutil.which(under[0]), *under[1:], *argv]
        self.pid = os.posix_spawn(argv[0], argv, {**kept, **dict(env)},
                                  file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
        theirs.close()
        self._buffer = b""
        self._calls = 0
        self._began = {}
        self._send({"t": "hello", "run": "test", "folder": str(folder),
                    "connections": connections or {}, "secrets": secrets or {}, "hosts": hosts})
        ready = self._receive(time.monotonic() + PATIENCE_S)
        if ready["t"] != "ready":
            raise HostGone(ready.get("text"))
        self.descriptor = ready["descriptor"]

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        code = self.close()
        assert error or code in (0, None), f"the host ended with {code}"

    def close(self):
        """Ends the host as a clean engine does; its exit code."""
        self._link.close()
        if not self.pid:
            return None
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        self.kill()
        raise AssertionError("the host did not end when its link was closed")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.pid = 0
        self._link.close()

    def start(self, action, op, params, *, saved=None, timeout=PATIENCE_S, attempt=1):
        """Starts a call and does not wait for its end; its number."""
        self._calls += 1
        frame = {"t": "call", "id": self._calls, "action": action, "op": op, "step": "step",
                 "key": "key", "attempt": attempt, "timeout_s": timeout,
                 "params": self._with_defaults(action, params)}
        if saved is not None:
            frame["saved"] = saved
        self._began[self._calls] = time.monotonic()
        self._send(frame)
        return self._calls

    def ping(self):
        self._send({"t": "ping"})
        assert self._receive(time.monotonic() + PATIENCE_S)["t"] == "pong"

    def cancel(self, number, grace=5):
        self._send({"t": "cancel", "id": number, "grace_s": grace})

    def finish(self, number, *, timeout=PATIENCE_S, saved=None, on_save=None):
        """Serves a call until its done. on_save(state) stands between what is saved and the word
        that it is durable: what it does happens before the first change."""
        notes = []
        deadline = time.monotonic() + timeout + PATIENCE_S
        while True:
            frame = self._receive(deadline)
            if frame["t"] == "failed":
                raise HostGone(frame["text"])
            if frame.get("id") != number:
                continue
            if frame["t"] == "note":
                notes.append(frame["text"])
            elif frame["t"] == "save":
                saved = saved if saved is not None else frame["state"]
                if on_save:
                    on_save(frame["state"])
                self._send({"t": "saved", "id": number, "state": saved})
            elif frame["t"] == "done":
                return Done(frame, saved, notes, time.monotonic() - self._began[number])

    def finish_all(self, numbers, timeout):
        """{number: Done} of calls that are under way at the same time."""
        ended, saved = {}, {}
        deadline = time.monotonic() + timeout + PATIENCE_S
        while len(ended) < len(numbers):
            frame = self._receive(deadline)
            number = frame.get("id")
            if frame["t"] == "failed":
                raise HostGone(frame["text"])
            if frame["t"] == "save":
                saved[number] = frame["state"]
                self._send({"t": "saved", "id": number, "state": frame["state"]})
            elif frame["t"] == "done":
                ended[number] = Done(frame, saved.get(number), [],
                                     time.monotonic() - self._began[number])
        return ended

    def call(self, action, op, params, *, saved=None, timeout=PATIENCE_S, on_save=None):
        number = self.start(action, op, params, saved=saved, timeout=timeout)
        return self.finish(number, timeout=timeout, saved=saved, on_save=on_save)

    def _with_defaults(self, action, params):
        """What the engine does: fallbacks of the tables, where they are plain."""
        for row in self.descriptor["actions"]:
            if row["name"] != action:
                continue
            defaults = {p["name"]: plain(p["fallback"]) for p in row["params"]
                        if p.get("fallback") is not None}
            return {**defaults, **params}
        return params

    def _send(self, frame):
        body = json.dumps(frame).encode()
        try:
            self._link.sendall(struct.pack(">I", len(body)) + body)
        except OSError as e:
            raise HostGone(str(e)) from e

    def _receive(self, deadline):
        while True:
            if len(self._buffer) >= 4:
                size = struct.unpack(">I", self._buffer[:4])[0]
                if len(self._buffer) >= 4 + size:
                    body = self._buffer[4:4 + size]
                    self._buffer = self._buffer[4 + size:]
                    return json.loads(body)
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._link], [], [], left)[0]:
                raise AssertionError("the host did not answer in time")
            try:
                more = self._link.recv(1 << 16)
            except OSError as e:
                raise HostGone(str(e)) from e
            if not more:
                raise HostGone("the host closed its link")
            self._buffer += more


UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "%": 0.01}


def plain(text):
    """A fallback as it stands in a table, as the JSON that the engine makes of it."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("["):
        return [item.strip() for item in text[1:-1].split(",") if item.strip()]
    number = text.rstrip("msh%")
    unit = text[len(number):]
    try:
        return float(number) * UNITS[unit] if unit else json.loads(number)
    except (KeyError, ValueError):
        return text
