# SPDX-License-Identifier: Apache-2.0
"""What a person sees who is asked: the question itself, and what they need to answer it."""

import hashlib
import http.server
import json
import re
import socketserver
import threading

import pytest

ASKING = """\
    cutover: v1
    name: asking
    roles: {ops: {members: [root]}}
    steps:
      - {id: one, run: [echo, '{"n": 7}'], outputs: {n: int}, rollback: not_needed}
      - id: go
        links: {board: "https://board.test/d/1"}
        approve:
          roles: [ops]
          expires: 2h
          message: "${{ steps.one.outputs.n }} orders were open. Größe prüfen, look at the board,
            ask the call centre, and think of the payment provider before you say yes."
          checks: ['steps.one.outputs.n > 1', 'steps.one.outputs.n > 5']
      - id: cable
        rollback: not_needed
        manual:
          evidence: [serial]
          instructions: |
            Unplug the old cable.
            Plug in the new one.
    """


def asked(run):
    """The lines of the text that stand below WAITS."""
    text = run("status").out
    assert all(len(line) <= 80 for line in text.splitlines()), text
    return re.search(r"^  WAITS .*\n(?:    .*\n)*", text, re.M)[0].splitlines()


def test_who_is_asked_sees_the_question_and_where_to_look(cutover):
    run = cutover.start(ASKING)
    waiting = run.wait_for_people("go")["waiting_for"][0]
    assert waiting["asks"].startswith("7 orders were open.")
    assert waiting["links"] == {"board": "https://board.test/d/1"}
    lines = asked(run)
    assert re.match(r"  WAITS since \S+ until \S+ for ops: cutover approve go$", lines[0])
    assert " ".join(line.strip() for line in lines[1:-1]) == waiting["asks"]
    assert lines[-1].strip() == "board: https://board.test/d/1"

    run("approve", "go")
    waiting = run.wait_for_people("cable")["waiting_for"][0]
    assert waiting["wants"] == ["serial"]
    assert [line.strip() for line in asked(run)[1:]] == [
        "Unplug the old cable.", "Plug in the new one."]
    assert "cutover attest cable --evidence serial=" in asked(run)[0]
    run("attest", "cable", "--evidence", "serial=4711")
    run.end(0)


def test_a_check_that_was_false_is_shown_with_what_it_saw(cutover):
    run = cutover.start(ASKING.replace("n > 5", "n < 5"))
    seen = run.wait(lambda s: s["waiting_for"] and "checks" in s["waiting_for"][0]["evidence"])
    checks = seen["waiting_for"][0]["evidence"]["checks"]["values"]
    assert [check["is"] for check in checks] == [True, False]
    shown = [line.strip() for line in asked(run) if "not true" in line]
    assert shown == ["not true when it opened: steps.one.outputs.n < 5 (steps.one.outputs.n = 7)"]
    run("abort", "--yes")
    run.end(7)


RUN = "20261123T020000Z-asked-0001"
VOTE = ["approve", "go", RUN, "--comment", "fine by me"]


class Engine(socketserver.ThreadingUnixStreamServer):
    """One that is asked for its status, and keeps the order that it is given."""

    daemon_threads = True

    def __init__(self, cutover, evidence, answer):
        folder = cutover.folder / "s"
        folder.mkdir(mode=0o700)
        name = hashlib.sha256(RUN.encode()).hexdigest()[:16]
        super().__init__(str(folder / f"{name}.sock"), Asked)
        waiting = [("stop", {}, "4"), ("go", None, "3"), ("go", evidence, "5")]
        self.status = {"waiting_for": [
            {"id": gate, "evidence": shown, "evidence_sha256": digest * 64}
            for gate, shown, digest in waiting]}
        self.answer, self.orders = answer, []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(200, self.server.status)

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.orders.append(json.loads(text))
        self.reply(*self.server.answer)

    def reply(self, status, answer):
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def address_string(self):
        return "the command"

    def log_message(self, *_):
        pass


@pytest.fixture
def engine(cutover):
    engines = []

    def start(*answer, evidence=None):
        engines.append(Engine(cutover, evidence or {}, answer))
        return engines[-1]

    yield start
    for one in engines:
        one.shutdown()
        one.server_close()


def test_what_is_voted_on_is_what_was_shown(cutover, engine):
    there = engine(200, {"ok": True, "seq": 7}, evidence={"gate": "go", "n": [7]})
    # A proxy is for the net: no order of ours goes there.
    told = cutover(*VOTE, code=0, env={"http_proxy": "http://127.0.0.1:9"})
    assert told.out == ("  gate: go\n  n: [7]\n"
                        f"approve: done (record 7 of {RUN})\n")
    assert there.orders == [{"order": "approve", "target": "go", "comment": "fine by me",
                             "evidence_sha256": "5" * 64}]
    assert cutover(*VOTE, "--output", "json", code=0).json == {"ok": True, "seq": 7}


def test_why_an_engine_refuses_is_passed_on(cutover, engine):
    error = {"what": "not now", "why": "it rains", "next": "wait for the sun"}
    engine(409, {"error": error, "errno": 74})
    assert cutover(*VOTE, code=8).err == "cutover: not now: it rains; wait for the sun\n"
    assert cutover(*VOTE, "--output", "json", code=8).error == error
