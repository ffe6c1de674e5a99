# SPDX-License-Identifier: Apache-2.0
"""The small runbooks that teach: each does what its heading says, command by command, and ends with
that exit code and those words. What stands in the index is there, and the other way round."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from cutkit import DEADLINE_S, FINAL, PROGRAM, ROOT, Cutover

FOLDER = ROOT / "runbooks"
LESSONS = sorted(FOLDER.glob("learn/*.yaml"))
COMMAND = re.compile(r"^#   (cutover (\w+).*?) +# exit (\d)(?:: (.+))?$", re.M)
SIDE_BY_SIDE = 4
ASKING = {"run", "rollback", "abort", "decline"}
INDEXED = re.compile(r"\]\(([\w/]+\.yaml)\) \| `(cutover [^`]+)`")


def commands_of(book):
    return COMMAND.findall(book.read_text())


def settle(cutover):
    """A reader goes on when nothing more happens by itself."""
    for run in cutover.runs():
        run.wait(lambda s: s["waiting_for"] or s["state"] in {"paused", *FINAL})


def shell(cutover, command, asks):
    """As it would be typed, except that nobody is there to be asked."""
    if asks and "--show" not in command:
        command += " --yes"
    env = {**cutover.env, "TMPDIR": str(cutover.folder),
           "PATH": f"{PROGRAM.parent}:{cutover.env['PATH']}"}
    return subprocess.run(["bash", "-c", command], cwd=FOLDER / "learn", env=env, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=DEADLINE_S)


def play(book):
    cutover = Cutover()
    try:
        for command, name, code, words in commands_of(book):
            settle(cutover)
            done = shell(cutover, command, name in ASKING)
            told = f"{command}\n{done.stdout}{done.stderr}"
            assert done.returncode == int(code), told
            assert "warning" not in done.stderr and words in done.stdout, told
        for run in cutover.runs():
            run.audit()
    finally:
        cutover.close()


@pytest.fixture(scope="module")
def played():
    """All of them, for most of their time is waiting."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {book: pool.submit(play, book) for book in LESSONS}


@pytest.mark.parametrize("book", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_goes_as_its_heading_says(played, book):
    assert any(name == "run" for _, name, *_ in commands_of(book))
    played[book].result()


def test_the_index_names_every_runbook_and_how_it_is_run():
    index = dict(INDEXED.findall((FOLDER / "README.md").read_text()))
    assert set(index) == {str(p.relative_to(FOLDER)) for p in FOLDER.rglob("*.yaml")}
    for book in LESSONS:
        first = next(command for command, name, *_ in commands_of(book) if name == "run")
        assert index[str(book.relative_to(FOLDER))] == first
