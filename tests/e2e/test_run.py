# SPDX-License-Identifier: Apache-2.0
"""What people do with a run: vote, attest, retry, skip, pause, freeze, roll back, abort.

Effects are counted in the file `marks`, where drills write a line for each."""

import datetime
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

OPS = 'roles: {ops: {members: ["0"]}}'


def gate(**keys):
    text = "".join(f", {key}: {value}" for key, value in keys.items())
    return f"""\
        cutover: v1
        name: gated
        {OPS}
        steps:
          - {{id: one, uses: drill, with: {{mark: marks}}}}
          - {{id: gate, approve: {{roles: [ops], message: go{text}}}}}
          - {{id: two, uses: drill, with: {{mark: marks}}}}
        """


# Three steps of which the one in the middle fails as often as `times` says.
def failing(times=1, on_failure="pause", more="", extra=""):
    return f"""\
        cutover: v1
        name: failing
        {OPS}
        defaults: {{on_failure: {on_failure}}}
        {extra}
        steps:
          - {{id: one, uses: drill, with: {{mark: marks}}}}
          - {{id: two, uses: drill, with: {{mark: marks, do: fail, times: {times}}}{more}}}
          - {{id: three, uses: drill, with: {{mark: marks}}}}
        """


# --- how runs end ---

@pytest.mark.parametrize("on_failure, code, state, marks", [
    ("continue", 0, "done", ["apply one", "apply three"]),
    ("rollback", 4, "rolled_back", ["apply one", "rollback two", "rollback one"]),
    ("abort", 9, "failed", ["apply one"]),
])
def test_a_failed_step_does_what_on_failure_says(cutover, on_failure, code, state, marks):
    run = cutover.run(failing(9, on_failure), code=code)
    assert run.state == state
    assert [f"{op} {step}" for op, step, *_ in cutover.marks] == marks
    assert run("status", "--exit-code", code=code)
    run.audit()


def test_a_failed_step_is_tried_again_as_often_as_retry_says(cutover):
    run = cutover.run(failing(2, more=", retry: {limit: 2, delay: 10ms}"))
    assert run.status["steps"]["two"]["attempt"] == 3
    assert cutover.marks.of("apply") == ["one", "two", "three"]


def test_a_rollback_that_fails_holds_until_it_is_retried(cutover):
    run = cutover.start("""\
        cutover: v1
        name: stuck
        steps:
          - {id: one, uses: drill, with: {mark: marks}}
          - {id: two, uses: drill, with: {mark: marks, on: rollback, do: fail, times: 1}}
          - {id: three, uses: drill, with: {do: fail}, on_failure: rollback}
        """)
    hold = run.wait_hold("rollback", "two")
    assert "retry" in hold["remedy"] and run.state == "rolling_back"
    assert cutover.marks.of("rollback") == []
    run("retry", "two")
    run.end(4)
    assert cutover.marks.of("rollback") == ["two", "one"]


def test_a_rollback_that_fails_may_be_attested_or_left_undone(cutover):
    text = """\
        cutover: v1
        name: stuck
        rollback: {on_failure: %s}
        steps:
          - {id: one, uses: drill, with: {mark: marks}}
          - {id: two, uses: drill, with: {mark: marks, on: rollback, do: fail}}
          - {id: three, uses: drill, with: {do: fail}, on_failure: rollback}
        """
    run = cutover.start(text % "pause")
    run.wait_hold("rollback", "two")
    run("attest", "two", "--applied", "--comment", "undone by hand")
    assert "order attest two --applied by root (uid 0): undone by hand\n" in run("logs").out
    run.end(4)
    assert run.step("two") == "rolled_back"
    left = cutover.run(text % "continue", code=5)
    assert left.state == "rollback_incomplete" and left.step("two") == "rollback_failed"
    run = cutover.start(text % "pause")
    run.wait_hold("rollback", "two")
    run("abort", "--yes")
    run.end(5)


