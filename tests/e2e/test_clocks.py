# SPDX-License-Identifier: Apache-2.0
"""Clocks that are set, slept through and begun anew: what lasts, lasts as long as it really does;
what has a time of the day keeps to the wall clock.

Scenes run side by side, each with a wall clock of its own; a test looks at the figures of its scene.
True time is this process's monotonic clock, and a moment is when a drill wrote its mark. Nothing may
be early. Who is slow or stands still is late, so much of that is allowed: clocks are set by more, or
again and again until it is over, so that what would begin anew each time would never end."""

import concurrent.futures
import itertools
import subprocess
import time

import cutkit
import pytest
from clockkit import Wall, nudge
from cutkit import DEADLINE_S, Cutover, Marks, Run, eventually

pytestmark = pytest.mark.skipif(not nudge(0), reason="setting the clock is not allowed")

DAY = 86400
EARLY_S = 0.1
LATE_S = 20
OVER = object()


class TooLate(Exception):
    """The machine took so long that what was to be disturbed was over before. It shows nothing."""


class Scene:
    """patience: how many times longer it lasts than where no machine stands still."""

    def __init__(self, patience):
        self.patience = patience
        self.cutover = Cutover()
        self.wall = Wall(self.cutover)
        self.run = None

    def say(self, number):
        new = self.cutover.folder / "number.new"
        new.write_text(str(number))
        new.rename(self.cutover.folder / "number")

    def start(self, text, *options):
        self.run = self.cutover.start(text, *options)
        return self.run

    def start_at(self, text, at):
        self.cutover("run", self.cutover.book(text), "--at", at, code=3)
        self.run = self.cutover.runs()[0]

    def mark(self, step):
        return self.cutover.folder / f"mark.{step}"

    def did(self, step, op="apply"):
        return step in Marks(self.mark(step)).of(op)

    def moment(self, step, op="apply"):
        """When a drill did that, which is the last that it did, in true time."""
        eventually(lambda: self.did(step, op), every=0.01)
        return time.monotonic() - (time.time() - self.mark(step).stat().st_mtime)

    def waits(self):
        """The step `pause` has begun, and that is on disk."""
        self.run.wait_step("pause", "running")

    def check_in_time(self, in_time):
        if not in_time:
            raise TooLate

    def kill_all(self):
        for role in ("supervisor", "engine", "host"):
            self.run.kill(role)

    def recover(self, *inside):
        """Goes on within another namespace: words that begin a command."""
        argv = [*inside, str(cutkit.PROGRAM), "recover", "--detach", self.run.id]
        told = subprocess.run(argv, env=self.cutover.env, cwd=self.cutover.folder, timeout=DEADLINE_S,
                              capture_output=True, text=True, check=False)
        assert told.returncode == 3, told

    def jumps(self):
        """What the journal tells of, in seconds."""
        return [record["jump_ms"] / 1000 for record in self.run.records("clock")]

    def has_told(self, count):
        """So many jumps stand in the journal, of which nobody is asked."""
        told = (self.run.folder / "journal.jsonl").read_bytes().count(b'"type":"clock"')
        return told >= count


TWO = """\
    cutover: v1
    name: waits
    steps:
      - {{id: one, uses: drill, with: {{mark: mark.one}}}}
      - {{id: two, needs: [one], {between}, uses: drill, with: {{mark: mark.two}}}}
    """
WAIT = """\
    cutover: v1
    name: waits
    steps:
      - {{id: one, uses: drill, with: {{mark: mark.one}}}}
      - {{id: pause, needs: [one], wait: {length}}}
      - {{id: two, needs: [pause], uses: drill, with: {{mark: mark.two}}}}
    """
WATCHED = """\
    cutover: v1
    name: watched
    metrics:
      errors: {uses: metrics.command, with: {argv: [cat, number]}, every: 100ms, max_age: 5s}
    triggers:
      - {id: high, metric: errors, bad: {above: 5}, for: 2s, then: rollback, from: one,
         missing: {max_gap: 1s}}
    phases:
      - id: work
        steps:
          - {id: one, uses: drill, with: {mark: mark.one}}
        acceptance: {clean_for: 3s, coverage: 20%}
    finally: [{id: two, uses: drill, with: {mark: mark.two}}]
    """

# By how many seconds the wall clock is set, one after the other.
PATTERNS = {
    "not at all": [],
    "a day forward": [DAY],
    "a day back": [-DAY],
    "in steps forward": itertools.repeat(600),
    "in steps back": itertools.repeat(-600),
    "to and fro": [DAY, -DAY] * 100,
    "by little": itertools.repeat(1.5),
}


