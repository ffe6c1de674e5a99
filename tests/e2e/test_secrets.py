# SPDX-License-Identifier: Apache-2.0
"""Canaries: secrets of every kind are used in every way there is, by commands and a server that say
them back in all spellings. Afterwards they are looked for wherever something was written or shown."""

import base64
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from cutkit import BUILD, DEADLINE_S, eventually

KINDS = ["file", "env", "credential", "command"]
URLSAFE = str.maketrans("+/", "-_")
# Each spelling has letters that another would write differently.
CANARY = {kind: f'canary-{kind} "7>\\?~/+&=' for kind in KINDS} | {
    "login": "canary:l0gin>~+/x", "password": "canary'password> ~"}

BOOK = """\
    cutover: v1
    name: canary
    secrets:
      file: {{file: file}}
      env: {{env: CANARY}}
      credential: {{credential: canary}}
      command: {{command: [cat, command]}}
      login: {{file: login}}
      password: {{file: password}}
      tsig: {{file: "{lab}/tsig.secret"}}
    roles: {{ops: {{members: ["0"]}}}}
    connections:
      zone: {{plugin: dns, provider: rfc2136, zone: shop.test, key: cutover, secret: tsig,
             servers: ["127.0.0.1:{dns_primary_port}", "127.0.0.1:{dns_secondary_port}"]}}
      blue: {{plugin: sync, provider: postgres, secret: password,
             dsn: "host=127.0.0.1 port={blue_db_port} dbname=shop user=cutover"}}
      green: {{plugin: sync, provider: postgres, secret: password,
              dsn: "host=127.0.0.1 port={green_db_port} dbname=shop user=cutover"}}
    defaults: {{on_failure: continue, timeout: 1m}}
    phases:
      - id: use
        order: parallel
        steps:
{steps}
          - {{id: said, run: [./say], env: {{KEY: {{secret: file}}}}, rollback: not_needed,
             outputs: {{json: json, hex: string, base64: string}}}}
          - {{id: header, uses: http, with: {{url: "{url}", headers: {{X-Key: {{secret: env}}}}}}}}
          - {{id: bearer, uses: http, with: {{url: "{url}", auth: {{bearer: command}}}}}}
          - {{id: basic, uses: http, with: {{url: "{url}", auth: {{basic: login}}}}}}
          - {{id: refused, uses: http, with: {{url: "{url}/500", auth: {{basic: login}}}}}}
          - {{id: ttl, uses: dns.set_ttl, with: {{zone: zone, names: [www], ttl: 7s}}}}
          - {{id: lag, uses: sync.lag, with: {{blue: blue, green: green}}}}
      - {{id: rest, steps: [{{id: gate, approve: {{roles: [ops]}}}}]}}
    """
# A command of each kind, and one of each that fails.
STEP = """\
          - {{id: env_{kind}{code}, run: [./tell, "{code}"], env: {{KEY: {{secret: {kind}}}}},
             rollback: not_needed}}
"""
TELL = """\
#!/usr/bin/python3
import os, sys
sys.path.insert(0, HERE)
from test_secrets import spellings
text = "\\n".join(spellings(os.environ["KEY"]))
print(text)
print(text, file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""
SAY = """\
#!/usr/bin/python3
import base64, json, os
key = os.environ["KEY"]
print(json.dumps({"json": {key: [key, {"deep": "x" + key}]}, "hex": key.encode().hex(),
                  "base64": base64.b64encode(b"u:" + key.encode()).decode()}))
