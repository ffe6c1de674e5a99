# SPDX-License-Identifier: Apache-2.0
"""Every allocation of a host fails once while it serves a call: it may end, but in order, and what it
says that it did is done. By default a sample; with CUTOVER_FULL all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from allocs import Alloc, Allocs, some
from hostdrive import SANITIZED, Host, HostGone

SAMPLE = 12
SIDE_BY_SIDE = 4
TIMES = 5

pytestmark = pytest.mark.skipif(SANITIZED, reason="the sanitizer has its own allocator")

# plugin, action, params, and what is in the folder where it says ok: (file, its text)
CALLS = {
    "exec": (None, "exec", {"argv": ["sh", "-c", "echo green > text"]}, ("text", "green\n")),
    "drill": (None, "drill", {"mark": "marks"}, ("marks", "apply step 1 key\n")),
    "file": ("skeleton", "file_text", {"path": "text", "text": "green"}, ("text", "green")),
}


def served(case, folder, fails=Alloc(0, 0), call=True):
    """How one host ended that was asked for this: what it said, or None, its exit code, and its
    allocations."""
    plugin, action, params, _ = CALLS[case]
    folder.mkdir()
    (folder / "text").write_text("blue")
    allocs = Allocs(folder / "allocs", fails)
    host, done = Host.__new__(Host), None
    try:
        host.__init__(plugin, folder=folder, env=allocs.env)
        done = host.call(action, "apply", params) if call else None
    except HostGone:
        pass
    return done, host.close(), allocs


def paths(case, folder, call):
    done, code, allocs = served(case, folder / f"undisturbed.{call}", call=call)
    assert code == 0 and (not call or done.status == "ok"), done
    return allocs.paths


def fault(case, folder, alloc):
    """What went wrong, or None, and whether it failed at all: what is read in how many pieces is
    not always the same, so that an allocation may not be made again at once."""
    for n in range(TIMES):
        wrong, failed = one_fault(case, folder / f"{alloc.path:x}.{alloc.nth}.{n}", alloc)
        if wrong or failed:
            break
    return wrong, failed


def one_fault(case, folder, alloc):
    try:
        done, code, allocs = served(case, folder, alloc)
    except AssertionError as hung:
        return f"{alloc}: {hung}", True
    if code < 0 or (code == 0 and not done):
        return f"{alloc}: {done} and it ended with {code}", allocs.failed
    name, text = CALLS[case][3]
    if done and done.status == "ok" and (folder / name).read_text() != text:
        return f"{alloc}: {done}, but nothing is done", allocs.failed
    return None, allocs.failed


@pytest.mark.parametrize("case", CALLS)
def test_a_host_without_memory_ends_in_order_and_does_not_lie(case, tmp_path):
    # What it needs to get ready is that of --describe, which tests/e2e/test_memory.py tries.
    ready, done = paths(case, tmp_path, False), paths(case, tmp_path, True)
    every = {Alloc(path, nth + 1) for path in done for nth in range(ready[path], done[path])}
    chosen = some(every, SAMPLE, case)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        told = list(pool.map(lambda alloc: fault(case, tmp_path, alloc), chosen))
    faults = [fault for fault, _ in told if fault]
    print(f"{len(chosen)} of {len(every)} allocations, {sum(hit for _, hit in told)} of them hit")
    assert not faults, f"{len(faults)} of {len(chosen)}\n" + "\n".join(faults[:10])
    assert all(hit for _, hit in told)
