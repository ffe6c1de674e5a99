# SPDX-License-Identifier: Apache-2.0
"""Whole runs under valgrind: client, supervisor, engine, plugin hosts, and commands that look at what
they left. No error, and nothing lost."""

import shutil

import pytest
from cutkit import BUILD, ROOT, SANITIZED, eventually
from faultkit import BOOKS, Journey

PRELOAD = f"LD_PRELOAD={BUILD / 'tests' / 'lib' / 'pidfds.so'}"
UNDER = ["valgrind", "-q", "--trace-children=yes", "--trace-children-skip=/bin/*,/usr/bin/*,*/effect",
         f"--suppressions={ROOT}/tests/lib/valgrind.supp", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]

pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind"),
    pytest.mark.skipif(SANITIZED, reason="the sanitizer watches it already"),
]


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("book", BOOKS)
def test_of_a_whole_run_valgrind_has_nothing_to_tell(book, killed):
    journey = Journey(book)
    cutover = journey.cutover
    told = cutover.folder / "valgrind"
    told.mkdir()
    under = ["env", PRELOAD, f"CUT_TEST_PRELOAD={PRELOAD}", *UNDER, f"--log-file={told}/%p"]
    try:
        cutover.under = under
        journey.start()
        cutover.under = []
        if killed:
            eventually(lambda: journey.run.kill("engine"))
        watched = {role: pid for role in ("supervisor", "engine", "host")
                   for pid in journey.run.processes(role)}
        journey.follow()
        journey.check()
        cutover.under = under
        for command in "status", "logs", "report", "audit verify":
            journey.run(command)
        assert len(watched) == 3 or killed, watched
        for pid in watched.values():
            assert (told / str(pid)).exists(), f"{watched}: {pid} was not under valgrind"
        # The rest are calls of the kernel that it does not know; the program can do without those.
        found = [f"{log.name} {line}" for log in told.iterdir()
                 for line in log.read_text().splitlines() if line.startswith("==")]
        assert not found, "\n".join(found)
    finally:
        cutover.close()
