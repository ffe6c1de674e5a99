# SPDX-License-Identifier: Apache-2.0
"""What an end-to-end test can do with cutover itself: the real program in a world of its own.

A state folder and a socket folder for each test; runs are followed through the program's own
output and ended by process id. Tests get one through the fixture `cutover` of conftest.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import textwrap
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CUTOVER_BUILD", ROOT / "build"))
PROGRAM = BUILD / "engine" / "cli" / "cutover"
SANITIZED = PROGRAM.exists() and b"__asan_init" in PROGRAM.read_bytes()
FINAL = {"accepted", "done", "rolled_back", "rollback_incomplete", "aborted", "failed"}

# Long enough for a machine that is busy and stands still for seconds; only reached where something
# hangs. The program's own patience is 20 s.
DEADLINE_S = 60


def eventually(reached, seconds=DEADLINE_S, every=0.03, told=lambda: ""):
    """Waits for a true answer, and gives it back."""
    deadline = time.monotonic() + seconds
    while not (answer := reached()):
        assert time.monotonic() < deadline, f"not within {seconds} s {told()}"
        time.sleep(every)
    return answer


class Done:
    """A program that has ended: exit code and what it printed."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        """{"what", "why", "next"} under --output json."""
        return json.loads(self.err.splitlines()[-1])["error"]

    def __repr__(self):
        return f"{' '.join(map(str, self.words))} -> {self.code}\n{self.out}{self.err}"


class Cutover:
    """The program with a state folder of its own."""

    def __init__(self, folder=None):
        # Short and open to others: sockets have short paths, and other users may approve.
        self.folder = Path(folder or tempfile.mkdtemp(prefix="cut."))
        self.folder.chmod(0o755)
        self.state = self.folder / "state"
        self.under = []  # the words of a program that it runs under
        kept = ("PATH", "HOME", "TERM", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
        self.env = {name: os.environ[name] for name in kept if name in os.environ}
        self.env |= {"CUTOVER_STATE_DIR": str(self.state),
                     "CUTOVER_SOCKET_DIR": str(self.folder / "s")}

    def book(self, text, name="book.yaml"):
        """Writes a runbook next to which commands and marks are."""
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        return path

    def __call__(self, *words, code=None, stdin="", uid=None, env=(), timeout=DEADLINE_S):
        """Runs a command without a terminal; code: the exit code that it must have."""
        argv = [*self.under, str(PROGRAM), *map(str, words)]
        if uid is not None:
            argv = ["setpriv", f"--reuid={uid}", "--clear-groups", "--", *argv]
        timeout *= 4 if self.under else 1
        told = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout,
                              env={**self.env, **dict(env)}, cwd=self.folder,
                              start_new_session=True)
        done = Done(argv, told.returncode, told.stdout, told.stderr)
        assert code is None or done.code == code, f"wanted {code}: {done!r}"
        return done

    def json(self, *words, code=0, **options):
        return self(*words, "--output", "json", code=code, **options).json

    def run(self, book, *options, code=0):
        """Runs a runbook (a path or its text) to its end, which must be code."""
        done = self("run", self.path(book), "--yes", *options, code=code)
        run = Run(self, re.search(r"^run (\S+)$", done.out, re.M)[1])
        run.done = done
        return run

    def start(self, book, *options):
        """Starts a run and lets go of it."""
        told = self.json("run", self.path(book), "--yes", "--detach", *options, code=3)
        return Run(self, told["run"])

    def path(self, book):
        return book if isinstance(book, Path) else self.book(book)

    def runs(self):
        folder = self.state / "runs"
        return [Run(self, p.name) for p in sorted(folder.iterdir())] if folder.exists() else []

    @property
    def marks(self):
        return Marks(self.folder / "marks")

    def without_leak_check(self):
        """For who traces the program or leaves it no process: a sanitizer looks for leaks by a
        process that traces it."""
        self.env["ASAN_OPTIONS"] = self.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"

    def close(self, keep=False):
        """Ends what still runs, the supervisor first so that nothing is started again."""
        for run in self.runs():
            for role in ("supervisor", "engine", "host"):
                run.kill(role)
        found = [line for run in self.runs() for line in run.reports()]
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not found, "\n".join(found)


class Marks(list):
    """What drills did, in order: (operation, step, attempt, key)."""

    def __init__(self, path):
        lines = path.read_text().splitlines() if path.exists() else []
        super().__init__(tuple(line.split()) for line in lines)

    def of(self, op):
        return [step for did, step, *_ in self if did == op]

    def assert_no_key_twice(self):
        twice = [key for key, n in Counter(line[3] for line in self).items() if n > 1]
        assert not twice, f"done twice with one key: {[m for m in self if m[3] in twice]}"


class Run:
    """A run by its id, looked at through the program."""

    def __init__(self, cutover, run_id):
        self.cutover, self.id = cutover, run_id
        self.folder = cutover.state / "runs" / run_id

    def __call__(self, command, *words, code=0, **options):
        """An order or a look: run("approve", "gate")."""
        return self.cutover(*command.split(), *words, self.id, code=code, **options)

    @property
    def status(self):
        return self.cutover.json("status", self.id)

    @property
    def state(self):
        return self.status["state"]

    def step(self, step):
        return self.status["steps"][step]["state"]

    def wait(self, reached, seconds=DEADLINE_S):
        """Waits for a status of which it is true, and gives that back."""
        seen = []

        def look():
            seen[:] = [self.status]
            return seen[0] if reached(seen[0]) else None

        return eventually(look, seconds, told=lambda: json.dumps(seen[0], indent=1))

    def wait_state(self, *states):
        return self.wait(lambda s: s["state"] in states)

    def wait_step(self, step, *states):
        return self.wait(lambda s: s["steps"][step]["state"] in states)

    def wait_hold(self, kind, hold_id=None):
        def held(status):
            return [h for h in status["holds"]
                    if h["kind"] == kind and hold_id in (None, h["id"])]
        return held(self.wait(held))[0]

    def wait_for_people(self, gate):
        return self.wait(lambda s: gate in [w["id"] for w in s["waiting_for"]])

    def end(self, code=None):
        """Follows the run to its end; code: the exit code that it must have."""
        return self.cutover("watch", self.id, code=code)

    def records(self, kind=None):
        lines = self.cutover("logs", self.id, "--output", "json", code=0).out.splitlines()
        every = [json.loads(line) for line in lines]
        return [r for r in every if kind in (None, r["type"])]

    def refused(self):
        return [r for r in self.records() if r.get("refused")]

    def audit(self):
        self.cutover("audit", "verify", self.id, code=0)

    def steps(self):
        return {step: told["state"] for step, told in self.status["steps"].items()}

    def processes(self, role=None):
        """Process ids of a role that live, as the run's `lock` file tells."""
        lock = self.folder / "lock"
        try:
            lines = [line.split() for line in lock.read_text().splitlines()]
        except OSError:
            return []
        return [int(pid) for of, pid in lines
                if role in (None, of) and has_open(int(pid), lock)]

    def kill(self, role, number=signal.SIGKILL):
        """Signals all of a role; those killed are gone when it returns."""
        pids = self.processes(role)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        if number == signal.SIGKILL:
            eventually(lambda: not set(pids) & set(self.processes(role)), every=0.001)
        return pids

    def reports(self):
        """What a sanitizer says of hosts, which write to the run's log."""
        path = self.folder / "engine.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return [line for line in lines if "Sanitizer" in line or "runtime error: " in line]

    def length(self):
        """Records in its journal, read without asking anybody; what is reserved behind is empty."""
        return (self.folder / "journal.jsonl").read_bytes().count(b"\n")

    def log(self):
        return (self.folder / "engine.log").read_text()


