# SPDX-License-Identifier: Apache-2.0
"""The real program under faults in its system calls, by `strace -e inject=`: small runs, a process of
theirs attached to, one fault in it, somebody who does what a person would do, and the comparison with
an undisturbed run: same end, same steps, and each effect in the world exactly once.

strace counts calls a thread, from the moment when it attached. Each run begins with a short wait, in
which that happens, so a point (book, role, calls, fault, when) means the same in every run.
"""

import json
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cutkit import FINAL, PROGRAM, Cutover, eventually

SECONDS = 60
LET_GO_SECONDS = 2

# A step's effect: one line in one write, as `cutover` names it; with `once`, as a service that honours
# keys: the same key a second time does nothing.
EFFECT = """\
#!/bin/sh
line="$1 $CUTOVER_STEP $CUTOVER_ATTEMPT $CUTOVER_KEY"
[ "$2" = once ] && grep -q " $CUTOVER_KEY$" effects && exit 0
echo "$line" >> effects
"""

# Each waits for a person at its beginning, so that there is time to attach to it.
BEGIN = "- {id: begin, approve: {roles: [ops]}}"
OPS = 'roles: {ops: {members: ["0"]}}'
BOOKS = {
    "forward": """\
        cutover: v1
        name: forward
        %s
        defaults: {retry: {limit: 0}}
        phases:
          - id: start
            steps: [%s]
          - id: together
            order: parallel
            steps:
              - {id: left, uses: drill, with: {mark: effects}}
              - {id: right, uses: drill, with: {mark: effects, after: 5ms}}
              - {id: saved, uses: skeleton.file_text, with: {path: text, text: green}}
          - id: one_by_one
            steps:
              - {id: declared, run: [./effect, apply], class: declarative,
                 rollback: {run: [./effect, rollback]}}
              - {id: probed, run: [./effect, apply], observe: [grep, -q, "^apply probed ", effects],
                 rollback: {run: [./effect, rollback]}}
              - {id: waited, wait: 10ms}
              - {id: last, uses: drill, with: {mark: effects}}
        """ % (OPS, BEGIN[2:]),
    "triggered": """\
        cutover: v1
        name: triggered
        %s
        defaults: {retry: {limit: 0}}
        metrics:
          errors: {uses: metrics.command, with: {argv: [cat, number]}, every: 20ms, max_age: 5s}
        triggers:
          - {id: errors_high, metric: errors, bad: {above: 5}, consecutive: 1, then: rollback, from: one}
        steps:
          %s
          - {id: one, uses: drill, with: {mark: effects}}
          - {id: text, uses: skeleton.file_text, with: {path: text, text: green}}
          - {id: probed, run: [./effect, apply], observe: [grep, -q, "^apply probed ", effects],
             rollback: {run: [./effect, rollback, once]}}
          - {id: spoil, run: [sh, -c, "echo 9 > n && mv n number"], class: declarative,
             rollback: not_needed}
          - {id: long, wait: 30s}
        """ % (OPS, BEGIN),
    "approved": """\
        cutover: v1
        name: approved
        %s
        defaults: {retry: {limit: 0}}
        steps:
          %s
          - {id: before, uses: drill, with: {mark: effects}}
          - {id: gate, approve: {roles: [ops]}}
          - {id: after, uses: drill, with: {mark: effects}}
        """ % (OPS, BEGIN),
    "retried": """\
        cutover: v1
        name: retried
        %s
        defaults: {retry: {limit: 3, delay: 5ms}}
        steps:
          %s
          - {id: one, uses: drill, with: {mark: effects}}
          - {id: twice, uses: drill, with: {mark: effects, do: fail, times: 2}}
          - {id: broken, uses: drill, with: {mark: effects, do: fail}, on_failure: rollback,
             retry: {limit: 1, delay: 5ms}}
        """ % (OPS, BEGIN),
    "opaque": """\
        cutover: v1
        name: opaque
        %s
        defaults: {retry: {limit: 0}}
        steps:
          %s
          - {id: one, uses: drill, with: {mark: effects}}
          - {id: opaque, run: [./effect, apply], rollback: {run: [./effect, rollback, once]}}
          - {id: verdict, run: ["false"], class: declarative, rollback: not_needed,
             on_failure: rollback}
        """ % (OPS, BEGIN),
}
# book → final state, exit code, what each step does in the world (operation, step)
ENDS = {
    "forward": ("done", 0, ["apply left", "apply right", "apply declared", "apply probed",
                            "apply last"]),
    "triggered": ("rolled_back", 4, ["apply one", "apply probed", "rollback probed", "rollback one"]),
    "approved": ("done", 0, ["apply before", "apply after"]),
    "retried": ("rolled_back", 4, ["apply one", "apply twice", "rollback broken", "rollback twice",
                               "rollback one"]),
    "opaque": ("rolled_back", 4, ["apply one", "apply opaque", "rollback opaque", "rollback one"]),
}
DECLARATIVE = {"apply declared"}