def set_the_clock(scene, pattern, is_over, is_told=lambda made: True):
    """By the next each time when the last is told of, until it is over. Gives those back."""
    made, told = [], 0
    for by in PATTERNS[pattern]:
        time.sleep(0.3)
        if is_over():
            break
        scene.wall.jump(by)
        made.append(by)
        told += eventually(lambda: is_told(made) or (is_over() and OVER), every=0.01) is not OVER
    scene.check_in_time(told or not PATTERNS[pattern])
    return made


def wait_through(pattern):
    """{error: how much longer a wait took than it should, jumps: told, made: those that were}"""
    def is_told(scene, made):
        return pattern == "by little" or scene.has_told(len(made))

    def play(scene):
        scene.start(WAIT.format(length=f"{3 * scene.patience}s"))
        began = scene.moment("one")
        made = set_the_clock(scene, pattern, lambda: scene.did("two"),
                             lambda made: is_told(scene, made))
        error = scene.moment("two") - began - 3 * scene.patience
        scene.run.end(0)
        scene.run.audit()
        return {"error": error, "jumps": scene.jumps(), "made": made}
    return play


def acceptance_through(pattern):
    def play(scene):
        scene.say(1)
        scene.start(WATCHED)
        began = scene.moment("one")
        set_the_clock(scene, pattern, lambda: scene.did("two"))
        error = scene.moment("two") - began - 3
        scene.run.end(0)
        return {"error": error, "state": scene.run.state}
    return play


def trigger_through(pattern):
    def play(scene):
        scene.say(1)
        scene.start(WATCHED)
        scene.moment("one")
        began = time.monotonic()
        scene.say(9)
        set_the_clock(scene, pattern, lambda: scene.did("one", "rollback"))
        error = scene.moment("one", "rollback") - began - 2
        scene.run.end(4)
        return {"error": error}
    return play


def killed(seconds):
    """kill -9 of the engine, the clock set while it is away."""
    def play(scene):
        length_s = 4 * scene.patience
        scene.start(WAIT.format(length=f"{length_s}s"))
        began = scene.moment("one")
        scene.waits()
        scene.run.kill("engine", cutkit.signal.SIGSTOP)
        scene.check_in_time(not scene.did("two"))
        scene.wall.jump(seconds)
        scene.run.kill("engine")
        error = scene.moment("two") - began - length_s
        scene.run.end(0)
        scene.run.audit()
        return {"error": error, "jumps": scene.jumps(),
                "resumed": len(scene.run.records("resumed"))}
    return play


def all_killed(inside, shift_s, length_s, away_s=None):
    """Engine and supervisor killed; gone on with elsewhere, away_s later by the clocks that are there.
    None: the time until an engine is there again is not known, and none."""
    def play(scene):
        scene.start(WAIT.format(length=f"{length_s}s"))
        began = scene.moment("one")
        scene.waits()
        time.sleep(0.5)
        killed = time.monotonic()
        scene.kill_all()
        scene.check_in_time(not scene.did("two"))
        scene.wall.set(shift_s)
        (scene.cutover.folder / "boot_id").write_text("11111111-2222-4333-8444-555555555555\n")
        again = time.monotonic()
        scene.recover(*(word.format(folder=scene.cutover.folder) for word in inside))
        due = began + length_s
        due += again - killed if away_s is None else -away_s
        error = scene.moment("two") - due
        scene.run.end(0)
        return {"error": error, "jumps": scene.jumps()}
    return play


SLEPT = ["unshare", "-T", "--boottime", "56", "--fork", "--"]
REBOOTED = ["unshare", "-m", "sh", "-c",
            "mount --bind {folder}/boot_id /proc/sys/kernel/random/boot_id && exec \"$@\"", "sh"]


def stopped(scene):
    """Everything of the run stands still for 2.5 s, as in a suspend."""
    scene.start(WAIT.format(length="4s"))
    began = scene.moment("one")
    scene.waits()
    for role in ("supervisor", "engine", "host"):
        scene.run.kill(role, cutkit.signal.SIGSTOP)
    time.sleep(2.5)
    for role in ("supervisor", "engine", "host"):
        scene.run.kill(role, cutkit.signal.SIGCONT)
    error = scene.moment("two") - began - 4
    scene.run.end(0)
    return {"error": error, "resumed": len(scene.run.records("resumed"))}


def another_boot_clock(scene):
    """The whole run where the machine seems to be up ten days more."""
    book = scene.cutover.book(WAIT.format(length="2s"))
    told = subprocess.run(["unshare", "-T", "--boottime", str(10 * DAY), "--monotonic", "5", "--fork",
                           "--", str(cutkit.PROGRAM), "run", str(book), "--yes"],
                          env=scene.cutover.env, cwd=scene.cutover.folder, timeout=DEADLINE_S,
                          capture_output=True, text=True, check=False)
    assert told.returncode == 0, told
    marks = scene.cutover.runs()[0]
    done = {r["step"]: r["t"] for r in marks.records("step") if r["state"] == "succeeded"}
    return {"error": (done["two"] - done["one"]) / 1000 - 2}


