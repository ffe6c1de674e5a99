# SPDX-License-Identifier: Apache-2.0
"""Every allocation of a host fails once while it serves a call: it may end, but in order, and what it
says that it did is done. By default a sample; with CUTOVER_FULL all."""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostdrive import BUILD, HOST, Host, HostGone

FULL = bool(os.environ.get("CUTOVER_FULL"))
SAMPLE = 12
SIDE_BY_SIDE = 4
PRELOAD = BUILD / "tests" / "lib" / "failalloc.so"

pytestmark = pytest.mark.skipif(b"__asan_init" in open(HOST, "rb").read(),
                                reason="the sanitizer has its own allocator")

# plugin, action, params, and what is in the folder where it says ok: (file, its text)
CALLS = {
    "exec": (None, "exec", {"argv": ["sh", "-c", "echo green > text"]}, ("text", "green\n")),
    "drill": (None, "drill", {"mark": "marks"}, ("marks", "apply step 1 key\n")),
    "file": ("skeleton", "file_text", {"path": "text", "text": "green"}, ("text", "green")),
}


def served(case, folder, env, call=True):
    """How one host ended that was asked for this: what it said, or None, and its exit code."""
    plugin, action, params, _ = CALLS[case]
    folder.mkdir()
    (folder / "text").write_text("blue")
    host, done = Host.__new__(Host), None
    try:
        host.__init__(plugin, folder=folder, env={**env, "LD_PRELOAD": PRELOAD})
        done = host.call(action, "apply", params) if call else None
    except HostGone:
        pass
    return done, host.close()


def allocations(case, folder, call):
    path = folder / f"count.{call}"
    done, code = served(case, folder / f"undisturbed.{call}", {"CUTOVER_COUNT_ALLOC": path}, call)
    assert code == 0 and (not call or done.status == "ok"), done
    return int(path.read_text())


def fault(case, folder, n):
    try:
        done, code = served(case, folder, {"CUTOVER_FAIL_ALLOC": str(n)})
    except AssertionError as hung:
        return f"allocation {n}: {hung}"
    if code < 0 or (code == 0 and not done):
        return f"allocation {n}: {done} and it ended with {code}"
    name, text = CALLS[case][3]
    if done and done.status == "ok" and (folder / name).read_text() != text:
        return f"allocation {n}: {done}, but nothing is done"
    return None


@pytest.mark.parametrize("case", CALLS)
def test_a_host_without_memory_ends_in_order_and_does_not_lie(case, tmp_path):
    # What it needs to get ready is that of --describe, which tests/e2e/test_memory.py tries.
    every = range(allocations(case, tmp_path, False), allocations(case, tmp_path, True) + 1)
    chosen = every if FULL else random.Random(case).sample(every, min(SAMPLE, len(every)))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        faults = [told for told in pool.map(lambda n: fault(case, tmp_path / str(n), n), chosen) if told]
    print(f"{len(chosen)} of {len(every)} allocations")
    assert not faults, f"{len(faults)} of {len(chosen)}\n" + "\n".join(faults[:10])
