# SPDX-License-Identifier: Apache-2.0
"""The dns plugin against PowerDNS, which takes updates in ways of its own, and a real resolver."""

import time

import pytest
from hostdrive import Host
from zones import NameServer, Unbound

TTL = {"zone": "zone", "names": ["www", "api"], "ttl": "2s"}
MOVE = {"zone": "zone", "records": [{"name": "www", "type": "A", "values": ["127.0.0.3"]}]}


@pytest.fixture
def primary(tmp_path):
    server = NameServer(tmp_path, "pdns_server")
    yield server
    server.end()


@pytest.fixture
def resolver(tmp_path, primary):
    server = Unbound(tmp_path, primary)
    yield server
    server.end()


def drive(server, secret=None):
    return Host("dns", {"zone": server.connection()}, {"tsig": secret or server.secret})


def test_ttls_and_records_move_there_and_back(primary):
    with drive(primary) as host:
        lowered = host.call("set_ttl", "apply", TTL)
        assert lowered.status == "ok" and lowered.data["old_ttl_max"] == 300, lowered
        assert primary.ttl("www") == 2 and primary.dig("api", "AAAA") == [(2, "::2")]
        moved = host.call("set_records", "apply", MOVE)
        assert moved.status == "ok" and primary.dig("www") == [(2, "127.0.0.3")], moved
        assert host.call("set_records", "verify", MOVE, saved=moved.saved).status == "ok"
        back = host.call("set_records", "rollback", MOVE, saved=moved.saved)
        assert back.status == "ok" and primary.dig("www") == [(2, "127.0.0.2")], back
        raised = host.call("set_ttl", "rollback", TTL, saved=lowered.saved)
        assert raised.status == "ok" and primary.dig("www") == [(300, "127.0.0.2")], raised


def test_what_somebody_else_changed_in_between_is_not_overwritten(primary):
    def second_writer(saved):
        primary.nsupdate("del www.shop.test. A", "add www.shop.test. 300 A 127.0.0.9")

    with drive(primary) as host:
        done = host.call("set_records", "apply", MOVE, on_save=second_writer)
    assert done.status in ("conflict", "fail") and "127.0.0.9" in done.text, done
    assert primary.values("www") == ["127.0.0.9"]


def test_a_wrong_key_is_named(primary):
    with drive(primary, secret="A" * 43 + "=") as host:
        done = host.call("set_records", "apply", MOVE)
    assert done.status == "fail" and "key" in done.text.lower(), done
    assert primary.values("www") == ["127.0.0.2"]


def test_propagation_waits_until_the_resolvers_cache_has_let_go(primary, resolver):
    everywhere = {**MOVE, "resolvers": [resolver.text]}
    with drive(primary) as host:
        assert host.call("set_ttl", "apply", {**TTL, "ttl": "4s"}).status == "ok"
        began = time.monotonic()
        assert resolver.values("www") == ["127.0.0.2"]
        assert host.call("set_records", "apply", MOVE).status == "ok"
        early = host.call("wait_propagated", "apply", everywhere, timeout=1)
        if early.status != "ok" or time.monotonic() - began < 4:
            assert early.status == "retry" and resolver.text in early.text, early
        done = host.call("wait_propagated", "apply", everywhere)
    assert done.status == "ok" and resolver.text in done.data["servers"], done
    assert resolver.values("www") == ["127.0.0.3"]
