# SPDX-License-Identifier: Apache-2.0
"""The command line: every command once as it is meant and once as it is not; what it prints for
programs has exactly the fields that were promised."""

import json
import os
import re
import subprocess
import time

import pytest
from cutkit import PROGRAM, SANITIZED, Terminal, eventually

BOOK = """\
    cutover: v1
    name: demo
    title: A demonstration
    phases:
      - id: prepare
        steps:
          - {id: one, uses: drill, with: {mark: marks}}
          - {id: two, uses: drill, with: {mark: marks}, planned: 2s}
      - id: switch
        steps:
          - {id: three, run: [echo, hi], class: declarative, rollback: {run: [echo, back]}}
    """
LATER = ["amend", "emergency", "init", "lint", "rehearse", "serve"]
COMMANDS = ["abort", "ack", "approve", "attest", "audit key", "audit verify", "command give",
            "command take",
            "decline", "eval", "freeze", "graph", "help", "list", "logs", "note", "pause", "plan",
            "plugins", "recover", "report", "resume", "retry", "rollback", "run", "schema", "skip",
            "status", "trigger test", "validate", "version", "watch"]
FOR_A_RUN = [["abort", "--yes"], ["ack", "client"], ["approve", "gate"], ["attest", "step"],
             ["audit", "verify"], ["command", "take"], ["command", "give", "bob"],
             ["decline", "gate", "--yes"], ["freeze", "--for", "1m"], ["logs"], ["note", "text"],
             ["pause"], ["recover"], ["report"], ["resume"], ["retry", "step"],
             ["rollback", "--yes"], ["rollback", "--show"], ["skip", "step", "--reason", "why"],
             ["status"], ["watch"]]

STATUS = set("""run runbook plan_sha256 seq at engine state starts fault holds phase in_command socket
    loop_max_ms loop_max_wall_ms rank elapsed_s late_s eta downtime temporary_open unclosed steps groups triggers
    acceptance window waiting_for
    continue rollback exit_code phases""".split())
STEP = set("state attempt started ended due planned_s outputs reason phase".split())
PLAN = set("""runbook_sha256 plan_sha256 steps critical_path forward_s rollback_s fits_window
    lint""".split())
PLAN_STEP = set("""id phase needs uses effects class rollback changes planned_s critical
    latest_safe_start note""".split())
LIST = set("run runbook state started ended exit_code live".split())
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"


def three_parts(done, code):
    """An error says what happened, why or what next, on standard error, in both forms."""
    assert done.code == code, done
    assert done.err.startswith("cutover: ") and done.err.count("\n") == 1, done
    assert done.out == ""


def test_help_lists_every_command_and_explains_each(cutover):
    everything = cutover("help", code=0).out
    for command in COMMANDS:
        assert f"  {command}" in everything
        told = cutover(*command.split(), "--help", code=0).out
        assert told == cutover("help", *command.split(), code=0).out
        assert told.startswith(f"cutover {command} [OPTIONS]") and "--state-dir" in told
        assert max(map(len, told.splitlines())) <= 80
    assert max(map(len, everything.splitlines())) <= 80


def test_the_version_is_printed(cutover):
    told = cutover("version", code=0).out
    assert re.fullmatch(r"cutover \d+\.\d+\.\d+\n", told)
    assert told == f"cutover {cutover.json('version')['version']}\n"
    assert told == cutover("--version", code=0).out


@pytest.mark.parametrize("words, told", [
    ([], "COMMAND"),
    (["rollbak"], "did you mean `cutover rollback`?"),
    (["no-such-command-at-all"], "unknown command"),
    (["run"], "run wants RUNBOOK"),
    (["status", "a", "b"], "one argument too many: 'b'"),
    (["status", "--no-such"], "unknown option --no-such"),
    (["run", "book.yaml", "--detatch"], "did you mean --detach?"),
    (["status", "-x"], "unknown option"),
    (["note", "-no text"], "an argument that begins with - stands after --"),
    (["status", *["--exit-code"] * 65], "too many options"),
    (["status", *["x"] * 65], "too many arguments"),
    (["status", "--output", "xml"], "--output xml"),
    (["status", "--output"], "--output wants a value"),
    (["status", "--exit-code=3"], "--exit-code takes no value"),
    (["freeze"], "freeze wants a duration"),
    (["freeze", "--for", "10"], "freeze wants a duration"),
    (["skip", "step"], "skip wants a reason"),
    (["validate", "nowhere.yaml"], "nowhere.yaml"),
    (["validate", "book.yaml/"], "cannot read runbook book.yaml/: not a directory"),
    (["validate", "itself.yaml"], "too many levels of symbolic links"),
    (["validate", "a" * 300], "file name too long"),
    (["run", "book.yaml", "--yes", "--at", "tomorrow"], "--at tomorrow"),
    (["run", "book.yaml", "--yes", "--until", "nowhere"], "--until nowhere"),
    (["run", "book.yaml", "--yes", "--override-window"], "wants a reason"),
    (["run", "book.yaml", "--yes", "--set", "novalue"], "--set novalue"),
    (["run", "book.yaml", "--yes", "--set", "unknown=1"], "unknown"),
    (["run", "book.yaml", "--yes", "--params", "nowhere.yaml"], "nowhere.yaml"),
    (["run", "book.yaml", "--yes", "--plan", "nowhere.json"], "nowhere.json"),
    (["run", "book.yaml"], "no terminal"),
    (["graph", "book.yaml", "--format", "png"], "--format png"),
    (["report", "--format", "pdf"], "--format pdf"),
    (["eval", "1 +"], "column"),
    (["eval", "x", "--vars", "nowhere.json"], "nowhere.json"),
    (["eval", "x", "--vars", "."], "cannot read .: is a directory"),
    (["eval", "x", "--vars", "list.json"], "cannot use list.json: it is not a JSON object"),
    (["trigger", "test", "nowhere.json"], "cannot read nowhere.json: no such file or directory"),
    (["trigger", "test", "book.yaml"], "cannot read book.yaml as JSON: line 1"),
    (["trigger"], "trigger wants a second word; `cutover trigger test`"),
    (["command"], "`cutover command give` or `cutover command take`"),
    (["run", "book.yaml", "--yes", "--plan", "book.yaml"], "cannot read book.yaml as JSON"),
    (["run", "book.yaml", "--yes", "--plan", "list.json"], "it is not a saved plan"),
    (["run", "book.yaml", "--yes", "--plan", "half.json"], "it is not a saved plan"),
    (["run", "book.yaml", "--yes", "--ack-trigger", "nowhere"], "no such trigger"),
])
def test_wrong_usage_is_explained_and_exits_2(cutover, words, told):
    cutover.book(BOOK)
    (cutover.folder / "itself.yaml").symlink_to("itself.yaml")
    (cutover.folder / "list.json").write_text("[1]")
    (cutover.folder / "half.json").write_text('{"plan_sha256": "x"}')
    done = cutover(*words, code=2)
    assert told in done.err and done.out == ""
    assert cutover.runs() == []


