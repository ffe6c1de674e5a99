# SPDX-License-Identifier: Apache-2.0
"""What a command is started from: no home, no standard descriptors, a strict umask, low limits,
signals that somebody ignores, no /proc."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from cutkit import BUILD

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes a mount namespace")

BOOK = """\
    cutover: v1
    name: plain
    steps:
      - {id: one, run: ["true"], effects: read}
    """
WAITS = """\
    cutover: v1
    name: waits
    roles: {ops: {members: [daemon]}}
    steps:
      - {id: gate, approve: {roles: [ops]}}
    """


def shell(first):
    """The words of a program that does this first and then becomes what follows."""
    return ["sh", "-c", f'{first}; exec "$@"', "sh"]


def three_parts(done):
    what, why = done.err.removeprefix("cutover: ").rstrip("\n").split(": ", 1)
    assert done.err.startswith("cutover: ") and done.err.count("\n") == 1, done
    assert what and why.count("; ") == 1, done
    return why.split("; ")


# --- descriptors, signals, limits ---

@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_a_run_started_without_standard_descriptors_holds_its_lock(cutover, closed):
    cutover.under = shell(f"exec {closed}")
    cutover("run", cutover.book(WAITS), "--yes", "--detach", code=3)
    cutover.under = []
    run, = cutover.runs()
    run.wait_for_people("gate")
    assert len(run.processes("supervisor")) == len(run.processes("engine")) == 1
    run("abort", "--yes")
    run.end(7)
    run.audit()


def test_what_cannot_be_printed_because_there_is_no_output_is_an_error(cutover):
    cutover.run(BOOK)
    cutover.under = shell("exec >&-")
    assert "cannot write to standard output" in cutover("list", code=1).err


def test_what_the_starter_ignores_or_blocks_is_not_handed_on(cutover):
    cutover.under = ["env", "--ignore-signal=CHLD,PIPE,XFSZ", "--block-signal=USR1"]
    cutover.run("""\
        cutover: v1
        name: signals
        secrets: {none: {command: [cp, /proc/self/status, secret]}}
        steps:
          - {id: one, run: [cp, /proc/self/status, step], env: {SECRET: {secret: none}}, effects: read}
        """)
    for name in ("secret", "step"):
        told = dict(line.split(":\t") for line in
                    (cutover.folder / name).read_text().splitlines() if line.startswith("Sig"))
        c_library = 0b11 << 31  # signals 32 and 33, which posix_spawn leaves ignored
        assert int(told["SigIgn"], 16) & ~c_library == int(told["SigBlk"], 16) == 0, name


def test_a_limit_of_file_sizes_is_told_and_leaves_no_run(cutover):
    cutover.under = ["prlimit", "--fsize=0"]
    assert "file too large" in cutover("run", cutover.book(BOOK), "--yes", code=1).err
    assert cutover.runs() == []


@pytest.mark.parametrize("limit, told", [("--nofile=4", "ulimit -n"), ("--nofile=64", None)])
def test_too_few_descriptors_are_told(cutover, limit, told):
    cutover.under = ["prlimit", limit]
    done = cutover("run", cutover.book(BOOK), "--yes", code=1 if told else 0)
    assert not told or told in three_parts(done)[1]


@needs_root
def test_without_proc_that_is_said():
    done = subprocess.run(["unshare", "-m", *shell("umount -l /proc"),
                           BUILD / "engine/host/cutover-host", "--describe"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "is /proc mounted?" in done.stderr


# --- folders ---

@pytest.mark.parametrize("words", [["validate", "book.yaml"], ["plan", "book.yaml"],
                                   ["graph", "book.yaml"], ["plugins"], ["schema"]])
def test_what_looks_at_no_run_needs_no_state_folder(cutover, words):
    cutover.book(BOOK)
    del cutover.env["CUTOVER_STATE_DIR"], cutover.env["HOME"]
    cutover(*words, code=0)
    cutover(*words, code=0, env={"HOME": "/nonexistent"})


def test_who_only_looks_makes_no_state_folder(cutover):
    assert cutover.json("list") == []
    assert str(cutover.state) in cutover("status", code=6).err
    assert not cutover.state.exists()


@pytest.mark.parametrize("where", ["/proc/s", "/proc/self/comm", "long/" + "x" * 99])
def test_where_no_socket_can_be_that_names_the_variable(cutover, where):
    (cutover.folder / "long").mkdir()
    env = {"CUTOVER_SOCKET_DIR": str(cutover.folder / where)}
    done = cutover("run", cutover.book(BOOK), "--yes", env=env)
    assert done.code in (1, 2, 6) and "CUTOVER_SOCKET_DIR" in three_parts(done)[1], done
    assert cutover.runs() == []


@needs_root
@pytest.mark.parametrize("options", ["uid=1,mode=755", "gid=1,mode=2775"])
def test_where_run_cutover_is_somebody_elses_root_has_a_folder_of_its_own(cutover, options):
    os.makedirs("/run/cutover", exist_ok=True)
    cutover.under = ["unshare", "-m", *shell(f"mount -t tmpfs -o {options} none /run/cutover")]
    del cutover.env["CUTOVER_SOCKET_DIR"]
    run = cutover.start(WAITS)
    cutover.under = []
    assert run.wait_for_people("gate")["socket"].startswith("/tmp/cutover-0/")
    run("abort", "--yes")
    run.end(7)


# --- plugins ---

def test_a_plugin_that_changed_under_a_run_is_told_as_what_failed(cutover):
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="plugins.") as folder:
        plugin = Path(folder) / "skeleton.so"
        shutil.copy(BUILD / "plugins" / "skeleton" / "skeleton.so", plugin)
        run = cutover.start("""\
            cutover: v1
            name: upgraded
            steps:
              - {id: gate, manual: {instructions: upgrade}, rollback: not_needed}
              - {id: text, uses: skeleton.file_text, with: {path: text, text: green}}
            """, "--plugin-dir", folder)
        run.wait_for_people("gate")
        old = plugin.read_bytes()
        plugin.unlink()
        plugin.write_bytes(old + b"\0")
        plugin.chmod(0o755)
        run.kill("host")
        run("attest", "gate", "--applied")
        run.wait_step("text", "failed")
        assert "its file changed since the runbook was checked" in \
            run.status["steps"]["text"]["reason"]
        for role in ("supervisor", "engine", "host"):
            run.kill(role)
        run("recover", "--detach", "--plugin-dir", folder, code=3)
        run("retry", "text", "--reason", "the new one is as good")
        run.end(0)
        note, = run.records("note")
        assert note["text"].startswith("goes on with another plugin skeleton than was armed: 1.0 ")
        run.audit()
