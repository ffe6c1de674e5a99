# SPDX-License-Identifier: Apache-2.0
"""Several people: who may vote and order is decided by who they are on the machine."""

import json
import os
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cutkit import DEADLINE_S, PROGRAM, Run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")

DAEMON, NOBODY, STRANGER = 1, 65534, 54321
RESTART_WAIT_S = 20  # so long a command waits for an engine that may be being started again


def start(cutover, role="members: [daemon, nobody], quorum: 2", more=""):
    run = cutover.start(f"""\
        cutover: v1
        name: gated
        roles: {{ops: {{{role}}}, other: {{members: ["2"]}}}}
        {more}
        steps:
          - {{id: one, uses: drill, with: {{mark: marks}}}}
          - {{id: gate, approve: {{roles: [ops]}}}}
        """)
    run.wait_for_people("gate")
    return run


def by(uid):
    """Options of somebody else, who has a home but no right to the run's folder."""
    return {"uid": uid, "env": {"CUTOVER_STATE_DIR": f"/tmp/cutover-nowhere-{os.getpid()}/{uid}",
                                "HOME": "/"}}


@pytest.fixture(autouse=True)
def homes():
    """State folders of the others: they have no runs of their own."""
    base = f"/tmp/cutover-nowhere-{os.getpid()}"
    for uid in (0, 2, DAEMON, NOBODY, STRANGER):
        os.makedirs(f"{base}/{uid}", mode=0o700, exist_ok=True)
        os.chown(f"{base}/{uid}", uid, -1)
    yield
    shutil.rmtree(base)


def test_two_persons_of_a_role_approve(cutover):
    run = start(cutover)
    run("approve", "gate", **by(DAEMON))
    assert "once" in run("approve", "gate", code=6, **by(DAEMON)).err
    assert run.state == "running" and run.step("gate") != "succeeded"
    run("approve", "gate", "--comment", "fine by me", **by(NOBODY))
    run.end(0)
    votes = run.records("approval")
    assert [(v["name"], v.get("refused") is None) for v in votes] == [
        ("daemon", True), ("daemon", False), ("nobody", True)]


def test_root_is_a_member_only_where_named(cutover):
    run = start(cutover)
    assert run("approve", "gate", code=6).err
    assert len(run.refused()) == 1


def test_members_may_be_given_as_numbers(cutover):
    run = start(cutover, f'members: ["{STRANGER}"]')
    run("approve", "gate", **by(STRANGER))
    run.end(0)


def test_who_started_the_run_may_be_kept_from_approving_it(cutover):
    run = start(cutover, 'members: [root, daemon], not_starter: true')
    assert "start" in run("approve", "gate", code=6).err
    run("approve", "gate", **by(DAEMON))
    run.end(0)


def test_a_member_of_another_role_is_refused_and_journaled(cutover):
    run = start(cutover)
    assert "role" in run("approve", "gate", code=6, **by(2)).err
    assert [r["type"] for r in run.refused()] == ["approval"]
    run.audit()


def test_a_stranger_sees_nothing_and_is_journaled_when_he_votes(cutover):
    run = start(cutover)
    before = len(run.records())
    assert "role" in run("approve", "gate", code=6, **by(STRANGER)).err
    run("status", code=6, **by(STRANGER))
    refused = run.refused()
    assert len(refused) == 1 and str(STRANGER) in refused[0]["actor"]
    assert len(run.records()) == before + 1


def test_a_member_sees_the_run_and_follows_it_to_its_end(cutover):
    run = start(cutover, "members: [daemon]")
    told = json.loads(run("status", "--output", "json", **by(DAEMON)).out)
    assert told["run"] == run.id and told["waiting_for"][0]["id"] == "gate"
    run("approve", "gate", **by(DAEMON))
    run.end(0)
    second = start(cutover, "members: [daemon]", more="# again")
    second("decline", "gate", "--yes", **by(DAEMON))
    second.wait_hold("gate", "gate")
    second("abort", "--yes")
    second.end(7)