def test_a_params_file_may_give_nothing(cutover):
    (cutover.folder / "none.yaml").write_text("# size: large\n")
    cutover("validate", cutover.book(BOOK), "--params", "none.yaml", code=0)


@pytest.mark.parametrize("words", [
    ["validate", "bomb"], ["validate", "book.yaml", "--params", "bomb"],
    ["run", "book.yaml", "--yes", "--plan", "bomb"], ["eval", "x", "--vars", "bomb"],
    ["trigger", "test", "bomb"]], ids=" ".join)
def test_a_file_of_50_mib_is_refused_unread(cutover, words):
    cutover.book(BOOK)
    with open(cutover.folder / "bomb", "wb") as bomb: # in parts: a child begins with our memory
        for _ in range(26):
            bomb.write(b"[1," * 700_000)
    (cutover.folder / "small").write_text("[1,")

    def used(*words):
        """What the cheapest of some took, for others may disturb."""
        child = subprocess.Popen([str(PROGRAM), *words], cwd=cutover.folder, env=cutover.env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with child.stderr:
            told = child.stderr.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 2 and ("4 MiB" in told) == ("bomb" in words), told
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss

    small = min(used(*("small" if word == "bomb" else word for word in words)) for _ in range(3))
    bomb = min(used(*words) for _ in range(3))
    assert bomb[0] < 3 * small[0] + 0.05 or SANITIZED, (bomb, small)
    assert bomb[1] < 64 * 1024 or SANITIZED, bomb


@pytest.mark.parametrize("words", [[c] for c in LATER] + [
    ["graph", "book.yaml", "--format", "svg"], ["report", "--format", "html"],
    ["emergency", "--reason", "fire"], ["lint", "book.yaml", "--checklist"],
    ["rehearse", "book.yaml", "--times", "5", "--inject", "a=fail"], ["serve", "--listen", ":80"],
    ["init", "--strategy", "canary", "book.yaml"], ["amend", "RUN", "--window", "x"]], ids=" ".join)
def test_what_a_later_version_brings_is_refused_with_6(cutover, words):
    cutover.book(BOOK)
    assert "not supported yet" in cutover(*words, code=6).err
    if words[0] in LATER:
        assert "Not supported yet." in cutover(*words, "--help", code=0).out


@pytest.mark.parametrize("words", FOR_A_RUN, ids=" ".join)
def test_without_a_run_it_is_said_that_there_is_none(cutover, words):
    three_parts(cutover(*words), 6)
    assert set(cutover(*words, "--output", "json", code=6).error) == {"what", "why", "next"}


def test_an_unknown_run_is_refused_with_the_nearest_one(cutover):
    run = cutover.run(BOOK)
    done = cutover("status", run.id[:-1] + "x", code=6)
    assert f"did you mean {run.id}?" in done.err


@pytest.mark.parametrize("words", [
    ["--yes"], ["--yes", "--output", "json"], ["--at", "2001-01-01T00:00:00Z"]], ids=" ".join)
def test_a_runbook_that_is_invalid_is_refused_by_every_command_that_reads_one(cutover, words):
    cutover.book("{cutover: v1, name: bad, steps: [{id: a, uses: dril}]}")
    assert "did you mean" in cutover("run", "book.yaml", *words, code=2).err
    for command in (["validate"], ["plan"], ["graph"]):
        assert "book.yaml:1:" in cutover(*command, "book.yaml", code=2).err
    assert cutover.runs() == []
    told = cutover("run", "book.yaml", "--yes", "--output", "json", code=2)
    assert told.error == {"what": "book.yaml is not valid", "why": "1 error",
                          "next": "mend what `faults` names"}
    assert len(json.loads(told.err)["faults"]) == 1 and told.out == ""


def test_validate_tells_all_faults_at_once(cutover):
    cutover.book("""\
        cutover: v1
        name: bad
        steps:
          - {id: a, uses: drill, neds: [b]}
          - {id: a, wait: 10}
        """)
    told = cutover("validate", "book.yaml", "--output", "json", code=2)
    faults = json.loads(told.out or told.err)
    assert set(faults) == {"ok", "faults"} and faults["ok"] is False
    assert {f["line"] for f in faults["faults"]} == {4, 5}
    assert all(set(f) == {"file", "line", "column", "severity", "what", "hint"}
               for f in faults["faults"])
    good = cutover.json("validate", cutover.book(BOOK))
    assert good == {"ok": True, "faults": []}


@pytest.mark.parametrize("step, told", [
    ("uses: http, with: {url: 'http://x', body: a, json: {b: 1}}", "body and json"),
    ("uses: http, with: {url: 'http://x', method: post}", "capitals"),
    ("uses: http, with: {url: 'http://x', expect: {stats: [200]}}", "expect has no 'stats'"),
    ("uses: http, with: {url: 'http://x', auth: {bearer: nope}}", "unknown secret 'nope'"),
    ("uses: tcp, with: {address: '127.0.0.1'}", "tcp: "),
    ("uses: notify, with: {text: hello}", "notify: "),
    ("uses: dsn.set_ttl", "did you mean 'dns.set_ttl'?")])
def test_validate_asks_the_plugins(cutover, step, told):
    book = cutover.book("cutover: v1\nname: bad\nsteps:\n"
                        f"  - {{id: a, {step}, rollback: not_needed}}\n")
    err = cutover("validate", book, code=2).err
    assert told in err and f"{book}:4:" in err


def test_status_has_exactly_the_promised_fields(cutover):
    run = cutover.run(BOOK)
    status = run.status
    assert set(status) == STATUS
    assert all(set(step) == STEP for step in status["steps"].values())
    assert set(status["window"]) == {"closes", "margin_s", "forward_s", "back_s",
                                     "latest_safe_rollback"}
    assert set(status["continue"]) == {"time_s", "downtime_s", "next_gate"}
    assert set(status["rollback"]) == {"steps", "time_s", "downtime_s", "impossible"}
    assert status["state"] == "done" and status["exit_code"] == 0
    assert status["steps"]["three"]["outputs"] == {"exit_code": 0, "stdout": "hi\n"}
    assert re.fullmatch(RFC3339, status["at"])


def test_the_status_of_a_large_run_keeps_nobody_waiting(cutover):
    steps = "\n".join(f"          - {{id: s{i}, uses: drill, needs: [go]}}" for i in range(6000))
    run = cutover.start(f"""\
        cutover: v1
        name: large
        roles: {{ops: {{members: [root]}}}}
        steps:
          - {{id: go, approve: {{roles: [ops]}}}}
{steps}
        """)
    run.wait_for_people("go")
    [engine] = run.processes("engine")

    clock = (~engine << 3) | 2  # of its CPU time, as clock_getcpuclockid(3) tells
    telling, reading = [], []
    for _ in range(10):
        begun = time.clock_gettime(clock)
        told = run("status", "--output", "json").out
        telling.append(time.clock_gettime(clock) - begun)
        begun = time.process_time()
        status = json.loads(told)
        reading.append(time.process_time() - begun)
        assert len(status["steps"]) == 6001 and status["steps"]["s5999"]["state"] == "pending"
    # Half as long as to read it; five times as long where every step was made an object first.
    assert min(telling) < (25 if SANITIZED else 2) * min(reading), (telling, reading)
    run("abort", "--yes")


def test_status_of_a_run_that_ended_does_not_change_any_more(cutover):
    run = cutover.run(BOOK)
    first, second = run.status, run.status
    for told in (first, second):
        del told["engine"], told["at"], told["loop_max_ms"], told["socket"]
        del told["loop_max_wall_ms"], told["rank"]
    assert first == second


def test_status_tells_the_exit_code_only_where_asked(cutover):
    run = cutover.start("cutover: v1\nname: waits\nsteps: [{id: a, wait: 1h}]\n")
    run("status", "--exit-code", code=0)
    run("abort", "--yes")
    run.end(7)
    run = cutover.run("""\
        cutover: v1
        name: gated
        roles: {ops: {members: ["0"]}}
        steps: [{id: gate, approve: {roles: [ops]}}]
        """, "--detach", code=3)
    run.wait_for_people("gate")
    run("status", code=0)
    run("status", "--exit-code", code=3)
    run("decline", "gate", "--yes")
    run("abort", "--yes")
    run.end(7)
    run("status", "--exit-code", code=7)


def test_list_has_a_row_a_run(cutover):
    assert cutover.json("list") == []
    told = cutover("list", code=0)
    assert (told.out, told.err) == ("", f"no run yet in {cutover.state}\n")
    runs = [cutover.run(BOOK), cutover.run(BOOK.replace("demo", "other"))]
    eventually(lambda: not [run for run in runs if run.processes()])
    rows = {row["run"]: row for row in cutover.json("list")}
    assert set(rows) == {run.id for run in runs}
    for run, name in zip(runs, ("demo", "other")):
        row = rows[run.id]
        assert set(row) == LIST
        assert (row["runbook"], row["state"], row["exit_code"]) == (name, "done", 0)
        assert not row["live"] and "DEAD" not in cutover("list", code=0).out
        assert re.fullmatch(RFC3339, row["started"]) and re.fullmatch(RFC3339, row["ended"])


def test_logs_print_each_record_with_its_number(cutover):
    run = cutover.run(BOOK)
    records = run.records()
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
    assert records[0]["type"] == "armed"
    assert [r["type"] for r in records[-2:]] == ["run", "sealed"]
    assert all({"type", "epoch", "at", "t", "synced", "actor"} <= set(r) for r in records)
    of_two = cutover("logs", run.id, "--step", "two", "--output", "json", code=0).out
    assert {json.loads(line)["step"] for line in of_two.splitlines()} == {"two"}
    assert "two: succeeded" in run("logs").out
    assert run("logs", "-f").out == run("logs").out
    assert "nothing is recorded of a step nosuch" in run("logs", "--step", "nosuch").err


def test_logs_of_a_step_show_what_its_command_printed(cutover):
    run = cutover.run(r"""
        cutover: v1
        name: prints
        steps: [{id: one, run: [printf, 'first\033[2Jcleared\n\nlast'], effects: read}]
        """)
    shown = run("logs", "--step", "one").out
    assert "apply ok" in shown
    assert shown.endswith("         | first [2Jcleared\n         | \n         | last\n")
    assert "| first" not in run("logs").out


def test_logs_say_what_the_journal_holds(cutover):
    run = cutover.run(BOOK)
    records = run.records()
    journal = (run.folder / "journal.jsonl").read_text().splitlines()
    stored = [json.loads(line.split(" ", 5)[5]) for line in journal]
    assert stored == [{k: v for k, v in r.items() if k != "seq"} for r in records]


def test_the_report_comes_in_three_forms(cutover):
    run = cutover.run(BOOK.replace("name: demo", "name: demo\n    ticket: CHG-1"))
    told = cutover.json("report", run.id)
    assert told["state"] == "done" and told["run"] == run.id
    for of in told, run.records("armed")[0]:
        assert (of["title"], of["ticket"]) == ("A demonstration", "CHG-1")
    assert [row["step"] for row in told["timeline"]] == ["one", "two", "three"]
    assert told["timeline"][1]["planned_s"] == 2
    assert json.loads(run("report", "--format", "json").out) == told
    assert "Timeline" in run("report").out
    marked = run("report", "--format", "md").out
    assert "| step" in marked
    # Lines that follow each other would be one paragraph.
    assert [line.split()[1] for line in marked.splitlines() if line.startswith("- ")] == [
        "run", "ticket", "plan", "journal"]


def test_audit_tells_a_torn_tail_from_a_changed_record(cutover):
    run = cutover.run(BOOK)
    assert cutover.json("audit", "verify", run.id)["ok"] is True
    journal = run.folder / "journal.jsonl"
    whole = journal.read_bytes()

    journal.write_bytes(whole + b"v1 torn")
    torn = cutover("audit", "verify", run.id, "--output", "json", code=8).json
    assert torn["ok"] is False and torn["fault"] == "torn"

    journal.write_bytes(whole.replace(b'"step":"two"', b'"step":"tvo"', 1))
    bad = cutover("audit", "verify", run.id, "--output", "json", code=8).json
    assert bad["ok"] is False and bad["fault"] not in (None, "torn")
    assert run("logs", code=8).err != ""
    assert bad["bad"]["seq"] < bad["last_seq"] or bad["bad"]["seq"] == bad["last_seq"] + 1

    journal.write_bytes(whole)
    run.audit()


def test_the_plan_reads_and_can_be_saved_and_pinned(cutover):
    book = cutover.book(BOOK)
    plan = cutover.json("plan", book)
    assert set(plan) == PLAN
    assert all(set(step) == PLAN_STEP for step in plan["steps"])
    assert [s["id"] for s in plan["steps"]] == ["one", "two", "three"]
    assert plan["critical_path"] == ["one", "two", "three"]
    assert cutover.marks == [] and cutover.runs() == []
    cutover("plan", book, "--out", "saved.json", code=0)
    cutover.run(book, "--plan", "saved.json")
    cutover.book(BOOK.replace("echo, hi", "echo, ho"))
    done = cutover("run", book, "--yes", "--plan", "saved.json", code=6)
    assert "no longer holds" in done.err and len(cutover.runs()) == 1
    unsaved = cutover("plan", book, "--out", "nowhere/saved.json", code=6)
    assert "cannot write nowhere/saved.json: no such file or directory" in unsaved.err


def test_a_plan_shows_before_and_after_of_commands(cutover):
    cutover.book("""\
        cutover: v1
        name: planned
        steps:
          - id: one
            run: [touch, changed]
            plan: [echo, "weight: 0 -> 100"]
            rollback: {run: [rm, changed]}
        """)
    plan = cutover.json("plan", "book.yaml")
    assert plan["steps"][0]["changes"] == [{"what": "weight", "before": "0", "after": "100"}]
    text = cutover("plan", "book.yaml", code=0).out
    assert "weight" in text and "100" in text and not (cutover.folder / "changed").exists()
    assert "exec: touch changed" in text and "undo: exec: rm changed" in text


SIGNED = """\
    cutover: v1
    name: shop
    title: The shop moves
    description: |
      Two lines
      of prose.
    owner: ops
    ticket: CHG-1
    links: {wiki: "https://wiki.test/shop"}
    window: {opens: "2026-11-27T18:00:00+01:00", closes: "2027-11-27T23:30:00+01:00"}
    roles: {ops: {members: [root, daemon], quorum: 2}, boss: {members: bin}}
    metrics: {errors: {uses: metrics.command, with: {argv: [echo, "0"]}, unit: ratio}}
    triggers: [{id: errors_high, metric: errors, bad: {above: 2%}, for: 2m, from: switch}]
    downtime: [{id: frozen, from: freeze, to: switch, limit: 45s, on_limit: rollback}]
    phases:
      - id: prepare
        title: What hurts nobody
        not_before: opens+1h
        steps:
          - {id: silence, run: [bin/silence], rollback: {run: [bin/loud]}, temporary: true, planned: 2s}
          - {id: fw, run: [bin/fw], rollback: {run: [bin/fw, x]}, temporary: {until: switch, backstop: 6h}}
          - {id: soak, wait: {for: 10m, clean: true, since: fw}}
          - id: look
            title: Look at the lamps
            manual: {instructions: "Green?\\nAll of them?", role: ops}
            if: run.starter != "x"
            rollback: not_needed
      - id: move
        steps:
          - {id: go, approve: {roles: [ops, boss], message: Freeze?, checks: [metrics.errors.value < 0.1]}}
          - {id: freeze, run: [bin/freeze], rollback: {run: [bin/thaw]}, planned: 3s}
          - id: switch
            uses: http
            with: {url: "http://127.0.0.1:9/x", method: PUT, body: green}
            effects: traffic
            rollback: {uses: http, with: {url: "http://127.0.0.1:9/x", method: PUT, body: blue}}
            planned: 1s
        acceptance: {clean_for: 30m, tests: [{run: [bin/smoke]}], sign_off: boss, deadline: 3h}
      - id: close
        steps:
          - id: shred
            run: [rm, -rf, blue data]
            effects: destroy
            environment: blue
            rollback: impossible
            rollback_reason: it is gone
            point_of_no_return: true
    """
SIGNED_PLAN = """\
plan of shop: The shop moves
  Two lines
  of prose.
  ticket CHG-1
  owner ops
  wiki https://wiki.test/shop
  window from 2026-11-27T17:00:00Z to 2027-11-27T22:30:00Z, then pauses
  prepare: What hurts nobody
   not before opens+1h00m
   * silence                           2s  exec: bin/silence
      would run, effect not known
      temporary, until the run ends
      undo: exec: bin/loud
   * fw                                 ?  exec: bin/fw
      would run, effect not known
      temporary, until switch is done, at most 6h00m
      undo: exec: bin/fw x
   * soak                          10m00s  wait since fw, clean
   * look                               ?  by hand
      Look at the lamps
      Green?
      All of them?
      skipped unless its `if` is true
      undo: not needed
  move
   * go                                 ?  approval of ops (2 persons), boss
      Freeze?
      if metrics.errors.value < 0.1
   * freeze                            3s  exec: bin/freeze
      would run, effect not known
      undo: exec: bin/thaw
   * switch                            1s  http: PUT http://127.0.0.1:9/x
      would send PUT http://127.0.0.1:9/x
      undo: http: PUT http://127.0.0.1:9/x
   accepted when clean for 30m00s, 1 test passed, signed off by boss; after 3h00m asks
  close
   * shred                              ?  exec: rm -rf 'blue data'
      DESTROYS in blue
      POINT OF NO RETURN
      would run, effect not known
      NO UNDO: it is gone
  move/tests
     move/tests/0                       ?  exec: bin/smoke
  watched
     errors_high                           rolls back, fires at > 2 % for 2m00s
     frozen                                read-only from freeze to switch; rolls back after 45s
  * critical path: 10m06s, and 4 steps of unknown duration
  back within a stage, at most: 4s
plan """


def test_a_plan_tells_all_that_somebody_signs(cutover):
    told = cutover("plan", cutover.book(SIGNED), code=0).out
    assert re.sub(r"[0-9a-f]{64}\n", "", told) == SIGNED_PLAN


def test_a_pinned_plan_holds_as_long_as_its_steps_find_what_it_says(cutover):
    book = cutover.book("""\
        cutover: v1
        name: pinned
        steps:
          - id: one
            run: [cp, wanted, file]
            plan: [sh, -c, 'echo "file: $(cat file) -> new"']
            rollback: not_needed
          - {id: two, run: ["true"], plan: [cat, notes], rollback: not_needed}
          - {id: three, run: ["true"], plan: [echo, "x: 1 -> 2"], rollback: not_needed}
        """)
    (cutover.folder / "wanted").write_text("new")
    (cutover.folder / "file").write_text("old")
    (cutover.folder / "notes").touch()
    cutover("plan", book, "--out", "signed.json", code=0)
    (cutover.folder / "file").write_text("other")
    error = cutover("run", book, "--yes", "--plan", "signed.json", "--output", "json",
                    code=6).error
    assert error["what"].endswith("step one") and "no longer holds" in error["what"]
    assert error["why"] == 'file: then "old" to "new", now "other" to "new"'
    assert cutover.runs() == [] and (cutover.folder / "file").read_text() == "other"
    (cutover.folder / "file").unlink()
    gone = cutover("run", book, "--yes", "--plan", "signed.json", code=6)
    assert "file" in gone.err and cutover.runs() == []
    (cutover.folder / "file").write_text("old")
    (cutover.folder / "notes").unlink()
    gone = cutover("run", book, "--yes", "--plan", "signed.json", code=6)
    assert "no longer holds: the world has changed under step two: cat exited with 1" in gone.err
    (cutover.folder / "notes").touch()
    run = cutover.run(book, "--plan", "signed.json")
    assert (cutover.folder / "file").read_text() == "new"
    # Looked at once more before its change is what no step before it may have changed.
    assert [*run.records("armed")[0]["planned"]] == ["one"]


def test_a_corrupt_journal_is_no_run_to_recover(cutover):
    book = cutover.book("""\
        cutover: v1
        name: broken
        roles: {ops: {members: [root]}}
        steps:
          - {id: one, run: ["true"], rollback: not_needed}
          - {id: go, approve: {roles: [ops]}}
        """)
    run = cutover.start(book)
    run.wait_for_people("go")
    for role in ("supervisor", "engine", "host"):
        run.kill(role)
    eventually(lambda: run.status["engine"] == "dead")
    journal = run.folder / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole.replace(b'"step":"one"', b'"step":"two"', 1))
    for option in ([], ["--detach"]):
        refused = cutover("recover", run.id, *option, code=8)
        assert "corrupt" in refused.err and "audit verify" in refused.err
    journal.write_bytes(whole)
    cutover("recover", run.id, "--detach", code=3)
    assert run.status["engine"] == "live"
    run("approve go")
    run.end(0)


