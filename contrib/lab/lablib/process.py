# SPDX-License-Identifier: Apache-2.0
"""Starts the lab's servers, waits until they answer, and ends exactly those again.

A server is remembered as its process id with its start time, so that a number that the kernel
has given to somebody else since is never signalled.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time

from .world import LabError

READY_SECONDS = 60  # of a slow machine; what ends or refuses is told at once
STOP_SECONDS = 5
GONE_SECONDS = 30


class Server:
    def __init__(self, world, name, child):
        self.name = name
        self.child = child
        self.log = world.path("log", f"{name}.log")

    def wait_ready(self, answers, seconds=READY_SECONDS):
        """Waits for the first true answers(); a server that has ended will never give it."""
        def ready():
            if self.child.poll() is not None:
                raise LabError(f"{self.name} ended with code {self.child.returncode}: "
                               f"{last_lines(self.log)}")
            return answers()

        wait_until(ready, f"{self.name} does not answer after {seconds} s; see {self.log}", seconds)


def wait_until(reached, otherwise, seconds=READY_SECONDS):
    """Polls reached(), which says no by returning a false value or with OSError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if reached():
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise LabError(otherwise)
        time.sleep(0.03)


def start(world, name, argv, *, user=None, env=None, stop=signal.SIGTERM):
    """Starts a server in a session of its own; it outlives this process."""
    with open(world.path("log", f"{name}.log"), "ab") as log:
        child = subprocess.Popen(as_user(user, argv), cwd=world.folder, env=env,
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 start_new_session=True)
    record = f"{child.pid} {start_time(child.pid)} {int(stop)}\n"
    world.path("run", f"{name}.pid").write_text(record)
    return Server(world, name, child)


def as_user(user, argv):
    """Some servers refuse to run as root; everybody else runs them as who they are."""
    argv = [str(word) for word in argv]
    if user is None or os.geteuid() != 0:
        return argv
    try:
        group = pwd.getpwnam(user).pw_gid
    except KeyError:
        raise LabError(f"there is no user {user}: is its Debian package installed?") from None
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups", *argv]


def program(name):
    """The path of a server's program, also where an ordinary user's PATH lacks sbin."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise LabError(f"{name} is not installed; contrib/lab/README.md lists the packages")
    return found


def start_time(pid):
    """Clock ticks since boot at which the process started; None when it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def running(world):
    """{name: (pid, stop signal)} of the servers that this lab started and that still live."""
    found = {}
    for record in sorted(world.path("run").glob("*.pid")):
        words = record.read_text().split()
        if len(words) == 3 and str(start_time(int(words[0]))) == words[1]:
            found[record.stem] = (int(words[0]), int(words[2]))
    return found


def stop_all(world):
    """Ends every server; the names of those that had to be killed are returned."""
    ended = running(world)
    for pid, stop in ended.values():
        send(os.kill, pid, stop)
    left = wait_gone(world, STOP_SECONDS)
    for pid, _ in left.values():
        send(os.killpg, pid, signal.SIGKILL)
    stuck = wait_gone(world, GONE_SECONDS) if left else {}
    if stuck:
        raise LabError(f"still running after SIGKILL: {', '.join(stuck)}")
    for record in world.path("run").glob("*.pid"):
        record.unlink()
    return sorted(left)


def send(how, pid, number):
    try:
        how(pid, number)
    except ProcessLookupError:
        pass


def wait_gone(world, seconds):
    deadline = time.monotonic() + seconds
    while (left := running(world)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def last_lines(path, count=3):
    text = path.read_text(errors="replace").strip() if path.exists() else ""
    return " | ".join(text.splitlines()[-count:]) or "it said nothing"
