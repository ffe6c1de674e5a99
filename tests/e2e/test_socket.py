# SPDX-License-Identifier: Apache-2.0
"""The run's socket is open to everybody on the machine: whoever comes and goes, or says nothing, keeps
nobody from it."""

import os
import socket
import subprocess

import pytest

STRANGER = 54321
MANY = 300  # more than are open at once
HOLD = f"""\
import select, socket, sys
held = [socket.socket(socket.AF_UNIX) for _ in range({MANY})]
for s in held:
    s.connect(sys.argv[1])
print("connected", flush=True)
for _ in sys.stdin:
    print("shut" if select.select(held[-1:], [], [], 0)[0] else "open", flush=True)
"""


@pytest.fixture
def run(cutover):
    run = cutover.start("""\
        cutover: v1
        name: open
        roles: {ops: {members: ["0"]}}
        steps:
          - {id: gate, approve: {roles: [ops]}}
        """)
    run.wait_for_people("gate")
    return run


def follow(path):
    """A connection that gets the run's records; the first are on their way."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(path)
    s.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
    assert s.recv(12) == b"HTTP/1.1 200"
    return s


def hold(path, *under):
    """Somebody who connects many times, and says nothing; asked, how the last one fares."""
    holder = subprocess.Popen([*under, "/usr/bin/python3", "-c", HOLD, path], text=True, bufsize=1,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "connected\n"
    return holder


def test_who_followed_and_has_gone_makes_room(run):
    path = run.status["socket"]
    for _ in range(MANY):
        follow(path).close()
    assert run.status["engine"] == "live"
    run("approve", "gate")
    run.end(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_strangers_leave_room_for_those_who_have_business_here(run):
    become = ["setpriv", f"--reuid={STRANGER}", "--clear-groups", "--"]
    with hold(run.status["socket"], *become) as holder:
        assert run.status["engine"] == "live"
        holder.stdin.write("?\n")
        assert holder.stdout.readline() == "shut\n"  # at once, not for being silent for long
        run("approve", "gate")
        run.end(0)


def test_who_says_nothing_makes_room_and_who_listens_however_slowly_stays(run):
    path = run.status["socket"]
    with follow(path) as s:
        for _ in range(8):  # more than fits into the socket
            run("note", "x" * 50000)
        with hold(path):
            run.wait(lambda status: status["engine"] == "live")
            run("note", "are you still there?")
        heard = b""
        while b"are you still there?" not in heard:
            heard += (part := s.recv(65536))
            assert part, heard