def test_somebody_who_follows_is_told_how_it_ended(cutover):
    run = start(cutover, "members: [daemon]")
    follower = subprocess.Popen(
        ["setpriv", f"--reuid={DAEMON}", "--clear-groups", "--", PROGRAM, "watch", run.id],
        env={**cutover.env, **by(DAEMON)["env"]}, cwd=cutover.folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert "armed" in follower.stdout.readline()
    run("approve", "gate", **by(DAEMON))
    assert f"{run.id}: done" in follower.communicate(timeout=DEADLINE_S)[0]
    assert follower.returncode == 0


def test_an_order_of_a_member_who_is_no_operator_is_not_obeyed_beyond_his_right(cutover):
    run = start(cutover, more="authority: {accept_loss: [other], skip: [other], freeze: [other]}")
    for order in (["freeze", "--for", "1m"], ["skip", "gate", "--reason", "x"], ["pause"],
                  ["rollback", "--yes"], ["abort", "--yes"], ["resume"], ["retry", "one"],
                  ["attest", "one", "--applied"]):
        run(order[0], *order[1:], code=6, **by(DAEMON))
    assert run.state == "running" and len(run.refused()) == 8
    run("note", "I am only looking", **by(DAEMON))


def test_a_role_that_authority_names_may_order_without_being_an_operator(cutover):
    run = start(cutover, more="authority: {freeze: [ops]}")
    run("freeze", "--for", "100ms", **by(DAEMON))
    run("skip", "gate", "--reason", "a right of its own", code=6, **by(DAEMON))
    run("abort", "--yes")
    run.end(7)
    run = start(cutover, more="authority: {skip: [ops]}")
    run("skip", "gate", "--reason", "agreed by phone", **by(NOBODY))
    run.end(0)


def test_root_is_an_operator_of_everybodys_runs(cutover):
    for folder in cutover.folder, cutover.state, cutover.folder / "s":
        folder.mkdir(exist_ok=True)
        os.chown(folder, DAEMON, -1)
    own = {"uid": DAEMON, "env": {"HOME": "/"}}
    book = cutover.book("""\
        cutover: v1
        name: gated
        roles: {ops: {members: [nobody]}}
        steps: [{id: gate, approve: {roles: [ops]}}]
        """)
    run = Run(cutover, cutover.json("run", book, "--yes", "--detach", code=3, **own)["run"])
    run("pause", **by(0))
    run("abort", "--yes", **by(0))
    run("watch", code=7, **own)
    told = [json.loads(line) for line in run("logs", "--output", "json", **own).out.splitlines()]
    assert {r["actor"] for r in told if r["type"] == "order"} == {"daemon (uid 1)", "root (uid 0)"}
    shutil.rmtree(cutover.state)  # it is no state folder of ours


def test_a_member_whom_nobody_knows_refuses_the_start(cutover):
    book = cutover.book("""\
        cutover: v1
        name: gated
        roles: {ops: {members: [root, no-such-user]}}
        steps: [{id: gate, approve: {roles: [ops]}}]
        """)
    told = cutover("run", book, "--yes", code=6)
    assert "member no-such-user: this machine knows no such user; correct the name" in told.err
    assert cutover.runs() == []


def test_work_of_a_role_is_attested_by_that_role(cutover):
    run = cutover.start("""\
        cutover: v1
        name: manual
        roles: {ops: {members: [daemon]}, other: {members: [nobody]}}
        steps: [{id: cable, manual: {instructions: plug, role: ops}, rollback: not_needed}]
        """)
    run.wait_for_people("cable")
    assert "may not order attest" in run("attest", "cable", code=6, **by(NOBODY)).err
    run("retry", "cable", code=6, **by(DAEMON))
    run("attest", "cable", **by(DAEMON))
    run.end(0)


def test_the_socket_answers_nonsense_with_an_error(cutover):
    run = start(cutover)
    for request, status in (
            (b"nonsense\r\n\r\n", None), (b"GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            (b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{x}", 400),
            (b"DELETE /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            (b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n"
             + b"x" * 70000, 400)):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE_S)
            s.connect(run.status["socket"])
            s.sendall(request)
            answer = s.recv(4096)  # nothing where it is no HTTP at all
            assert (int(answer.split()[1]) if answer else None) == status, request[:40]
    assert run.state == "running"


def post(run, order):
    """What the engine answers to an order: its status, and the JSON."""
    body = json.dumps(order).encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE_S)
        s.connect(run.status["socket"])
        s.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head, text = s.makefile("rb").read().split(b"\r\n\r\n", 1)
    assert b"\r\nCache-Control: no-store\r\n" in head
    return int(head.split()[1]), json.loads(text)


