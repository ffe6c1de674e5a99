# SPDX-License-Identifier: Apache-2.0
"""The dns plugin against BIND and Knot: what it changes, what it refuses, what it survives."""

import os
import threading
import time
from datetime import datetime

import pytest
from hostdrive import Host, HostGone
from servers import Server, free_port, wait_until
from steady import SOON_S, steadily
from zones import NameServer

TTL = {"zone": "zone", "names": ["www", "api"], "ttl": "2s"}
MOVE = {"zone": "zone", "records": [{"name": "www", "type": "A", "values": ["127.0.0.3"]}]}
SWAP = {"zone": "zone", "records": [{"name": "api", "type": "CNAME", "values": ["www"]}]}


@pytest.fixture
def start(tmp_path):
    """Starts name servers that end with the test."""
    started = []

    def one(*args, **kwargs):
        started.append(NameServer(tmp_path, *args, **kwargs))
        return started[-1]

    yield one
    for server in started:
        server.end()


@pytest.fixture
def pair(start):
    """A BIND primary and a Knot secondary that it notifies."""
    port = free_port()
    primary = start("named", notify=[port])
    return primary, start("knotd", primary=primary, port=port, secret=primary.secret)


@pytest.fixture
def primary(start):
    return start("named")


def drive(server, *others, secret=None, **extra):
    return Host("dns", {"zone": server.connection(*others, **extra)},
                {"tsig": secret or server.secret})


# What it does


def test_set_ttl_lowers_many_names_in_one_update_at_every_server(pair):
    primary, secondary = pair
    serial = primary.serial()
    with drive(*pair) as host:
        done = host.call("set_ttl", "apply", TTL)
    assert done.status == "ok", done
    for server in pair:
        assert server.dig("www") == [(2, "127.0.0.2")]
        assert server.dig("api") == [(2, "127.0.0.2")]
        assert server.dig("api", "AAAA") == [(2, "::2")]
    assert primary.serial() == serial + 1
    assert done.data["old_ttl_max"] == 300 and done.data["tail"] == 300
    assert {"what": "api.shop.test. AAAA TTL", "before": "300s", "after": "2s"} \
        in done.data["changes"]