def test_an_impossible_rollback_is_listed_and_stops_nothing(cutover):
    run = cutover.run("""\
        cutover: v1
        name: stuck
        steps:
          - {id: one, uses: drill, with: {mark: marks}}
          - {id: two, uses: drill, with: {mark: marks}, rollback: impossible, rollback_reason: no way}
          - {id: three, uses: drill, with: {do: fail}, on_failure: rollback}
        """, code=5)
    assert run.steps()["two"] == "rollback_impossible"
    assert cutover.marks.of("rollback") == ["one"]


def test_temporary_changes_and_finally_end_every_run(cutover):
    text = """\
        cutover: v1
        name: tidy
        steps:
          - {id: open, uses: drill, with: {mark: marks}, temporary: true}
          - {id: work, uses: drill, with: {mark: marks, do: %s}, on_failure: %s}
        finally:
          - {id: last, uses: drill, with: {mark: marks}}
        """
    for do, on_failure, code, want in [
            ("ok", "pause", 0, "open work -open last"),
            ("fail", "rollback", 4, "open -work -open last"),
            ("fail", "abort", 9, "open -open last")]:
        (cutover.folder / "marks").unlink(missing_ok=True)
        cutover.run(text % (do, on_failure), code=code)
        did = [("-" if op == "rollback" else "") + step for op, step, *_ in cutover.marks]
        assert " ".join(did) == want, (do, on_failure)


def test_what_stays_open_is_listed_and_the_code_is_5(cutover):
    run = cutover.run("""\
        cutover: v1
        name: untidy
        steps: [{id: open, uses: drill, with: {on: rollback, do: fail}, temporary: true}]
        rollback: {on_failure: continue}
        """, code=5)
    assert run.state == "done" and run.status["unclosed"] == ["open"]
    assert cutover.json("list")[0]["exit_code"] == 5


def test_a_check_that_fails_tells_what_it_saw(cutover):
    run = cutover.run("""\
        cutover: v1
        name: checked
        parameters: {n: {type: int, default: 7}}
        steps:
          - id: few
            uses: check
            with: {that: [params.n > 1, params.n < 5, "params.n / 0 == 1 || params.n < 4"]}
            on_failure: abort
        """, code=9)
    assert run.status["steps"]["few"]["reason"] == (
        "not true: params.n < 5 (params.n = 7); "
        "params.n / 0 == 1 || params.n < 4 (params.n = 7): divide by zero")


# --- gates, manual work ---

def test_a_gate_waits_until_it_is_approved(cutover):
    run = cutover.start(gate())
    waiting = run.wait_for_people("gate")["waiting_for"][0]
    assert set(waiting) >= {"kind", "id", "roles", "since", "expires"}
    assert (waiting["kind"], waiting["roles"]) == ("approval", ["ops"])
    assert cutover.marks.of("apply") == ["one"]
    run("approve", "gate", "--comment", "all well")
    run.end(0)
    vote = run.records("approval")[0]
    assert vote["gate"] == "gate" and vote["comment"] == "all well"


@pytest.mark.parametrize("on_decline, code", [("rollback", 4), ("abort", 7)])
def test_a_declined_gate_does_what_the_runbook_says(cutover, on_decline, code):
    run = cutover.start(gate(on_decline=on_decline))
    run.wait_for_people("gate")
    run("decline", "gate", "--yes", "--comment", "not today")
    run.end(9 if code == 7 else code)


def test_a_declined_gate_that_pauses_can_be_opened_again(cutover):
    run = cutover.start(gate())
    run.wait_for_people("gate")
    run("decline", "gate", "--yes")
    assert "retry" in run.wait_hold("gate", "gate")["remedy"]
    assert run.state == "paused"
    run("resume", code=6)
    run("retry", "gate")
    run.wait_for_people("gate")
    run("approve", "gate")
    run.end(0)


