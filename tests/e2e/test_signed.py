# SPDX-License-Identifier: Apache-2.0
"""Votes signed with SSH keys, by the real ssh-keygen: those that count, and those that do not."""

import datetime
import json
import subprocess
import time

import pytest

KINDS = {"ed25519": ["-t", "ed25519"], "p256": ["-t", "ecdsa", "-b", "256"],
         "rsa": ["-t", "rsa", "-b", "2048"]}
PURPOSE = "cutover-approval@v1"


class Person:
    """Somebody with a key, and perhaps nothing else."""

    def __init__(self, folder, name, kind="ed25519"):
        self.name, self.file = name, folder / f"{name}.{kind}"
        subprocess.run(["ssh-keygen", "-q", *KINDS[kind], "-N", "", "-C", name, "-f", self.file],
                       check=True)
        self.public = self.file.with_name(self.file.name + ".pub").read_text().strip()
        told = subprocess.run(["ssh-keygen", "-lf", self.file], capture_output=True, text=True)
        self.fingerprint = told.stdout.split()[1]

    def sign(self, text, path, purpose=PURPOSE):
        path.write_text(text)
        path.with_name(path.name + ".sig").unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", purpose, "-f", self.file, path],
                       check=True, stderr=subprocess.DEVNULL)
        return path


@pytest.fixture
def people(cutover):
    return {name: Person(cutover.folder, name) for name in ("ann", "bea", "mallory")}


def start(cutover, people, role="quorum: 2", more="", gate=""):
    run = cutover.start(f"""\
        cutover: v1
        name: signed
        roles:
          ops:
            members: [ann, bea, root]
            {role}
            keys:
              ann: {people['ann'].public}
              bea: ["{people['bea'].public}"]
        {more}
        steps:
          - {{id: gate, approve: {{roles: [ops]{gate}}}}}
          - {{id: one, uses: drill, with: {{mark: marks}}}}
        """)
    run.wait_for_people("gate")
    return run


def statement(run, command="approve", *more):
    return run(f"{command} gate --statement", *more).out


def send(run, path, command="approve", code=0):
    more = ["--yes"] if command == "decline" else []
    return run(command, "gate", "--signed", path, *more, code=code)


def refused(run, path, why, command="approve"):
    """One clear line, and a record of it."""
    before = len(run.refused())
    told = send(run, path, command, code=6).err
    assert why in told and told.count("\n") == 1, told
    assert len(run.refused()) == before + 1
    assert run.refused()[-1]["type"] == "approval" and why in run.refused()[-1]["refused"]


def test_signed_votes_reach_a_quorum_beside_one_of_this_machine(cutover, people):
    run = start(cutover, people, "quorum: 3")
    file = cutover.folder / "statement"
    for name in ("ann", "bea"):
        send(run, people[name].sign(statement(run), file))
    assert run.step("gate") == "ready"
    run("approve", "gate", "--comment", "by the console")
    run.end(0)
    votes = run.records("approval")
    assert [(v["name"], v["uid"], v.get("key")) for v in votes] == [
        ("ann", -1, people["ann"].fingerprint), ("bea", -1, people["bea"].fingerprint),
        ("root", 0, None)]
    assert len({v["evidence_sha256"] for v in votes}) == 1
    assert votes[0]["proof"]["statement"] and "SSH SIGNATURE" in votes[0]["proof"]["signature"]
    for form in ("text", "md", "json"):
        told = run("report", "--format", form).out
        assert f"ann ({people['ann'].fingerprint})" in told and "root (uid 0)" in told
    allowed = cutover.folder / "ann.allowed"  # and again, without cutover
    allowed.write_text(f'ann namespaces="{PURPOSE}" {people["ann"].public}\n')
    (cutover.folder / "vote.sig").write_text(votes[0]["proof"]["signature"])
    subprocess.run(["ssh-keygen", "-q", "-Y", "verify", "-n", PURPOSE, "-I", "ann", "-f", allowed,
                    "-s", cutover.folder / "vote.sig"], check=True, text=True,
                   input=votes[0]["proof"]["statement"])
    decision = [d for d in json.loads(told)["decisions"] if d["type"] == "approval"][0]
    assert decision["key"] == people["ann"].fingerprint
    run.audit()


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_every_kind_may_sign(cutover, people, kind):
    people["ann"] = Person(cutover.folder, "ann2", kind)
    run = start(cutover, people, "quorum: 1")
    send(run, people["ann"].sign(statement(run, "approve", "--comment", "fine"),
                                 cutover.folder / "statement"))
    run.end(0)
    assert run.records("approval")[0]["comment"] == "fine"


