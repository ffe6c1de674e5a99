# SPDX-License-Identifier: Apache-2.0
"""Every allocation of the real program fails once, those of its libraries included: it may end, but in
order, and a run goes on to its end. By default a sample; with CUTOVER_FULL all."""

import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from cutkit import BUILD, PROGRAM
from faultkit import Journey

FULL = bool(os.environ.get("CUTOVER_FULL"))
SAMPLE = 15
SIDE_BY_SIDE = 4
HOST = BUILD / "engine" / "host" / "cutover-host"
PRELOAD = BUILD / "tests" / "lib" / "failalloc.so"

# A program that cannot be told the truth by its own memory cannot be tested so.
pytestmark = pytest.mark.skipif("asan" in str(BUILD), reason="the sanitizer has its own allocator")


def run(journey, words, fail=None, count=None):
    env = {**journey.cutover.env, "LD_PRELOAD": str(PRELOAD)}
    if fail:
        env["CUTOVER_FAIL_ALLOC"] = str(fail)
    if count:
        env["CUTOVER_COUNT_ALLOC"] = str(count)
    return subprocess.run(list(map(str, words)), env=env, cwd=journey.cutover.folder, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def numbers(journey, words):
    """Which allocations to fail; the command must go well undisturbed."""
    path = journey.cutover.folder / "count"
    told = run(journey, words, count=path)
    assert told.returncode == 0, told
    every = range(1, int(path.read_text()) + 1)
    if FULL:
        return every
    return sorted(random.Random(len(every)).sample(every, min(SAMPLE, len(every))))


def sweep(journey, words):
    def trial(n):
        told = run(journey, words, fail=n)
        orderly = told.returncode == 0 or (told.returncode > 0 and told.stderr)
        return None if orderly else f"allocation {n}: {told}"

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        failures = [told for told in pool.map(trial, numbers(journey, words)) if told]
    assert not failures, f"{len(failures)}\n" + "\n".join(failures[:10])


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
def test_a_look_at_a_runbook_ends_in_order(ended, command):
    sweep(ended, [PROGRAM, command, ended.path])


@pytest.mark.parametrize("command", ["status", "logs", "report", "audit verify", "list", "plugins",
                                     "status --output json", "schema"])
def test_a_look_at_a_run_ends_in_order(ended, command):
    sweep(ended, [PROGRAM, *command.split()])


@pytest.mark.parametrize("plugin", [None, "skeleton", "dns", "traffic", "sync", "metrics"])
def test_a_plugin_host_ends_in_order(ended, plugin):
    path = [BUILD / "plugins" / plugin / f"{plugin}.so"] if plugin else []
    sweep(ended, [HOST, "--describe", *path])


@pytest.mark.parametrize("book", ["forward", "retried", "opaque"])
def test_a_run_comes_to_its_end_whatever_allocation_fails(book):
    """Counted through client, supervisor and engines; who ends is started again."""
    journey = Journey(book)
    path = journey.cutover.folder / "count"
    words = [PROGRAM, "run", journey.path, "--yes", "--detach"]
    try:
        told = run(journey, words, count=path)
        assert told.returncode == 3, told
        journey.find()
        journey.follow()
        most = int(path.read_text()) * 3  # what the engine does once the client has gone
    finally:
        journey.cutover.close()
    every = range(1, most)
    chosen = every if FULL else random.Random(book).sample(every, SAMPLE)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        failures = [told for told in pool.map(lambda n: failed_run(book, n), chosen) if told]
    assert not failures, f"{len(failures)}\n" + "\n".join(failures[:5])


def failed_run(book, n):
    journey = Journey(book)
    told = None
    try:
        told = run(journey, [PROGRAM, "run", journey.path, "--yes", "--detach"], fail=n)
        assert told.returncode > 0, told
        journey.find()
        if journey.run:
            assert "killed by SIG" not in journey.run.log()
            journey.follow()
            journey.check()
            assert "killed by SIG" not in journey.run.log()
        return None
    except AssertionError as failure:
        return f"allocation {n}: {failure}\n{told}\n{journey.run and journey.run.log()}"
    finally:
        journey.cutover.close()
