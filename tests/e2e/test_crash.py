# SPDX-License-Identifier: Apache-2.0
"""Processes are killed at moments spread over a whole run, forward and back: it must end as if
nothing had happened, with each effect in the world exactly once."""

import datetime
import json
import os
import resource
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cutkit import FINAL, Cutover, Terminal, eventually

MOMENTS = 20
SIDE_BY_SIDE = 5

# One step of each class, some of them at the same time. `append` puts a line into a file, neither
# at its beginning nor at its end, so that it is killed before as well as after its effect.
BOOK = """\
    cutover: v1
    name: crash
    defaults: {retry: {limit: 0}}
    phases:
      - id: together
        order: parallel
        steps:
          - {id: left, uses: drill, with: {mark: marks, after: 60ms}}
          - {id: right, uses: drill, with: {mark: marks, after: 90ms}}
          - {id: saved, uses: skeleton.file_text, with: {path: text, text: green}}
          - {id: after_both, needs: [left, right], uses: drill, with: {mark: marks, after: 30ms}}
      - id: one_by_one
        steps:
          - id: declared
            run: [sh, -c, "sleep 0.03; echo green > declared; sleep 0.03"]
            class: declarative
            rollback: {run: [sh, -c, "sleep 0.03; echo blue > declared"]}
          - id: probed
            run: [./append, probed]
            observe: [test, -s, probed]
            rollback: {run: [rm, -f, probed]}
          - id: opaque
            run: [./append, opaque]
            rollback: {run: [rm, -f, opaque]}
          - id: keyed
            uses: http
            with: {url: "URL", method: POST, idempotency_header: Idempotency-Key}
            rollback: not_needed
          - {id: paused, wait: 80ms}
          - {id: last, uses: drill, with: {mark: marks, after: 30ms}}
          - {id: verdict, run: [VERDICT], rollback: not_needed, class: declarative, on_failure: rollback}
    """
APPEND = """\
#!/bin/sh
sleep 0.03; echo x >> "$1"; sleep 0.03
"""
DRILLS = {"left", "right", "after_both", "last"}


class Orders:
    """An HTTP service that honours idempotency keys: what it did, by path and key."""

    def __init__(self):
        done, lock = Counter(), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                time.sleep(0.03)
                with lock:
                    done[self.path, self.headers["Idempotency-Key"]] += 1
                time.sleep(0.03)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self.done = done
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def keys(self, path):
        return [key for of, key in self.done if of == path]


@pytest.fixture(scope="module")
def orders():
    service = Orders()
    yield service
    service.server.shutdown()
    service.server.server_close()


class Journey:
    """One run of the book, with somebody who answers when a person is asked."""

    def __init__(self, orders, good):
        self.cutover, self.orders, self.good = Cutover(), orders, good
        folder = self.cutover.folder
        (folder / "append").write_text(APPEND)
        (folder / "append").chmod(0o755)
        for name in ("text", "declared"):
            (folder / name).write_text("blue")
        self.path = f"/{folder.name}"
        self.run = self.cutover.start(BOOK.replace("URL", orders.url + self.path)
                                      .replace("VERDICT", "'true'" if good else "'false'"))

    def answer(self, status):
        """What a person would do who looks at the world; nobody guesses."""
        for hold in status["holds"]:
            assert (hold["kind"], hold["id"]) == ("unknown", "opaque"), hold
            file = self.cutover.folder / "opaque"
            there = file.exists() and file.read_text()  # killed between open and write: empty
            self.cutover("attest", "opaque", "--applied" if there else "--not-applied", self.run.id)

    def follow(self, recover=False):
        """To the end."""
        def ended():
            status = self.run.status
            if status["state"] in FINAL:
                return status
            if recover and status["engine"] == "dead" and not self.run.processes():
                self.cutover("recover", self.run.id, "--detach", code=3)
            elif status["engine"] == "live":
                self.answer(status)
            return None

        self.status = eventually(ended, seconds=120, every=0.1)

    def check(self):
        """The world and the journal, which must be those of an undisturbed run."""
        folder, marks = self.cutover.folder, self.cutover.marks
        assert self.status["state"] == ("done" if self.good else "rolled_back")
        steps = {step: told["state"] for step, told in self.status["steps"].items()}
        undone = {"after_both", "declared", "last", "left", "opaque", "probed", "right", "saved"}
        for step, state in steps.items():
            want = "succeeded" if self.good or step not in undone else "rolled_back"
            assert state == want or (step == "verdict" and not self.good), (step, steps)
        assert Counter(marks.of("apply")) == Counter(DRILLS), marks
        # An undo asks nobody first: it may be done again, with the key that it had.
        undone = {(step, key) for op, step, _, key in marks if op == "rollback"}
        assert Counter(step for step, _ in undone) == Counter([] if self.good else DRILLS), marks
        assert len(self.orders.keys(self.path)) == 1
        side = "green" if self.good else "blue"
        for name in ("text", "declared"):
            assert (folder / name).read_text().strip() == side, name
        for name in ("probed", "opaque"):
            text = (folder / name).read_text() if (folder / name).exists() else ""
            assert text == ("x\n" if self.good else ""), name
        self.run.audit()
        report = json.loads(self.run("report", "--output", "json").out)
        assert report["state"] == self.status["state"]

    def story(self):
        return f"{self.cutover.folder}\n{self.run.log()}\n{self.run('logs').out}"