def test_a_statement_holds_for_an_hour_or_as_long_as_is_said(cutover, people):
    run = start(cutover, people)

    def holds_for(seconds, *more):
        before = time.time()
        end = datetime.datetime.fromisoformat(
            json.loads(statement(run, "approve", *more))["not_after"].replace("Z", "+00:00"))
        return before - 1 < end.timestamp() - seconds <= time.time()

    assert holds_for(3600) and holds_for(90, "--valid-for", "90s")
    for wrong in "0s", "90", "-1h":
        assert "--valid-for" in run("approve gate --statement", "--valid-for", wrong, code=2).err
    told = run("approve one --statement", code=6)
    assert "there is nothing to state on one" in told.err and told.out == ""


def test_a_statement_without_its_signature_is_not_sent(cutover, people):
    run, file = start(cutover, people), cutover.folder / "statement"
    file.write_text(statement(run))
    told = run("approve gate --signed", file, code=6)
    assert f"cannot read {file}.sig: no such file or directory" in told.err
    file.write_bytes(b"\xff\xfe")
    assert f"cannot use {file}: it is not text" in run("approve gate --signed", file, code=2).err
    assert run.records("approval") == []


def test_a_signed_decline_is_one(cutover, people):
    run = start(cutover, people)
    file = people["ann"].sign(statement(run, "decline"), cutover.folder / "statement")
    refused(run, file, "it says the opposite")
    send(run, file, "decline")
    run.wait_hold("gate", "gate")
    refused(run, file, "replayed", "decline")
    run("retry", "gate")
    run.wait_for_people("gate")
    refused(run, file, "replayed", "decline")
    run("abort", "--yes")
    run.end(7)


def test_a_vote_counts_once_and_for_one_opening_of_the_gate(cutover, people):
    run = start(cutover, people)
    first, second = cutover.folder / "first", cutover.folder / "second"
    people["ann"].sign(statement(run), first)
    people["ann"].sign(statement(run), second)
    kept = people["bea"].sign(statement(run), cutover.folder / "kept")
    send(run, first)
    refused(run, first, "replayed")
    refused(run, second, "counts once")
    run("decline", "gate", "--yes")
    run.wait_hold("gate", "gate")
    run("retry", "gate")
    run.wait_for_people("gate")
    refused(run, first, "replayed")
    refused(run, kept, "has changed since it was shown")
    assert run.step("gate") == "ready"
    run.kill("engine")  # what counts is in the journal
    run.wait(lambda s: s["engine"] == "live")
    refused(run, first, "replayed")
    for name in ("ann", "bea"):
        send(run, people[name].sign(statement(run), first))
    run.end(0)
    run.audit()


