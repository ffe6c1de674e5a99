# SPDX-License-Identifier: Apache-2.0
"""Triggers and acceptance over a metric that is a number in a file."""

import re

import pytest
from cutkit import eventually


def book(bad="{above: 5}", then="rollback", rule="consecutive: 2", more="", end="", missing=""):
    return f"""\
        cutover: v1
        name: watched
        roles: {{ops: {{members: ["0"]}}}}
        metrics:
          errors: {{uses: metrics.command, with: {{argv: [cat, number]}}, every: 50ms, max_age: 1m,
                   timeout: 1m}}
        triggers:
          - {{id: errors_high, metric: errors, bad: {bad}, {rule}, then: {then}, from: one{missing}}}
        {more}
        phases:
          - id: work
            steps:
              - {{id: one, uses: drill, with: {{mark: marks}}}}
              - {{id: gate, approve: {{roles: [ops]}}}}
            {end}
        """


def say(cutover, text):
    """As a whole, so that nobody reads half of it."""
    new = cutover.folder / "number.new"
    new.write_text(str(text))
    new.rename(cutover.folder / "number")


def trigger(run):
    return run.status["triggers"]["errors_high"]


def start(cutover, *options, number=1, **keys):
    say(cutover, number)
    run = cutover.start(book(**keys), *options)
    run.wait_for_people("gate")
    return run


def test_a_trigger_that_is_bad_already_refuses_the_start(cutover):
    say(cutover, 9)
    done = cutover("run", cutover.book(book()), "--yes", code=6)
    assert "errors_high" in done.err and "--ack-trigger errors_high" in done.err
    assert cutover.runs() == [] and cutover.marks == []


def test_a_bad_trigger_may_be_acknowledged_by_name(cutover):
    say(cutover, 9)
    cutover("run", cutover.book(book()), "--yes", "--ack-trigger", "other", code=2)
    run = cutover.run(book(), "--ack-trigger", "errors_high", code=4)
    assert run.records("armed")[0]["acked_triggers"] == ["errors_high"]


def test_a_trigger_that_fires_rolls_back(cutover):
    run = start(cutover)
    eventually(lambda: trigger(run)["state"] == "clear")
    say(cutover, 9)
    run.end(4)
    assert cutover.marks.of("rollback") == ["one"]
    assert trigger(run)["state"] == "latched"
    fired = [r for r in run.records("trigger") if r["shown"] == "latched"]
    assert len(fired) == 1 and fired[0]["value"] == 9
    assert "errors_high" in run("report").out
    run.audit()


def test_one_bad_sample_too_few_fires_nothing(cutover):
    run = start(cutover, rule="for: 1h")
    say(cutover, 9)
    eventually(lambda: trigger(run)["state"] == "pending")
    say(cutover, 1)
    eventually(lambda: trigger(run)["state"] == "clear")
    run("approve", "gate")
    run.end(0)


@pytest.mark.parametrize("then, shown", [("pause", "held"), ("notify", "firing")])
def test_a_softer_trigger_undoes_nothing(cutover, then, shown):
    run = start(cutover, then=then)
    say(cutover, 9)
    eventually(lambda: trigger(run)["state"] == shown)
    assert run.state == ("paused" if then == "pause" else "running")
    say(cutover, 1)
    eventually(lambda: trigger(run)["state"] == "clear")
    if then == "pause":
        assert run.wait_hold("trigger", "errors_high")
        run("resume")
    run("approve", "gate")
    run.end(0)
    assert cutover.marks.of("rollback") == []


def test_a_shadow_trigger_acts_on_nothing(cutover):
    run = start(cutover, number=9, missing=", shadow: true")
    eventually(lambda: trigger(run)["state"] in ("latched", "firing"))
    assert run.state == "running"
    run("approve", "gate")
    run.end(0)


def test_freeze_suspends_automatic_rollback_until_it_ends(cutover):
    run = start(cutover)
    run("freeze", "--for", "2s")
    say(cutover, 9)
    run.end(4)
    frozen, = [r for r in run.records("order") if r["order"] == "freeze"]
    latched, = [r for r in run.records("trigger") if r["shown"] == "latched"]
    back, = [r for r in run.records("run") if r["state"] == "rolling_back"]
    assert back["t"] >= max(frozen["t"] + 2000, latched["t"]), (frozen, latched, back)


