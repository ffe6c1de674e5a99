# SPDX-License-Identifier: Apache-2.0
"""The dns plugin where replies to updates are lost, late, forged or false."""

import pytest
from forger import Forger
from hostdrive import Host
from steady import steadily
from zones import NameServer

TTL = {"zone": "zone", "names": ["www", "api"], "ttl": "2s"}


@pytest.fixture
def primary(tmp_path):
    server = NameServer(tmp_path)
    yield server
    server.end()


def test_an_update_whose_reply_is_lost_is_found_done(primary):
    forger = Forger(primary, "lost")
    serial = primary.serial()
    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        done = host.call("set_ttl", "apply", TTL)
    forger.end()
    assert done.status == "ok", done
    assert forger.updates == 3  # the same octets each time
    assert primary.serial() == serial + 1


def test_a_reply_that_never_comes_is_told_apart_from_a_change(primary):
    forger = Forger(primary, "silent")

    def attempt(seconds):
        late = host.call("set_ttl", "apply", TTL, timeout=seconds)
        assert late.status == "unknown" and late.seconds < seconds + 0.7, late

    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        done = host.call("set_ttl", "apply", TTL)
        steadily(attempt, 3)
    forger.end()
    assert done.status == "fail" and "does not answer the update" in done.text


@pytest.mark.parametrize("behaviour, part", [
    ("ignore", "ignored it"),
    ("unsigned", "without a signature"),
    ("wrong_key", "wrong signature"),
    ("old", "another time"),
])
def test_a_lie_about_an_update_is_not_believed(primary, behaviour, part):
    forger = Forger(primary, behaviour)
    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        done = host.call("set_ttl", "apply", TTL)
    forger.end()
    assert done.status == "fail" and part in done.text, done
    assert primary.ttl("www") == 300


@pytest.mark.parametrize("behaviour, status, part", [
    ("servfail", "retry", "SERVFAIL"), ("refused", "fail", "REFUSED"),
    ("conflict", "retry", "NXRRSET"), ("garbage", "fail", "does not answer the update")])
def test_a_server_that_does_not_do_it_is_asked_again_where_that_may_help(
        primary, behaviour, status, part):
    forger = Forger(primary, behaviour)
    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        done = host.call("set_ttl", "apply", TTL)
    forger.end()
    assert done.status == status and part in done.text, done
    assert primary.ttl("www") == 300


@pytest.mark.parametrize("behaviour", ["no_edns", "foreign_answer"])
def test_records_are_read_past_odd_answers(primary, behaviour):
    forger = Forger(primary, behaviour)
    move = {"zone": "zone", "records": [{"name": "www", "type": "A", "values": ["127.0.0.3"]}]}
    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        done = host.call("set_records", "plan", move)
    forger.end()
    assert done.status == "ok" and done.data["changes"][0]["before"].startswith("127.0.0.2"), done


def test_a_cancel_tells_whether_an_update_was_sent(primary):
    forger = Forger(primary, "silent")
    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        forger.on_update = lambda: host.cancel(1)
        assert host.start("set_ttl", "apply", TTL) == 1
        done = host.finish(1)
    forger.end()
    assert (done.status, done.text) == ("canceled", "canceled after an update had been sent")


def test_a_reply_to_another_question_is_not_heard(primary):
    forger = Forger(primary, "foreign_first")
    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        done = host.call("set_ttl", "apply", TTL)
    forger.end()
    assert done.status == "ok", done


def test_cancel_ends_the_call_and_the_host_lives_on(primary):
    forger = Forger(primary, "silent")
    with Host("dns", {"zone": forger.connection()}, {"tsig": primary.secret}) as host:
        number = host.start("set_ttl", "apply", TTL)
        host.cancel(number)
        done = host.finish(number)
        assert done.status == "canceled", done
        forger.behaviour = "no_edns"
        assert host.call("set_ttl", "plan", TTL).status == "ok"
    forger.end()
