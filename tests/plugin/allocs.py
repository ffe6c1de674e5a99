# SPDX-License-Identifier: Apache-2.0
"""The allocations of a real program, told apart by the calls that led to each, and one that fails:
the file by which tests/lib/failalloc.c is told, and tells."""

import os
import random
import struct
from collections import Counter
from typing import NamedTuple

from hostdrive import BUILD

FULL = bool(os.environ.get("CUTOVER_FULL"))
PRELOAD = BUILD / "tests" / "lib" / "failalloc.so"
HEAD = struct.Struct("=QQQQ")  # path and number of the one that fails, how many met, how many listed
MOST = 1 << 17


class Alloc(NamedTuple):
    path: int
    nth: int  # along this path, from 1


class Allocs:
    """A program with `env` lists its allocations in the file, or fails the one that is given."""

    def __init__(self, file, fails=Alloc(0, 0)):
        self.file, self.fails = file, fails
        self.env = {"LD_PRELOAD": str(PRELOAD), "CUTOVER_ALLOCS": str(file)}
        with open(file, "wb") as made:
            made.write(HEAD.pack(*fails, 0, 0))
            made.truncate(HEAD.size + 8 * MOST)

    @property
    def paths(self):
        """{path: how many}"""
        data = self.file.read_bytes()
        n = HEAD.unpack_from(data)[3]
        assert 0 < n <= MOST, n
        return Counter(struct.unpack_from(f"={n}Q", data, HEAD.size))

    @property
    def failed(self):
        with open(self.file, "rb") as told:
            return HEAD.unpack(told.read(HEAD.size))[2] >= self.fails.nth


def some(allocs, n, seed):
    """All of them with CUTOVER_FULL, else n."""
    every = sorted(allocs)
    return every if FULL else random.Random(seed).sample(every, min(n, len(every)))