@pytest.mark.parametrize("number", ["", "none", "nan", '{"value": null}'])
def test_without_evidence_a_trigger_is_blind_and_the_run_pauses(cutover, number):
    run = start(cutover, missing=", missing: {blind_after: 300ms}")
    say(cutover, number)
    run.wait_hold("blind", "errors_high")
    assert trigger(run)["state"] == "blind" and trigger(run)["value"] is None
    say(cutover, 1)
    eventually(lambda: trigger(run)["state"] == "clear")
    run("approve", "gate")
    # On a machine that stands still the evidence is late again.
    run.wait(lambda s: s["state"] == "done" or s["holds"] and cutover("resume", run.id) and None)


def test_a_source_that_fails_at_the_start_is_no_protection(cutover):
    done = cutover("run", cutover.book(book()), "--yes", code=6)
    assert "errors_high" in done.err and cutover.runs() == []


def test_a_trigger_fires_in_a_pause_and_after_a_crash(cutover):
    run = start(cutover)
    run("pause")
    run.kill("engine")
    say(cutover, 9)
    run.end(4)
    assert cutover.marks.of("rollback") == ["one"]
    run.audit()


def test_what_fires_after_the_point_of_no_return_pauses_and_pages(cutover):
    say(cutover, 1)
    run = cutover.start(f"""{book(more='notify: [{argv: [./page], on: []}]')}
          - id: gone
            point_of_no_return: true
            steps:
              - {{id: drop, uses: drill, with: {{mark: marks}}, rollback: impossible,
                 rollback_reason: gone}}
              - {{id: gate2, approve: {{roles: [ops]}}}}
        """)
    run.wait_for_people("gate")
    run("approve", "gate")
    run.wait_for_people("gate2")
    say(cutover, 9)
    run.wait_hold("trigger", "errors_high")
    assert cutover.marks.of("rollback") == []
    run("rollback", "--yes", code=6)
    run("rollback", "--yes", "--accept-loss")
    run.end(5)
    assert cutover.marks.of("rollback") == ["one"]


def test_the_checks_of_a_gate_decide_about_the_last_vote(cutover):
    say(cutover, 9)
    run = cutover.start("""\
        cutover: v1
        name: gated
        roles: {ops: {members: ["0"]}}
        metrics:
          lag: {uses: metrics.command, with: {argv: [cat, number]}, every: 100ms}
        steps:
          - {id: gate, approve: {roles: [ops], checks: ["metrics.lag.value < 5.0"]}}
        """)
    run.wait_for_people("gate")
    assert run("approve", "gate", code=6).err
    say(cutover, 1)
    eventually(lambda: cutover("approve", "gate", run.id).code == 0, every=0.1)
    run.end(0)
    assert run.refused()


# --- acceptance ---

CLEAN = "acceptance: {clean_for: 600ms, coverage: 10%%, tests: [{run: [test, -e, good]}]%s}"


def test_a_clock_of_acceptance_shows_its_coverage_while_it_counts(cutover):
    run = start(cutover, end=(CLEAN % "").replace("600ms", "1h"))
    run("approve", "gate")
    run.wait(lambda s: (s["acceptance"] or {}).get("state") == "running")
    assert re.search(r"  acceptance of work: running, clean \S+ of 1h00m, coverage [0-9.]+ %\n",
                     run("status").out)
    run("abort", "--yes")
    run.end(7)


def test_a_stage_is_accepted_when_it_was_clean_and_its_tests_pass(cutover):
    (cutover.folder / "good").touch()
    run = start(cutover, end=CLEAN % "")
    run("approve", "gate")
    run.wait(lambda s: (s["acceptance"] or {}).get("state") in ("running", "met", "accepted"))
    run.end(0)
    told = run.status
    assert told["state"] == "accepted"
    assert told["acceptance"]["phase"] == "work" and told["acceptance"]["needed_s"] == 0.6
    states = {r["state"]: r for r in run.records("acceptance")}
    assert states["met"]["evidence"]["coverage"] >= 0.1 and "accepted" in states
    assert run.status["acceptance"]["coverage"] >= 0.1  # also of a run that is over
    assert run("logs").out.splitlines()[-1].endswith(" == accepted")  # and not "accepted: accepted"


