# SPDX-License-Identifier: Apache-2.0
"""A disk that takes nothing any more, while a run is under way: whoever looks on is told at once what
happened, why and what to do, and that advice works."""

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from cutkit import DEADLINE_S, PROGRAM, eventually

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")

BOOK = """\
    cutover: v1
    name: dead_disk
    steps:
      - {id: gate, manual: {instructions: look}, rollback: not_needed}
      - {id: slow, run: [sh, -c, "until test -e go; do sleep 0.1; done"], needs: [], effects: read}
      - {id: after, needs: [gate, slow], uses: drill, with: {mark: marks}}
    """
TOLD = "cannot write the journal in"


class DeadDisk:
    """The engine's own writes and syncs fail from now on; the first writes for want of room."""

    def __init__(self, run, full=0):
        [engine] = run.processes("engine")
        writes = f"ENOSPC:when=1..{full}" if full else "EIO:when=1+"
        self.tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "--trace=pwrite64,fdatasync",
             "--inject=fdatasync:error=EIO:when=1+", f"--inject=pwrite64:error={writes}",
             "-p", str(engine)])
        tasks = f"/proc/{engine}/task"
        eventually(lambda: all("TracerPid:\t0\n" not in open(f"{tasks}/{t}/status").read()
                               for t in os.listdir(tasks)))

    def mend(self):
        self.tracer.send_signal(signal.SIGTERM)
        self.tracer.wait()


def test_who_follows_is_told_at_once_and_recover_goes_on(cutover):
    (cutover.folder / "go").touch()
    run = cutover.start(BOOK)
    run.wait_step("slow", "succeeded")
    with open(cutover.folder / "seen", "w+") as seen:
        follower = subprocess.Popen([PROGRAM, "watch", run.id], env=cutover.env, text=True,
                                    stdin=subprocess.DEVNULL, stdout=seen,
                                    stderr=subprocess.PIPE, start_new_session=True)
        eventually(lambda: os.fstat(seen.fileno()).st_size)
    disk = DeadDisk(run)
    refused = run("note", "hello", code=6).err
    assert TOLD in refused and "input/output error" in refused and "cutover recover" in refused
    told = follower.communicate(timeout=DEADLINE_S)[1]
    assert follower.returncode == 6 and TOLD in told and "cutover recover" in told
    assert told.count("\n") == 1
    disk.mend()
    eventually(lambda: not run.processes())
    assert run("recover", "--detach", code=3).err == ""
    run("attest", "gate")
    run.end(0)
    run.audit()


def test_while_something_still_runs_status_tells_and_recover_waits_for_it(cutover):
    run = cutover.start(BOOK)
    run.wait_step("slow", "running")
    disk = DeadDisk(run)
    run("note", "hello", code=6)
    shown = run.status["fault"]
    assert TOLD in shown["what"] and "recover" in shown["next"]
    assert "NOTHING NEW STARTS" in run("status").out
    assert TOLD in run("attest", "gate", code=6).err
    assert TOLD in run("watch", code=6).err
    disk.mend()
    told = cutover.folder / "told"
    with open(told, "w") as out:
        follower = subprocess.Popen([PROGRAM, "recover", run.id], env=cutover.env, stdout=out,
                                    stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    eventually(lambda: "waiting until what still runs has ended" in told.read_text())
    (cutover.folder / "go").touch()
    run.wait(lambda s: s["engine"] == "live" and s["fault"] is None)
    run("attest", "gate")
    assert follower.wait(DEADLINE_S) == 0, told.read_text()
    assert [m[0] for m in cutover.marks] == ["apply"]


def test_an_order_that_waits_for_room_is_told_once_that_there_will_be_none(cutover):
    (cutover.folder / "go").touch()
    run = cutover.start(BOOK)
    run.wait_step("slow", "succeeded")
    DeadDisk(run, full=1)
    with ThreadPoolExecutor() as pool:
        noted = pool.submit(run, "note", "hello", code=6)
        eventually(lambda: "journal_low" in run.log())
        waited = run("pause", code=6)
    for told in noted.result().err, waited.err:  # a slow machine's patience may be over before
        assert TOLD in told or "the disk is full" in told, told
