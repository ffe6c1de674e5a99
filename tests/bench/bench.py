#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks as ratios: ours against a rival or the bare cost, A B A B in one run.

    bench.py validate --cutover build/engine/cli/cutover --floor build/tests/bench/yaml_floor

A ratio is taken within each round and its median told with the range: absolute times on a shared
machine say little. A goal is missed when the whole interquartile range lies above it, twice.
"""
import argparse
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIP = 77


class Case:
    """One benchmark's tools, folder and verdicts."""

    def __init__(self, args):
        self.args = args
        self.dir = Path(tempfile.mkdtemp(prefix="cutover-bench-", dir=args.dir))
        self.env = dict(os.environ, CUTOVER_STATE_DIR=str(self.dir / "state"),
                        CUTOVER_SOCKET_DIR=str(self.dir / "sock"))
        self.missed = False

    def gen(self, name, *options):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as out:
            subprocess.run(["/usr/bin/python3", HERE / "gen.py", *map(str, options)], stdout=out,
                           check=True)
        return path

    def timed(self, argv, cwd=None):
        """Wall seconds and peak KiB of one run of argv; its output is dropped."""
        start = time.monotonic()
        p = subprocess.Popen(argv, cwd=cwd or self.dir, env=self.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        err = p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - start
        if p.returncode != 0:
            sys.exit(f"{argv[0]} ended with {p.returncode}: {err.decode()[-500:]}")
        return took, usage.ru_maxrss

    def cutover(self, *options):
        return [self.args.cutover, *map(str, options)]

    def ratio(self, what, ours, rival, goal, rounds=7):
        """ours and rival: functions that return seconds. Repeated once on a miss."""
        for attempt in (1, 2):
            ours(), rival()
            ratios = []
            for _ in range(rounds):
                a, b = ours(), rival()
                ratios.append(a / b)
            low = statistics.quantiles(ratios, n=4)[0]
            if low <= goal:
                break
        self.verdict(what, statistics.median(ratios), goal, low <= goal,
                     f"{min(ratios):.2f} to {max(ratios):.2f}")

    def verdict(self, what, value, goal, ok, note=""):
        print(f"{what}: {value:.3g} (goal {goal:g}) {'ok' if ok else 'MISSED'} {note}".rstrip(),
              flush=True)
        self.missed |= not ok


def need(tool):
    if not shutil.which(tool):
        print(f"skipped: {tool} is not installed")
        sys.exit(SKIP)


def bench_validate(c):
    """100,000 layered steps against a bare walk over the same file's events; memory; scaling."""
    big = c.gen("layered.yaml", "--steps", 100000)
    peak = []

    def ours():
        seconds, kib = c.timed(c.cutover("validate", "--large", big))
        peak.append(kib)
        return seconds

    c.ratio("validate of 100,000 layered steps, times a bare walk over its events", ours,
            lambda: c.timed([c.args.floor, big])[0], 1.5)
    c.verdict("its peak memory, MiB", max(peak) / 1024, 100, max(peak) <= 100 * 1024)
    for shape in ("layered", "chain", "fan", "phases"):
        large = c.gen(f"{shape}-100k.yaml", "--steps", 100000, "--shape", shape)
        small = c.gen(f"{shape}-10k.yaml", "--steps", 10000, "--shape", shape)
        c.ratio(f"time(100,000) / time(10,000), {shape}",
                lambda: c.timed(c.cutover("validate", "--large", large))[0],
                lambda: c.timed(c.cutover("validate", "--large", small))[0], 12, rounds=3)
    peak = c.timed(c.cutover("validate", "--large", large))[1]
    c.verdict("peak memory of 100,000 phases of one step, MiB", peak / 1024, 100,
              peak <= 100 * 1024)
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    seconds, _ = c.timed(c.cutover("validate", "--large", c.dir / "chain-100k.yaml"))
    c.verdict("a chain of 100,000 is valid with an 8 MiB stack, s", seconds, 60, seconds < 60)


def bench_read(c):
    """Whoever reads a whole runbook or run needs as much longer as it is larger, in every shape."""
    for shape in ("layered", "chain", "fan", "phases"):
        small, large = [c.gen(f"{shape}-{n}.yaml", "--steps", n, "--shape", shape)
                        for n in (10000, 40000)]
        for book in (small, large):
            c.timed(c.cutover("run", "--large", "--yes", "--state-dir", book.with_suffix(""), book))
        for words in ("plan --large", "graph --large", "status", "report", "logs",
                      "rollback --show", "audit verify"):
            def read(book):
                where = [book] if "--large" in words else ["--state-dir", book.with_suffix("")]
                return c.timed(c.cutover(*words.split(), *where))[0]

            c.ratio(f"{words}: time(40,000) / time(10,000), {shape}", lambda: read(large),
                    lambda: read(small), 6, rounds=3)


def bench_run(c):
    """Journaled runs of steps without an effect, against ninja on as many phony edges."""
    need("ninja")
    for steps, rounds in ((10000, 7), (100000, 3)):
        book = c.gen(f"run-{steps}.yaml", "--steps", steps)
        edges = c.gen(f"ninja-{steps}/build.ninja", "--steps", steps, "--format", "ninja")
        c.ratio(f"run of {steps} checks, times ninja on phony edges",
                lambda: c.timed(c.cutover("run", "--large", "--yes", book))[0],
                lambda: c.timed(["ninja"], edges.parent)[0], 4, rounds)
    chain = c.gen("chain.yaml", "--steps", 100000, "--shape", "chain")
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    seconds, _ = c.timed(c.cutover("run", "--large", "--yes", chain))
    c.verdict("a chain of 100,000 completes with an 8 MiB stack, s", seconds, 60, seconds < 60)


def bench_spawn(c):
    """1,000 times /bin/true, two at a time, captured and durably journaled."""
    need("ninja")
    need("make")
    book = c.gen("true.yaml", "--steps", 1000, "--kind", "true", "--parallel", 2)
    edges = c.gen("ninja-true/build.ninja", "--steps", 1000, "--kind", "true", "--format", "ninja")
    rules = c.gen("make-true/Makefile", "--steps", 1000, "--kind", "true", "--format", "make")
    journal = c.dir / "floor.journal"
    # make runs /bin/true itself; ninja has /bin/sh run it, which is two programs a step
    ours = lambda: c.timed(c.cutover("run", "--yes", book))[0]  # noqa: E731
    c.ratio("1,000 × /bin/true, times ninja -j2", ours,
            lambda: c.timed(["ninja", "-j2"], edges.parent)[0], 1.0)
    c.ratio("1,000 × /bin/true, times make -j2", ours,
            lambda: c.timed(["make", "-s", "-j2"], rules.parent)[0], 1.1)
    c.ratio("1,000 × /bin/true, times a bare engine, host and journal", ours,
            lambda: c.timed([c.args.spawn_floor, "1000", journal])[0], 1.3)


def synced_writes(c, book):
    """fdatasync and fsync calls of a whole run, all its processes together."""
    counts = c.dir / "counts"
    subprocess.run(["strace", "-f", "-qq", "-c", "-o", counts, "-e", "trace=fdatasync,fsync",
                    *c.cutover("run", "--yes", book)], env=c.env, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    total = 0
    for line in counts.read_text().splitlines():
        fields = line.split()
        if fields and fields[-1] in ("fdatasync", "fsync"):
            total += int(fields[3])
    return total


def bench_syncs(c):
    """Synced writes an attempt: what arming costs is taken off by a run of one step."""
    need("strace")
    one = synced_writes(c, c.gen("one.yaml", "--steps", 1, "--kind", "true"))
    chain = synced_writes(c, c.gen("chain.yaml", "--steps", 100, "--kind", "true", "--shape", "chain"))
    c.verdict("synced writes an attempt in a chain", (chain - one) / 99, 2, chain - one <= 2 * 99)
    wide = synced_writes(c, c.gen("wide.yaml", "--steps", 640, "--kind", "true", "--shape", "wide",
                                  "--parallel", 64))
    c.verdict("synced writes for 16 attempts, 64 side by side", (wide - one) / 640 * 16, 2,
              (wide - one) / 640 * 16 <= 2)


REACTION = """cutover: v1
name: reaction
metrics:
  m: {{uses: metrics.command, with: {{argv: [/bin/cat, {value}]}}, every: 100ms, timeout: 90ms}}
triggers:
  - {{id: high, metric: m, bad: {{above: 5}}, for: 0s, from: change, then: rollback}}
steps:
  - {{id: change, uses: drill, with: {{on: verify, do: ok, mark: {mark}}}}}
  - {{id: bake, wait: 60s}}
"""


def bench_reaction(c):
    """From the sample that fires a trigger until the first rollback operation is handed to its
    plugin, cold, and until it is done."""
    handed, done = [], []
    for i in range(c.args.rounds or 40):
        value, mark = c.dir / f"value{i}", c.dir / f"mark{i}"
        value.write_text("1\n")
        book = c.dir / "reaction.yaml"
        book.write_text(REACTION.format(value=value, mark=mark))
        p = subprocess.Popen(c.cutover("run", "--yes", "--output", "json", book), env=c.env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        fired = None
        for line in p.stdout:
            if not line.startswith("{") or '"type"' not in line:
                continue
            r = json.loads(line)
            if r["type"] == "step" and r.get("step") == "change" and r["state"] == "succeeded":
                time.sleep(0.3)  # everything has gone cold
                value.write_text("9\n")
            if r["type"] == "trigger" and r["state"] == "firing":
                fired = r["t"]
            if r["type"] == "outcome" and r["op"] == "rollback":
                # an outcome counts its duration from the moment its plugin was told
                handed.append(r["t"] - round(r["duration_s"] * 1000) - fired)
                done.append(r["t"] - fired)
        p.wait()
    for what, times in (("told to its plugin", handed), ("done", done)):
        times.sort()
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        c.verdict(f"trigger's sample to first rollback {what}, p99 ms by the journal's clock",
                  p99, 5, p99 <= 5, f"median {statistics.median(times):g}, n {len(times)}")


KEPT = """  - id: kept
    steps:
      - {id: gate, manual: {instructions: goes on after the crash}, rollback: not_needed}
"""


def kill_all(state, run):
    """SIGKILL to every process of a run, the supervisor first; returns when none is left."""
    lock = (state / "runs" / run / "lock").read_text().splitlines()
    pids = [int(line.split()[1]) for line in lock]
    while pids:
        for pid in list(pids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pids.remove(pid)
        time.sleep(0.005)


def bench_recover(c):
    """All processes of a run die after 10,000 steps; `recover` until it goes on."""
    book = c.gen("recover.yaml", "--steps", 10000, "--kind", "true", "--parallel", 4)
    book.write_text(book.read_text() + KEPT)
    run = json.loads(subprocess.run(
        c.cutover("run", "--large", "--yes", "--detach", "--output", "json", book), env=c.env,
        stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout)["run"]

    def status():
        return json.loads(subprocess.run(c.cutover("status", "--output", "json", run), env=c.env,
                                         capture_output=True, text=True, check=True).stdout)

    while status()["phase"] != "kept":
        time.sleep(0.5)
    times = []
    for _ in range(c.args.rounds or 7):
        kill_all(c.dir / "state", run)
        start = time.monotonic()
        subprocess.run(c.cutover("recover", "--detach", run), env=c.env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - start)
        assert status()["engine"] == "live"
    kill_all(c.dir / "state", run)
    c.verdict("recovery of a run of 10,000 steps, s", statistics.median(times), 2,
              max(times) <= 2, f"{min(times):.2f} to {max(times):.2f}")


RUNS, ROUNDS, WAIT_MS = 100, 25, 200


def many_book():
    """A chain of 50 steps: commands with a deadline, and waits whose lateness tells the load."""
    yield "cutover: v1\nname: many\nsteps:\n"
    for i in range(ROUNDS):
        yield (f"  - {{id: r{i}, run: [/bin/true], timeout: 10s, rollback: not_needed,"
               f" class: declarative, retry: {{limit: 0}}}}\n  - {{id: w{i}, wait: {WAIT_MS}ms}}\n")


def bench_many(c):
    """100 runs of 50 steps at once: all end well, and no wait ends a second late."""
    books = c.dir / "books"
    books.mkdir()
    running = []
    for i in range(RUNS):
        book = books / f"many{i}.yaml"
        book.write_text("".join(many_book()).replace("name: many", f"name: many{i}"))
        running.append(subprocess.Popen(c.cutover("run", "--yes", book), env=c.env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
    codes = [p.wait() for p in running]
    c.verdict(f"{RUNS} runs of {2 * ROUNDS} steps at once, ended well", codes.count(0), RUNS,
              codes.count(0) == RUNS)
    late = []
    for journal in (c.dir / "state" / "runs").glob("*/journal.jsonl"):
        began = None  # a wait begins when the command before it is done
        for line in journal.read_text().splitlines():
            r = json.loads(line.split(" ", 5)[5])
            if r["type"] == "step" and r["state"] == "succeeded":
                if r["step"].startswith("w"):
                    late.append(r["t"] - began - WAIT_MS)
                began = r["t"]
    late.sort()
    assert len(late) == RUNS * ROUNDS
    c.verdict("their waits end late by ms, the latest", late[-1], 1000, late[-1] <= 1000,
              f"median {statistics.median(late):g}, p99 {late[int(len(late) * 0.99)]}")


CASES = {"many": bench_many, "recover": bench_recover, "validate": bench_validate, "read": bench_read, "run": bench_run,
         "spawn": bench_spawn, "syncs": bench_syncs, "reaction": bench_reaction}


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("case", choices=sorted(CASES))
    p.add_argument("--cutover", required=True)
    p.add_argument("--floor", help="the bare walk, for validate")
    p.add_argument("--spawn-floor", help="a bare engine, host and journal, for spawn")
    p.add_argument("--dir", help="where to work: a real disk, not a tmpfs")
    p.add_argument("--rounds", type=int)
    args = p.parse_args()
    args.cutover = str(Path(args.cutover).resolve())
    args.floor = args.floor and str(Path(args.floor).resolve())
    args.spawn_floor = args.spawn_floor and str(Path(args.spawn_floor).resolve())
    print(f"load average {os.getloadavg()[0]:.1f}, kernel {os.uname().release}", flush=True)
    case = Case(args)
    try:
        CASES[args.case](case)
    finally:
        shutil.rmtree(case.dir, ignore_errors=True)
    return 1 if case.missed else 0


if __name__ == "__main__":
    sys.exit(main())