def test_the_graph_comes_in_three_forms(cutover):
    book = cutover.book(BOOK)
    graph = cutover.json("graph", book)
    assert graph == json.loads(cutover("graph", book, "--format", "json", code=0).out)
    assert graph["edges"] == [["one", "two"]]  # what is between phases is a barrier
    assert cutover("graph", book, "--format", "dot", code=0).out.startswith("digraph")
    assert "two" in cutover("graph", book, "--format", "text", code=0).out


@pytest.mark.parametrize("expression, value", [
    ("1 + 2", 3), ("'a' + 'b'", "ab"), ("x.y[1] > 1.5", True), ("has(x.z)", False),
    ("false && 1/0 > 0", False), ("-1 + 3", 2), ("--1", 1), ("-(2 * 3)", -6), ("[1, 2].map(i, i * 2)", [2, 4]), ("null", None)])
def test_eval_prints_a_value_as_json(cutover, expression, value):
    (cutover.folder / "vars.json").write_text('{"x": {"y": [1, 2]}}')
    done = cutover("eval", expression, "--vars", "vars.json", code=0)
    assert json.loads(done.out) == value


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_root_can_run_beside_a_service_that_owns_the_folder_of_sockets(cutover):
    cutover.under = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && mkdir /run/cutover && "
                     "chown 12345 /run/cutover && exec \"$@\"", "--"]
    cutover.env.pop("CUTOVER_SOCKET_DIR")
    cutover.run(BOOK)