@pytest.mark.parametrize("on_expiry, code", [("rollback", 4), ("abort", 9), ("pause", 3)])
def test_a_gate_expires(cutover, on_expiry, code):
    run = cutover.start(gate(expires="300ms", on_expiry=on_expiry))
    if code == 3:
        run.wait_hold("gate", "gate")
        run("status", "--exit-code", code=3)
        run("approve", "gate", code=6)
        run("abort", "--yes")
        run.end(7)
    else:
        run.end(code)


def test_manual_work_is_attested_with_its_evidence(cutover):
    run = cutover.start(f"""\
        cutover: v1
        name: manual
        {OPS}
        steps:
          - id: cable
            manual: {{instructions: plug it in, role: ops, evidence: [port]}}
            rollback: not_needed
          - {{id: told, run: [echo, "${{{{ steps.cable.outputs.port }}}}"], rollback: not_needed}}
        """)
    run.wait_for_people("cable")
    assert "port" in run("attest", "cable", code=2).err
    run("attest", "cable", "--evidence", "port=7", "--comment", "it clicked")
    run.end(0)
    assert run.status["steps"]["told"]["outputs"]["stdout"] == "7\n"
    assert re.search(r"order attest cable +it clicked, port = 7, by ", run("report").out)


# --- a failed step ---

def test_a_failed_step_is_retried(cutover):
    run = cutover.start(failing(1))
    hold = run.wait_hold("step", "two")
    assert all(word in hold["remedy"] for word in ("retry", "skip", "rollback"))
    assert "two" in run("resume", code=6).err
    run("retry", "two")
    run.end(0)
    assert cutover.marks.of("apply") == ["one", "two", "three"]


def test_a_failed_step_is_skipped_with_a_reason_and_still_undone(cutover):
    run = cutover.start(failing(9))
    run.wait_hold("step", "two")
    assert "reason" in run("skip", "two", code=2).err
    told = run("skip", "two", "--reason", "done by the night shift").out
    assert "\n  releases three\n" in told
    run.end(0)
    assert run.step("two") == "skipped"
    assert cutover.marks.of("apply") == ["one", "three"]
    assert "night shift" in run("report").out


def test_a_failed_step_that_was_fixed_by_hand_is_attested(cutover):
    run = cutover.start(f"""\
        cutover: v1
        name: by_hand
        {OPS}
        steps:
          - id: two
            run: [test, -e, never]
            class: declarative
            rollback: {{run: [rm, -f, fixed]}}
            verify: {{run: [test, -e, fixed]}}
          - {{id: gate, approve: {{roles: [ops]}}}}
        """)
    run.wait_hold("step", "two")
    run("attest", "two", code=2)
    # Not fixed yet: its verify says so, and the step stays failed.
    run("attest", "two", "--applied")
    run.wait(lambda s: s["steps"]["two"]["state"] == "failed" and s["holds"])
    (cutover.folder / "fixed").touch()
    run("attest", "two", "--applied", "--comment", "by hand")
    assert run.records("order")[-1]["args"] == {"applied": True, "comment": "by hand",
                                                "evidence": {}}
    run.wait_for_people("gate")
    assert run.step("two") == "succeeded"
    run("rollback", "--yes")
    run.end(4)
    assert not (cutover.folder / "fixed").exists()


def test_a_step_whose_answer_is_lost_is_decided_by_a_person(cutover):
    run = cutover.start("""\
        cutover: v1
        name: lost
        steps:
          - id: two
            run: [sh, -c, "echo x >> did; kill -9 $PPID; sleep 10"]
            rollback: not_needed
        """)
    hold = run.wait_hold("unknown", "two")
    assert "--applied" in hold["remedy"] and run.step("two") == "unknown"
    run("retry", "two", code=6)
    run("attest", "two", "--applied")
    run.end(0)
    assert (cutover.folder / "did").read_text() == "x\n"


