# SPDX-License-Identifier: Apache-2.0
"""Real servers for the tests of plugins: each on free ports of 127.0.0.1, in a folder of its own,
waited for until it answers and ended by its process id."""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "contrib" / "lab"))

from hostdrive import BUILD  # noqa: E402
from lablib import ports  # noqa: E402

LOOPBACK = "127.0.0.1"


def free_port():
    return ports.free_port(LOOPBACK)


def clock_ahead(folder, seconds):
    """The environment of a program whose wall clock is that far ahead. Not faketime: it fails where
    a process of that number has been killed before."""
    clocks = folder / "clocks"
    clocks.write_bytes(struct.pack("qq", int(seconds * 1000), 0))
    return {**os.environ, "LD_PRELOAD": str(BUILD / "tests" / "lib" / "clockshift.so"),
            "CUT_TEST_CLOCKS": str(clocks)}


def hang_up(s):
    """Closes a socket on which a thread waits. Closed alone it goes on waiting: when it is woken,
    the number belongs to another socket, and it takes what is meant for that."""
    with contextlib.suppress(OSError):
        s.shutdown(socket.SHUT_RDWR)
    s.close()


def wait_until(reached, what, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if reached():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{what}: not in {seconds} s"
        time.sleep(0.02)


class Server:
    """A child process with its log; end() may be called again."""

    def __init__(self, argv, folder, name, env=None):
        self.name = name
        self.log = folder / f"{name}.log"
        program = shutil.which(argv[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        assert program, f"{argv[0]} is not installed"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([program, *map(str, argv[1:])], cwd=folder, env=env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_ready(self, answers):
        def ready():
            assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-2000:]}"
            return answers()
        try:
            wait_until(ready, f"{self.name} answers")
        except BaseException:
            self.end()
            raise

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
