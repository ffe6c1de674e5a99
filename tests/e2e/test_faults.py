# SPDX-License-Identifier: Apache-2.0
"""Bad input and a world that does not answer: the exit code, what is said of it, and that nothing
was changed and nothing hangs."""

import os
import json
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from cutkit import BUILD, ROOT


def refused(cutover, text, code, *told, options=(), name="book.yaml"):
    """The run is refused, for a reason that is told, and leaves no trace."""
    done = cutover("run", cutover.book(text, name), "--yes", *options, code=code)
    for word in told:
        assert word in done.err, done
    assert "cutover: " in done.err or f"{name}:" in done.err
    assert cutover.runs() == [] and cutover.marks == []
    return done


@contextmanager
def listening(answer=None):
    """A port that answers every connection with these bytes, or takes it and says nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    kept = []

    def serve():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            kept.append(peer)
            if answer is not None:
                peer.recv(65536)
                peer.sendall(answer)
                peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)
        for peer in kept:
            peer.close()


@pytest.fixture
def closed_port():
    """A port that refuses, which nobody else can be given meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


# --- files ---

@pytest.mark.parametrize("name, text", [
    ("book.yaml", "cutover: v1\nname: [unclosed"), ("book.yaml", "\x00\x01\x02"),
    ("book.yaml", ""), ("book.yaml", "- a\n- list\n"), ("book.yaml", "%v\udce3v"),
    ("book.yaml", "{cutover: v1, name: a, steps: [" + "[" * 200),
    ("book.json", '{"cutover": "v1", "name": "a", "steps": ['), ("book.json", "{'a': 1}"),
], ids=["unclosed", "binary", "empty", "list", "utf8", "deep", "json", "quotes"])
def test_what_is_no_runbook_is_refused_with_its_place(cutover, name, text):
    path = cutover.folder / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    for command in (["validate"], ["run", "--yes"], ["plan"], ["graph"]):
        done = cutover(*command, path, code=2)
        assert f"{name}:" in done.err, done
    assert cutover.runs() == []


def test_a_runbook_that_is_a_folder_or_too_large_is_refused(cutover):
    assert cutover("validate", cutover.folder, code=2).err
    big = cutover.folder / "big.yaml"
    big.write_text("cutover: v1\nname: big\nsteps:\n" + "# filler\n" * 500_000)
    assert "MiB" in cutover("validate", big, code=2).err


SECRET = """\
    cutover: v1
    name: secretive
    secrets: {key: {%s}}
    steps: [{id: one, run: [./mark], env: {KEY: {secret: key}}, rollback: not_needed}]
    """


@pytest.mark.parametrize("source, told", [
    ("file: /nowhere/key", "/nowhere/key"), ("env: NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE"),
    ("file: pipe", "no regular file"), ("file: /dev/null", "no regular file"),
    ("command: ['false']", "false"), ("command: [/nowhere/tool]", "/nowhere/tool")])
def test_a_secret_that_cannot_be_read_refuses_the_start(cutover, source, told):
    os.mkfifo(cutover.folder / "pipe", 0o600)
    refused(cutover, SECRET % source, 6, "key", told)


def test_a_secret_shows_nowhere(cutover):
    (cutover.folder / "key").write_text("hush-hush-123\n")
    (cutover.folder / "key").chmod(0o600)
    run = cutover.run("""\
        cutover: v1
        name: secretive
        secrets: {key: {file: key}}
        steps: [{id: one, run: [sh, -c, 'test ${#KEY} = 13 && echo "$KEY" && echo "$KEY" >&2'],
                 env: {KEY: {secret: key}}, rollback: not_needed}]
        """)
    for file in run.folder.iterdir():
        assert b"hush-hush" not in file.read_bytes(), file
    for words in (["status", "--output", "json"], ["logs"], ["report", "--format", "json"]):
        assert "hush-hush" not in run(words[0], *words[1:]).out
    assert run.status["steps"]["one"]["outputs"]["stdout"] == "***\n"


# --- plugins ---

@pytest.fixture
def plugin_dir():
    """Not in /tmp: everybody may write there, so nothing is loaded from below it."""
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="plugins.") as folder:
        shutil.copy(BUILD / "plugins" / "skeleton" / "skeleton.so", folder)
        yield Path(folder)


TEXT = """\
    cutover: v1
    name: plugged
    steps: [{id: one, uses: skeleton.file_text, with: {path: text, text: green}}]
    """


def test_a_plugin_that_is_not_there_is_refused(cutover):
    refused(cutover, TEXT.replace("skeleton", "no_such"), 2, "no_such")
    refused(cutover, TEXT, 2, "skeleton", options=["--plugin-dir", cutover.folder / "nowhere"])


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_a_plugin_that_others_may_write_is_refused(cutover, plugin_dir, mode):
    cutover.run(TEXT, "--plugin-dir", plugin_dir)
    (cutover.folder / "text").unlink()
    before = len(cutover.runs())
    (plugin_dir / "skeleton.so").chmod(mode)
    done = cutover("run", cutover.book(TEXT), "--yes", "--plugin-dir", plugin_dir)
    assert done.code in (2, 6) and "skeleton.so" in done.err, done
    assert len(cutover.runs()) == before and not (cutover.folder / "text").exists()


def test_a_plugin_of_another_owner_is_refused(cutover, plugin_dir):
    shutil.chown(plugin_dir / "skeleton.so", 65534)
    done = cutover("run", cutover.book(TEXT), "--yes", "--plugin-dir", plugin_dir)
    assert done.code in (2, 6) and "skeleton.so" in done.err, done


@pytest.mark.parametrize("source, told", [
    ('#include "cutover/plugin.h"\n'
     "static const struct cut_plugin other = {.magic = CUT_PLUGIN_MAGIC, .major = "
     'CUT_PLUGIN_MAJOR + 1, .name = "skeleton", .version = "1", .license = "x", .help = "x"};\n'
     "const struct cut_plugin *cut_plugin_v1(void) { return &other; }\n", "version"),
    ("int nothing;\n", "cut_plugin_v1"),
    ("#include <stdlib.h>\n__attribute__((constructor)) static void die(void) { abort(); }\n", ""),
], ids=["major", "symbol", "crash"])
def test_a_plugin_of_another_make_is_refused(cutover, plugin_dir, source, told):
    (cutover.folder / "other.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-I", ROOT / "plugins", "-o",
                    plugin_dir / "skeleton.so", cutover.folder / "other.c"], check=True)
    done = cutover("run", cutover.book(TEXT), "--yes", "--plugin-dir", plugin_dir)
    assert done.code in (2, 6) and "skeleton" in done.err and told in done.err, done
    assert cutover.runs() == []


# --- a world that does not answer ---

def metric(cutover, port, code=6):
    return refused(cutover, f"""\
        cutover: v1
        name: unseen
        connections: {{prom: {{plugin: metrics, provider: prometheus, url: "http://127.0.0.1:{port}"}}}}
        metrics: {{errors: {{uses: metrics.query, with: {{source: prom, query: up}}, every: 1s,
                   timeout: 2s}}}}
        triggers: [{{id: errors_high, metric: errors, bad: {{above: 1}}}}]
        steps: [{{id: one, uses: drill, with: {{mark: marks}}}}]
        """, code, "errors_high", "--ack-trigger errors_high")


def test_metrics_that_cannot_be_asked_refuse_the_start(cutover, closed_port):
    metric(cutover, closed_port)


@pytest.mark.parametrize("answer", [
    None, b"garbage\r\n\r\n", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"a\":",
    b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"error"}'],
    ids=["silence", "garbage", "500", "torn", "error"])
def test_metrics_that_answer_nonsense_refuse_the_start(cutover, answer):
    with listening(answer) as port:
        metric(cutover, port)


def start_refused(cutover, text, *told):
    """What its target refuses now refuses the start, where nothing of the run comes before it."""
    done = cutover("run", cutover.path(text), "--yes", code=6)
    assert "step one would fail" in done.err and done.err.count("\n") == 1
    for word in told:
        assert word in done.err, done
    assert cutover.runs() == []


def step_fails(cutover, text, *told):
    """A step fails in the run, says why and what next, and nothing is changed."""
    run = cutover.start(text)
    hold = run.wait_hold("step")
    assert "retry" in hold["remedy"]
    step = run.status["steps"][hold["id"]]
    assert step["state"] == "failed"
    for word in told:
        assert word in step["reason"], step["reason"]
    run("rollback", "--yes")
    run.end()
    run.audit()
    return run


def unreachable(cutover, text, *told):
    """What is out of reach refuses the start; where an earlier step might change that, the step fails."""
    start_refused(cutover, text, *told)
    return step_fails(cutover, text.replace("[{id: one", "[{id: before, uses: drill}, {id: one"), *told)


TRAFFIC = """\
    cutover: v1
    name: unreachable
    connections: {edge: {plugin: traffic, provider: haproxy, sockets: [%s], backend: shop}}
    steps: [{id: one, uses: traffic.shift, with: {balancer: edge, to: {green: 50%%}}, timeout: 30s}]
    """


def test_a_proxy_that_is_gone_fails_the_step(cutover):
    run = unreachable(cutover, TRAFFIC % "/nowhere/haproxy.sock", "/nowhere/haproxy.sock")
    assert run.state == "rolled_back"


def test_a_name_server_that_is_gone_fails_the_step(cutover, closed_port):
    (cutover.folder / "key").write_text("A" * 43 + "=")
    (cutover.folder / "key").chmod(0o600)
    unreachable(cutover, f"""\
        cutover: v1
        name: unreachable
        secrets: {{tsig: {{file: key}}}}
        connections: {{zone: {{plugin: dns, provider: rfc2136, servers: ["127.9.9.9:{closed_port}"],
                       zone: shop.test, key: cutover, secret: tsig}}}}
        steps: [{{id: one, uses: dns.set_ttl, with: {{zone: zone, names: [www], ttl: 2s}}, timeout: 30s}}]
        """, "127.9.9.9")


@pytest.mark.parametrize("silent", [False, True])
def test_a_database_that_is_gone_fails_the_step(cutover, closed_port, silent):
    with listening() as open_port:
        port = open_port if silent else closed_port
        dsn = f"host=127.0.0.1 port={port} dbname=shop user=cutover"
        unreachable(cutover, f"""\
            cutover: v1
            name: unreachable
            connections:
              blue_db: {{plugin: sync, provider: postgres, dsn: "{dsn}"}}
              green_db: {{plugin: sync, provider: postgres, dsn: "{dsn}"}}
            steps: [{{id: one, uses: sync.wait_caught_up, with: {{blue: blue_db, green: green_db, max: 3s}},
                     timeout: {5 if silent else 30}s}}]
            """, "" if silent else str(port))


def test_a_command_that_hangs_is_ended_with_all_that_it_started(cutover):
    sleep = f"sleep {os.getpid()}.77123" # nobody else's
    run = step_fails(cutover, f"""\
        cutover: v1
        name: hanging
        steps: [{{id: one, run: [sh, -c, "trap '' TERM; {sleep} & wait"], timeout: 500ms,
                 rollback: not_needed}}]
        """)
    assert run.state == "rolled_back"
    assert subprocess.run(["pgrep", "-f", sleep], capture_output=True).stdout == b""


# --- a world that says no ---

def zone(lab, name, step, key="tsig.secret"):
    return f"""\
        cutover: v1
        name: {name}
        roles: {{ops: {{members: ["0"]}}}}
        secrets: {{tsig: {{file: "{lab.folder}/{key}"}}}}
        connections:
          zone: {{plugin: dns, provider: rfc2136, zone: shop.test, key: cutover, secret: tsig, servers:
                 ["127.0.0.1:{lab.params['dns_primary_port']}", "127.0.0.1:{lab.params['dns_secondary_port']}"]}}
        steps: [{step}, {{id: gate, approve: {{roles: [ops]}}}}]
        """


RECORDS = "{id: one, uses: dns.set_records, with: {zone: zone, records: [{name: www, type: A, values: [%s]}]}}"


def test_a_wrong_key_changes_nothing(cutover, lab):
    (lab.folder / "wrong.secret").write_text("B" * 43 + "=")
    (lab.folder / "wrong.secret").chmod(0o600)
    unreachable(cutover, zone(lab, "wrong_key", RECORDS % "127.0.0.3", "wrong.secret"), "BAD")
    assert lab.www("dns_primary").addresses == ["127.0.0.2"]


def test_what_somebody_else_has_changed_is_not_overwritten_on_the_way_back(cutover, lab):
    run = cutover.start(zone(lab, "conflict", RECORDS % "127.0.0.3"))
    run.wait_for_people("gate")
    lab.update_www("127.0.0.9", 7)
    run("rollback", "--yes")
    run.wait_hold("rollback", "one")
    assert "127.0.0.9" in run.status["steps"]["one"]["reason"]
    assert lab.www("dns_primary").addresses == ["127.0.0.9"]
    lab.update_www("127.0.0.3", 7)
    run("retry", "one")
    run.end(4)
    assert lab.www("dns_primary").addresses == ["127.0.0.2"]


def test_a_proxy_without_such_a_server_changes_nothing(cutover, lab):
    text = TRAFFIC % f"{lab.folder}/haproxy.sock"
    unreachable(cutover, text.replace("green:", "red:"), "red")
    assert int(lab.edge_stats()["blue"]["weight"]) == 100


def test_what_cannot_be_reached_at_all_shows_in_the_plan(cutover):
    book = cutover.book(TRAFFIC % "/nowhere/haproxy.sock")
    done = cutover("plan", book, "--output", "json", code=6)
    assert "/nowhere/haproxy.sock" in json.dumps(done.json)
    assert set(done.error) == {"what", "why", "next"}