def test_low_since_is_not_before_the_last_server_shows_it(start):
    primary = start("named")
    secondary = start("knotd", primary=primary, secret=primary.secret)  # asks every 5 s itself
    low, high_at = threading.Event(), []

    def watch():
        while not low.is_set():
            now = time.time()
            if secondary.ttl("www") == 300:
                high_at.append(now)
            low.wait(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with drive(primary, secondary) as host:
            done = host.call("set_ttl", "apply", TTL)
        assert done.status == "ok", done
        assert secondary.ttl("www") == 2
    finally:
        low.set()
        watcher.join()
    since = datetime.fromisoformat(done.data["low_since"].replace("Z", "+00:00")).timestamp()
    assert since >= high_at[-1]


@pytest.mark.parametrize("kind", ["named", "knotd"])
@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha384", "hmac-sha512"])
def test_every_server_takes_every_algorithm(start, kind, algorithm):
    server = start(kind, algorithm=algorithm)
    with drive(server) as host:
        done = host.call("set_ttl", "apply", TTL)
    assert done.status == "ok", done
    assert server.ttl("www") == 2


def test_plan_shows_the_change_and_makes_none(primary):
    serial = primary.serial()
    with drive(primary) as host:
        ttl = host.call("set_ttl", "plan", TTL)
        move = host.call("set_records", "plan", MOVE)
    assert ttl.status == "ok" and len(ttl.data["changes"]) == 3
    assert move.data["changes"] == [{"what": "www.shop.test. A",
                                     "before": "127.0.0.2 (ttl 300s)",
                                     "after": "127.0.0.3 (ttl 300s)"}]
    assert primary.serial() == serial
    assert ttl.saved is None


def test_plan_finds_a_wrong_key_before_the_window(primary):
    with drive(primary, secret="A" * 43 + "=") as host:
        done = host.call("set_ttl", "plan", TTL)
    assert done.status == "fail" and "BADSIG" in done.text


def test_applying_again_changes_nothing(pair):
    primary = pair[0]
    with drive(*pair) as host:
        first = host.call("set_ttl", "apply", TTL)
        serial = primary.serial()
        again = host.call("set_ttl", "apply", TTL, saved=first.saved)
        observed = host.call("set_ttl", "observe", TTL, saved=first.saved)
        verified = host.call("set_ttl", "verify", TTL, saved=first.saved)
    assert again.status == observed.status == verified.status == "ok"
    assert again.data["old_ttl_max"] == observed.data["old_ttl_max"] == 300
    assert again.saved == first.saved
    assert primary.serial() == serial


def test_records_move_and_come_back_with_the_low_ttl_kept(pair):
    primary, secondary = pair
    with drive(*pair) as host:
        ttl = host.call("set_ttl", "apply", TTL)
        move = host.call("set_records", "apply", MOVE)
        assert move.status == "ok", move
        assert move.data["tail"] == 2
        assert primary.dig("www") == secondary.dig("www") == [(2, "127.0.0.3")]
        assert host.call("set_records", "verify", MOVE, saved=move.saved).status == "ok"
        back = host.call("set_records", "rollback", MOVE, saved=move.saved)
        assert back.status == "ok", back
        assert primary.dig("www") == secondary.dig("www") == [(2, "127.0.0.2")]
        restored = host.call("set_ttl", "rollback", TTL, saved=ttl.saved)
    assert restored.status == "ok", restored
    assert primary.dig("www") == secondary.dig("www") == [(300, "127.0.0.2")]


def test_rollback_keeps_the_low_ttl_also_where_the_move_itself_set_it(primary):
    move = {"zone": "zone", "records": [{**MOVE["records"][0], "ttl": "5s"}]}
    with drive(primary) as host:
        done = host.call("set_records", "apply", move)
        assert primary.dig("www") == [(5, "127.0.0.3")]
        assert host.call("set_records", "rollback", move, saved=done.saved).status == "ok"
    assert primary.dig("www") == [(5, "127.0.0.2")]


def test_set_ttl_restores_the_ttl_of_records_that_have_moved_since(primary):
    with drive(primary) as host:
        ttl = host.call("set_ttl", "apply", TTL)
        host.call("set_records", "apply", MOVE)
        done = host.call("set_ttl", "rollback", TTL, saved=ttl.saved)
    assert done.status == "ok", done
    assert primary.dig("www") == [(300, "127.0.0.3")]


@pytest.mark.parametrize("kind", ["named", "knotd"])
def test_a_swap_to_cname_and_back_is_one_update_each(start, kind):
    server = start(kind)
    serial = server.serial()
    with drive(server) as host:
        done = host.call("set_records", "apply", SWAP)
        assert done.status == "ok", done
        assert server.values("api", "CNAME") == ["www.shop.test."]
        assert server.serial() == serial + 1
        back = host.call("set_records", "rollback", SWAP, saved=done.saved)
    assert back.status == "ok", back
    assert server.dig("api") == [(300, "127.0.0.2")]
    assert server.dig("api", "AAAA") == [(300, "::2")]
    assert server.serial() == serial + 2


def test_what_takes_the_place_of_others_has_their_lowest_ttl(primary):
    back = {"zone": "zone", "records": [{"name": "api", "type": "A", "values": ["127.0.0.4"]}]}
    primary.nsupdate("del api.shop.test. AAAA", "add api.shop.test. 60 AAAA ::2")
    with drive(primary) as host:
        assert host.call("set_records", "apply", SWAP).status == "ok"
        assert primary.dig("api", "CNAME") == [(60, "www.shop.test.")]
        done = host.call("set_records", "apply", back)
    assert done.status == "ok", done
    assert primary.values("api", "CNAME") == [] and primary.dig("api") == [(60, "127.0.0.4")]


def test_a_new_record_counts_the_negative_answers_that_may_be_cached(primary):
    new = {"zone": "zone", "records": [{"name": "fresh", "type": "A", "values": ["127.0.0.3"],
                                        "ttl": "30s"}]}
    with drive(primary) as host:
        done = host.call("set_records", "apply", new)
        assert done.status == "ok", done
        assert done.data["tail"] == 7  # the SOA's minimum
        assert primary.dig("fresh") == [(30, "127.0.0.3")]
        assert host.call("set_records", "rollback", new, saved=done.saved).status == "ok"
    assert primary.dig("fresh") == []


def test_text_and_mail_records_survive_the_round_trip(primary):
    change = {"zone": "zone", "records": [
        {"name": "note", "type": "TXT", "values": ['"moved; really" "yes"']},
        {"name": "mail", "type": "MX", "values": ["20 www.shop.test."]}]}
    with drive(primary) as host:
        done = host.call("set_records", "apply", change)
        assert done.status == "ok", done
        assert primary.values("note", "TXT") == ['"moved; really" "yes"']
        assert host.call("set_records", "rollback", change, saved=done.saved).status == "ok"
    assert primary.values("note", "TXT") == ['"a; b" "c"']
    assert primary.values("mail", "MX") == ["10 www.shop.test."]


@pytest.mark.parametrize("kind", ["named", "knotd"])
def test_an_rrset_too_large_for_udp_is_read_and_written_over_tcp(start, kind):
    server = start(kind)
    many = {"zone": "zone", "names": ["many"], "ttl": "2s"}
    with drive(server) as host:
        done = host.call("set_ttl", "apply", many)
        assert done.status == "ok", done
        assert len(server.dig("many")) == 90 and server.ttl("many") == 2
        assert host.call("set_ttl", "rollback", many, saved=done.saved).status == "ok"
    assert len(server.dig("many")) == 90 and server.ttl("many") == 300


def test_original_restores_what_this_run_lowered(primary):
    original = {**TTL, "ttl": "original"}
    with drive(primary) as host:
        lowered = host.call("set_ttl", "apply", TTL)
        done = host.call("set_ttl", "apply", original)
    assert done.status == "ok", done
    assert primary.ttl("www") == 300
    with drive(primary) as host:  # restarted: it only knows what it is told
        host.call("set_ttl", "apply", TTL)
    with drive(primary) as host:
        refused = host.call("set_ttl", "apply", original)
        told = host.call("set_ttl", "apply",
                         {**original, "originals": lowered.data["changes"]})
        moved = host.call("set_records", "apply", {"zone": "zone", "records": [
            {"name": "new", "type": "A", "values": ["127.0.0.3"], "ttl": "9s"}]})
        host.call("set_records", "apply", {"zone": "zone", "records": [
            {"name": "new", "type": "A", "values": ["127.0.0.3"], "ttl": "2s"}]})
        assert moved.status == "ok" and primary.ttl("new") == 2
        assert host.call("set_ttl", "apply", {**original, "names": ["new"]}).status == "ok"
        assert primary.ttl("new") == 9
    assert refused.status == "fail" and "outputs.changes" in refused.text
    assert told.status == "ok", told
    assert primary.ttl("www") == 300


def test_the_servers_are_found_by_their_ns_records(start):
    if os.geteuid() != 0:
        pytest.skip("port 53 is root's")
    net = f"127.{50 + os.getpid() // 250 % 200}.{os.getpid() % 250}"
    one, two = f"{net}.1", f"{net}.2"
    primary = start("knotd", address=one, port=53, second=two)
    secondary = start("knotd", address=two, port=53, primary=primary, secret=primary.secret)
    connection = primary.connection(primary=primary.text)
    del connection["servers"]
    with Host("dns", {"zone": connection}, {"tsig": primary.secret}) as host:
        done = host.call("set_ttl", "apply", TTL)
    assert done.status == "ok", done
    assert done.saved["servers"] == [f"{one}:53", f"{two}:53"]
    assert secondary.ttl("www") == 2


# Crashes


def test_killed_before_the_write_it_is_not_applied_and_applies_again(primary):
    saved = []
    host = drive(primary)

    def die(state):
        saved.append(state)
        host.kill()

    with pytest.raises((HostGone, OSError)):
        host.call("set_ttl", "apply", TTL, on_save=die)
    assert primary.ttl("www") == 300
    with drive(primary) as host:
        assert host.call("set_ttl", "observe", TTL, saved=saved[0]).status == "retry"
        done = host.call("set_ttl", "apply", TTL, saved=saved[0])
    assert done.status == "ok" and done.data["old_ttl_max"] == 300
    assert primary.ttl("www") == 2


def test_a_rollback_undoes_no_more_than_was_done(primary):
    serial = primary.serial()
    with drive(primary) as host:
        state = []
        done = host.call("set_records", "apply", MOVE, on_save=state.append)
        host.call("set_records", "rollback", MOVE, saved=done.saved)
        after = primary.serial()
        again = host.call("set_records", "rollback", MOVE, saved=done.saved)
        never = host.call("set_records", "rollback", MOVE)
    assert again.status == never.status == "ok"
    assert primary.serial() == after == serial + 2


# Others at work


def test_a_change_between_read_and_write_is_never_overwritten(primary):
    def meddle(_):
        primary.nsupdate("del www.shop.test. A", "add www.shop.test. 300 A 127.0.0.9")

    with drive(primary) as host:
        done = host.call("set_records", "apply", MOVE, on_save=meddle)
        back = host.call("set_records", "rollback", MOVE, saved=done.saved)
    assert done.status == "fail"
    for part in ("before 127.0.0.2", "now 127.0.0.9", "wanted 127.0.0.3"):
        assert part in done.text
    assert back.status == "fail" and "by hand" in back.text
    assert primary.values("www") == ["127.0.0.9"]


def test_a_ttl_that_somebody_else_set_is_a_conflict(primary):
    with drive(primary) as host:
        done = host.call("set_ttl", "apply", TTL)
        primary.nsupdate("del www.shop.test. A", "add www.shop.test. 77 A 127.0.0.2")
        assert host.call("set_ttl", "observe", TTL, saved=done.saved).status == "fail"
        assert host.call("set_ttl", "apply", TTL, saved=done.saved).status == "fail"
        assert host.call("set_ttl", "rollback", TTL, saved=done.saved).status == "fail"
    assert primary.ttl("www") == 77


def test_a_record_that_appears_beside_a_coming_cname_stops_the_swap(primary):
    def meddle(_):
        primary.nsupdate('add api.shop.test. 300 TXT "hello"')

    with drive(primary) as host:
        done = host.call("set_records", "apply", SWAP, on_save=meddle)
    assert done.status == "fail" and "TXT" in done.text
    assert primary.values("api") == ["127.0.0.2"]  # the name was never empty


def test_a_wait_ends_when_the_last_server_has_the_records(pair):
    primary = pair[0]
    with drive(*pair) as host:
        def early(seconds):
            done = host.call("wait_propagated", "apply", MOVE, timeout=seconds)
            assert done.status == "retry" and "127.0.0.2" in done.text

        steadily(early, 2)
        number = host.start("wait_propagated", "apply", {**MOVE, "resolvers": []})
        time.sleep(0.5)
        primary.nsupdate("del www.shop.test. A", "add www.shop.test. 300 A 127.0.0.3")
        done = host.finish(number)
    assert done.status == "ok", done
    assert sorted(done.data["seen"]) == sorted(server.text for server in pair)


def test_a_resolver_is_asked_twice(pair):
    """A secondary stands in: it answers recursive questions from its own zone."""
    primary, secondary = pair
    stay = {"zone": "zone", "resolvers": [secondary.text],
            "records": [{"name": "www", "type": "A", "values": ["127.0.0.2"]}]}
    with drive(primary) as host:
        done = host.call("wait_propagated", "apply", stay)
    assert done.status == "ok" and done.seconds > 0.9
    assert done.data["servers"] == [primary.text, secondary.text]


# What it refuses and how it says so


def expect_refusal(server, action, params, *parts, op="apply", status="fail", **drive_extra):
    serial = server.serial()
    with drive(server, **drive_extra) as host:
        done = host.call(action, op, params)
    assert done.status == status, done
    for part in parts:
        assert part in done.text, done.text
    assert server.serial() == serial


def test_a_wrong_secret_is_named(primary):
    expect_refusal(primary, "set_ttl", TTL, "BADSIG", "secret of key cutover",
                   secret="A" * 43 + "=")


def test_a_key_without_its_secret_is_told(primary):
    with Host("dns", {"zone": primary.connection()}, {"other": "x"}) as host:
        done = host.call("set_ttl", "apply", TTL)
    assert done.status == "fail" and "the secret of TSIG key cutover is not there" in done.text


def test_an_unknown_key_is_named(primary):
    expect_refusal(primary, "set_ttl", TTL, "BADKEY", "nobody", key="nobody")


def test_a_key_that_is_not_base64_is_not_echoed(primary):
    with drive(primary, secret="this is no secret!") as host:
        done = host.call("set_ttl", "apply", TTL)
    assert done.status == "fail" and "base64" in done.text
    assert "this is no secret" not in done.text


@pytest.mark.parametrize("ahead_s, words", [(1200, "s behind"), (-1200, "s ahead of")])
def test_a_skewed_clock_is_told_with_the_skew(start, ahead_s, words):
    server = start("knotd", ahead_s=ahead_s)
    expect_refusal(server, "set_ttl", TTL, "BADTIME", words)
    with drive(server) as host:
        skew = int(host.call("set_ttl", "plan", TTL).text.split("this clock is ")[1].split()[0])
    assert abs(skew - 1200) <= 60


def test_what_the_policy_forbids_is_refused(primary):
    expect_refusal(primary, "set_ttl", {**TTL, "names": ["locked"]}, "REFUSED", "policy")


def test_a_zone_that_the_server_does_not_have(primary):
    expect_refusal(primary, "set_ttl", {**TTL, "names": ["x.other.test."]},
                   "REFUSED", zone="other.test", status="retry")


@pytest.mark.parametrize("params, part", [
    ({"names": ["missing"]}, "missing.shop.test. has no record"),
    ({"names": ["www.other.test."]}, "not in the zone"),
    ({"names": ["a..b"]}, "not a domain name"),
    ({"names": ["x" * 64]}, "not a domain name"),
    ({"types": ["SOA"]}, "SOA"),
    ({"ttl": "0s"}, "1s"),
    ({"ttl": "300"}, "unit"),
    ({"ttl": "100000000h"}, "2147483647"),
])
def test_set_ttl_refuses_what_makes_no_sense(primary, params, part):
    expect_refusal(primary, "set_ttl", {**TTL, **params}, part)


@pytest.mark.parametrize("record, part", [
    ({"name": "www", "type": "A", "values": ["::1"]}, "A cannot have the value"),
    ({"name": "www", "type": "A", "values": ["127.0.0.3 ; x"]}, "cannot have the value"),
    ({"name": "www", "type": "A", "values": []}, "at least one"),
    ({"name": "www", "type": "A", "values": ["127.0.0.3", "127.0.0.3"]}, "twice"),
    ({"name": "www", "type": "DNSKEY", "values": ["x"]}, "DNSKEY"),
    ({"name": "@", "type": "A", "values": ["127.0.0.3"]}, "allow_apex"),
    ({"name": "@", "type": "CNAME", "values": ["www"]}, "cannot be a CNAME"),
    ({"name": "@", "type": "NS", "values": ["www"]}, "NS records"),
    ({"name": "mail", "type": "CNAME", "values": ["www"]}, "MX"),
    ({"name": "fresh", "type": "A", "values": ["127.0.0.3"]}, "give its ttl"),
    ({"name": "www", "type": "A", "values": ["127.0.0.3"], "tll": "2s"}, "has no 'tll'"),
    ({"name": "www", "type": "A", "values": ["::3"]}, "holds an IPv4 address"),
    ({"name": "b\u00fccher", "type": "A", "values": ["127.0.0.3"], "ttl": "60s"}, "with xn--"),
    ({"name": "alias", "type": "CNAME", "values": ["b\u00fccher"]}, "with xn--"),
    ({"name": "note", "type": "TXT", "values": ["v=spf1 -all"]}, "stands in double quotes"),
    ({"name": "note", "type": "TXT", "values": ['"' + "k" * 256 + '"']}, "longer ones are split"),
])
def test_set_records_refuses_what_makes_no_sense(primary, record, part):
    expect_refusal(primary, "set_records", {"zone": "zone", "records": [record]}, part)


@pytest.mark.parametrize("types, part", [
    (["A", "A"], "www.shop.test. A is in records twice: give all its values in one"),
    (["CNAME", "A"], "www.shop.test. cannot have both a CNAME and A records"),
    (["A", "CNAME"], "www.shop.test. cannot have both a CNAME and A records")])
def test_records_that_contradict_each_other_are_refused(primary, types, part):
    values = {"A": ["127.0.0.3"], "CNAME": ["api"]}
    expect_refusal(primary, "set_records", {"zone": "zone", "records": [
        {"name": "www", "type": kind, "values": values[kind]} for kind in types]}, part)


def test_the_apex_changes_when_it_is_meant(primary):
    with drive(primary) as host:
        done = host.call("set_records", "apply", {
            "zone": "zone", "allow_apex": True,
            "records": [{"name": "@", "type": "A", "values": ["127.0.0.3"]}]})
    assert done.status == "ok", done
    assert primary.values("") == ["127.0.0.3"]


@pytest.mark.parametrize("name, rrtype, value, whole", [
    ("mail", "MX", "10 api", "10 api.shop.test."),
    ("mail", "MX", "10 mx.other.test", "10 mx.other.test."),
    ("_http._tcp", "SRV", "1 2 80 api", "1 2 80 api.shop.test."),
    ("alias", "CNAME", "api", "api.shop.test."),
    ("note", "TXT", '"v=spf1 -all"', '"v=spf1 -all"'),
])
def test_a_name_of_one_word_in_a_value_is_in_the_zone(primary, name, rrtype, value, whole):
    record = {"name": name, "type": rrtype, "values": [value], "ttl": "60s"}
    with drive(primary) as host:
        done = host.call("set_records", "apply", {"zone": "zone", "records": [record]})
    assert done.status == "ok" and primary.values(name, rrtype) == [whole], done


def test_an_original_ttl_of_0_is_restored(primary):
    primary.nsupdate("update delete www.shop.test. A", "update add www.shop.test. 0 A 127.0.0.2")
    low = {"zone": "zone", "names": ["www"], "ttl": "30s"}
    back = {**low, "ttl": "original"}
    with drive(primary) as host:
        changes = host.call("set_ttl", "apply", low).data["changes"]
        assert host.call("set_ttl", "apply", back).status == "ok" and primary.ttl("www") == 0
        host.call("set_ttl", "apply", low)
    with drive(primary) as fresh:
        done = fresh.call("set_ttl", "apply", {**back, "originals": changes})
    assert done.status == "ok" and primary.ttl("www") == 0


# What answers for a name without having it


def test_a_name_that_a_wildcard_answers_for_says_what_to_do(primary):
    primary.nsupdate("update add *.shop.test. 300 A 127.0.0.9")
    params = {"zone": "zone", "records": [{"name": "any", "type": "A", "values": ["127.0.0.3"]}]}
    with drive(primary) as host:
        for op, status in (("plan", "fail"), ("apply", "retry")):
            done = host.call("set_records", op, params)
            assert done.status == status and "does a wildcard or DNAME answer" in done.text, done
    assert primary.values("any") == ["127.0.0.9"]


@pytest.mark.parametrize("name", ["sub", "x.sub"])
def test_a_name_of_a_delegated_zone_says_whose_it_is(primary, name):
    primary.nsupdate("update add sub.shop.test. 300 NS ns.other.test.")
    with drive(primary) as host:
        done = host.call("set_ttl", "plan", {"zone": "zone", "names": [name], "ttl": "30s"})
    assert "refers to the servers of sub.shop.test.: use a connection of that zone" in done.text


# Servers that are down or late


def test_a_zone_that_was_not_loaded_is_asked_after(primary):
    (primary.folder / "shop.zone").write_text("nonsense\n")
    for journal in primary.folder.glob("*.jnl"):
        journal.unlink()
    primary.end()
    primary.server = Server(["named", "-n", "1", "-g", "-c", primary.folder / "conf"],
                            primary.folder, "named")
    wait_until(lambda: primary.server.log.read_text().count(" running\n") == 2, "named runs again")
    with drive(primary) as host:
        done = host.call("set_ttl", "plan", TTL)
    assert done.status == "fail" and "SERVFAIL: has it loaded the zone?" in done.text, done


@pytest.mark.parametrize("action", ["set_ttl", "set_records"])
def test_where_nothing_was_saved_nothing_was_changed(primary, action):
    params = TTL if action == "set_ttl" else MOVE
    serial = primary.serial()
    with drive(primary) as host:
        for op, status in (("rollback", "ok"), ("observe", "retry")):
            done = host.call(action, op, params)
            assert (done.status, done.text) == (
                status, "nothing was saved, so nothing was changed")
    assert primary.serial() == serial


def test_a_primary_that_is_down_is_told_at_once(primary):
    with drive(primary) as host:
        saved = host.call("set_ttl", "apply", TTL).saved
    primary.end()
    with drive(primary) as host:
        for op, status, kept in (("apply", "retry", None), ("plan", "fail", None),
                                 ("observe", "unknown", saved), ("rollback", "fail", saved)):
            done = host.call("set_ttl", op, TTL, saved=kept)
            assert done.status == status and primary.text in done.text, done
            assert done.seconds < SOON_S


def test_a_secondary_that_is_down_is_named(pair):
    primary, secondary = pair
    secondary.end()

    def attempt(seconds):
        with drive(*pair, max_lag=seconds) as host:
            done = host.call("set_records", "apply", MOVE)
            assert primary.values("www") == ["127.0.0.3"]
            back = host.call("set_records", "rollback", MOVE, saved=done.saved)
        assert primary.values("www") == ["127.0.0.2"]
        assert done.status == "fail" and secondary.text in done.text, done
        assert "cannot be reached" in done.text and "take it out of the servers" in done.text
        assert primary.text + " has" not in done.text
        assert back.status == "ok" and secondary.text in back.text, back

    steadily(attempt, 1)


def test_a_secondary_that_lags_is_named_with_what_it_shows(start):
    primary = start("named", refresh=3600)
    secondary = start("knotd", primary=primary, secret=primary.secret)

    def attempt(seconds):
        with drive(primary, secondary, max_lag=seconds) as host:
            done = host.call("set_records", "apply", MOVE)
            host.call("set_records", "rollback", MOVE, saved=done.saved)
        assert done.status == "fail", done
        assert f"{secondary.text} has www.shop.test. A 127.0.0.2" in done.text

    steadily(attempt, 1)