OVER = object()  # the run had ended before anybody could be killed


def disturbed(orders, good, records, pause_s, roles):
    """What went wrong, or None. A run that was over before its moment is tried again, earlier."""
    for earlier in (1, 0.75, 0.5):
        told = disturbed_once(orders, good, int(records * earlier), pause_s, roles)
        if told is not OVER:
            return told
    return f"{roles} after {records} records: every run was over before"


def disturbed_once(orders, good, records, pause_s, roles):
    journey = Journey(orders, good)
    try:
        eventually(lambda: journey.run.length() >= records, every=0.003)
        time.sleep(pause_s)
        killed = [pid for role in roles for pid in journey.run.kill(role)]
        journey.follow(recover=len(roles) > 1)
        journey.check()
        return None if killed else OVER
    except AssertionError as failure:
        return f"{roles} after {records} records: {failure}\n{journey.story()}"
    finally:
        journey.cutover.close()


@pytest.fixture(scope="module")
def lengths(orders):
    """How many records an undisturbed run has, forward, and forward and back."""
    found = {}
    for good in (True, False):
        journey = Journey(orders, good)
        journey.follow()
        journey.check()
        found[good] = journey.run.length()
        journey.cutover.close()
    return found


@pytest.mark.parametrize("roles", [["engine"], ["host"], ["supervisor"],
                                   ["supervisor", "engine", "host"]], ids="+".join)
def test_killed_at_any_moment_it_ends_as_if_nothing_had_happened(orders, lengths, roles):
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        def at(i):
            good = i % 2 == 0
            return disturbed(orders, good, lengths[good] * i // MOMENTS, i % 3 * 0.025, roles)

        failures = [told for told in pool.map(at, range(MOMENTS)) if told]
    assert not failures, f"{len(failures)} of {MOMENTS}\n" + "\n".join(failures)


def test_a_command_that_outlives_all_is_ended_before_its_run_goes_on(cutover):
    """Else it would do its work after it was looked at and found not done, and then twice: the first
    goes on as soon as there is a second."""
    run = cutover.start("""\
        cutover: v1
        name: outlived
        steps:
          - id: slow
            run: [sh, -c, "if mkdir first; then until test -e second; do sleep 0.05; done;
                           else touch second; sleep 1; fi; echo x >> done"]
            observe: [test, -e, done]
            rollback: {run: [rm, -f, done]}
        """)
    eventually((cutover.folder / "first").exists)
    for role in ("supervisor", "engine", "host"):
        run.kill(role)
    cutover("recover", code=0)
    assert run.status["steps"]["slow"]["attempt"] == 2
    assert (cutover.folder / "done").read_text() == "x\n"


def test_a_run_whose_engine_keeps_dying_is_left_to_a_person(cutover):
    run = cutover.start("""\
        cutover: v1
        name: dying
        steps: [{id: long, wait: 1h}]
        """)

    def given_up():
        run.kill("engine")
        return "engine_given_up" in run.log()

    eventually(given_up, every=0.1)
    run.wait(lambda s: s["engine"] == "dead" and not run.processes())
    told = " ".join(run("status").out.split())
    assert f": cutover recover {run.id} " in told and run.log().count("engine_restarted") >= 3
    assert f"{run.id} " in cutover("list", code=0).out.split(" DEAD: recover\n")[0]
    assert not cutover.json("list")[0]["live"]
    assert "recover" in cutover("watch", run.id, code=6).err
    assert cutover("recover", "--detach", code=3)
    assert cutover.json("list")[0]["live"]
    run("abort", "--yes")
    run.end(7)
    run.audit()


def test_who_has_followed_for_long_follows_the_next_engine_too(cutover):
    run = cutover.start("{cutover: v1, name: long, steps: [{id: a, wait: 1h}]}")
    with ThreadPoolExecutor() as pool:
        watch = pool.submit(cutover, "watch", run.id, timeout=180)
        logs = pool.submit(cutover, "logs", "-f", run.id, timeout=180)
        time.sleep(21)  # longer than anybody waits for an engine
        run.kill("engine")
        assert run.status["engine"] == "live"  # its supervisor starts the next one
        for role in ("supervisor", "engine"):
            run.kill(role, signal.SIGSTOP)
        asked = pool.submit(lambda: run.status)
        time.sleep(11)  # with what it takes to end who hangs also longer than anybody waits
        run.kill("supervisor", signal.SIGCONT)
        assert asked.result()["engine"] == "live"  # ended while it was asked: the next one answers
        run("note", "still here")
        run("abort", "--yes")
        for told, code in (watch.result(), 7), (logs.result(), 0):
            assert told.code == code, told
            assert "note by root: still here" in told.out.replace(" (uid 0)", "")


def test_killed_before_it_starts_a_run_that_was_to_ask_leaves_nothing_behind(cutover):
    book = cutover.book("{cutover: v1, name: asked, steps: [{id: a, wait: 1s}]}")
    with Terminal(cutover, "run", book) as terminal:
        terminal.expect("Start? [y/N]")
        run = cutover.runs()[0]
        run.kill("engine")
        eventually(lambda: not cutover.runs())
        terminal.type("y\n")
        assert terminal.wait() == 1
    assert "not started" in terminal.text


def test_a_run_for_later_keeps_its_time_when_its_engine_dies(cutover):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    book = cutover.book("{cutover: v1, name: later, steps: [{id: a, wait: 10ms}]}")
    cutover("run", book, "--at", soon.isoformat(timespec="milliseconds"), code=3)
    run = cutover.runs()[0]
    run.kill("engine")
    run.end(0)
    order = run.records("order")[0]
    assert order["at"] >= soon.strftime("%Y-%m-%dT%H:%M:%S")


def test_who_cannot_be_heard_reads_who_holds_the_run_or_that_nobody_knows(cutover):
    """Its engine is dead, or stopped, and so is its supervisor: nothing is started again."""
    held, mute = (cutover.start(f"{{cutover: v1, name: {name}, steps: [{{id: a, wait: 1h}}]}}")
                  for name in ("held", "mute"))
    for run in held, mute:
        run.kill("supervisor", signal.SIGSTOP)
        run.kill("engine", signal.SIGSTOP)
    held.kill("engine")
    supervisor, = held.processes("supervisor")
    orders = [(run, words) for run in (held, mute) for words in (["pause"], ["approve", "a"])]
    orders += [(held, ["recover"]), (held, ["watch"])]
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(lambda order: cutover(*order[1], order[0].id, timeout=120), orders))
    where = f"`kill -9 {supervisor}`, then `cutover recover {held.id}`"
    assert [(done.code, where in done.err) for done in told] == [
        (6, True), (6, True), (1, False), (6, False), (6, True), (6, True)], told
    assert (f"it may have been taken all the same; `cutover logs {mute.id}` shows it if so"
            in told[2].err), told[2]
    os.kill(supervisor, signal.SIGKILL)
    held("recover", "--detach", code=3)
    held("abort", "--yes")
    held.end(7)


