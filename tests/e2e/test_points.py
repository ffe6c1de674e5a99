# SPDX-License-Identifier: Apache-2.0
"""The points of faultkit: killed at any system call, refused by the disk at any. By default a sample,
another one with each CUTOVER_SEED; with CUTOVER_FULL all. Each book is a row of meson's."""

import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from faultkit import BOOKS, points, trial

FULL = bool(os.environ.get("CUTOVER_FULL"))
SEED = int(os.environ.get("CUTOVER_SEED", "1"))
SIDE_BY_SIDE = 4
ROLES = ["engine", "host", "supervisor", "tree"]
ERRORS = [f"error={name}" for name in ("EIO", "ENOSPC", "EINTR", "EDQUOT")]
DISK = {"write", "pwrite64", "fdatasync", "fsync", "openat", "fallocate", "ftruncate", "mkdir",
        "rename", "unlink", "unlinkat"}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")


def attempt(book, roles, faults, calls, n):
    """All points of all roles, or n of one role, another with each book and seed. A fault that did not
    come about proves nothing, another one is tried: how often a call is made depends on the machine."""
    chance = random.Random(f"{SEED} {book} {faults}")
    chosen = [p for role in (roles if FULL else [chance.choice(roles)])
              for p in points(book, role, faults, calls)]
    chance.shuffle(chosen)
    wanted = len(chosen) if FULL else n
    hits, told = 0, []
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        while hits < wanted and len(told) < min(len(chosen), 10 * wanted):
            for failure, hit in pool.map(trial, chosen[len(told):][:wanted - hits]):
                hits += hit
                told.append(failure)
    print(f"{len(told)} points, {hits} of them hit")
    failures = [failure for failure in told if failure]
    assert not failures, f"{len(failures)} of {len(told)}\n" + "\n".join(failures[:5])
    assert hits >= min(wanted, len(told) * (0.8 if FULL else 0.3)) # a handful may miss by chance


@pytest.mark.parametrize("book", BOOKS)
def test_killed_at_any_call_it_ends_as_if_nothing_had_happened(book):
    attempt(book, ROLES, ["signal=KILL"], None, 6)


@pytest.mark.parametrize("book", BOOKS)
def test_whatever_call_the_disk_refuses_nothing_is_lost_or_done_twice(book):
    attempt(book, ["engine", "host", "supervisor"], ERRORS, DISK, 4)