def test_orders_are_looked_at_whoever_wrote_them(cutover):
    run = start(cutover, "members: [root, daemon], quorum: 2")
    shown = run.status["waiting_for"][0]["evidence_sha256"]
    for order, status, text in (
            ({"order": "approve"}, 400, '"target" is missing'),
            ({"order": "fly"}, 400, "there is no such order"),
            ({"order": "note", "text": "x" * 70000}, 400, "it is larger than 64 KiB"),
            ({"order": "approve", "target": "gate", "evidence_sha256": "0" * 64}, 409,
             "what it is about has changed since it was shown")):
        answered, answer = post(run, order)
        assert (answered, answer["error"]["why"]) == (status, text)
    answered, answer = post(run, {"order": "approve", "target": "gate"})
    assert answered == 200 and answer["ok"]
    vote = run.records("approval")[-1]
    assert (vote["seq"], vote["evidence_sha256"]) == (answer["seq"], shown)
    assert "\n    approved 1 of 2: root\n" in run("status").out


LOOKS = [["status"], ["watch"], ["logs"], ["report"], ["audit", "verify"], ["rollback", "--show"],
         ["recover"], ["eval", "run.id"]]
ORDERS = [["pause"], ["resume"], ["freeze", "--for", "1m"], ["retry", "one"],
          ["skip", "gate", "--reason", "x"], ["attest", "one", "--applied"], ["approve", "gate"],
          ["decline", "gate", "--yes"], ["rollback", "--yes"], ["abort", "--yes"], ["ack", "shop"],
          ["note", "x"], ["command", "take"], ["command", "give", "x"]]


@pytest.mark.parametrize("named", [True, False])
def test_a_stranger_is_told_in_one_line_that_he_may_not(cutover, named):
    run = start(cutover, more="clients: [{id: shop, what: x, owner: y}]")
    for words in [*LOOKS, *ORDERS, *([] if named else [["list"]])]:
        began = time.monotonic()
        if words[0] == "eval" and not named:
            continue  # without a run it needs none
        told = cutover(*words, *([run.id] if named else []), code=6, uid=STRANGER,
                       env={"HOME": "/"})
        assert told.err.startswith("cutover: ") and told.err.count("\n") == 1, told
        assert any(part in told.err for part in ("not allowed", "may not", "permission denied"))
        assert told.out == "" and time.monotonic() - began < RESTART_WAIT_S
    assert run.state == "running"
    assert set(run.steps().values()) == {"succeeded", "ready"}


def test_a_member_reaches_a_run_whose_folder_he_may_not_read(cutover):
    run = start(cutover, "members: [daemon]")
    shared = {"uid": DAEMON, "env": {"HOME": "/"}}
    assert "cutover approve gate" in run("status", **shared).out
    assert "gives its id" in cutover("status", code=6, **shared).err
    run("approve", "gate", **shared)
    run.end(0)


def test_who_has_a_role_but_not_the_folder_is_told_whom_to_ask(cutover):
    run = start(cutover)
    for words in (["logs"], ["report"], ["audit", "verify"], ["rollback", "--show"]):
        told = cutover(*words, run.id, code=6, **by(DAEMON)).err
        assert told.startswith(f"cutover: cannot read the journal of {run.id}: permission denied, "
                               "it is another user's; ask its owner; `cutover status "), told
    run("status", **by(DAEMON))
    run("abort", "--yes")
    run.end(7)


def test_a_member_whose_state_folder_is_somebody_elses_reaches_a_run_by_its_id(cutover):
    run = start(cutover, "members: [daemon]")
    os.chown(f"/tmp/cutover-nowhere-{os.getpid()}/{DAEMON}", NOBODY, -1)
    run("approve", "gate", **by(DAEMON))
    told = cutover("list", code=6, **by(DAEMON)).err
    assert "belongs to another user" in told and "remove" not in told
    run.end(0)


def test_a_member_is_told_of_an_engine_that_is_gone_without_waiting_twice(cutover):
    run = start(cutover, "members: [daemon]")
    for role in ("supervisor", "engine", "host"):
        run.kill(role)
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        for told in pool.map(lambda words: run(*words, code=6, timeout=2 * RESTART_WAIT_S,
                                               **by(DAEMON)).err,
                             [["approve", "gate"], ["status"]]):
            assert "its owner goes on: `cutover recover`" in told
    assert time.monotonic() - began < 2 * RESTART_WAIT_S
    run("recover", "--detach", code=3)
    run("approve", "gate", **by(DAEMON))
    run.end(0)
    assert "reached only while it lives" in run("status", code=6, **by(DAEMON)).err