@pytest.mark.parametrize("variable, named", [
    ("CUTOVER_STATE_DIR", "`--state-dir`"), ("CUTOVER_SOCKET_DIR", "$CUTOVER_SOCKET_DIR")])
def test_a_folder_that_cannot_be_made_says_what_names_another(cutover, variable, named):
    cutover.book(BOOK)
    told = cutover("run", "book.yaml", "--yes", env={variable: "/proc/nowhere/at/all"}).err
    assert "cannot make /proc/nowhere" in told and f"{named} names another place" in told


def test_eval_names_the_error_of_an_expression(cutover):
    assert "divide by zero" in cutover("eval", "1 / 0", code=1).err
    told = cutover("eval", "nowhere", code=1).err
    assert "'nowhere'; give it in --vars FILE.json, or name a live run" in told


def test_eval_sees_a_live_run(cutover):
    run = cutover.start("""\
        cutover: v1
        name: gated
        parameters: {size: {type: int, default: 7}}
        roles: {ops: {members: ["0"]}}
        steps:
          - {id: one, uses: drill, with: {outputs: {name: first}}}
          - {id: gate, approve: {roles: [ops]}}
        """)
    run.wait_for_people("gate")
    assert json.loads(cutover("eval", "steps.one.outputs.name", run.id, code=0).out) == "first"
    assert json.loads(cutover("eval", "params.size + 1", run.id, code=0).out) == 8
    assert json.loads(cutover("eval", "params.size + 1", code=0).out) == 8
    assert "leave one out" in cutover("eval", "1", run.id, "--vars", "book.yaml", code=2).err
    for group in ("steps", "steps.one", "steps.one.outputs"):
        assert f"{group} is no value" in cutover("eval", group, run.id, code=1).err
    cutover("eval", "params.size +", run.id, code=2)
    cutover("eval", "params.size / 0", run.id, code=1)
    cutover("eval", "1", "nowhere", code=6)
    run("approve", "gate")
    run.end(0)


