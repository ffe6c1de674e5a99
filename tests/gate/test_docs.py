# SPDX-License-Identifier: Apache-2.0
"""The pages tell the truth: their tables are those of the code, their runbooks are valid, what they
show was printed by the program, and their links lead somewhere."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CUTOVER_BUILD", ROOT / "build"))
PROGRAM = BUILD / "engine" / "cli" / "cutover"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("runbooks/*.md"),
                *ROOT.glob("contrib/*/*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page, language):
    return [text for name, text in BLOCK.findall(page.read_text()) if name == language]


def name_of(page):
    return str(page.relative_to(ROOT))


def whole(text):
    """The runbook of which a page shows a part."""
    for key, rest in (("cutover", "cutover: v1"), ("name", "name: part"),
                      ("steps|phases", "steps: [{id: look, run: [ls], effects: read}]")):
        if not re.search(f"^({key}):", text, re.M):
            text += rest + "\n"
    return text


RUNBOOKS = [pytest.param(whole(text), id=f"{name_of(page)}-{n}") for page in PAGES
            for n, text in enumerate(blocks(page, "yaml"))]
# `cutover WORDS` in a line of a shell's block, and in code within a sentence.
COMMAND = re.compile(r"(?:^|[$|(;&]) *(?:\w+=\S+ )*cutover((?: [^\s|;&()<>#]+)+)", re.M)


@pytest.fixture
def cutover(tmp_path):
    def command(*words):
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8",
               "CUTOVER_STATE_DIR": str(tmp_path / "state"),
               "CUTOVER_SOCKET_DIR": str(tmp_path / "s")}
        return subprocess.run([PROGRAM, *map(str, words)], env=env, cwd=tmp_path, timeout=240,
                              capture_output=True, text=True)

    return command


def test_tables_are_those_of_the_code():
    done = subprocess.run([ROOT / "contrib" / "gen-docs", "--check", BUILD], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", RUNBOOKS)
def test_runbooks_are_valid(cutover, tmp_path, text):
    (tmp_path / "book.yaml").write_text(text)
    done = cutover("validate", "book.yaml")
    assert done.returncode == 0, done.stderr


def test_the_smallest_runbook_does_what_the_readme_shows(cutover, tmp_path):
    page = ROOT / "README.md"
    text = next(t for t in blocks(page, "yaml") if "name: shop_to_green" in t)
    (tmp_path / "switch.yaml").write_text(text)
    (tmp_path / "blue").mkdir()
    (tmp_path / "green").mkdir()
    current = tmp_path / "current"
    current.symlink_to("blue")

    done = cutover("run", "switch.yaml", "--yes")
    assert done.returncode == 4, done.stdout + done.stderr
    assert os.readlink(current) == "blue"
    shown = [re.sub(r"^[\d:]+ ", "", line) for line in blocks(page, "console")[0].splitlines()
             if re.match(r"\d\d:", line)]
    told = [re.sub(r"^[\d:]+ ", "", line) for line in done.stdout.splitlines()]
    assert shown == [line for line in told if line in shown]

    (tmp_path / "green" / "healthy").touch()
    done = cutover("run", "switch.yaml", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.readlink(current) == "green"
    assert cutover("audit", "verify").returncode == 0


def test_the_trigger_tried_on_samples_does_what_its_page_shows(cutover, tmp_path):
    page = ROOT / "docs" / "triggers.md"
    (tmp_path / "errors.json").write_text(blocks(page, "json")[0])
    assert cutover("trigger", "test", "errors.json").stdout == blocks(page, "text")[0]


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_a_trigger_is_tried_on_samples_of_a_run_as_its_page_shows(cutover, tmp_path):
    at = "2026-11-23T06:58:{:06.3f}Z"
    (tmp_path / "samples.jsonl").write_text("".join(
        json.dumps({"at": at.format(second), "metric": metric, "value": value}) + "\n"
        for metric in ("errors", "others")
        for second, value in ((0.25, 0.01), (1.75, None), (2, 0.1))))
    line, = blocks(ROOT / "docs" / "triggers.md", "sh")
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    told = cutover("trigger", "test", "errors.json").stdout
    assert told == "0 0.01 good clear\n1.5 null missing clear\n1.75 0.1 bad pending\n"


LADDER = """\
cutover: v1
name: shop_to_green
metrics: {errors: {uses: metrics.command, with: {argv: [echo, "0"]}, every: 100ms, unit: ratio}}
triggers: [{id: errors_high, metric: errors, bad: {above: 5%}}]
phases:
  - id: prepare
    steps: [{id: look, run: [ls], effects: read}]
  - id: switch
    steps:
      - id: ladder
        foreach: {items: [5, 25, 100], as: share}
        steps:
          - {id: shift, uses: drill, effects: traffic}
          - {id: bake, wait: "${{ share == 5 ? duration('1ms') : duration('2m') }}"}
      - {id: records, uses: drill}
    acceptance: {clean_for: 5s}
