# SPDX-License-Identifier: Apache-2.0
"""What `meson install` leaves behind stands alone: it runs runbooks, and plugins are built for it."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CUTOVER_BUILD", ROOT / "build"))
UNIT = "lib/systemd/system/cutover-recover.service"
COMPLETION = "share/bash-completion/completions/cutover"
PLUGINS = {"core", "dns", "metrics", "sync", "traffic"}
BOOK = """\
cutover: v1
name: moving_house
steps:
  - {id: greet, run: [echo, hello], effects: read}
  - {id: motd, uses: skeleton.file_text, with: {path: motd, text: moving house}}
"""


@pytest.fixture(scope="module")
def prefix():
    """Built in debug, for speed; the build is gone when the tests begin."""
    # Not in /tmp: plugins are loaded only from where nobody else can write.
    (BUILD / "tests").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="install.", dir=BUILD / "tests"))
    try:
        there = folder / "prefix"  # as README installs it
        for argv in (["meson", "setup", "--prefix", there, "--buildtype", "release",
                      "-Dtests=false", folder / "build", ROOT],
                     ["meson", "install", "-C", folder / "build"]):
            done = subprocess.run(argv, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(folder / "build")
        yield there
    finally:
        shutil.rmtree(folder)


def env_of(folder):
    return {"PATH": os.environ["PATH"], "HOME": str(folder),
            "CUTOVER_STATE_DIR": str(folder / "state"), "CUTOVER_SOCKET_DIR": str(folder / "s")}


@pytest.fixture
def cutover(prefix, tmp_path):
    def command(*words, code=0):
        done = subprocess.run([prefix / "bin" / "cutover", *words], env=env_of(tmp_path),
                              cwd=tmp_path, capture_output=True, text=True, timeout=240)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return command


def plugin_folder(prefix):
    return next(prefix.glob("lib*/**/cutover/plugins"))


def test_all_plugins_are_found_and_each_tells_its_tables(cutover):
    listed = set(re.findall(r"^(\w+) ", cutover("plugins"), re.M))
    assert PLUGINS <= listed
    for name in PLUGINS:
        assert name in cutover("plugins", name)


def test_nothing_of_the_tests_is_installed(prefix):
    files = {str(p.relative_to(prefix)) for p in prefix.rglob("*") if p.is_file()}
    folder = plugin_folder(prefix).relative_to(prefix)
    assert files == {"bin/cutover", "libexec/cutover-host", "include/cutover/plugin.h", COMPLETION,
                     UNIT,
                     *(f"{folder}/{name}.so" for name in PLUGINS - {"core"})}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_service_is_well_formed_and_has_few_rights(prefix):
    unit = prefix / UNIT
    assert f"ExecStart={prefix}/bin/cutover recover --all" in unit.read_text().splitlines()
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", unit],
                          capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("words, want", [
    (["aud"], {"audit"}),
    (["audit", ""], {"key", "verify"}),
    (["report", "--fo"], {"--format"}),
    (["report", "--format", ""], {"text", "md", "json"}),
    (["rollback", "--to", ""], set()),
    (["run", "--params", ""], {"book.yaml"}),
    (["status", "--output", "j"], {"json"}),
    (["help", "st"], {"status"}),
    (["trigger", "test", "boo"], {"book.yaml"}),
])
def test_the_shell_completes(prefix, tmp_path, words, want):
    (tmp_path / "book.yaml").write_text(BOOK)
    assert completed(prefix, tmp_path, words) == want


def completed(prefix, folder, words):
    typed = " ".join(f"'{word}'" for word in words)
    script = f"""source {prefix / COMPLETION}
COMP_WORDS=({prefix / "bin" / "cutover"} {typed}) COMP_CWORD={len(words)}
_cutover && printf '%s\\n' "${{COMPREPLY[@]}}\""""
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True,
                          env=env_of(folder))
    return set(done.stdout.split())


def test_the_shell_completes_what_a_run_waits_for(prefix, cutover, tmp_path):
    (tmp_path / "book.yaml").write_text("""{cutover: v1, name: waits,
        roles: {ops: {members: ["0"]}}, phases: [{id: p, order: parallel, steps: [
        {id: go_or_not, approve: {roles: [ops]}}, {id: go_away, manual: {instructions: x},
        rollback: not_needed}]}]}""")
    cutover("run", "book.yaml", "--yes", "--detach", code=3)
    run, = (path.name for path in (tmp_path / "state" / "runs").iterdir())
    for words, want in ((["approve", ""], "go_or_not"), (["decline", "go"], "go_or_not"),
                        (["attest", ""], "go_away"), (["approve", "go_or_not", ""], run)):
        assert completed(prefix, tmp_path, words) == {want}
    cutover("abort", "--yes")
    cutover("watch", run, code=7)


def test_without_the_plugin_host_that_is_what_is_told(prefix, cutover, tmp_path):
    (tmp_path / "book.yaml").write_text(BOOK)
    host = prefix / "libexec" / "cutover-host"
    host.rename(host.with_suffix(".away"))
    try:
        for words in (["validate", "book.yaml"], ["plugins"]):
            told = cutover(*words, code=6)
            assert f"{host}: no such file or directory; install cutover completely" in told
    finally:
        host.with_suffix(".away").rename(host)


def test_a_plugin_built_for_the_installed_header_runs_in_a_runbook(prefix, cutover, tmp_path):
    """The command line of docs/plugins.md, then a run with its action."""
    shutil.copy(ROOT / "plugins" / "skeleton" / "skeleton.c", tmp_path)
    line = next(line for line in (ROOT / "docs" / "plugins.md").read_text().splitlines()
                if line.startswith("cc -shared"))
    subprocess.run(f"{line} -I {prefix / 'include'}", shell=True, cwd=tmp_path, check=True)
    (tmp_path / "book.yaml").write_text(BOOK)

    assert "skeleton" in cutover("validate", "book.yaml", code=2)
    subprocess.run(["install", "-m", "755", tmp_path / "skeleton.so", plugin_folder(prefix)],
                   check=True)
    try:
        cutover("validate", "book.yaml")
        cutover("run", "book.yaml", "--yes")
    finally:
        (plugin_folder(prefix) / "skeleton.so").unlink()
    assert (tmp_path / "motd").read_text() == "moving house"
    cutover("audit", "verify")