def test_a_trigger_is_tried_on_recorded_samples(cutover):
    samples = {"trigger": {"id": "t", "bad": {"above": 5}, "for": "2s"}, "metric": {"every": "1s"},
               "samples": [[0, 1], [1, 9], [2, 9], [3, 9], [4, None]], "armed_at": 0}
    (cutover.folder / "one.json").write_text(json.dumps(samples))
    (cutover.folder / "two.json").write_text(json.dumps([samples, samples]))
    told = cutover.json("trigger", "test", "one.json")
    assert set(told) == {"states", "classes", "fires_at", "fired", "final"}
    assert told["fires_at"] == 3 and told["fired"] == [3]
    assert told["classes"] == ["good", "bad", "bad", "bad", "missing"]
    assert cutover.json("trigger", "test", "two.json") == [told, told]
    text = cutover("trigger", "test", "one.json", code=0).out.splitlines()
    assert text[1].split() == ["1", "9", "bad", "pending"]


def test_plugins_and_schema_are_made_from_the_tables(cutover):
    plugins = {p["name"]: p for p in cutover.json("plugins")}
    assert {"core", "dns", "traffic", "sync", "metrics"} <= set(plugins)
    actions = {a["name"]: a for a in plugins["dns"]["actions"]}
    assert {"set_ttl", "set_records", "wait_propagated"} <= {a.split(".")[-1] for a in actions}
    assert [*plugins][0] == "core" and [*plugins][1:] == sorted([*plugins][1:])
    assert "drill" in cutover("plugins", "core", code=0).out
    assert "core" in cutover("plugins", code=0).out
    one = cutover("plugins", "dns.set_ttl", code=0).out
    assert "original" in one and "set_records" not in one
    assert "      param  zone               connection dns, required\n" in one
    assert "          default [A, AAAA, CNAME]\n" in one
    assert "      output low_since          time\n" in one
    assert "  connection " in cutover("plugins", "dns", code=0).out
    assert " metric" in cutover("plugins", "metrics", code=0).out
    params = {p["name"]: p for p in actions["dns.set_ttl"]["params"]}
    assert params["zone"]["required"] and not params["types"]["required"]
    assert params["types"]["default"] == "[A, AAAA, CNAME]"
    assert re.fullmatch("[0-9a-f]{64}", plugins["dns"]["digest"])
    assert [p["name"] for p in cutover.json("plugins", "dns.set_ttl")] == ["dns"]
    three_parts(cutover("plugins", "no_such"), 2)
    schema = cutover.json("schema")
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "dns.set_ttl" in json.dumps(schema)