@pytest.mark.parametrize("order, code", [
    (["retry", "one"], 2), (["skip", "one", "--reason", "x"], 2), (["attest", "one", "--applied"], 2),
    (["retry", "nowhere"], 2), (["approve", "one"], 2), (["approve", "nowhere"], 2),
    (["resume"], 6), (["ack", "nobody"], 2), (["rollback", "--to", "nowhere", "--yes"], 2)],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_an_order_that_makes_no_sense_is_refused_and_journaled(cutover, order, code):
    run = cutover.start(gate())
    before = run.wait_for_people("gate")
    done = run(order[0], *order[1:], code=code)
    assert re.match("cutover: .*[:;] .", done.err), "neither why nor what next"
    after = run.status
    assert after["steps"] == before["steps"] and after["holds"] == before["holds"]
    assert len(run.refused()) == 1
    run.audit()


def test_a_refusal_is_answered_as_soon_as_it_is_journaled(cutover):
    run = cutover.start(gate())
    run.wait_for_people("gate")
    looked, refused = [], []
    for _ in range(5): # a look is as much work, and waits for no disk
        for took, words, code in (looked, ["status"], 0), (refused, ["retry", "gate"], 2):
            began = time.monotonic()
            run(*words, code=code)
            took.append(time.monotonic() - began)
    assert min(refused) < min(looked) + 0.4, (looked, refused)
    run("abort", "--yes")
    run.end(7)


# --- pause, freeze, notes ---

def test_pause_lets_what_runs_finish_and_starts_nothing(cutover):
    run = cutover.start("""\
        cutover: v1
        name: paced
        steps:
          - {id: one, run: [sh, -c, "until test -e enough; do sleep 0.05; done"], effects: read}
          - {id: two, uses: drill, with: {mark: marks}}
        """)
    run.wait_step("one", "running")
    run("pause", "--reason", "lunch")
    assert run.step("one") == "running"
    (cutover.folder / "enough").touch()
    run.wait_step("one", "succeeded")
    assert run.state == "paused" and run.step("two") in ("pending", "ready")
    run("pause", code=6)
    run("status", "--exit-code", code=3)
    run("resume")
    run.end(0)


def test_freeze_ends_by_itself(cutover):
    run = cutover.start(gate())
    run.wait_for_people("gate")
    run("freeze", "--for", "400ms")
    run.wait(lambda s: not s["holds"])
    order = run.records("order")[-1]
    frozen, over = run.records("run")[-2:]
    assert order["args"] == {"for": 0.4} and order["t"] == frozen["t"] <= over["t"] - 400
    assert [held["id"] for held in frozen["details"]["held"]] == ["freeze"]
    assert (frozen["state"], over["state"]) == ("paused", "running")
    run("approve", "gate")
    run.end(0)


def test_authority_says_who_may_order_what(cutover):
    run = cutover.start("""\
        cutover: v1
        name: strict
        roles: {ops: {members: ["0"]}, boss: {members: [daemon]}}
        authority: {freeze: [boss], skip: [boss], accept_loss: [boss]}
        steps:
          - {id: one, uses: drill, with: {do: fail}}
          - {id: gate, approve: {roles: [ops]}}
        """)
    run.wait_hold("step", "one")
    assert "boss" in run("freeze", "--for", "1m", code=6).err
    assert "boss" in run("skip", "one", "--reason", "x", code=6).err


def test_notes_and_who_leads_are_on_record(cutover):
    run = cutover.start(gate())
    run.wait_for_people("gate")
    run("note", "the mail queue is empty")
    run("command take", "--note", "night shift")
    assert run.status["in_command"] == "root"
    assert run.records("order")[-1]["args"] == {"note": "night shift"}
    run("command give", "alice", "--note", "day shift")
    assert run.status["in_command"] == "alice"
    run("approve", "gate")
    run.end(0)
    assert run.records("note")[0]["text"] == "the mail queue is empty"
    assert "the mail queue is empty" in run("report").out
    assert "the mail queue is empty" in run("logs").out


def test_clients_acknowledge(cutover):
    run = cutover.start(f"""\
        cutover: v1
        name: clients
        {OPS}
        clients: [{{id: shop, what: new address, owner: them}}]
        steps:
          - {{id: gate, approve: {{roles: [ops], checks: ["clients.all_acknowledged"]}}}}
        """)
    run.wait_for_people("gate")
    run("approve", "gate", code=6)
    run("ack", "shop", "--comment", "by phone")
    run("approve", "gate")
    run.end(0)


# --- rollback, abort, point of no return ---

PHASES = f"""\
    cutover: v1
    name: phased
    {OPS}
    phases:
      - id: prepare
        steps: [{{id: one, uses: drill, with: {{mark: marks}}}}]
      - id: switch
        steps:
          - {{id: two, uses: drill, with: {{mark: marks}}}}
          - {{id: three, uses: drill, with: {{mark: marks}}}}
      - id: close
        steps:
          - {{id: gate, approve: {{roles: [ops]}}}}
          - {{id: four, uses: drill, with: {{mark: marks}}, %s}}
          - {{id: gate2, approve: {{roles: [ops]}}}}
    """


def test_an_operator_rolls_back_in_reverse_order(cutover):
    run = cutover.start(PHASES % "planned: 1s")
    run.wait_for_people("gate")
    run("rollback", "--yes")
    run.end(4)
    assert cutover.marks.of("rollback") == ["three", "two", "one"]
    cutover.marks.assert_no_key_twice()
    run.audit()


@pytest.mark.parametrize("to, undone", [
    ("prepare", ["three", "two"]), ("two", ["three"]), ("switch", [])])
def test_a_rollback_may_go_back_only_part_of_the_way(cutover, to, undone):
    run = cutover.start(PHASES % "planned: 1s")
    run.wait_for_people("gate")
    shown = cutover.json("rollback", "--show", "--to", to, run.id)
    assert [row["step"] for row in shown["steps"]] == undone
    run("rollback", "--to", to, "--yes")
    run.end(4)
    assert cutover.marks.of("rollback") == undone


def test_what_a_rollback_would_do_is_shown_also_of_a_dead_run(cutover):
    run = cutover.start(PHASES % "planned: 1s")
    run.wait_for_people("gate")
    live = cutover.json("rollback", "--show", run.id)
    assert set(live) == {"steps", "impossible", "temporary", "time_s", "accept_loss_needed",
                         "until", "downtime", "ended"}
    assert [row["step"] for row in live["steps"]] == ["three", "two", "one"]
    for role in ("supervisor", "engine", "host"):
        run.kill(role)
    assert cutover.json("rollback", "--show", run.id) == live
    assert "three" in run("rollback", "--show").out
    assert run.status["engine"] == "dead"
    assert cutover.marks.of("rollback") == []


def test_after_a_point_of_no_return_only_accept_loss_goes_back(cutover):
    run = cutover.start(PHASES % "point_of_no_return: true, rollback: impossible, "
                        "rollback_reason: gone")
    run.wait_for_people("gate")
    run("approve", "gate")
    run.wait_for_people("gate2")
    assert cutover.json("rollback", "--show", run.id)["accept_loss_needed"] is True
    assert "point of no return" in run("rollback", "--yes", code=6).err
    assert cutover.marks.of("rollback") == []
    run("rollback", "--yes", "--accept-loss")
    run.end(5)
    assert cutover.marks.of("rollback") == ["three", "two", "one"]


def test_abort_undoes_nothing_but_closes_what_is_temporary(cutover):
    text = f"""\
        cutover: v1
        name: aborted
        {OPS}
        steps:
          - {{id: open, uses: drill, with: {{mark: marks}}, temporary: true}}
          - {{id: one, uses: drill, with: {{mark: marks}}}}
          - {{id: gate, approve: {{roles: [ops]}}}}
        finally: [{{id: last, uses: drill, with: {{mark: marks}}}}]
        """
    for options, undone in ([], ["open"]), (["--keep-temporary"], []):
        (cutover.folder / "marks").unlink(missing_ok=True)
        run = cutover.start(text)
        assert run.wait_for_people("gate")["temporary_open"] == ["open"]
        run("abort", "--yes", *options)
        run.end(7)
        assert cutover.marks.of("rollback") == undone
        assert cutover.marks.of("apply") == ["open", "one", "last"]


@pytest.mark.parametrize("order", ["rollback", "abort", "decline gate"])
def test_what_asks_needs_a_terminal_or_yes(cutover, order):
    run = cutover.start(gate())
    run.wait_for_people("gate")
    done = run(order, code=2)
    assert "--yes" in done.err and run.state == "running"


# --- window, locks, names, plans of the start ---

def test_a_closed_window_refuses_the_start_unless_overridden(cutover):
    text = """\
        cutover: v1
        name: late
        window: {opens: "2001-01-01T00:00:00Z", closes: "2001-01-02T00:00:00Z"}
        steps: [{id: one, uses: drill, with: {mark: marks}}]
        """
    book = cutover.book(text)
    done = cutover("run", book, "--yes", code=6)
    assert "window" in done.err and "2001-01-02" in done.err
    assert cutover.runs() == [] and cutover.marks == []
    run = cutover.run(book, "--override-window", "--reason", "told to", code=0)
    assert run.records("armed")[0]["override_window"] == "told to"


def test_who_overrides_the_window_at_the_start_must_be_one_who_may(cutover):
    book = cutover.book("""\
        cutover: v1
        name: late
        window: {opens: "2001-01-01T00:00:00Z", closes: "2001-01-02T00:00:00Z"}
        roles: {boss: {members: [daemon]}, ops: {members: ["0"]}}
        authority: {override_window: [boss]}
        steps: [{id: one, uses: drill, with: {mark: marks}}]
        """)
    done = cutover("run", book, "--yes", "--override-window", "--reason", "x", code=6)
    assert "boss" in done.err and cutover.runs() == [] and cutover.marks == []
    book.write_text(book.read_text().replace("[boss]}", "[boss, ops]}"))
    cutover.run(book, "--override-window", "--reason", "told to", code=0)


def test_a_second_run_of_the_same_name_is_refused_while_the_first_is_unfinished(cutover):
    book = cutover.book(gate())
    run = cutover.start(book)
    run.wait_for_people("gate")
    assert f"cutover watch {run.id}" in cutover("run", book, "--yes", code=6).err
    for role in ("supervisor", "engine", "host"):
        run.kill(role)
    run.wait(lambda s: s["engine"] == "dead")
    assert f"cutover recover {run.id}" in cutover("run", book, "--yes", code=6).err
    assert cutover.runs()[0].id == run.id and len(cutover.runs()) == 1
    assert cutover("recover", "--detach", code=3)
    run.wait_for_people("gate")
    assert cutover("recover", "--detach", code=3)
    run("approve", "gate")
    run.end(0)
    assert "has ended" in run("recover", code=6).err
    cutover.start(book)


def test_a_named_lock_is_held_for_the_whole_run(cutover):
    first = gate().replace("steps:", "locks: [dns_zone]\n        ticket: CHG-1\n        steps:", 1)
    other = cutover.book(first.replace("gated", "another"), "other.yaml")
    run = cutover.start(first)
    run.wait_for_people("gate")
    refusal = cutover("run", other, "--yes", code=6).err
    assert "dns_zone" in refusal and run.id in refusal and "CHG-1" in refusal
    assert [one.id for one in cutover.runs()] == [run.id]
    run("approve", "gate")
    run.end(0)
    second = cutover.start(other)
    second.wait_for_people("gate")


def test_a_run_is_not_taken_up_while_another_has_its_named_lock(cutover):
    text = gate().replace("steps:", "locks: [dns_zone]\n        steps:", 1)
    dead = cutover.start(text)
    dead.wait_for_people("gate")
    for role in ("supervisor", "engine", "host"):
        dead.kill(role)
    other = cutover.start(cutover.book(text.replace("gated", "another"), "other.yaml"))
    other.wait_for_people("gate")
    assert other.id in dead("recover --detach", code=6).err and dead.processes() == []
    other("abort", "--yes")
    other.end(7)
    dead("recover --detach", code=3)
    dead("approve", "gate")
    dead.end(0)


@pytest.mark.parametrize("more, code", [
    ("", 6), ("if: 1 > 2", 0), ("on_failure: continue", 0)])
def test_what_a_target_refuses_now_refuses_the_start_unless_it_may(cutover, more, code):
    told = cutover("run", cutover.book(f"""\
        cutover: v1
        name: refused
        steps:
          - id: one
            run: [echo, hi]
            class: declarative
            plan: [sh, -c, "echo no such disk >&2; exit 1"]
            rollback: not_needed
            {more}
        """), "--yes", code=code)
    assert ("cutover: step one would fail: sh exited with 1: no such disk" in told.err) == (code == 6)
    assert len(cutover.runs()) == (code == 0)


def test_until_holds_when_the_phase_is_done(cutover):
    run = cutover.start(PHASES % "planned: 1s", "--until", "prepare")
    run.wait_hold("operator")
    assert cutover.marks.of("apply") == ["one"]
    run("resume")
    run.wait_for_people("gate")


def test_at_starts_by_itself(cutover):
    def now():
        return datetime.datetime.now(datetime.timezone.utc)

    soon = now() + datetime.timedelta(seconds=1)
    cutover("run", cutover.book(gate()), "--at", soon.isoformat(timespec="milliseconds"), code=3)
    run = cutover.runs()[0]
    assert run.state == "armed" and cutover.marks == [] or now() >= soon
    run.wait_for_people("gate")
    started = run.records("order")[0]
    assert started["at"] >= soon.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_what_a_run_does_not_support_is_refused_before_anything_happens(cutover):
    done = cutover("run", cutover.book("""\
        cutover: v1
        name: future
        roles: {boss: {members: [root]}}
        sign_off: {roles: [boss]}
        steps: [{id: one, uses: drill, with: {mark: marks}}]
        """), "--yes", code=6)
    assert "not supported yet" in done.err
    assert cutover.runs() == [] and cutover.marks == []


class Busy(BaseHTTPRequestHandler):
    """Once at each path: come back in so many seconds. When it was asked is kept."""

    def do_GET(self):
        asked = self.server.asked.setdefault(self.path, [])
        asked.append(time.monotonic())
        self.send_response(503 if len(asked) == 1 else 200)
        self.send_header("Retry-After", self.path.split("/")[-1])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(cutover):
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        server.asked = {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        run = cutover.run(f"""\
            cutover: v1
            name: busy
            phases:
              - id: main
                order: parallel
                steps:
                  - {{id: retry, uses: http, with: {{url: "{url}/retry/1"}},
                      retry: {{limit: 1, delay: 10ms}}}}
                  - {{id: poll, uses: http, with: {{url: "{url}/poll/1"}}, poll: {{every: 10ms}}}}
                  - {{id: short, uses: http, with: {{url: "{url}/short/60"}}, timeout: 50s,
                      retry: {{limit: 1, delay: 10ms}}}}
            """)
        server.shutdown()
    waited = {path: asked[1] - asked[0] for path, asked in server.asked.items()}
    assert waited["/retry/1"] > 0.95 and waited["/poll/1"] > 0.95, waited
    assert waited["/short/60"] < 50, "it does not wait for longer than the step may take"
    assert "asks for 1 s" in run("logs").out
