# SPDX-License-Identifier: Apache-2.0
"""A disk that fails while a run is armed: who started it is told at once, and nothing is left."""

import os
import subprocess

import pytest
from cutkit import DEADLINE_S, PROGRAM

BOOK = """\
    cutover: v1
    name: disk
    steps:
      - {id: a, uses: drill, with: {mark: marks}}
"""


@pytest.mark.parametrize("call, error, code, told", [
    ("fsync", "EIO", 1, "cannot sync"),
    ("fallocate", "ENOSPC", 6, "cannot create a journal"),
    ("fdatasync", "EIO", 6, "cannot create a journal"),
    ("pwrite64", "ENOSPC", 6, "the run was not armed: cannot reserve more space"),
    ("pwrite64", "EIO", 6, "the run was not armed: cannot write the journal"),
])
def test_a_disk_that_fails_while_arming_refuses_the_run(cutover, call, error, code, told):
    book = cutover.book(BOOK)
    cutover.without_leak_check()
    argv = ["strace", "-f", "-b", "execve", "-qq", "-o", "/dev/null", f"--trace={call}",
            f"--inject={call}:error={error}:when=1+", PROGRAM, "run", book, "--yes"]
    done = subprocess.run(argv, env={**cutover.env, "PATH": os.environ["PATH"]},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=DEADLINE_S, cwd=cutover.folder)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stderr and done.stderr.count("\n") == 1
    assert cutover.runs() == [] and cutover.marks == []