def test_the_state_folder_is_private_and_named_by_option_or_environment(cutover):
    run = cutover.run(BOOK)
    for folder in (cutover.state, run.folder.parent, run.folder):
        assert folder.stat().st_mode & 0o777 == 0o700
    for file in ("journal.jsonl", "runbook.json", "lock", "engine.log"):
        assert (run.folder / file).stat().st_mode & 0o777 == 0o600, file
    elsewhere = cutover.folder / "elsewhere"
    assert cutover.json("list", "--state-dir", elsewhere) == []
    home = {"CUTOVER_STATE_DIR": "", "HOME": str(cutover.folder)}
    assert cutover("audit", "key", env=home, code=0).out.startswith("ssh-ed25519 ")
    assert (cutover.folder / ".local/state/cutover").is_dir()


def test_a_state_folder_of_somebody_else_is_refused(cutover):
    cutover.state.mkdir(mode=0o777)
    cutover.state.chmod(0o777)
    three_parts(cutover("list"), 6)


def test_options_may_be_written_with_equals_and_end_with_two_dashes(cutover):
    run = cutover.run(BOOK)
    assert cutover("status", "--output=json", "--", run.id, code=0).json["run"] == run.id


def test_text_is_coloured_on_a_terminal_only(cutover):
    run = cutover.run(BOOK.replace("three, run", "three, on_failure: continue, run")
                      .replace("echo, hi", "'false'"))
    assert "\033[" not in run("status").out
    with Terminal(cutover, "status", run.id) as terminal:
        assert terminal.wait() == 0
    assert "\033[31m" in terminal.text
    cutover.env["NO_COLOR"] = "1"
    with Terminal(cutover, "status", run.id) as terminal:
        assert terminal.wait() == 0
    assert "\033[" not in terminal.text


