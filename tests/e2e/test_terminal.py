# SPDX-License-Identifier: Apache-2.0
"""What a person at a terminal sees and may do there; a run does not depend on it."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import termios

import pyte
import pytest
from cutkit import DEADLINE_S, PROGRAM, Terminal, eventually

GATED = """\
    cutover: v1
    name: gated
    title: A title so long that it would not fit into a line of a terminal of eighty columns at all
    roles: {ops: {members: ["0"]}}
    steps:
      - {id: one, uses: drill, with: {mark: marks}}
      - {id: a_step_with_quite_a_long_name_that_fills_most_of_the_line, uses: drill, with: {mark: marks}}
      - {id: gate, approve: {roles: [ops], message: Shall we go on or would you rather think again}}
      - {id: two, uses: drill, with: {mark: marks}}
    """


def columns(screen):
    """The widest line, without what moves the cursor or colours."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    return max(len(line) for line in re.split(r"[\r\n]+", text))


def test_run_shows_the_plan_and_starts_at_yes(cutover):
    with Terminal(cutover, "run", cutover.book(GATED)) as terminal:
        terminal.expect("Start? [y/N]")
        run = cutover.runs()[0]
        assert run.state == "armed" and cutover.marks == []
        terminal.type("y\n")
        run.wait_for_people("gate")
        terminal.expect("WAITS")
        run("approve", "gate")
        assert terminal.wait() == 0
    assert "done" in terminal.text and columns(terminal.text) <= 80
    assert "going on: next gate is gate" in terminal.text
    assert "going back: 2 steps to undo" in terminal.text
    last = terminal.text[terminal.text.rindex("gated  "):]
    assert last.startswith("gated  done") and "++++  4/4" in last


@pytest.mark.parametrize("answer", ["n\n", "\n", "Y es\n", "\x04"])
def test_run_starts_at_nothing_but_yes(cutover, answer):
    with Terminal(cutover, "run", cutover.book(GATED)) as terminal:
        terminal.expect("Start? [y/N]")
        terminal.type(answer)
        assert terminal.wait() == 6
    assert "nothing was changed" in terminal.text
    eventually(lambda: not cutover.runs())
    assert cutover.marks == []


def test_a_terminal_that_is_closed_at_the_question_starts_nothing(cutover):
    with Terminal(cutover, "run", cutover.book(GATED)) as terminal:
        terminal.expect("Start? [y/N]")
        terminal.hang_up()
        terminal.wait()
    eventually(lambda: not cutover.runs())
    assert cutover.marks == []


def test_a_lost_terminal_changes_nothing(cutover):
    with Terminal(cutover, "run", cutover.book(GATED), "--yes") as terminal:
        terminal.expect("WAITS")
        run = cutover.runs()[0]
        terminal.hang_up()
        terminal.wait()
    assert run.state == "running"
    run("approve", "gate")
    run.end(0)


