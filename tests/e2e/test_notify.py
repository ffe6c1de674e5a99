# SPDX-License-Identifier: Apache-2.0
"""Who is told of what, and when: a real receiver, and a command, for the notify of a runbook."""

import datetime
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from clockkit import Wall, nudge
from cutkit import eventually


@pytest.fixture
def receiver():
    """A web hook; .told are the bodies that it was sent."""
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.told = []
    server.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def book(notify, steps):
    return f"cutover: v1\nname: told\nnotify:\n{notify}\nsteps:\n{steps}\n"


STEP = "  - {id: one, uses: drill, with: {mark: marks}}"
FAILS = "  - {id: bad, uses: drill, with: {do: fail}, retry: {limit: 0}}"


def texts(told):
    return [json.loads(body)["text"] for body in told]


def test_records_of_the_named_types_are_sent_and_no_others(cutover, receiver):
    run = cutover.run(book(f'  - {{webhook: "{receiver.url}", on: [step]}}', STEP))
    eventually(lambda: not run.processes()) # which is when all have been told
    told = texts(receiver.told) # side by side: none waits for another
    page = "told: the run has ended as done"
    assert [text.startswith(page) for text in told].count(True) == 1, told
    sent = [json.loads(text.split(": ", 1)[1]) for text in told if not text.startswith(page)]
    assert {record["type"] for record in sent} == {"step"}
    assert sorted(record["state"] for record in sent) == sorted(
        r["state"] for r in run.records("step"))


def test_a_page_goes_to_every_entry_whatever_its_events(cutover, receiver):
    cutover.run(book(f'  - {{webhook: "{receiver.url}", on: [trigger]}}\n'
                     '  - {argv: [sh, -c, "cat >> pages; echo >> pages"], on: []}',
                     f"{STEP}\n{FAILS}".replace("do: fail}", "do: fail}, on_failure: rollback")),
                code=4)
    pages = cutover.folder / "pages"
    eventually(lambda: any("rolling back" in text for text in texts(receiver.told)))
    eventually(lambda: pages.exists() and "rolling back" in pages.read_text())
    assert all(text.startswith("told: ") for text in texts(receiver.told))


def at_now(receiver, at, steps):
    return book(f'  - {{webhook: "{receiver.url}", at: [{at}], text: now}}', steps)


END = "the run has ended as done"


def test_a_time_and_an_interval_are_kept(cutover, receiver):
    later, soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=s)
                   for s in (13, 10)) # in any order
    run = cutover.run(book(
        f'  - {{webhook: "{receiver.url}", at: ["{later.isoformat()}", "{soon.isoformat()}"], text: now}}\n'
        '  - {argv: [sh, -c, "cat >> ticks; echo >> ticks"], every: 1s, text: still on}',
        "  - {id: rest, wait: 15s}"))
    eventually(lambda: not run.processes())
    *times, end = texts(receiver.told)
    assert times == ["told: now"] * 2
    assert end.startswith(f"told: now: {END}") # a page says itself, too
    lines = (cutover.folder / "ticks").read_text().splitlines()
    ticks = lines.count("told: still on")
    lasted_s = run.records()[-1]["t"] / 1000
    assert 2 <= ticks <= lasted_s + 1, (ticks, lasted_s)


def test_a_run_that_is_over_is_told_of_no_more_however_long_that_takes(cutover):
    """A notice that takes longer than its interval: there is always one under way."""
    run = cutover.run(book('  - {argv: [sh, -c, "cat >> ticks; echo >> ticks; sleep 2"], every: 1s,'
                           ' text: still on}', "  - {id: rest, wait: 2s}"))
    eventually(lambda: not run.processes())
    assert END in (cutover.folder / "ticks").read_text()


def test_a_time_is_told_once_when_the_wall_clock_runs_late(cutover, receiver):
    wall = Wall(cutover)
    run = cutover.start(at_now(receiver, f'"{wall.ahead(6)}"', '  - {id: rest, wait: {until: "%s"}}'
                               % wall.ahead(8)))
    run.wait_step("rest", "running")
    wall.drift(-0.7)
    run.end(0)
    eventually(lambda: not run.processes())
    assert texts(receiver.told)[:-1] == ["told: now"]


@pytest.mark.skipif(not nudge(0), reason="setting the clock is not allowed")
def test_a_time_that_a_set_clock_brings_near_is_kept(cutover, receiver):
    wall = Wall(cutover)
    run = cutover.start(at_now(receiver, f'"{wall.ahead(3600)}"',
                               "  - {id: rest, wait: 5m}"))
    run.wait_step("rest", "running")
    assert "told: now" not in texts(receiver.told)
    wall.jump(3600)
    eventually(lambda: "told: now" in texts(receiver.told))
    run("abort", "--yes")
    run.end()


def test_a_receiver_that_is_dead_delays_nothing_and_is_told_in_the_log(cutover):
    with socket.socket() as dead: # its port is nobody else's, and it does not listen
        dead.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{dead.getsockname()[1]}/"
        run = cutover.run(book(f'  - {{webhook: "{url}", on: [step, run]}}', STEP))
        eventually(lambda: "notify_failed" in run.log())
    assert run.state == "done"