def test_what_is_wrong_with_a_signed_vote_is_said_and_journaled(cutover, people):
    run, other = start(cutover, people), cutover.folder / "statement"
    ann, told = people["ann"], json.loads(statement(run))

    def signed(who=ann, purpose=PURPOSE, **changed):
        text = json.dumps({k: v for k, v in (told | changed).items() if v is not None})
        return who.sign(text, other, purpose)

    for path, why in (
            (lambda: signed(run="20261123T020000Z-signed-0000"), "another run"),
            (lambda: signed(plan_sha256="0" * 64), "another plan"),
            (lambda: signed(gate="one"), "another gate"),
            (lambda: signed(decision="decline"), "the opposite"),
            (lambda: signed(not_after="2026-01-01T00:00:00Z"), "expired"),
            (lambda: signed(not_after=None), "until when"),
            (lambda: signed(nonce=None), "nonce"),
            (lambda: signed(nonce="x" * 15), "nonce"),
            (lambda: signed(nonce="x" * 65), "nonce"),
            (lambda: signed(evidence_sha256="0" * 64), "on which evidence"),
            (lambda: signed(evidence={"gate": "gate"}), "on which evidence"),
            (lambda: signed(evidence=None, evidence_sha256=None), "on which evidence"),
            (lambda: signed(evidence=None, evidence_sha256="0" * 64), "has changed since"),
            (lambda: signed(only_if="it is Tuesday"), "no meaning"),
            (lambda: signed(purpose="file"), "another purpose"),
            (lambda: signed(people["mallory"]), f"knows the key {people['mallory'].fingerprint}"),
            (lambda: ann.sign("[]", other), "no JSON object"),
            (lambda: ann.sign("", other), "no JSON object")):
        refused(run, path(), why)
    altered = signed()
    altered.write_text(altered.read_text().replace("approve", "decline"))
    refused(run, altered, "not the one that was signed")
    refused(run, altered, "not the one that was signed", "decline")
    altered.with_name("statement.sig").write_text("nonsense")
    refused(run, altered, "not what ssh-keygen -Y sign writes")
    assert run.step("gate") == "ready"
    run("abort", "--yes")
    run.end(7)
    run.audit()


def test_a_person_counts_once_by_key_and_by_account(cutover, people):
    run = cutover.start(f"""\
        cutover: v1
        name: both
        roles: {{ops: {{members: [root, bea], quorum: 2, keys: {{
          root: {people['ann'].public}, bea: {people['bea'].public}}}}}}}
        steps: [{{id: gate, approve: {{roles: [ops]}}}}]
        """)
    run.wait_for_people("gate")
    file = cutover.folder / "statement"
    run("approve", "gate")
    refused(run, people["ann"].sign(statement(run), file), "counts once")
    send(run, people["bea"].sign(statement(run), file))
    run.end(0)


def test_the_key_of_who_started_the_run_may_be_kept_out(cutover, people):
    run = cutover.start(f"""\
        cutover: v1
        name: starter
        roles: {{ops: {{members: [root, bea], not_starter: true, keys: {{
          root: {people['ann'].public}, bea: {people['bea'].public}}}}}}}
        steps: [{{id: gate, approve: {{roles: [ops]}}}}]
        """)
    run.wait_for_people("gate")
    file = cutover.folder / "statement"
    refused(run, people["ann"].sign(statement(run), file), "started the run")
    send(run, people["bea"].sign(statement(run), file))
    run.end(0)


def test_a_sign_off_is_signed_on_the_evidence_shown(cutover, people):
    run = cutover.start(f"""\
        cutover: v1
        name: accepted
        roles: {{ops: {{members: [ann, root], quorum: 2, keys: {{ann: {people['ann'].public}}}}}}}
        phases:
          - id: move
            steps: [{{id: one, uses: drill, with: {{mark: marks}}}}]
            acceptance: {{clean_for: 100ms, tests: [{{run: ["true"]}}], sign_off: [ops]}}
        """)
    waiting = run.wait_for_people("move")["waiting_for"][0]
    assert waiting["evidence"]["tests_passed"] is True
    shown = run("approve", "move").out
    assert "tests_passed: true" in shown
    text = run("approve", "move", "--statement").out
    assert json.loads(text)["evidence"] == waiting["evidence"]
    file = people["ann"].sign(text, cutover.folder / "statement")
    run("approve", "move", "--signed", file)
    run.end(0)
    votes = run.records("approval")
    assert {v["evidence_sha256"] for v in votes} == {waiting["evidence_sha256"]}


def test_keys_are_checked_when_the_runbook_is(cutover, people):
    ann = people["ann"].public
    for keys, why in ((f"{{ann: {ann}, eve: {ann}}}", "no member 'eve'"),
                      (f"{{ann: {ann}, bea: {ann}}}", "this key is ann's"),
                      ("{ann: ssh-ed25519 AAAA}", "no public SSH key"),
                      ("{ann: {file: x}}", "a key")):
        told = cutover("validate", cutover.book(f"""\
            cutover: v1
            name: faulty
            roles: {{ops: {{members: [ann, bea], keys: {keys}}}}}
            steps: [{{id: gate, approve: {{roles: [ops]}}}}]
            """), code=2)
        assert why in told.out + told.err, told