def has_open(pid, path):
    """Is it the process that was meant, and not one that was given its number since?"""
    folder = Path(f"/proc/{pid}/fd")
    try:
        return any(os.readlink(fd) == str(path) for fd in folder.iterdir())
    except OSError:
        return False


class Terminal:
    """A command on a terminal of 80 by 24, as a person has it."""

    def __init__(self, cutover, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cutover.folder)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup may have started the tests
            os.execve(PROGRAM, [str(PROGRAM), *map(str, words)], cutover.env)
        self.text, self.code = "", None

    def __enter__(self):
        return self

    def __exit__(self, *why):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.hang_up()

    def hang_up(self):
        """The terminal is gone, as when a connection is lost."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """Takes what is there; False at the end of the output."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self.fd, 1 << 16)
        except OSError:
            return False
        self.text += chunk.decode(errors="replace")
        return bool(chunk)

    def expect(self, text, seconds=DEADLINE_S):
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert self.read(0.1) and time.monotonic() < deadline, \
                f"no {text!r} in {self.text[-2000:]}"
        return self.text

    def wait(self, seconds=DEADLINE_S):
        """Its exit code, with all that it printed read."""
        deadline = time.monotonic() + seconds
        while self.code is None:
            if self.fd is not None:
                self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"it does not end: {self.text[-2000:]}"
        while self.fd is not None and select.select([self.fd], [], [], 0)[0] and self.read(0):
            pass
        return self.code