"""


def spellings(secret):
    """All that a program may make of it, base64 also of texts that it is a part of."""
    raw = secret.encode()
    coded = [base64.b64encode(b"x" * n + raw + tail).decode() for n in range(3)
             for tail in (b"", b"@host")]
    return [secret, json.dumps(secret), raw.hex(), raw.hex().upper(), quote(secret, safe=""),
            quote_plus(secret), *coded, *(c.translate(URLSAFE) for c in coded)]


def traces(secret):
    """What each of them shows at least; of base64 the letters that are its alone."""
    raw = secret.encode()
    coded = [base64.b64encode(b"x" * n + raw).decode()[n + 1 if n else 0:-4] for n in range(3)]
    return {text.strip('"').encode() for text in
            [*spellings(secret)[:6], *coded, *(c.translate(URLSAFE) for c in coded)]}


class Echo(BaseHTTPRequestHandler):
    """Says back what it was told, as badly kept servers do."""

    def do_GET(self):
        headers = "\n".join(f"{n}: {v}" for n, v in self.headers.items())
        self.server.heard += headers + "\n"
        body = headers.encode()
        self.send_response(500 if self.path.endswith("500") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Key", self.headers.get("X-Key", "none"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.heard = ""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def lab(new_lab):
    new_lab.up("--only", "dns,postgres")
    return new_lab


@pytest.fixture
def canaries(cutover, lab):
    """The secrets, each where its kind is kept."""
    cutover.folder.joinpath("credentials").mkdir()
    for name, text in CANARY.items():
        path = cutover.folder / ("credentials/canary" if name == "credential" else name)
        path.write_text(text + "\n")
        path.chmod(0o600)
    cutover.env |= {"CANARY": CANARY["env"],
                    "CREDENTIALS_DIRECTORY": str(cutover.folder / "credentials")}
    return {**CANARY, "tsig": lab.folder.joinpath("tsig.secret").read_text().strip()}


def test_no_secret_shows_anywhere(cutover, lab, echo, canaries):
    for name, text in ("tell", TELL.replace("HERE", repr(str(Path(__file__).parent)))), ("say", SAY):
        script = cutover.folder / name
        script.write_text(text)
        script.chmod(0o755)
    cutover.env["PYTHONDONTWRITEBYTECODE"] = "1"
    steps = "".join(STEP.format(kind=kind, code=code) for kind in KINDS for code in (0, 1))
    book = cutover.book(BOOK.format(
        **lab.params | {"steps": steps, "lab": lab.folder,
                        "url": f"http://127.0.0.1:{echo.server_port}"}))
    shown = {}

    def show(*words, code=0):
        done = cutover(*words, code=code)
        shown[" ".join(map(str, words))] = (done.out + done.err).encode()
        return done

    show("plan", book)
    run = cutover.start(book)
    status = run.wait(lambda s: "gate" in [w["id"] for w in s["waiting_for"]])

    # They were used ...
    states = {step: told["state"] for step, told in status["steps"].items()}
    good = [f"env_{kind}0" for kind in KINDS] + "said header bearer basic ttl lag".split()
    assert {step: states[step] for step in good} == dict.fromkeys(good, "succeeded"), states
    assert all(states[f"env_{kind}1"] == "failed" for kind in KINDS)
    assert CANARY["env"] in echo.heard and f"Bearer {CANARY['command']}" in echo.heard
    assert base64.b64encode(CANARY["login"].encode()).decode() in echo.heard
    assert "***" in json.dumps(status)

    # ... and show in nothing that is written or told ...
    for words in (["status"], ["status", "--output", "json"], ["logs"], ["logs", "--output", "json"],
                  ["report"], ["report", "--format", "json"], ["report", "--format", "md"],
                  ["rollback", "--show"], ["eval", "steps.said.outputs.json"]):
        show(*words, run.id)
    processes = eventually(run.processes)
    assert len(processes) >= 4
    for pid in processes:
        for file in "cmdline", "environ":
            shown[f"/proc/{pid}/{file}"] = Path(f"/proc/{pid}/{file}").read_bytes()
    run("approve", "gate")
    run.end(0)
    show("report", run.id)
    for file in run.folder.rglob("*"):
        if file.is_file():
            shown[str(file)] = file.read_bytes()
    assert any("journal" in name for name in shown)
    found = [(where, name, trace) for where, text in shown.items()
             for name, secret in canaries.items() for trace in traces(secret) if trace in text]
    assert not found, found


def test_a_secret_that_a_reboot_takes_away_is_warned_of(cutover):
    cutover.env["KEY"] = "s3cr3t"
    done = cutover.run("""\
        cutover: v1
        name: warned
        secrets: {fleeting: {env: KEY}, lasting: {command: [printf, other]}}
        steps:
          - {id: use, run: ['true'], env: {A: {secret: fleeting}, B: {secret: lasting}}, effects: read}
        """).done
    assert re.findall(r"warning: secret (\w+) .* reboot", done.err) == ["fleeting"]


def test_no_process_with_secrets_leaves_a_core(cutover):
    (cutover.folder / "key").write_text("canary-core\n")
    (cutover.folder / "key").chmod(0o600)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        run = cutover.start("""\
            cutover: v1
            name: core
            secrets: {key: {file: key}}
            steps:
              - {id: use, run: ['true'], env: {KEY: {secret: key}}, effects: read}
              - {id: rest, wait: 1h}
            """)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    run.wait_step("rest", "running")
    # One of the signals that dump core; a sanitizer takes others for itself.
    for role, told in ("host", "SIGTRAP"), ("engine", "killed by SIGTRAP"), ("supervisor", ""):
        for pid in run.processes(role):
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert [line.split()[4:6] for line in limits.splitlines()
                    if line.startswith("Max core")] == [["0", "0"]], role
        pids = run.kill(role, signal.SIGTRAP)
        eventually(lambda: told in run.log() and not set(pids) & set(run.processes(role)))
    assert "core dumped" not in run.log()
    assert [p for p in cutover.folder.rglob("core*") if p.name != "core.yaml"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
@pytest.mark.parametrize("words", [["plan"], ["run", "--yes"]], ids=["plan", "run"])
def test_nobody_looks_into_a_process_that_reads_secrets(cutover, words):
    """The secret's own command does: of such a process all that /proc shows is root's."""
    for folder in cutover.state, cutover.folder / "s", cutover.folder / "out":
        folder.mkdir(exist_ok=True)
        os.chown(folder, 1, 1)
    book = cutover.book("""\
        cutover: v1
        name: seen
        secrets:
          key: {command: [sh, -c, "stat -c %u /proc/$PPID/environ >out/owner;
            grep core /proc/$PPID/limits >out/core; echo s3cr3t"]}
        steps: [{id: use, run: ['true'], env: {KEY: {secret: key}}, effects: read}]
        """)
    tree = cutover.folder / "tree" # the build itself may be in a folder that is closed to others
    for program in "engine/cli/cutover", "engine/host/cutover-host":
        (tree / program).parent.mkdir(parents=True)
        shutil.copy(BUILD / program, tree / program)
    subprocess.run(["setpriv", "--reuid=1", "--clear-groups", "--", tree / "engine/cli/cutover",
                    words[0], book, *words[1:]], env=cutover.env, cwd=cutover.folder, check=True,
                   timeout=DEADLINE_S)
    assert (cutover.folder / "out" / "owner").read_text() == "0\n"
    assert (cutover.folder / "out" / "core").read_text().split()[4:6] == ["0", "0"]