@dataclass(frozen=True)
class Point:
    """One fault. role: engine, host or supervisor, attached to while the run waits; tree: the client
    and all it starts, from its first instruction on."""
    book: str
    role: str
    calls: str  # as strace's inject= takes them
    fault: str  # signal=KILL, error=EIO, retval=7
    when: str   # 3: the third, 3+: that and all later ones

    def __str__(self):
        return f"{self.book}/{self.role}: {self.calls}:{self.fault}:when={self.when}"

    @property
    def strace(self):
        return ["-e", f"trace={self.calls}", "-e", f"inject={self.calls}:{self.fault}:when={self.when}"]


class Trace:
    """strace at work; `with` ends it, and lets go of who lives on."""

    def __init__(self, words, log, **options):
        self.log = log
        self.strace = subprocess.Popen(["strace", "-I2", "-qq", "-o", log, *map(str, words)],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       **options)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.end()

    def end(self):
        """strace waits forever when it lets go of a leader that is dead and whose threads are not;
        once it is gone itself, the kernel lets go of them all."""
        self.strace.terminate()
        try:
            self.strace.wait(LET_GO_SECONDS)
        except subprocess.TimeoutExpired:
            self.strace.kill()
            self.strace.wait(SECONDS)

    def calls(self):
        """How often each thread made each call: [Counter, …]."""
        threads = {}
        for line in self.log.read_text(errors="replace").splitlines():
            made = re.match(r"(\d*) *(\w+)\(", line) # the number is left out where there is one only
            if made:
                threads.setdefault(made[1], Counter())[made[2]] += 1
        return list(threads.values())

    def hit(self):
        text = self.log.read_text(errors="replace")
        return "(INJECTED)" in text or "killed by SIGKILL" in text


