# SPDX-License-Identifier: Apache-2.0
"""A journal that was sealed, and what somebody may do to it afterwards."""

import hashlib
import json
import shutil

from cutkit import Cutover, eventually

BOOK = """\
    cutover: v1
    name: sealed
    steps:
      - {id: one, uses: drill, with: {mark: marks}}
      - {id: two, uses: drill, with: {mark: marks}}
    """
HEAD = 103


def audit(run, *more, code=8):
    return run.cutover("audit", "verify", run.id, "--output", "json", *more, code=code).json


def lines_of(run):
    return (run.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)


def store(run, lines):
    (run.folder / "journal.jsonl").write_bytes(b"".join(lines))


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def rechained(lines):
    """The same records with numbers, checksums and links that fit: what needs no key."""
    made, link = [], b"0" * 64
    for seq, line in enumerate(lines, 1):
        body = line[HEAD:-1]
        start, rest = b"v1 %016x %08x " % (seq, len(body)), b" %s %s" % (link, body)
        line = b"%s%08x%s\n" % (start, crc32c(start + rest), rest)
        link = hashlib.sha256(line).hexdigest().encode()
        made.append(line)
    return made


def test_a_run_ends_with_a_seal_and_its_report_says_so(cutover):
    run = cutover.run(BOOK)
    last = run.records()[-1]
    assert last["type"] == "sealed" and last["final"] and last["records"] == last["seq"] - 1
    told = audit(run, code=0)
    assert told["ok"] and told["seal"]["final"] and told["seal"]["key"] == last["key"]
    report = json.loads(run("report", "--format", "json").out)
    assert report["seal"] == {"state": "sealed", "seq": last["seq"], "key": last["key"],
                              "at": last["at"]}
    for form in ("text", "md"):
        assert last["key"] in run("report", "--format", form).out


def test_whatever_is_done_to_a_record_the_audit_names_it(cutover):
    run = cutover.run(BOOK)
    whole = lines_of(run)
    seal = len(whole)
    for i in range(len(whole)):
        for lines, first in (
                (whole[:i] + [whole[i].replace(b'"', b"'", 1)] + whole[i + 1:], i + 1),  # edited
                (whole[:i] + whole[i + 1:], i + 1),                                     # deleted
                (whole[:i] + whole[i:i + 2][::-1] + whole[i + 2:], i + 1),              # swapped
                (whole[:i], i + 1)):                                                    # cut off
            if lines in ([], whole):
                continue
            store(run, lines)
            assert audit(run)["bad"]["seq"] == first, (i, lines)
        if i == seal - 1:
            continue
        forged = whole[:i] + [whole[i].replace(b"engine", b"enginE", 1)] + whole[i + 1:]
        if forged != whole:
            store(run, rechained(forged))
            assert audit(run)["bad"] | {"offset": 0} == {
                "seq": seal, "file": "journal.jsonl", "offset": 0, "why": "seal",
                "what": "the signature is not of the records that stand before it"}
    store(run, whole)
    run.audit()
    assert "FORGED" not in run("audit verify").out


def test_two_runs_spliced_are_told_apart(cutover):
    first, second = cutover.run(BOOK), cutover.run(BOOK)
    ours, theirs = lines_of(first), lines_of(second)
    assert len(ours) == len(theirs)
    for i in range(1, len(ours)):
        store(first, ours[:i] + theirs[i:])
        assert audit(first)["bad"]["seq"] == i + 1
        store(first, rechained(ours[:i] + theirs[i:]))
        assert audit(first)["fault"] == "forged"
    store(first, theirs)
    assert audit(first)["bad"]["why"] == "run"


def test_an_auditor_elsewhere_verifies_with_the_exported_key(cutover):
    run = cutover.run(BOOK)
    elsewhere = Cutover()
    try:
        key = elsewhere.folder / "host.pub"
        key.write_text(cutover("audit", "key", code=0).out)
        shutil.copytree(run.folder, elsewhere.state / "runs" / run.id)
        elsewhere.state.chmod(0o700)
        copy = elsewhere.runs()[0]
        assert audit(copy)["fault"] == "untrusted"
        assert audit(copy, "--key", str(key), code=0)["ok"]
        key.write_text(elsewhere("audit", "key", code=0).out)
        assert audit(copy, "--key", str(key))["bad"]["why"] == "key"
        key.write_text("nonsense")
        assert "no public SSH key" in copy("audit verify", "--key", key, code=2).err
    finally:
        elsewhere.close()


def test_a_key_that_others_could_read_begins_no_run(cutover):
    cutover("audit", "key", code=0)
    key = cutover.state / "seal.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    told = cutover("run", cutover.book(BOOK), "--yes", code=6).err
    assert "seal.key" in told and "chmod 600" in told and told.count("\n") == 1
    assert cutover.runs() == [] and cutover.marks == []


def test_a_run_under_way_goes_on_without_its_key_and_says_so(cutover):
    run = cutover.start("""\
        cutover: v1
        name: keyless
        roles: {ops: {members: [root]}}
        steps: [{id: gate, manual: {instructions: x}, rollback: not_needed}]
        """)
    run.wait_for_people("gate")
    (cutover.state / "seal.key").chmod(0o644)
    run.kill("engine")
    eventually(lambda: run.records("resumed"))
    run("attest", "gate")
    run.end(0)
    assert [n for n in run.records("note") if "not sealed" in n["text"]]
    eventually(lambda: not run.processes())
    assert audit(run)["fault"] == "unsealed"
    assert json.loads(run("report", "--format", "json").out)["seal"]["state"] == "unsealed"


def test_checkpoints_are_signed_on_the_way(cutover):
    steps = "".join(f"      - {{id: s{i}, wait: 0ms}}\n" for i in range(120))
    run = cutover.start("""\
    cutover: v1
    name: long
    steps:
""" + steps + "      - {id: end, manual: {instructions: x}, rollback: not_needed}\n")
    run.wait_for_people("end")
    seals = eventually(lambda: run.records("sealed"))
    assert not seals[0]["final"]
    told = audit(run, code=0)
    assert told["seal"]["seq"] == seals[-1]["seq"] and not told["seal"]["final"]
    assert "last checkpoint" in run("audit verify").out
    run("attest", "end")
    run.end(0)
    eventually(lambda: not run.processes())
    assert audit(run, code=0)["seal"]["final"]


def test_an_ended_run_whose_seal_was_lost_is_sealed_by_recover(cutover):
    """As when the power went between the last record and the seal."""
    run = cutover.run(BOOK)
    eventually(lambda: not run.processes())
    store(run, lines_of(run)[:-1])
    assert audit(run)["fault"] == "unsealed"
    run("recover", code=0)
    eventually(lambda: not run.processes())
    assert audit(run, code=0)["seal"]["final"]
    assert "has ended" in run("recover", code=6).err
