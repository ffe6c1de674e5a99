# SPDX-License-Identifier: Apache-2.0
"""Clocks that are set, slept through and begun anew: what lasts, lasts as long as it really does;
what has a time of the day keeps to the wall clock.

Scenes run side by side, each with a wall clock of its own; a test looks at the figures of its scene.
True time is this process's monotonic clock, and a moment is when a drill's mark appears."""

import concurrent.futures
import subprocess
import time

import cutkit
import pytest
from clockkit import Wall, nudge
from cutkit import Cutover, Run, eventually


pytestmark = pytest.mark.skipif(not nudge(0), reason="setting the clock is not allowed")

DAY = 86400
NEAR_S = 1.0


class Scene:
    def __init__(self):
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

    def moment(self, step, op="apply"):
        """When a drill did that, in true time."""
        eventually(lambda: step in self.cutover.marks.of(op), every=0.01)
        return time.monotonic()

    def waits(self):
        """The step `pause` has begun, and that is on disk."""
        self.run.wait_step("pause", "running")

    def is_done(self, step):
        return step in self.cutover.marks.of("apply")

    def kill_all(self):
        for role in ("supervisor", "engine", "host"):
            self.run.kill(role)

    def recover(self, *inside):
        """Goes on within another namespace: words that begin a command."""
        argv = [*inside, str(cutkit.PROGRAM), "recover", "--detach", self.run.id]
        told = subprocess.run(argv, env=self.cutover.env, cwd=self.cutover.folder, timeout=30,
                              capture_output=True, text=True, check=False)
        assert told.returncode == 3, told

    def jumps(self):
        """What the journal tells of, in seconds."""
        return [record["jump_ms"] / 1000 for record in self.run.records("clock")]


TWO = """\
    cutover: v1
    name: waits
    steps:
      - {{id: one, uses: drill, with: {{mark: marks}}}}
      - {{id: two, needs: [one], {between}, uses: drill, with: {{mark: marks}}}}
    """
WAIT = """\
    cutover: v1
    name: waits
    steps:
      - {{id: one, uses: drill, with: {{mark: marks}}}}
      - {{id: pause, needs: [one], wait: {length}}}
      - {{id: two, needs: [pause], uses: drill, with: {{mark: marks}}}}
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
          - {id: one, uses: drill, with: {mark: marks}}
        acceptance: {clean_for: 3s, coverage: 20%}
    finally: [{id: last, uses: drill, with: {mark: marks}}]
    """

# Moments after the start, in seconds, and how far the wall clock is set then.
PATTERNS = {
    "not at all": [],
    "a day forward": [(0.7, DAY)],
    "a day back": [(0.7, -DAY)],
    "in steps forward": [(0.3 * i, 600) for i in range(1, 7)],
    "in steps back": [(0.3 * i, -600) for i in range(1, 7)],
    "to and fro": [(0.3 * i, DAY if i % 2 else -DAY) for i in range(1, 7)],
    "by little": [(0.3 * i, 1.5) for i in range(1, 7)],  # together 9 s
}


def set_the_clock(scene, pattern, began):
    for at, by in PATTERNS[pattern]:
        time.sleep(max(0, began + at - time.monotonic()))
        scene.wall.jump(by)


def wait_through(pattern):
    """{error: how much longer than 3 s a wait took}"""
    def play(scene):
        scene.start(WAIT.format(length="3s"))
        began = scene.moment("one")
        set_the_clock(scene, pattern, began)
        error = scene.moment("two") - began - 3
        scene.run.end(0)
        scene.run.audit()
        return {"error": error, "jumps": scene.jumps()}
    return play


def acceptance_through(pattern):
    def play(scene):
        scene.say(1)
        scene.start(WATCHED)
        began = scene.moment("one")
        set_the_clock(scene, pattern, began)
        error = scene.moment("last") - began - 3
        scene.run.end(0)
        return {"error": error, "state": scene.run.state}
    return play


def trigger_through(pattern):
    def play(scene):
        scene.say(1)
        scene.start(WATCHED)
        scene.moment("one")
        scene.say(9)
        began = time.monotonic()
        set_the_clock(scene, pattern, began)
        error = scene.moment("one", "rollback") - began - 2
        scene.run.end(4)
        return {"error": error}
    return play


