# SPDX-License-Identifier: Apache-2.0
"""What the author of a plugin gets wrong is told, and nothing that a plugin did is left behind."""

import os
import shutil
import subprocess

import pytest
from cutkit import BUILD, ROOT

SOURCE = """
#include "cutover/plugin.h"
#include <stdio.h>
#include <stdlib.h>
static const struct cut_param outputs[] = {{"n", CUT_T_INT, 0, NULL, NULL, "a number"}, {0}};
static const struct cut_param params[] = {
	{"wait", CUT_T_DURATION, 0, "%(fallback)s", NULL, "%(help)s"}, {0}};
static void work(struct cut_call *call)
{
	FILE *did = fopen("did", "a");
	fprintf(did, "%%s\\n", call->op);
	fclose(did);
	call->api->done(call, CUT_OK, NULL, NULL);
}
static int check(const json_t *params, char *why, size_t len)
{
	%(check)s;
	return 0;
}
static const struct cut_action act = {
	.name = "act", .params = params, .outputs = outputs, .effects = %(effects)s, .check = check,
	.apply = work, .rollback = work,
};
static void sample(struct cut_call *call) { call->api->done(call, CUT_OK, NULL, %(sample)s); }
static const struct cut_meter size = {.name = "size", .params = params, .sample = sample};
static const struct cut_meter *const meters[] = {&size, NULL};
static const struct cut_action *const actions[] = {&act, NULL};
static const struct cut_plugin tiny = {
	.magic = CUT_PLUGIN_MAGIC, .major = CUT_PLUGIN_MAJOR, .minor = CUT_PLUGIN_MINOR,
	.name = "tiny", .version = "1", .actions = actions, .meters = meters,
};
__attribute__((constructor)) static void begin(void) { %(begin)s; }
const struct cut_plugin *cut_plugin_v1(void) { return &tiny; }
"""
RIGHT = {"fallback": "1s", "help": "h", "check": "", "effects": "CUT_WRITE", "begin": "",
         "sample": "json_pack(\"{s:i}\", \"value\", 1)"}
BOOK = """\
cutover: v1
name: tried
steps:
  - {id: a, uses: tiny.act}
  - {id: b, needs: a, uses: check, with: {that: steps.a.outputs.n > 1}, on_failure: rollback}
"""


WATCHED = """\
cutover: v1
name: watched
metrics:
  size: {uses: tiny.size, every: 1s, unit: rows}
triggers:
  - {id: large, metric: size, bad: {above: 5}, for: 1s, then: rollback, from: a}
steps:
  - {id: a, run: ["true"], effects: read}
"""


@pytest.fixture
def plugins():
    """A plugin directory: nobody else can write it or what is above it."""
    path = BUILD / "tests" / f"author.{os.getpid()}"
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def made(plugins, cutover):
    """Builds the plugin with something wrong, and gives the command to try it with."""
    def make(**wrong):
        subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I", ROOT / "plugins", "-o",
                        plugins / "tiny.so", "-x", "c", "-"],
                       input=(SOURCE % {**RIGHT, **wrong}).encode("latin-1"), check=True)
        cutover.env["CUTOVER_PLUGIN_DIR"] = str(plugins)
        return cutover

    return make


@pytest.mark.parametrize("effects", ["CUT_WRITE", "CUT_WRITE | CUT_SAVES"])
def test_what_was_applied_is_undone_also_where_a_promised_save_never_came(made, effects):
    cutover = made(effects=effects)
    run = cutover.run(BOOK, code=4)
    assert (cutover.folder / "did").read_text().split() == ["apply", "rollback"]
    assert run.step("a") == "rolled_back"


def test_an_output_that_was_not_given_is_named(made):
    run = made().run(BOOK, code=4)
    reason = run.status["steps"]["b"]["reason"]
    assert "steps.a.outputs.n > 1: no such key: n" in reason


@pytest.mark.parametrize("sample, told", [
    ('json_pack("{s:i}", "vlaue", 1)', "no `value` that is a number or null"),
    ('json_pack("{s:s}", "value", "1")', "no `value` that is a number or null"),
    ("NULL", "no `value` that is a number or null"),
    ('json_pack("{s:i, s:s}", "value", 1, "at", "noon")', "an `at` that is no time"),
])
def test_a_sample_of_another_form_is_no_missing_value(made, sample, told):
    cutover = made(sample=sample)
    assert told in cutover("run", cutover.book(WATCHED), "--yes", code=6).err


def test_a_sample_of_the_right_form_is_watched(made):
    made().run(WATCHED)


@pytest.mark.parametrize("wrong, told", [
    ({"effects": "CUT_SAVES"}, "tiny.act: its effects do not say whether it reads or writes"),
    ({"fallback": "ten"}, "tiny.act: its row wait has the fallback ten: a duration"),
    ({"help": "caf\xe9"}, "tiny.so: an action, metric or connection has no name, or a text that "
                          "is not UTF-8"),
    ({"begin": "abort()"}, "could not show its tables: its host died: killed by SIGABRT"),
    ({"begin": "fprintf(stderr, \"no licence\"); exit(3)"},
     "could not show its tables: its host died: exited with 3, having said: no licence"),
])
def test_a_plugin_that_cannot_be_relied_on_is_not_loaded(made, wrong, told):
    cutover = made(**wrong)
    for words in (["plugins", "tiny"], ["validate", cutover.book(BOOK)]):
        assert told in cutover(*words, code=6).err


def test_a_check_that_crashes_is_told_as_that(made):
    cutover = made(check="abort()")
    told = cutover("validate", cutover.book(BOOK), code=6).err
    assert "tiny.so could not check the parameters: its host died: killed by SIGABRT" in told


def test_what_a_plugin_prints_is_no_answer(made):
    cutover = made(begin="puts(\"hello\")", check="puts(\"checking\")")
    assert cutover.json("plugins", "tiny")[0]["name"] == "tiny"
    cutover("validate", cutover.book(BOOK), code=0)


def test_a_broken_file_among_the_plugins_hides_no_other(made, plugins):
    cutover = made()
    (plugins / "aaa.so").write_text("nothing")
    done = cutover("plugins", code=6)
    assert "tiny.act" in done.out and "aaa.so: file too short" in done.err
    assert "tiny.act" in cutover("plugins", "tiny", code=0).out


def test_a_link_is_no_plugin(made, plugins):
    cutover = made()
    (plugins / "tiny.so").rename(plugins / "tiny.so.1")
    (plugins / "tiny.so").symlink_to("tiny.so.1")
    assert "tiny.so: it is a symbolic link" in cutover("plugins", "tiny", code=6).err