def test_of_a_run_that_was_never_armed_that_is_said(cutover):
    cutover.run("{cutover: v1, name: small, steps: [{id: one, uses: drill}]}")
    left = cutover.state / "runs" / "20990101T000000Z-left-0000"
    left.mkdir(mode=0o700)
    for words in (["status"], ["watch"], ["logs"], ["report"], ["audit", "verify"],
                  ["rollback", "--show"], ["recover"], ["pause"]):
        told = cutover(*words, left.name)
        three_parts(told, 6)
        assert "was never armed" in told.err
    assert left.name not in cutover("status", code=0).out


def test_of_an_engine_that_dies_before_it_is_ready_the_log_is_named(cutover):
    book = cutover.book("""\
        cutover: v1
        name: doomed
        secrets: {none: {command: [sh, -c, "kill -9 $PPID"]}}
        steps: [{id: one, run: [env], env: {NONE: {secret: none}}, effects: read}]
        """)
    told = cutover("run", book, "--yes")
    three_parts(told, 1)
    run, = cutover.runs()
    assert f"did not get ready: it ended; see {run.folder}/engine.log" in told.err
    eventually(lambda: "engine_given_up" in run.log())
    assert "was never armed" in cutover("status", code=6).err


def test_orders_to_a_run_that_has_ended_are_told_so(cutover):
    run = cutover.run(BOOK)
    for words in (["pause"], ["note", "late"], ["rollback", "--yes"], ["abort", "--yes"],
                  ["approve", "gate"]):
        told = cutover(*words, run.id, code=6).err
        assert told == (f"cutover: run {run.id} has ended: {run.state}; "
                        f"`cutover report {run.id}` tells how it went\n")


def test_of_several_live_runs_the_one_to_watch_must_be_named(cutover):
    live = [cutover.start(f"{{cutover: v1, name: {name}, steps: [{{id: a, wait: 1h}}]}}")
            for name in ("first", "second")]
    told = cutover("watch", code=2).err
    assert all(run.id in told for run in live)
    assert cutover("status", code=0).out
    for run in live:
        run("abort", "--yes")
        run.end(7)
    assert "aborted" in cutover("watch", code=7).out


def test_a_rollback_shows_what_each_undo_restores(cutover):
    run = cutover.start("""\
        cutover: v1
        name: shown
        steps:
          - id: file
            uses: skeleton.file_text
            planned: 3s
            with: {path: here, text: green}
          - id: link
            run: [ln, -sfn, green, current]
            rollback: {run: [ln, -sfn, blue stack, current]}
          - {id: names, uses: drill, with: {outputs: {tail: 1}}}
          - {id: hour, wait: 1h}
        """)
    run.wait_step("hour", "running")
    assert re.search(r"names: old answers may live until \d\d:\d\d:\d\d\n",
                     run("rollback", "--show").out)
    told = run("rollback", "--show").out
    assert ". link: exec: ln -sfn 'blue stack' current\n" in told
    assert re.search(r'  3\. file: .*, about 3s\n', told) and "not known" in told
    plan = json.loads(run("rollback", "--show", "--output", "json").out)
    assert plan["ended"] is None
    assert plan["steps"][1]["with"]["argv"] == ["ln", "-sfn", "blue stack", "current"]
    run("rollback", "--yes")
    run.end(4)
    assert run("rollback", "--show").out == (
        "The run has ended: rolled_back. It cannot be rolled back any more; by hand:\n"
        "  nothing stands that could be undone\n")