def test_a_pipeline_that_gives_up_detaches_with_3(cutover):
    run = cutover.start(GATED)
    run.wait_for_people("gate")
    with subprocess.Popen([PROGRAM, "watch", run.id], env=cutover.env, cwd=cutover.folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as watching:
        assert "armed" in watching.stdout.readline()
        watching.terminate()
        _, told = watching.communicate(timeout=DEADLINE_S)
    assert watching.returncode == 3
    assert f"the run goes on: `cutover watch {run.id}`" in told and run.state == "running"
    run("approve", "gate")
    run.end(0)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_a_client_that_is_ended_changes_nothing(cutover, number):
    with Terminal(cutover, "run", cutover.book(GATED), "--yes") as terminal:
        terminal.expect("WAITS")
        run = cutover.runs()[0]
        os.kill(terminal.pid, number)
        terminal.wait()
    assert run.state == "running"
    run("approve", "gate")
    run.end(0)


@pytest.mark.parametrize("words", [["watch"], ["recover"]])
def test_control_c_detaches_with_3(cutover, words):
    run = cutover.start(GATED)
    run.wait_for_people("gate")
    with Terminal(cutover, *words, run.id) as terminal:
        terminal.expect("WAITS")
        terminal.type("\x03")
        assert terminal.wait() == 3
    assert f"cutover watch {run.id}" in terminal.text and run.state == "running"
    run("approve", "gate")
    run.end(0)


def test_the_live_view_fits_the_terminal_and_shows_the_end(cutover):
    run = cutover.start(GATED)
    run.wait_for_people("gate")
    with Terminal(cutover, "watch", run.id) as terminal:
        terminal.expect("cutover approve gate")
        run("note", "a remark that is far longer than eighty columns " * 4)
        run("pause")
        terminal.expect("HOLD operator")
        run("resume")
        run("approve", "gate")
        assert terminal.wait() == 0
    assert columns(terminal.text) <= 80
    assert f"{run.id}: done" in terminal.text


def test_rollback_asks_for_the_name_of_the_runbook(cutover):
    run = cutover.start(GATED)
    run.wait_for_people("gate")
    for answer, code in ("yes\n", 6), ("gate\n", 6), ("gated\n", 0):
        assert run.state == "running"
        with Terminal(cutover, "rollback", run.id) as terminal:
            terminal.expect("Type gated to go on")
            terminal.type(answer)
            assert terminal.wait() == code, terminal.text
        assert columns(terminal.text) <= 80
    run.end(4)


@pytest.mark.parametrize("on_decline, gate, told", [
    ("rollback", "gate", r"rolls the run back at once.*\. 1 step to undo; see `cutover rollback"),
    ("abort", "gate", "stops the run at once and undoes nothing"),
    ("pause", "gate", "holds the run: nothing new starts until `cutover retry gate` asks again"),
    ("rollback", "one", "has no effect now: nobody is asked there")])
def test_what_declining_does_is_said_before_it_is_asked(cutover, on_decline, gate, told):
    run = cutover.start(f"""\
        cutover: v1
        name: declined
        roles: {{ops: {{members: ["0"]}}}}
        steps:
          - {{id: one, uses: drill}}
          - {{id: gate, approve: {{roles: [ops], on_decline: {on_decline}}}}}
        """)
    run.wait_for_people("gate")
    with Terminal(cutover, "decline", gate, run.id) as terminal:
        shown = terminal.expect("Decline? [y/N]")
        assert re.search(f"Declining {gate} {told}", " ".join(shown.split())), shown
        assert ("to undo" in shown) == (on_decline == "rollback" and gate == "gate")
        terminal.type("no\n")
        assert terminal.wait() == 6
    assert run.state == "running"


@pytest.mark.parametrize("options, told", [([], "closes temporary quiet"),
                                           (["--keep-temporary"], "keeps temporary quiet")])
def test_an_abort_says_what_becomes_of_what_is_temporary(cutover, options, told):
    run = cutover.start("""\
        cutover: v1
        name: quiet
        roles: {ops: {members: ["0"]}}
        steps:
          - {id: quiet, uses: drill, temporary: true}
          - {id: gate, approve: {roles: [ops]}}
        """)
    run.wait_for_people("gate")
    with Terminal(cutover, "abort", *options, run.id) as terminal:
        terminal.expect("Type quiet to go on")
        assert told in terminal.text
        terminal.type("noise\n")
        assert terminal.wait() == 6
    assert run.state == "running"


def test_abort_and_decline_ask_too(cutover):
    run = cutover.start(GATED)
    run.wait_for_people("gate")
    with Terminal(cutover, "decline", "gate", run.id) as terminal:
        terminal.expect("Declining gate holds the run")
        terminal.expect("Decline? [y/N]")
        terminal.type("n\n")
        assert terminal.wait() == 6
    with Terminal(cutover, "abort", run.id) as terminal:
        terminal.expect("Type gated to go on")
        terminal.type("gated\n")
        assert terminal.wait() == 0
    run.end(7)


def test_what_is_read_aloud_fits_80_columns(cutover):
    run = cutover.run(GATED.replace("roles: [ops], message", "roles: [ops], expires: 100ms, "
                                    "on_expiry: rollback, message"), code=4)
    for words in (["status"], ["report"], ["logs"], ["list"], ["rollback", "--show"],
                  ["plan", "book.yaml"], ["graph", "book.yaml"], ["plugins"], ["plugins", "dns"]):
        with Terminal(cutover, *words) as terminal:
            assert terminal.wait() == 0
        assert columns(terminal.text) <= 80, f"{words}: {terminal.text}"
    assert run.state == "rolled_back"


@pytest.mark.parametrize("columns, lines", [(40, 24), (60, 24), (80, 10), (40, 10)])
def test_the_live_view_stays_whole_on_a_small_terminal_that_is_resized(cutover, columns, lines):
    run = cutover.start(GATED)
    run.wait_for_people("gate")
    screen = pyte.Screen(80, 24)
    stream = pyte.Stream(screen)
    with Terminal(cutover, "watch", run.id) as terminal:
        def shown(*parts):
            seen = len(terminal.text)
            terminal.read(0.1)
            stream.feed(terminal.text[seen:])
            whole = " ".join(" ".join(screen.display).split())
            # the view once, and nothing of an older one
            return (all(part in whole for part in parts) and
                    whole.count("cutover approve gate") == whole.count(run.id) == 1)

        def resize(columns, lines):
            screen.resize(lines, columns)
            fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ,
                        struct.pack("HHHH", lines, columns, 0, 0))

        resize(columns, lines)
        eventually(shown)
        for n in range(12):
            run("note", f"r{n} that is a good deal longer than such a line is " * 2)
        # Where there is no room for all, what people are asked comes first.
        newest = () if (columns, lines) == (40, 10) else (": r11",)
        eventually(lambda: shown(*newest), told=lambda: "\n".join(screen.display))
        resize(60, 16)
        run("note", "the last one")
        eventually(lambda: shown("the last one"), told=lambda: "\n".join(screen.display))


