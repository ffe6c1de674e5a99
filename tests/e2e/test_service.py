# SPDX-License-Identifier: Apache-2.0
"""`recover --all` as a service manager sees it: what it is told on its socket, and when."""

import signal
import socket
import subprocess
import time

import pytest
from cutkit import DEADLINE_S, PROGRAM, eventually

WATCHDOG_S = 2
UNIT_WATCHDOG_S = 120  # WatchdogSec in contrib/systemd
BOOK = """\
    cutover: v1
    name: {name}
    steps:
      - {{id: one, uses: drill, with: {{mark: marks}}}}
      - {{id: rest, manual: {{instructions: go on}}, rollback: not_needed}}
      - {{id: two, uses: drill, with: {{mark: marks}}}}
    """


class Manager:
    """A service manager's end: its socket, and the service that it started."""

    def __init__(self, cutover, **env):
        path = str(cutover.folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.service = subprocess.Popen(
            [str(PROGRAM), "recover", "--all"], cwd=cutover.folder, stderr=subprocess.PIPE,
            env={**cutover.env, "NOTIFY_SOCKET": path,
                 "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000), **env})

    def hear(self, seconds=DEADLINE_S):
        """The next that it is told; "" for silence."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(4096).decode()
        except TimeoutError:
            return ""

    def hear_until(self, wanted):
        heard = []
        while wanted not in (told := self.hear()):
            assert told, heard
            heard.append(told)
        return told

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.service.kill()
        self.service.wait()
        self.service.stderr.close()
        self.socket.close()


@pytest.fixture
def interrupted(cutover):
    """A run that a power cut ended."""
    def make(name):
        run = cutover.start(cutover.book(BOOK.format(name=name), f"{name}.yaml"))
        run.wait_for_people("rest")
        for role in ("supervisor", "engine", "host"):
            run.kill(role)
        return run

    return make


def test_all_runs_go_on_and_the_service_ends_with_the_last(cutover, interrupted):
    runs = [interrupted("one"), interrupted("two")]
    ended = cutover.start(BOOK.format(name="three"))
    ended.wait_for_people("rest")
    ended("attest", "rest")
    ended.end(0)
    with Manager(cutover) as manager:
        assert manager.hear() == "READY=1\nSTATUS=2 runs go on, 0 given up"
        assert all(run.status["engine"] == "live" for run in runs)
        assert manager.hear() == "WATCHDOG=1"
        runs[0]("attest", "rest")
        manager.hear_until("STATUS=1 run goes on")
        runs[1]("attest", "rest")
        manager.hear_until("STOPPING=1")
        assert manager.service.wait(DEADLINE_S) == 0
    assert [run.state for run in runs] == ["done", "done"] and ended.state == "done"
    assert sorted(cutover.marks.of("apply")) == ["one"] * 3 + ["two"] * 3


def test_the_watchdog_is_pinged_only_while_every_loop_turns(cutover, interrupted):
    run, _ = interrupted("one"), interrupted("two")
    with Manager(cutover) as manager:
        manager.hear_until("READY=1")
        for _ in range(3):
            assert manager.hear() == "WATCHDOG=1"
        run.kill("engine", signal.SIGSTOP)
        eventually(lambda: manager.hear(WATCHDOG_S) == "") # what was on its way comes first
        run.kill("engine", signal.SIGCONT)
        assert manager.hear() == "WATCHDOG=1"


def test_a_stuck_engine_is_replaced_before_the_service_is_killed(cutover, interrupted):
    run = interrupted("one")
    with Manager(cutover) as manager:
        manager.hear_until("READY=1")
        begun = time.monotonic()
        stopped = run.kill("engine", signal.SIGSTOP)
        eventually(lambda: run.processes("engine") not in ([], stopped), UNIT_WATCHDOG_S)
        while manager.hear(0.01): # what was told before
            pass
        assert manager.hear() == "WATCHDOG=1"
        assert time.monotonic() - begun < UNIT_WATCHDOG_S / 2


def test_a_stop_leaves_the_runs_going(cutover, interrupted):
    run = interrupted("one")
    with Manager(cutover) as manager:
        manager.hear_until("READY=1")
        manager.service.send_signal(signal.SIGTERM)
        manager.hear_until("STOPPING=1")
        assert manager.service.wait(DEADLINE_S) == 0
    assert run.status["engine"] == "live"


def test_another_process_that_is_watched_is_not_pinged_for(cutover, interrupted):
    interrupted("one")
    with Manager(cutover, WATCHDOG_PID="1") as manager:
        manager.hear_until("READY=1")
        assert manager.hear(WATCHDOG_S) == ""


def test_a_run_that_cannot_go_on_fails_the_service_and_no_other_run(cutover, interrupted):
    good, bad = interrupted("one"), interrupted("two")
    journal = bad.folder / "journal.jsonl"
    text = bytearray(journal.read_bytes())
    text[text.index(b"\n") + 200] ^= 1 # in the second record
    journal.write_bytes(text)
    with Manager(cutover) as manager:
        assert manager.hear_until("READY=1").endswith("1 run goes on, 1 given up")
        good("attest", "rest")
        manager.hear_until("STOPPING=1")
        assert manager.service.wait(DEADLINE_S) == 1
        assert b"corrupt" in manager.service.stderr.read()
    assert good.state == "done"


def test_a_run_whose_engine_keeps_dying_fails_the_service(cutover, interrupted):
    run = interrupted("one")
    with Manager(cutover) as manager:
        manager.hear_until("READY=1")
        for _ in range(4):
            eventually(lambda: run.kill("engine"), every=0.1)
        manager.hear_until("STATUS=0 runs go on, 1 given up")
        assert manager.service.wait(DEADLINE_S) == 1
        assert b": its engine died too often" in manager.service.stderr.read()


def test_with_nothing_to_do_it_is_ready_and_over(cutover):
    with Manager(cutover) as manager:
        assert manager.hear() == "READY=1\nSTATUS=0 runs go on, 0 given up"
        manager.hear_until("STOPPING=1")
        assert manager.service.wait(DEADLINE_S) == 0


def test_the_service_manager_is_not_handed_on(cutover, interrupted):
    run = interrupted("one")
    with Manager(cutover) as manager:
        manager.hear_until("READY=1")
        for pid in eventually(lambda: run.processes("host")):
            environment = open(f"/proc/{pid}/environ", "rb").read()
            assert b"NOTIFY_SOCKET" not in environment, pid