def test_all_times_that_people_read_are_of_their_zone(cutover):
    cutover.env["TZ"] = "XXX-9"  # nine hours before Greenwich
    run = cutover.start("""\
        cutover: v1
        name: zoned
        downtime: [{id: no_writes, from: freeze, to: thaw}]
        steps:
          - {id: freeze, uses: drill}
          - {id: hour, wait: 1h}
          - {id: thaw, uses: drill}
        """)
    run.wait_step("hour", "running")
    at = re.search(r"^(\S+) freeze: starts", run("logs").out, re.M)[1]
    assert f"Downtime: no_writes, since {at}, ends when" in run("rollback", "--show").out
    assert re.search(rf"^run .* on \S+ \S+ \+0900, \d", run("report").out, re.M)
    assert re.search(rf"^  {at}  freeze ", run("report").out, re.M)
    run("abort", "--yes")
    run.end(7)


def test_a_run_for_later_tells_when_it_starts(cutover):
    cutover.env["TZ"] = "XXX-9"
    book = cutover.book("{cutover: v1, name: later, steps: [{id: a, uses: drill}]}")
    told = cutover("run", book, "--at", "2100-01-01T00:00:00Z", code=3).out
    assert told.endswith("\nit starts on 2100-01-01 09:00:00 +0900\n")
    run = cutover.runs()[0]
    assert run.status["starts"] == "2100-01-01T00:00:00.000Z"
    assert "STARTS by itself on 2100-01-01 09:00:00 +0900;" in run("status").out
    assert "to start on 2100-01-01 09:00:00 +0900\n" in run("logs").out
    assert cutover("list").out.split()[1:] == ["armed", "live"]
    run("abort", "--yes")
    run.end(7)
    assert run.status["starts"] is None


def test_status_tells_what_a_step_waits_for(cutover):
    run = cutover.start("""\
        cutover: v1
        name: waits
        roles: {ops: {members: ["0"]}}
        phases:
          - id: main
            order: parallel
            max_parallel: 3
            steps:
              - {id: holder, run: [sleep, 1h], effects: read, locks: [db]}
              - {id: other, run: ["true"], effects: read, locks: [db]}
              - {id: flaky, run: ["false"], effects: read, retry: {limit: 1, delay: 1h, max: 1h, jitter: false}}
              - {id: gate, approve: {roles: [ops]}}
        """)
    run.wait(lambda s: s["steps"]["flaky"]["reason"] and s["steps"]["other"]["reason"])
    told = run("status").out
    assert re.search(r"    o other +ready: lock db\n", told)
    assert re.search(r"    o flaky +ready .*: try 2 of 2 in 1h00m: false exited", told)
    assert "o gate" not in told and "approve gate" in told
    run("abort", "--yes")
    run.end(7)


def test_a_skip_names_only_what_it_releases(cutover):
    run = cutover.start("""\
        cutover: v1
        name: skipping
        roles: {ops: {members: ["0"]}}
        phases:
          - {id: one, steps: [{id: bad, run: ["false"], effects: read}, {id: gate, approve: {roles: [ops]}}]}
          - {id: two, steps: [{id: later, uses: drill}]}
        """)
    run.wait_hold("step", "bad")
    assert run("skip", "bad", "--reason", "known").out.splitlines()[1:] == ["  releases gate"]
    run("abort", "--yes")
    run.end(7)


def test_recover_says_which_run_goes_on(cutover):
    run = cutover.start("{cutover: v1, name: lost, steps: [{id: a, wait: 1h}]}")
    for form, told in ([], f"run {run.id} goes on\n"), (["--output", "json"], None):
        run.kill("supervisor")
        run.kill("engine")
        out = cutover("recover", "--detach", *form, code=3).out
        assert out == told if told else json.loads(out)["run"] == run.id
    run("abort", "--yes")
    run.end(7)


@pytest.mark.parametrize("words", [["validate", "book.yaml"], ["plan", "book.yaml"], ["schema"],
                                   ["list", "--output", "json"], ["help"]], ids=" ".join)
def test_what_cannot_be_printed_is_an_error(cutover, words):
    cutover.run(BOOK)
    cutover.book(BOOK)
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(PROGRAM), *words], cwd=cutover.folder, env=cutover.env,
                              stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "cannot write to standard output" in done.stderr


def test_a_run_tells_its_end_though_nothing_can_be_printed(cutover):
    cutover.book(BOOK)
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(PROGRAM), "run", "book.yaml", "--yes"], cwd=cutover.folder,
                              env=cutover.env, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0 and "cannot write to standard output" in done.stderr


def test_a_temporary_change_that_was_undone_counts_as_done_in_a_good_end(cutover):
    run = cutover.run("""\
        cutover: v1
        name: brief
        steps:
          - {id: open, uses: drill, temporary: true}
          - {id: use, uses: drill}
        """)
    assert run.step("open") == "rolled_back"
    assert re.search(r"main +=\+  2/2\n", run("status").out)