def killed(seconds):
    """kill -9 of the engine, the clock set while it is away."""
    def play(scene):
        scene.start(WAIT.format(length="4s"))
        began = scene.moment("one")
        scene.waits()
        scene.run.kill("engine", cutkit.signal.SIGSTOP)
        scene.wall.jump(seconds)
        scene.run.kill("engine")
        error = scene.moment("two") - began - 4
        scene.run.end(0)
        scene.run.audit()
        return {"error": error, "jumps": scene.jumps(),
                "resumed": len(scene.run.records("resumed"))}
    return play


def all_killed(inside, shift_s, length, left_s, is_counted=True):
    """Engine and supervisor killed; gone on with elsewhere; so much of its wait is left then. Not
    is_counted: the time until an engine is there again is not known, and none."""
    def play(scene):
        scene.start(WAIT.format(length=length))
        scene.moment("one")
        scene.waits()
        time.sleep(0.5)
        scene.kill_all()
        scene.wall.set(shift_s)
        (scene.cutover.folder / "boot_id").write_text("11111111-2222-4333-8444-555555555555\n")
        began = time.monotonic()
        scene.recover(*(word.format(folder=scene.cutover.folder) for word in inside))
        if not is_counted:
            began = time.monotonic()
        error = scene.moment("two") - began - left_s
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
                          env=scene.cutover.env, cwd=scene.cutover.folder, timeout=30,
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
        early = scene.is_done("two")
        began = time.monotonic()
        scene.wall.jump(60)
        return {"early": early, "error": scene.moment("two") - began}
    return play


def put_off_by_a_jump(make):
    """make(scene, time in 3 s) likewise; the clock is set back before, and later right again."""
    def play(scene):
        make(scene, scene.wall.ahead(3))
        time.sleep(0.5)
        scene.wall.jump(-60)
        time.sleep(4)
        early = scene.is_done("two")
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
    text = WAIT.format(length="20s").replace("steps:", "window: {opens: \"%s\", closes: \"%s\", "
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
    "slept while dead": all_killed(SLEPT, 0, "60s", 3.5),
    "rebooted, 56 s later": all_killed(REBOOTED, 56, "60s", 3.5),
    "rebooted, a day back": all_killed(REBOOTED, -DAY, "4s", 3.7, is_counted=False),
    "stopped": stopped,
    "another boot clock": another_boot_clock,
    **{f"{make.__name__}, reached": reached_by_a_jump(make)
       for make in (not_before, start_at, wait_until)},
    **{f"{make.__name__}, put off": put_off_by_a_jump(make)
       for make in (not_before, start_at, wait_until)},
    "window closes": window_closes,
}


def play(name):
    scene = Scene()
    try:
        return SCENES[name](scene)
    finally:
        scene.cutover.close()


@pytest.fixture(scope="module")
def figures():
    """name → future of its figures."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        yield {name: pool.submit(play, name) for name in SCENES}


@pytest.mark.parametrize("name", SCENES)
def test_it_takes_its_true_time_and_keeps_to_the_time_of_the_day(figures, name):
    told = figures[name].result()
    assert not told.get("early")
    assert abs(told["error"]) <= NEAR_S, told


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_jump_of_over_two_seconds_is_journaled(figures, pattern):
    told = figures[f"wait, {pattern}"].result()["jumps"]
    if pattern == "by little":  # each too small to be told; what they add up to is
        assert sum(told) == pytest.approx(9, abs=2.1) and all(abs(j) > 2 for j in told), told
    else:
        assert told == pytest.approx([by for _, by in PATTERNS[pattern]], abs=0.5)


@pytest.mark.parametrize("name, by", [("killed, a day forward", DAY), ("killed, a day back", -DAY),
                                      ("slept while dead", None)])
def test_a_jump_while_nobody_watched_is_journaled(figures, name, by):
    told = figures[name].result()["jumps"]
    # A boot clock that is ahead of the wall clock, as after a suspend that the wall clock missed.
    assert told == pytest.approx([by if by else -56], abs=0.5)


def test_a_run_that_stood_still_was_not_taken_for_dead(figures):
    assert figures["stopped"].result()["resumed"] == 0
    assert figures["killed, a day back"].result()["resumed"] == 1