COMMAND = """\
    cutover: v1
    name: buried
    steps: [{id: long, run: [sh, -c, "echo $$ > pid; exec sleep 1000"], rollback: not_needed}]
    """


def command_of(cutover, run):
    """The process of its step, once there is one."""
    path = cutover.folder / "pid"
    return int(eventually(lambda: path.exists() and path.read_text().strip()))


def test_what_a_dead_host_ran_is_reaped_by_the_engine(cutover):
    """Whoever only kills does not know that it is gone when its call is called unknown."""
    run = cutover.start(COMMAND)
    command = command_of(cutover, run)
    run.kill("supervisor", signal.SIGSTOP)  # which adopts what nobody else does
    run.kill("host")
    run.wait_step("long", "unknown")
    assert not os.path.exists(f"/proc/{command}")


def test_an_engine_without_descriptors_ends_what_a_dead_host_ran(cutover):
    """And hears people again when there are some, whoever of those that it could hear is still there."""
    run = cutover.start(COMMAND)
    command = command_of(cutover, run)
    path = run.status["socket"]
    engine, = run.processes("engine")
    folder = Path(f"/proc/{engine}/fd")

    def numbers(leads_to=""):
        return sorted(int(fd.name) for fd in folder.iterdir()
                      if int(fd.name) > 2 and os.readlink(fd).startswith(leads_to))

    # Nothing above those that are kept for it can be used any more, and nothing below is free.
    most = numbers("/dev/null")[2] + 1
    before = resource.prlimit(engine, resource.RLIMIT_NOFILE)
    resource.prlimit(engine, resource.RLIMIT_NOFILE, (most, before[1]))
    clients = []

    def fill():
        clients.append(socket.socket(socket.AF_UNIX))
        clients[-1].connect(path)
        return numbers()[:most - 3] == list(range(3, most))

    eventually(fill)
    run.kill("host")
    eventually(lambda: not os.path.exists(f"/proc/{command}"))
    resource.prlimit(engine, resource.RLIMIT_NOFILE, before)
    run.wait_step("long", "unknown")
    assert "host_not_buried" not in run.log()
