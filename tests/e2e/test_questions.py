# SPDX-License-Identifier: Apache-2.0
"""What a person sees who is asked: the question itself, and what they need to answer it."""

import re

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