def test_a_run_of_many_phases_fits_a_small_screen(cutover):
    """What is over and what is to come share lines, so that there is room for what is now."""
    phases = "\n".join(f"          - {{id: p{n}, steps: [{{id: s{n}, uses: drill}}]}}"
                       for n in range(30))
    triggers = "\n".join(f"          - {{id: t{n}, metric: m, bad: {{above: {n + 5}}}, from: s0, then: notify}}"
                         for n in range(20))
    run = cutover.start(f"""\
        cutover: v1
        name: many
        roles: {{ops: {{members: ["0"]}}}}
        metrics: {{m: {{uses: metrics.command, with: {{argv: [echo, "5"]}}, every: 200ms,
                       timeout: 1m}}}}
        triggers:
{triggers}
        phases:
{phases}
          - id: now
            steps: [{{id: gate, approve: {{roles: [ops]}}}}, {{id: last, uses: drill, effects: traffic}}]
          - {{id: later, steps: [{{id: s30, uses: drill}}]}}
          - {{id: latest, steps: [{{id: s31, uses: drill}}]}}
        """)
    run.wait_for_people("gate")
    assert run("status").out.count("  1/1\n") == 30
    with Terminal(cutover, "watch", run.id) as terminal:
        shown = terminal.expect("2 phases to come: later to latest")
        assert "30 phases done: p0 to p29" in shown and "cutover approve gate" in shown
        assert re.search(r"  now +o\.  0/2", shown)
        terminal.expect("20 triggers clear")
    run("approve", "gate")
    run.end(0)


def test_what_holds_is_told_whole_and_first(cutover):
    why = "the server said no because its certificate has expired and nobody has another one"
    run = cutover.start(f"""\
        cutover: v1
        name: told
        steps:
          - {{id: one, run: [sh, -c, "echo {why} >&2; exit 3"], effects: read}}
        """)
    run.wait_hold("step", "one")
    told = run("status").out
    whole = " ".join(told.split())
    assert re.search(rf"HOLD step one since [0-9:]+: one failed: .*: {why} next: cutover retry one, ",
                     whole)
    assert told.index("HOLD") < told.index("main")
    assert re.search(r"    ! one +failed: .*…\n", told)  # a line that is cut says so
    with Terminal(cutover, "watch", run.id) as terminal:
        fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
        terminal.expect("next: cutover retry one")
    run("abort", "--yes")
    run.end(7)


def test_a_terminal_that_knows_nothing_but_lines_gets_lines(cutover):
    cutover.env["TERM"] = "dumb"
    with Terminal(cutover, "run", cutover.book("{cutover: v1, name: plain, steps: [{id: a, wait: 1s}]}"),
                  "--yes") as terminal:
        assert terminal.wait() == 0
    assert "a: succeeded" in terminal.text and "\x1b" not in terminal.text
    with Terminal(cutover, "status") as terminal:
        terminal.wait()
    assert "plain  done" in terminal.text and "\x1b" not in terminal.text


def test_what_cannot_be_planned_is_said_at_the_question_and_under_yes(cutover):
    book = cutover.book("""\
        cutover: v1
        name: unplanned
        steps:
          - {id: before, uses: drill}
          - {id: one, run: [echo, hi], class: declarative, plan: [sh, -c, "echo no such disk >&2; exit 1"],
             rollback: not_needed}
        """)
    with Terminal(cutover, "run", book) as terminal:
        shown = terminal.expect("Start")
        assert "CANNOT BE PLANNED, unless earlier steps change that: one" in " ".join(shown.split())
        terminal.type("no\n")
        terminal.wait()
    assert "unless earlier steps change that: one" in cutover("run", book, "--yes", code=0).err
    assert cutover.json("run", book, "--yes", "--detach", code=3)["unplanned"] == ["one"]
