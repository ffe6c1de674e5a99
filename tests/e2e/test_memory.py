# SPDX-License-Identifier: Apache-2.0
"""Every allocation of the real program fails once, those of its libraries included: it may end, but in
order, and a run goes on to its end. Allocations are told apart by the calls that led to them; of those
that are the same the first and the last fail, and not again in the next command. By default a sample;
with CUTOVER_FULL all."""

import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cutkit import BUILD, PROGRAM, SANITIZED
from faultkit import Journey

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin"))
from allocs import Alloc, Allocs, some  # noqa: E402

SAMPLE = 15
SIDE_BY_SIDE = 4
HOST = BUILD / "engine" / "host" / "cutover-host"
files = itertools.count()

# A program that cannot be told the truth by its own memory cannot be tested so.
pytestmark = pytest.mark.skipif(SANITIZED, reason="the sanitizer has its own allocator")


@pytest.fixture(scope="module")
def tried():
    """What failed already."""
    return set()


def run(journey, words, fails=Alloc(0, 0)):
    """What it said, and its allocations."""
    allocs = Allocs(journey.cutover.folder / f"allocs.{next(files)}", fails)
    done = subprocess.run(list(map(str, words)), env={**journey.cutover.env, **allocs.env},
                          cwd=journey.cutover.folder, timeout=60, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    return done, allocs


def sweep(allocs, tried, seed, trial):
    """`trial` gives back what went wrong when one failed, or None, and whether it did fail."""
    paths = allocs.paths
    ends = {Alloc(path, nth) for path, n in paths.items() for nth in (1, n)}
    chosen = some(ends - tried, SAMPLE, seed)
    tried.update(chosen)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        told = list(pool.map(trial, chosen))
    failures = [fault for fault, _ in told if fault]
    hits = sum(hit for _, hit in told)
    print(f"{len(chosen)} of {len(ends)} on {len(paths)} paths, {hits} of them hit")
    assert not failures, f"{len(failures)}\n" + "\n".join(failures[:10])
    assert hits >= len(chosen) * 0.8  # in a run a handful may miss by chance


def look(journey, tried, *words):
    def trial(alloc):
        told, allocs = run(journey, words, alloc)
        orderly = told.returncode == 0 or (told.returncode > 0 and told.stderr)
        failed = allocs.failed
        allocs.file.unlink()
        return None if orderly else f"{alloc}: {told}", failed

    told, allocs = run(journey, words)
    assert told.returncode == 0, told
    sweep(allocs, tried, str(words), trial)


@pytest.fixture(scope="module")
def ended():
    """A run that went forward and back."""
    journey = Journey("retried")
    journey.start()
    journey.follow()
    journey.check()
    yield journey
    journey.cutover.close()


@pytest.mark.parametrize("command", ["validate", "graph", "plan"])
def test_a_look_at_a_runbook_ends_in_order(ended, tried, command):
    look(ended, tried, PROGRAM, command, ended.path)


@pytest.mark.parametrize("command", ["status", "logs", "report", "audit verify", "list", "plugins",
                                     "status --output json", "schema"])
def test_a_look_at_a_run_ends_in_order(ended, tried, command):
    look(ended, tried, PROGRAM, *command.split())


@pytest.mark.parametrize("plugin", [None, "skeleton", "dns", "traffic", "sync", "metrics"])
def test_a_plugin_host_ends_in_order(ended, tried, plugin):
    path = [BUILD / "plugins" / plugin / f"{plugin}.so"] if plugin else []
    look(ended, tried, HOST, "--describe", *path)


@pytest.mark.parametrize("book", ["forward", "retried", "opaque"])
def test_a_run_comes_to_its_end_whatever_allocation_fails(tried, book):
    """Those of client, supervisor and engines; who ends is started again."""
    journey = Journey(book)
    try:
        told, allocs = run(journey, [PROGRAM, "run", journey.path, "--yes", "--detach"])
        assert told.returncode == 3, told
        journey.find()
        journey.follow()
        sweep(allocs, tried, book, lambda alloc: failed_run(book, alloc))
    finally:
        journey.cutover.close()


def failed_run(book, alloc):
    journey = Journey(book)
    told, allocs = run(journey, [PROGRAM, "run", journey.path, "--yes", "--detach"], alloc)
    try:
        assert told.returncode > 0, told
        journey.find()
        if journey.run:
            assert "killed by SIG" not in journey.run.log()
            journey.follow()
            journey.check()
            assert "killed by SIG" not in journey.run.log()
        return None, allocs.failed
    except AssertionError as failure:
        log = journey.run.log() if journey.run else ""
        return f"{alloc}: {failure}\n{told}\n{log}", allocs.failed
    finally:
        journey.cutover.close()
