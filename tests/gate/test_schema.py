# SPDX-License-Identifier: Apache-2.0
"""What editors are told of the language: the schema is one, takes every good runbook as an editor
reads it, and refuses what a schema can refuse."""

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CUTOVER_BUILD", ROOT / "build"))
PROGRAM = BUILD / "engine" / "cli" / "cutover"
GOLDEN = ROOT / "tests" / "golden"
GOOD = sorted([*ROOT.glob("runbooks/**/*.yaml"), *GOLDEN.glob("good/*")])
FAULTY = sorted(p for p in GOLDEN.glob("faulty/*") if p.suffix != ".expected")


class Editor(yaml.SafeLoader):
    """YAML 1.2 as editors read it: `on` is a text, `22:00` too."""


Editor.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("null", r"null|~|", ["n", "~", ""]), ("bool", r"true|false", list("tf")),
        ("int", r"[-+]?[0-9]+", list("-+0123456789")),
        ("float", r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?", list("-+.0123456789"))):
    Editor.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)


@pytest.fixture(scope="module")
def schema():
    told = subprocess.run([PROGRAM, "schema"], capture_output=True, text=True, check=True)
    schema = json.loads(told.stdout)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema)


def complaints(schema, path):
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"
            for e in schema.iter_errors(yaml.load(path.read_bytes(), Editor))]


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.name)
def test_good_runbooks_please_the_schema(schema, path):
    assert complaints(schema, path) == []


# By number; what needs the other places of a file, or the meaning of a text, only `validate` tells.
REFUSED = ("001 002 003 007 020 021 023 024 025 026 027 028 029 030 031 032 033 034 036 037 041 042 043 044"
           " 046 056 057 058 065 092 094 095 098 107 110 112 125").split()


@pytest.mark.parametrize("path", [p for p in FAULTY if p.name[:3] in REFUSED],
                         ids=lambda p: p.name)
def test_what_a_schema_can_see_it_refuses(schema, path):
    assert complaints(schema, path)


def test_every_action_is_offered(schema):
    told = json.loads(subprocess.run([PROGRAM, "plugins", "--output", "json"], capture_output=True,
                                     text=True, check=True).stdout)
    uses = schema.schema["$defs"]["step"]["properties"]["uses"]["enum"]
    actions = {action["name"] for plugin in told for action in plugin["actions"]}
    assert {"exec", "dns.set_ttl"} <= actions <= set(uses)


def keys_of(node):
    """Every name of a property, however deep."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        node = node.values()
    if not isinstance(node, (dict, str)) and hasattr(node, "__iter__"):
        for part in node:
            yield from keys_of(part)


def test_no_key_switches_the_check_of_certificates_off(schema):
    suspicious = re.compile("insecure|unsafe|trust|tls|ssl|cert|peer|skip_|verif")
    # `verify` holds the checks of a step's own work.
    assert {k for k in keys_of(schema.schema) if suspicious.search(k)} <= {"verify"}


WITH = "cutover: v1\nname: t\n{}steps:\n  - {{id: a, {}}}\n"
PROMETHEUS = ("connections:\n  prom: {{plugin: metrics, provider: prometheus, "
              "url: \"https://prom.test\", {}}}\n")


@pytest.mark.parametrize("key", ["verify: false", "insecure: true", "tls_verify: false",
                                 "ssl_verify: \"off\"", "skip_tls: true"])
def test_a_runbook_that_tries_is_refused(tmp_path, key):
    for number, text in enumerate((
            WITH.format("", f'uses: http, with: {{url: "https://shop.test", {key}}}'),
            WITH.format(PROMETHEUS.format(key), 'uses: check, with: {that: "true"}'),
            WITH.format(f"{key}\n", 'uses: check, with: {that: "true"}'))):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        told = subprocess.run([PROGRAM, "validate", path], capture_output=True, text=True,
                              check=False)
        assert told.returncode != 0 and f"'{key.split(':')[0]}'" in told.stdout + told.stderr, told