def reached_by_a_jump(make):
    """make(scene, time in a minute) starts what waits for that time; then the clock is set to it."""
    def play(scene):
        make(scene, scene.wall.ahead(60))
        time.sleep(1.5)
        early = scene.did("two")
        began = time.monotonic()
        scene.wall.jump(60)
        return {"early": early, "error": scene.moment("two") - began}
    return play


def put_off_by_a_jump(make):
    """make(scene, time in 3 s) likewise; the clock is set back before, and later right again."""
    def play(scene):
        due = time.monotonic() + 3 * scene.patience
        make(scene, scene.wall.ahead(3 * scene.patience))
        time.sleep(0.5)
        scene.wall.jump(-60)
        scene.check_in_time(time.monotonic() < due)
        time.sleep(due + 1.5 - time.monotonic())
        early = scene.did("two")
        began = time.monotonic()
        scene.wall.jump(60)
        return {"early": early, "error": scene.moment("two") - began}
    return play


def not_before(scene, at):
    scene.start(TWO.format(between=f'not_before: "{at}"'))
    scene.moment("one")


def start_at(scene, at):
    scene.start_at(TWO.format(between="on_failure: pause"), at)


def wait_until(scene, at):
    scene.start(WAIT.format(length=f'{{until: "{at}"}}'))
    scene.moment("one")


def window_closes(scene):
    """A window that is closed by setting the clock acts as one that closes."""
    text = WAIT.format(length="10m").replace("steps:", "window: {opens: \"%s\", closes: \"%s\", "
                                             "on_overrun: rollback}\n    steps:")
    scene.start(text % (scene.wall.ahead(-60), scene.wall.ahead(120)))
    scene.moment("one")
    began = time.monotonic()
    scene.wall.jump(121)
    error = scene.moment("one", "rollback") - began
    scene.run.end(4)
    return {"error": error}


SCENES = {
    **{f"wait, {p}": wait_through(p) for p in PATTERNS},
    **{f"acceptance, {p}": acceptance_through(p) for p in PATTERNS},
    **{f"trigger, {p}": trigger_through(p) for p in PATTERNS},
    "killed, a day forward": killed(DAY),
    "killed, a day back": killed(-DAY),
    "slept while dead": all_killed(SLEPT, 0, 60, away_s=56),
    "rebooted, 56 s later": all_killed(REBOOTED, 56, 60, away_s=56),
    "rebooted, a day back": all_killed(REBOOTED, -DAY, 4),
    "stopped": stopped,
    "another boot clock": another_boot_clock,
    **{f"{make.__name__}, reached": reached_by_a_jump(make)
       for make in (not_before, start_at, wait_until)},
    **{f"{make.__name__}, put off": put_off_by_a_jump(make)
       for make in (not_before, start_at, wait_until)},
    "window closes": window_closes,
}


def play(name):
    for patience in (1, 4, 10):
        scene = Scene(patience)
        try:
            return SCENES[name](scene)
        except TooLate:
            pass
        finally:
            scene.cutover.close()
    raise TooLate(name)


@pytest.fixture(scope="module")
def figures():
    """name → future of its figures."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = {name: pool.submit(play, name) for name in SCENES}
        yield found
    worst = max(abs(told.result()["error"]) for told in found.values() if not told.exception())
    print(f"{len(SCENES)} scenes, timers off by at most {worst:.2f} s")


@pytest.mark.parametrize("name", SCENES)
def test_it_takes_its_true_time_and_keeps_to_the_time_of_the_day(figures, name):
    told = figures[name].result()
    assert not told.get("early")
    assert -EARLY_S <= told["error"] <= LATE_S, told


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_jump_of_over_two_seconds_is_journaled(figures, pattern):
    told, made = (figures[f"wait, {pattern}"].result()[name] for name in ("jumps", "made"))
    if pattern == "by little":  # each too small to be told; what they add up to is
        assert sum(told) == pytest.approx(sum(made), abs=4) and all(abs(j) > 2 for j in told), told
    else:  # the run may have ended before it told of the last
        assert told == pytest.approx(made[:len(told)], abs=0.5)
        assert len(told) in (len(made), len(made) - 1)


@pytest.mark.parametrize("name, by", [("killed, a day forward", DAY), ("killed, a day back", -DAY),
                                      ("slept while dead", None)])
def test_a_jump_while_nobody_watched_is_journaled(figures, name, by):
    told = figures[name].result()["jumps"]
    # A boot clock that is ahead of the wall clock, as after a suspend that the wall clock missed.
    assert told == pytest.approx([by if by else -56], abs=0.5)


def test_a_run_that_stood_still_was_not_taken_for_dead(figures):
    assert figures["stopped"].result()["resumed"] == 0
    assert figures["killed, a day back"].result()["resumed"] == 1
