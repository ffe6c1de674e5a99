# SPDX-License-Identifier: Apache-2.0
"""The plugin to copy, and with it the three-way rule that every writing action follows."""

import os
import pathlib
import shutil
import subprocess

import pytest

from hostdrive import BUILD, ROOT, Host


@pytest.fixture
def skeleton(tmp_path):
    with Host("skeleton", folder=tmp_path) as host:
        yield host


@pytest.fixture
def file(tmp_path):
    return tmp_path / "motd"


WANTED = {"path": "motd", "text": "new"}


def test_plan_shows_before_and_after_and_writes_nothing(skeleton, file):
    file.write_text("old")
    done = skeleton.call("file_text", "plan", WANTED)
    assert done.data == {"changes": [{"what": "motd", "before": "old", "after": "new"}]}
    assert file.read_text() == "old"


def test_plan_of_what_is_so_already_is_empty(skeleton, file):
    file.write_text("new")
    assert skeleton.call("file_text", "plan", WANTED).data == {"changes": []}


def test_apply_saves_first_then_writes(skeleton, file):
    file.write_text("old")
    seen = []
    done = skeleton.call("file_text", "apply", WANTED,
                         on_save=lambda state: seen.append((state, file.read_text())))
    assert (done.status, done.data) == ("ok", {"changed": True})
    assert seen == [({"before": "old"}, "old")]
    assert file.read_text() == "new"


def test_a_second_apply_changes_nothing_and_keeps_the_original(skeleton, file):
    file.write_text("new")
    done = skeleton.call("file_text", "apply", WANTED, saved={"before": "old"})
    assert (done.status, done.data, done.saved) == ("ok", {"changed": False}, {"before": "old"})


def test_what_somebody_else_wrote_is_never_overwritten(skeleton, file):
    for op in ("apply", "observe", "rollback"):
        file.write_text("third")
        done = skeleton.call("file_text", op, WANTED, saved={"before": "old"})
        assert done.status == "fail"
        assert all(text in done.text for text in ('"old"', '"third"', '"new"'))
        assert file.read_text() == "third"


def test_verify_reads_back(skeleton, file):
    file.write_text("new")
    assert skeleton.call("file_text", "verify", WANTED).status == "ok"
    file.write_text("old")
    assert skeleton.call("file_text", "verify", WANTED).status == "fail"


@pytest.mark.parametrize("text, saved, status", [
    ("new", {"before": "old"}, "ok"), ("old", {"before": "old"}, "retry"), ("any", None, "retry")])
def test_observe_tells_whether_it_was_applied(skeleton, file, text, saved, status):
    file.write_text(text)
    assert skeleton.call("file_text", "observe", WANTED, saved=saved).status == status


def test_rollback_restores_and_may_be_repeated(skeleton, file):
    file.write_text("new")
    for text in ("restored", "it is so already"):
        done = skeleton.call("file_text", "rollback", WANTED, saved={"before": "old"})
        assert (done.status, done.text, file.read_text()) == ("ok", text, "old")


def test_a_file_that_was_not_there_is_gone_again(skeleton, file):
    done = skeleton.call("file_text", "apply", WANTED)
    assert done.saved == {"before": None}
    assert file.read_text() == "new"
    assert skeleton.call("file_text", "rollback", WANTED, saved=done.saved).status == "ok"
    assert not file.exists()


def test_rollback_without_a_saved_state_has_nothing_to_do(skeleton, file):
    file.write_text("mine")
    assert skeleton.call("file_text", "rollback", WANTED).status == "ok"
    assert file.read_text() == "mine"


def test_check_refuses_what_would_not_fit(skeleton):
    assert skeleton.call("file_text", "check", WANTED).status == "ok"
    done = skeleton.call("file_text", "check", {**WANTED, "text": "x" * 65537})
    assert (done.status, done.text) == ("fail", "text is longer than 64 KiB")


def test_what_cannot_be_read_is_told(skeleton, file):
    file.mkdir()
    done = skeleton.call("file_text", "apply", WANTED)
    assert done.status == "fail"
    assert "cannot read motd" in done.text


def test_it_builds_out_of_tree_with_the_installed_header_only():
    """The command line of docs/plugins.md."""
    folder = BUILD / "tests" / f"outside.{os.getpid()}"
    include = folder / "include" / "cutover"
    include.mkdir(parents=True, mode=0o755)
    try:
        shutil.copy(ROOT / "plugins" / "cutover" / "plugin.h", include)
        shutil.copy(ROOT / "plugins" / "skeleton" / "skeleton.c", folder)
        line = next(line for line in (ROOT / "docs" / "plugins.md").read_text().splitlines()
                    if line.startswith("cc -shared"))
        subprocess.run(line + f" -I {folder / 'include'}", shell=True, cwd=folder, check=True)
        (folder / "skeleton.so").chmod(0o755)
        with Host(str(folder / "skeleton.so")) as host:
            assert host.descriptor["path"] == str(pathlib.Path(folder / "skeleton.so").resolve())
            assert host.descriptor["actions"][0]["name"] == "file_text"
    finally:
        shutil.rmtree(folder)
