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


def attempt(chosen):
    """Every point; what went wrong with them. A fault that did not come about proves nothing."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        results = list(pool.map(trial, chosen))
    hits = sum(hit for _, hit in results)
    print(f"{len(chosen)} points, {hits} of them hit")
    failures = [told for told, _ in results if told]
    assert not failures, f"{len(failures)} of {len(chosen)}\n" + "\n".join(failures[:5])
    assert hits >= len(chosen) * (0.8 if FULL else 0.3) # a handful may miss by chance


def sample(book, roles, faults, calls, n):
    """All points of all roles, or n of one role, another with each book and seed."""
    chance = random.Random(f"{SEED} {book} {faults}")
    if FULL:
        return [p for role in roles for p in points(book, role, faults, calls)]
    every = points(book, chance.choice(roles), faults, calls)
    return chance.sample(every, min(n, len(every)))


@pytest.mark.parametrize("book", BOOKS)
def test_killed_at_any_call_it_ends_as_if_nothing_had_happened(book):
    attempt(sample(book, ROLES, ["signal=KILL"], None, 6))


@pytest.mark.parametrize("book", BOOKS)
def test_whatever_call_the_disk_refuses_nothing_is_lost_or_done_twice(book):
    attempt(sample(book, ["engine", "host", "supervisor"], ERRORS, DISK, 4))