class Journey:
    """One run of a book, and somebody who looks after it."""

    def __init__(self, book):
        self.book = book
        self.cutover = Cutover()
        self.cutover.without_leak_check()
        folder = self.cutover.folder
        self.log = folder / "strace"
        (folder / "effect").write_text(EFFECT)
        (folder / "effect").chmod(0o755)
        (folder / "text").write_text("blue")
        (folder / "number").write_text("1")
        self.path = self.cutover.book(BOOKS[book])
        self.run = None

    def start(self):
        self.run = self.cutover.start(self.path)

    def begin(self, role, words):
        """Starts the run, with that role under strace."""
        if role == "tree":
            trace = self.start_traced(words)
            trace.end() # commands are the world: left alone
            self.find()
            return trace
        self.start()
        return self.attach(role, words)

    def attach(self, role, words):
        """To a role's processes; a supervisor is attached to and its engine then killed."""
        pids = self.run.processes(role)
        # With its threads; but what it starts is somebody else, and a command is the world.
        threads = [t for pid in pids for t in os.listdir(f"/proc/{pid}/task")]
        trace = Trace([*words, *(w for thread in threads for w in ("-p", thread))], self.log)
        eventually(lambda: all(map(self.traced_or_gone, threads)), every=0.002)
        if role == "supervisor":
            self.run.kill("engine")
        return trace

    @staticmethod
    def traced_or_gone(thread):
        try:
            status = Path(f"/proc/{thread}/status").read_text()
        except OSError:
            return True
        return re.search(r"^State:\s+[ZX]|^TracerPid:\s+[1-9]", status, re.M)

    def start_traced(self, words):
        """From the first instruction of whoever types it until it is started: it may not come to be."""
        argv = ["-f", *words, PROGRAM, "run", self.path, "--yes", "--detach"]
        trace = Trace(argv, self.log, env=self.cutover.env, cwd=self.cutover.folder,
                      stdout=subprocess.DEVNULL, start_new_session=True)
        client = eventually(lambda: self.client_of(trace.strace) or trace.strace.poll() is not None,
                            every=0.002)
        if client is not True:
            eventually(lambda: not client.exists(), every=0.002)
        return trace

    @staticmethod
    def journal(run):
        """Its records; none where it has not begun."""
        told = run("logs", "--output", "json", code=None)
        return [json.loads(line) for line in told.out.splitlines()] if told.code == 0 else []

    @staticmethod
    def client_of(strace):
        """The program itself: strace begins with children that only try out what the kernel can do."""
        try:
            pids = Path(f"/proc/{strace.pid}/task/{strace.pid}/children").read_text().split()
            return next((p for p in (Path("/proc", pid) for pid in pids)
                         if (p / "comm").read_text() == "cutover\n"), None)
        except OSError:
            return None

    def find(self):
        """The run, or None where it never was; then nothing has happened."""
        def settled():
            """None, withdrawn, dead at the start, or on its way."""
            runs = [run for run in self.cutover.runs() if run.processes()]
            return not runs or any("start" in str(r.get("order")) for r in self.journal(runs[0]))

        eventually(settled)
        self.run = next((run for run in self.cutover.runs() if self.journal(run)), None)
        assert self.run or not self.effects(), self.effects()

    def effects(self):
        path = self.cutover.folder / "effects"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def distinct(self):
        """Without what may be done again: an undo with the same key, and what is declarative."""
        kept = {}
        for op, step, attempt, key in self.effects():
            what = f"{op} {step}"
            may_repeat = op == "rollback" or what in DECLARATIVE
            kept[what if what in DECLARATIVE else key, 0 if may_repeat else len(kept)] = what
        return list(kept.values())

    def done(self, what):
        return [" ".join(e[:2]) for e in self.effects()].count(what)

    def answer(self, status):
        """What a person does who looks at the world, and guesses nothing."""
        for hold in status["holds"]:
            if hold["kind"] == "unknown":
                assert self.book == "opaque" and hold["id"] == "opaque", hold
                self.cutover("attest", "opaque", self.run.id,
                             "--applied" if self.done("apply opaque") else "--not-applied")
            elif hold["kind"] == "step":
                self.cutover("retry", hold["id"], self.run.id)
            elif hold["kind"] == "operator":
                self.cutover("resume", self.run.id)
            elif hold["kind"] == "rollback":
                self.cutover("retry", hold["id"], self.run.id)
        for waiting in status["waiting_for"]:
            self.cutover("approve", waiting["id"], self.run.id)

    def follow(self):
        """To the end, and until nobody of the run lives; gives back the last status."""
        def ended():
            processes = self.run.processes() # first: what a live one tells need not be durable
            status = self.run.status
            if status["state"] in FINAL:
                return status if not processes else None
            if status["engine"] == "live":
                self.answer(status)
            elif not processes:
                self.cutover("recover", self.run.id, "--detach")
            return None

        self.status = eventually(ended, SECONDS, every=0.1,
                                 told=lambda: f"{self.run.processes()} {self.story()}")

    def check(self):
        """The end, the world and the journal are those of an undisturbed run."""
        state, code, effects = ENDS[self.book]
        status = self.status
        assert (status["state"], status["exit_code"]) == (state, code), status
        assert Counter(self.distinct()) == Counter(effects), self.effects()
        text = (self.cutover.folder / "text").read_text()
        assert text == ("green" if self.book == "forward" else "blue"), text
        self.check_journal()

    def check_journal(self):
        """It verifies, and every effect was announced in it."""
        self.run.audit()
        announced = {record["key"] for record in self.run.records("intent")}
        for effect in self.effects():
            assert effect[3] in announced, f"no intent for {effect}"

    def story(self):
        told = self.run.log() + self.run("logs", code=None).out if self.run else "no run"
        traced = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"{told}\n{traced[-500:]}"


def reference(book, role):
    """What an undisturbed run calls, a Counter a thread; its end is the expected one."""
    journey = Journey(book)
    try:
        with journey.begin(role, []) as trace:
            journey.follow()
        journey.check()
        return trace.calls()
    finally:
        journey.cutover.close()


def points(book, role, faults, calls=None, most=20):
    """Faults at each of these calls (None: at every one that is made), where a call is made more often
    than `most` spread over them."""
    made = Counter()
    for thread in reference(book, role):
        made |= thread
    return [Point(book, role, name, fault, str(when))
            for name, n in sorted(made.items()) if calls is None or name in calls
            for when in sorted({1 + i * (n - 1) // max(1, min(n, most) - 1) for i in range(min(n, most))})
            for fault in faults]


def trial(point):
    """What went wrong, or None; and whether the fault came about at all. The folder of a point that
    went wrong is kept."""
    journey = Journey(point.book)
    told, hit = None, False
    try:
        with journey.begin(point.role, point.strace) as trace:
            if journey.run:
                journey.follow()
        hit = trace.hit()
        if journey.run:
            journey.check()
    except Exception as failure: # whatever it is: the other points are still to be tried
        told = f"{point}: kept in {journey.cutover.folder}: {failure!r}\n{journey.story()}"
    finally:
        journey.cutover.close(keep=told is not None)
    return told, hit