def test_a_bad_sample_starts_the_clean_time_again(cutover):
    run = start(cutover, rule="for: 1h", end=CLEAN % "")
    run("approve", "gate")
    run.wait(lambda s: (s["acceptance"] or {}).get("state") == "running")
    say(cutover, 9)
    run.wait(lambda s: s["acceptance"]["state"] == "suspended")
    (cutover.folder / "good").touch()  # not before: it would be accepted
    say(cutover, 1)
    run.end(0)
    assert run.state == "accepted"
    said = run.records("acceptance")
    bad = [i for i, r in enumerate(said) if r["state"] == "suspended"][-1]
    met, = [r for r in said if r["state"] == "met"]
    assert met["t"] - said[bad + 1]["t"] >= 600, said


def test_tests_that_fail_keep_a_stage_from_being_accepted(cutover):
    run = start(cutover, end=CLEAN % ", deadline: 1500ms, on_deadline: rollback")
    run("approve", "gate")
    run.end(4)
    assert cutover.marks.of("rollback") == ["one"]


def test_a_deadline_that_asks_holds_for_a_person(cutover):
    run = start(cutover, end=CLEAN % ", deadline: 800ms")
    run("approve", "gate")
    run.wait_hold("acceptance")
    (cutover.folder / "good").touch()
    run("rollback", "--yes")
    run.end(4)


def test_a_signature_is_asked_for_once_the_evidence_is_there(cutover):
    (cutover.folder / "good").touch()
    run = start(cutover, end=CLEAN % ", sign_off: [ops]")
    run("approve", "gate")
    waiting = run.wait_for_people("work")["waiting_for"][0]
    assert (waiting["kind"], waiting["roles"]) == ("sign_off", ["ops"])
    run("approve", "work", "--comment", "seen")
    run.end(0)
    assert run.state == "accepted"


def test_downtime_over_its_limit_rolls_back(cutover):
    text = """\
        cutover: v1
        name: down
        roles: {ops: {members: ["0"]}}
        downtime: [{id: no_writes, from: freeze, to: thaw, kind: read_only, limit: %s,
                    on_limit: rollback}]
        steps:
          - {id: freeze, uses: drill, with: {mark: marks}}
          - {id: gate, approve: {roles: [ops]}}
          - {id: thaw, uses: drill, with: {mark: marks}}
        """
    run = cutover.start(text % "1h")
    clock = run.wait_for_people("gate")["downtime"]["no_writes"]
    assert clock["running"] is True and clock["limit_s"] == 3600
    run("abort", "--yes")
    run.end(7)
    run = cutover.run(text % "400ms", code=4)
    assert run.status["downtime"]["no_writes"]["running"] is False
    assert cutover.marks.of("rollback") == ["freeze"]


@pytest.mark.parametrize("green, moves", [(1, False), (9, True)])
def test_traffic_stays_where_it_is_when_only_blue_is_bad(cutover, green, moves):
    (cutover.folder / "blue").write_text("1")
    say(cutover, 1)
    run = cutover.start("""\
        cutover: v1
        name: sides
        metrics:
          blue: {uses: metrics.command, with: {argv: [cat, blue]}, every: 50ms, timeout: 1m,
                 environment: blue}
          green: {uses: metrics.command, with: {argv: [cat, number]}, every: 50ms, timeout: 1m}
        triggers:
          - {id: blue_bad, metric: blue, bad: {above: 5}, for: 0s, then: notify}
          - {id: green_bad, metric: green, bad: {above: 5}, for: 0s, then: pause}
        phases:
          - id: work
            steps:
              - {id: shift, uses: drill, with: {mark: marks}, effects: traffic}
              - {id: rest, wait: 1h}
            acceptance: {clean_for: 1h, tests: [{run: ["true"]}]}
        rollback:
          ready: [{run: [sleep, "0.3"]}]
        """)
    run.wait_step("rest", "running")
    (cutover.folder / "blue").write_text("9")
    say(cutover, green)
    wanted = {"blue_bad": "firing", "green_bad": "held" if green == 9 else "clear"}
    run.wait(lambda s: {k: v["state"] for k, v in s["triggers"].items()} == wanted)
    run("rollback", "--yes")
    if not moves:
        run.wait_hold("rollback", "rollback/ready")
        assert cutover.marks.of("rollback") == []
        run("rollback", "--yes")
    run.end(code=4)
    assert cutover.marks.of("rollback") == ["shift"]