"""


def test_a_status_looks_as_its_page_shows(cutover, tmp_path):
    shown = next(text for text in blocks(ROOT / "docs" / "cli.md", "text") if "+++>" in text)

    def masked(text):
        text = re.sub(r"[\d.]+(ms|s|m\d+s)\b", "TIME", text)
        return re.sub(r"\d\w+-shop_to_green-\w+", "RUN", text)

    (tmp_path / "book.yaml").write_text(LADDER)
    assert cutover("run", "book.yaml", "--yes", "--detach").returncode == 3
    try:
        until = time.monotonic() + 60
        while not re.search("ladder/25/bake.*clear: 0", told := cutover("status").stdout, re.S):
            assert time.monotonic() < until, told
            time.sleep(0.1)
        assert masked(told) == masked(shown)
    finally:
        cutover("abort", "--yes")
        cutover("watch")


def commands(page):
    for language in ("sh", "console"):
        for text in blocks(page, language):
            yield from COMMAND.findall(text.replace("\\\n", " "))
    for code in re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text())):
        yield from COMMAND.findall(code)


def test_what_is_looked_at_in_pages_is_found_there():
    """The tests below would have nothing to say, were that found nowhere."""
    found = {"runbooks": RUNBOOKS, "commands": [c for page in PAGES for c in commands(page)],
             "JSON": [text for page in PAGES for text in blocks(page, "json")],
             "links": [link for page in PAGES for link in LINK.findall(page.read_text())]}
    assert not [what for what, there in found.items() if not there]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_pages_are_commands(cutover, page):
    for words in map(str.split, commands(page)):
        if words[0] == "COMMAND":
            continue
        two = len(words) > 1 and f"  {words[0]} {words[1]} " in cutover("help").stdout
        help_of = cutover("help", *words[:2 if two else 1])
        assert help_of.returncode == 0, f"{name_of(page)}: cutover {' '.join(words)}"
        for option in words:
            name = re.match(r"--[a-z-]+|-\w$", option)
            assert not name or re.search(rf"(^|\W){name[0]}(?![\w-])", help_of.stdout), \
                f"{name_of(page)}: cutover {' '.join(words)} has no {name[0]}"


def test_an_expression_has_the_value_that_its_page_shows(cutover):
    page = (ROOT / "docs" / "language.md").read_text()
    shown = re.findall(r"^cutover eval '(.*)' +# (\d+)$", page, re.M)
    assert shown
    for expression, value in shown:
        assert cutover("eval", expression).stdout == value + "\n"


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_a_journal_is_looked_into_as_its_page_shows(cutover, tmp_path):
    (tmp_path / "book.yaml").write_text(whole(""))
    assert cutover("run", "book.yaml", "--yes").returncode == 0
    folder, = (tmp_path / "state" / "runs").iterdir()
    lines = blocks(ROOT / "docs" / "journal.md", "sh")[0].splitlines()
    told = [subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=folder, check=True,
                           capture_output=True, text=True).stdout
            for line in lines if line.startswith("cut ")]
    assert '"type":"armed"' in told[0] and told[-1] == '"done"\n'


def test_json_in_pages_is_json():
    for page in PAGES:
        for text in blocks(page, "json"):
            json.loads(text)


def anchors(page):
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", page.read_text(), re.M)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in LINK.findall(BLOCK.sub("", page.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)} links to {target}"
        if anchor:
            assert anchor in anchors(there), f"{name_of(page)} links to {target}"


def test_every_page_is_found_from_the_first():
    found, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        found.add(page)
        new |= {there for target in LINK.findall(page.read_text())
                if (there := (page.parent / target.partition("#")[0]).resolve()) in PAGES} - found
    assert not set(PAGES) - found


def test_pages_that_the_code_names_exist():
    for folder in ("engine", "plugins", "steps", "tests"):
        for path in (ROOT / folder).rglob("*.*"):
            if path.suffix in (".c", ".h", ".py"):
                for named in re.findall(r"\bdocs/[\w-]+\.md\b", path.read_text()):
                    assert (ROOT / named).exists(), f"{name_of(path)} names {named}"
