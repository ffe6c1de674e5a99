# SPDX-License-Identifier: Apache-2.0
"""Disks that fail, lie and are full, under the real program, and what people are told of it; every
single point is tried in test_points.py."""

import os
import re
import resource
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cutkit import BUILD, eventually
from faultkit import BOOKS, Journey, Point

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")


def test_every_book_of_the_points_is_a_row_of_meson():
    rows = re.search(r"foreach book : \[(.*)\]", (Path(__file__).parent / "meson.build").read_text())
    assert re.findall(r"'(\w+)'", rows[1]) == sorted(BOOKS)


@pytest.fixture
def journey():
    made = []

    def make(book):
        made.append(Journey(book))
        return made[-1]

    yield make
    for one in made:
        one.cutover.close()


def test_killed_after_its_last_record_a_run_leaves_nobody_behind(journey):
    j = journey("approved")
    with j.begin("engine", Point("approved", "engine", "exit_group", "signal=KILL", "1").strace):
        j.follow()
    assert "killed by SIGKILL" in j.run.log()
    assert j.run.records("run")[-1]["state"] == "done"
    j.check()


def test_a_disk_that_fails_for_good_ends_the_engine_and_recover_goes_on(journey):
    """Somebody is told, whatever runs may end, and nothing is left that only seems to live."""
    j = journey("approved")
    j.path.write_text(j.path.read_text().replace(
        "steps:", 'notify: [{on: [note], argv: [sh, -c, "sleep 0.3; cat >> pages"]}]\nsteps:', 1))
    with j.begin("engine", Point("approved", "engine", "pwrite64,fdatasync", "error=EIO",
                                 "2+").strace):
        # Of each thread that writes the first write succeeds, and there may be none but these.
        eventually(lambda: j.run("note", "x", code=None) and not j.run.processes())
    assert j.run.status["engine"] == "dead"
    assert "journal_failed" in j.run.log()
    assert "mend the disk" in (j.cutover.folder / "pages").read_text()
    j.follow()
    j.check()


def test_people_are_told_how_it_ended_before_it_leaves(cutover):
    run = cutover.run("""\
        cutover: v1
        name: told
        notify: [{on: [note], argv: [sh, -c, "sleep 0.3; cat >> pages"]}]
        steps: [{id: one, uses: drill}]
        """)
    eventually(lambda: not run.processes())
    assert "ended as done" in (cutover.folder / "pages").read_text()


def test_a_disk_that_claims_what_it_did_not_write_is_found_out(journey):
    j = journey("retried")
    with j.begin("engine", Point("retried", "engine", "pwrite64", "retval=7", "2").strace):
        j.run("approve", "begin", code=None)
        eventually(lambda: not j.run.processes())
    assert "CORRUPT at record" in j.cutover("audit", "verify", j.run.id, code=8).out


def test_a_corrupt_journal_is_not_taken_up_again_and_says_where(journey):
    j = journey("approved")
    j.start()
    j.run("approve", "begin")
    j.run.wait_for_people("gate")
    for role in ("supervisor", "engine", "host"):
        j.run.kill(role)
    path = j.run.folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"order", b"ordes") + b"".join(lines[2:]))
    for words in (["recover"], ["recover", "--detach"], ["status"], ["logs"], ["audit", "verify"]):
        told = j.cutover(*words, code=8)
        assert "record 2" in told.out + told.err, told
    assert not j.run.processes()


def test_a_write_that_is_short_is_written_to_its_end(journey):
    """The first ones into files: runbook, lock, journal, log; with CUTOVER_FULL all."""
    def short(n):
        j = journey("retried")
        j.cutover.env |= {"LD_PRELOAD": BUILD / "tests" / "lib" / "shortwrite.so",
                          "CUTOVER_SHORT_WRITE": str(n)}
        j.start()
        lines = (j.run.folder / "lock").read_text().splitlines()
        assert all(len(line.split()) == 2 for line in lines), lines
        j.follow()
        j.check()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(short, range(1, 61 if os.environ.get("CUTOVER_FULL") else 9)))


def test_a_file_that_may_not_grow_is_followed_by_another(journey):
    """The write is short first, then refused; and a signal comes with it."""
    j = journey("approved")
    j.start()
    size = (j.run.folder / "journal.jsonl").stat().st_size + 2000
    for pid in j.run.processes("engine"):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    j.follow()
    assert (j.run.folder / "journal.2.jsonl").exists()
    j.check()


@pytest.fixture
def small_disk(tmp_path_factory):
    """A file system of 4 MiB, as a folder."""
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def start_on(disk, cutover):
    cutover.env["CUTOVER_STATE_DIR"] = str(disk)
    cutover.state = disk
    run = cutover.start("""\
        cutover: v1
        name: full
        roles: {ops: {members: ["0"]}}
        steps:
          - {id: one, uses: drill, with: {mark: marks}}
          - {id: gate, approve: {roles: [ops]}}
          - {id: two, uses: drill, with: {mark: marks}}
        """)
    run.wait_for_people("gate")
    fill(disk)
    return run


def note_until_refused(run):
    """Also what is kept for a rollback is full then, for other orders."""
    while (told := run("note", "x" * 50000, code=None)).code == 0:
        pass
    return told


def test_on_a_full_disk_nothing_new_starts_and_a_rollback_still_completes(cutover, small_disk):
    run = start_on(small_disk, cutover)
    while "operator" not in [hold["kind"] for hold in run.status["holds"]]:
        run("note", "x" * 50000)
    run("approve", "gate")
    time.sleep(0.3)
    assert cutover.marks.of("apply") == ["one"]
    run("rollback", "--yes", code=None)
    run.end(4)
    assert cutover.marks.of("rollback") == ["one"]
    run.audit()


def test_a_rollback_is_taken_where_no_other_order_is(cutover, small_disk):
    run = start_on(small_disk, cutover)
    note_until_refused(run)
    run("rollback", "--yes")
    run.end(4)
    assert cutover.marks.of("rollback") == ["one"]


def test_an_order_that_cannot_be_journaled_is_refused_until_there_is_room(cutover, small_disk):
    run = start_on(small_disk, cutover)
    told = note_until_refused(run)
    assert told.code == 6 and "taken, but not on the disk yet" in told.err, told
    for order in ("note x", "approve gate", "resume"):
        told = run(*order.split(), code=6)
        assert "the disk is full" in told.err and "make room" in told.err, told
    assert not [r for r in run.records("note") if r["text"] == "x"]
    (small_disk / "filler").unlink()
    run("resume")
    run("approve", "gate")
    run.end(0)
    run.audit()


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass
