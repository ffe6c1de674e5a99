# SPDX-License-Identifier: Apache-2.0
"""Name servers that disagree, seen by the whole program: the exit code, what is said, what the zone
then holds, and a journal that audits clean."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin"))

from zones import NameServer  # noqa: E402


@pytest.fixture
def start(cutover):
    """Starts name servers that end with the test."""
    started = []

    def one(**options):
        started.append(NameServer(cutover.folder, **options))
        return started[-1]

    yield one
    for server in started:
        server.end()


def book(cutover, server, more=""):
    secret = cutover.folder / "tsig"
    secret.write_text(server.secret)
    secret.chmod(0o600)
    return cutover.book(f"""\
cutover: v1
name: zone
secrets: {{tsig: {{file: {secret}}}}}
connections:
  zone: {{plugin: dns, provider: rfc2136, zone: shop.test, key: cutover, secret: tsig,
         algorithm: {server.algorithm}, servers: ["{server.text}"]}}
defaults: {{on_failure: abort, timeout: 1m}}
roles: {{ops: {{members: [root]}}}}
steps:
  - {{id: before, approve: {{roles: [ops]}}}}
  - id: move
    uses: dns.set_records
    with: {{zone: zone, records: [{{name: www, type: A, values: [127.0.0.3]}}]}}
{more}""")


def change(server, address):
    server.nsupdate("del www.shop.test. A", f"add www.shop.test. 300 A {address}")


KINDS = pytest.mark.parametrize("kind", ["named", "pdns_server"])


@KINDS
def test_a_rollback_leaves_records_alone_that_somebody_moved_since(cutover, start, kind):
    server = start(kind=kind)
    run = cutover.start(book(cutover, server, """\
  - {id: after, approve: {roles: [ops]}}
rollback: {on_failure: continue}
"""))
    run("approve", "before")
    run.wait_for_people("after")
    change(server, "127.0.0.9")
    run("rollback", "--yes")
    run.end(code=5)
    failed = [r for r in run.records("outcome") if r["op"] == "rollback"][-1]
    assert run.step("move") == "rollback_failed"
    assert "127.0.0.9" in failed["text"] and "www.shop.test." in failed["text"]
    assert server.values("www") == ["127.0.0.9"]
    run.audit()


@KINDS
def test_another_attempt_does_not_overwrite_a_second_writer(cutover, start, kind):
    server = start(kind=kind)
    run = cutover.start(book(cutover, server, """\
    on_failure: pause
    verify: {run: [test, -e, looks_good]}
"""))
    run("approve", "before")
    run.wait_hold("step", "move")
    assert server.values("www") == ["127.0.0.3"]
    change(server, "127.0.0.9")
    (cutover.folder / "looks_good").touch()
    run("retry", "move")
    told = run.wait(lambda s: s["steps"]["move"]["attempt"] == 2 and s["holds"])
    assert "127.0.0.9" in told["steps"]["move"]["reason"], told
    assert "cutover skip move" in told["holds"][0]["remedy"], told
    assert server.values("www") == ["127.0.0.9"]
    run("abort", "--yes")
    run.end(code=7)
    run.audit()


@KINDS
def test_a_pinned_plan_is_refused_where_somebody_moved_the_records_since(cutover, start, kind):
    server = start(kind=kind)
    path = book(cutover, server)
    cutover("plan", path, "--out", "signed.json", code=0)
    change(server, "127.0.0.9")
    told = cutover("run", path, "--yes", "--plan", "signed.json", code=6)
    assert "the plan no longer holds" in told.err and "step move" in told.err, told
    assert "127.0.0.2 (ttl" in told.err and "127.0.0.9 (ttl" in told.err, told
    assert server.values("www") == ["127.0.0.9"] and cutover.runs() == []
    change(server, "127.0.0.2")
    run = cutover.start(path, "--plan", "signed.json")
    run("approve", "before")
    run.end(code=0)
    assert server.values("www") == ["127.0.0.3"]


@pytest.mark.parametrize("crash", [False, True])
def test_a_pinned_plan_guards_the_first_change_however_long_it_waits(cutover, start, crash):
    server = start(kind="named")
    path = book(cutover, server, "    on_failure: pause\n    retry: {limit: 1, delay: 10ms}\n")
    cutover("plan", path, "--out", "signed.json", code=0)
    run = cutover.start(path, "--plan", "signed.json")
    run.wait_for_people("before")
    if crash:
        run.kill("engine")
        run.wait(lambda s: s["engine"] == "live" and s["waiting_for"])
    change(server, "127.0.0.9")
    run("approve", "before")
    run.wait_hold("step", "move")
    told = run.status["steps"]["move"]
    assert "the plan no longer holds" in told["reason"] and told["attempt"] == 2, told
    assert "127.0.0.2 (ttl" in told["reason"] and "127.0.0.9 (ttl" in told["reason"], told
    assert server.values("www") == ["127.0.0.9"]
    assert run.records("saved") == []
    assert cutover.json("rollback", "--show", run.id)["steps"] == []
    change(server, "127.0.0.2")
    run("retry", "move")
    run.end(code=0)
    assert server.values("www") == ["127.0.0.3"]
    run.audit()


def test_a_clock_that_is_off_is_in_the_plan_and_changes_nothing(cutover, start):
    server = start(kind="knotd", ahead_s=1200)
    path = book(cutover, server)
    serial = server.serial()
    told = cutover("plan", path, code=6)
    assert "BADTIME" in told.out and "s behind the server's" in told.out, told
    refused = cutover("run", path, "--yes", code=6).err
    assert "BADTIME" in refused and "300 s are allowed; set the clocks right" in refused
    assert server.values("www") == ["127.0.0.2"] and server.serial() == serial
    assert cutover.runs() == []
