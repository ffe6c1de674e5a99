# SPDX-License-Identifier: Apache-2.0
"""The plugin sync in the real host, against two real PostgreSQL servers with replication."""

import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from hostdrive import PATIENCE_S, Host  # noqa: E402
from labkit import Lab, eventually  # noqa: E402
from servers import LOOPBACK, free_port  # noqa: E402
from steady import SOON_S, steadily  # noqa: E402

SIDES = ("blue", "green")
PAIR = {"blue": "blue", "green": "green"}


def make_lab():
    folder = tempfile.mkdtemp(prefix="cutover-sync.")
    os.chmod(folder, 0o755)
    lab = Lab(folder)
    lab.up("--only", "postgres")
    return lab


def end_lab(lab):
    lab.down()
    shutil.rmtree(lab.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def lab():
    """Both databases equal, green following blue."""
    lab = make_lab()
    yield lab
    end_lab(lab)


@pytest.fixture
def own_lab():
    """One to break."""
    lab = make_lab()
    yield lab
    end_lab(lab)


def connections(lab, user="cutover", **dsns):
    return {side: {"plugin": "sync", "provider": "postgres", "statement_timeout": PATIENCE_S,
                   "dsn": dsns.get(side) or f"host={LOOPBACK} dbname=shop user={user} "
                                            f"port={lab.world.ports[side + '_db']}"}
            for side in SIDES}


@pytest.fixture
def follower(lab):
    """Green's following of blue, to stop and start; it runs again afterwards."""
    class Follower:
        def stop(self):
            lab.sql("green", "alter subscription cutover_from_blue disable")

        def start(self):
            lab.sql("green", "alter subscription cutover_from_blue enable")

    yield Follower()
    Follower().start()
    with Host("sync", connections(lab)) as host:
        assert host.call("wait_caught_up", "apply", PAIR).status == "ok"


@pytest.fixture
def host(lab):
    with Host("sync", connections(lab)) as host:
        yield host


@pytest.fixture
def table(lab):
    """Makes a table of the same rows on both sides and drops it again. What is not logged is not
    replicated, so each side can be changed alone."""
    made = []

    def make(columns, rows="", name="planted"):
        made.append(name)
        for side in SIDES:
            lab.sql(side, f"create unlogged table {name} ({columns})")
            if rows:
                lab.sql(side, f"insert into {name} {rows}")
        return name

    yield make
    for name in made:
        for side in SIDES:
            lab.sql(side, f"drop table if exists {name}")


def compare(host, *tables, timeout=PATIENCE_S, **more):
    return host.call("compare", "apply", {**PAIR, "tables": list(tables) or ["all"], **more},
                     timeout=timeout)


def keys(done):
    return [(d["what"], d.get("key")) for d in done.data["differences"]]


def lag(host):
    done = host.call("lag", "sample", PAIR)
    assert done.status == "ok", done
    return done.data["value"]


# Lag


def test_lag_is_small_and_never_zero_while_replication_runs(host):
    values = sorted(lag(host) for _ in range(5))
    assert 0 < values[0] and values[2] < 1, values


def test_lag_grows_when_nothing_arrives_and_ends_when_it_does(lab, follower):
    with Host("sync", connections(lab)) as host:
        eventually(lambda: lag(host) < 1)
        follower.stop()
        values = []
        for _ in range(4):
            values.append(lag(host))
            time.sleep(0.3)
        assert values[0] >= 0.9 and values == sorted(values) and values[-1] > 3.5, values
        follower.start()
        eventually(lambda: lag(host) < 0.5)


def test_lag_of_a_replication_that_was_broken_before_the_host_began(lab, follower):
    with Host("sync", connections(lab)) as host:
        lag(host)
        follower.stop()
        lag(host)
    time.sleep(2)
    with Host("sync", connections(lab)) as host:
        assert lag(host) > 2.9


def test_lag_works_in_the_other_direction(own_lab):
    back = {"blue": "green", "green": "blue"}
    with Host("sync", connections(own_lab)) as host:
        lag(host)
        own_lab.replication("stop")
        stopped = host.call("lag", "sample", back)
        assert stopped.data["value"] > 0.9
        for side in SIDES:
            own_lab.sql(side, "update cutover_heartbeat set seq = %s",
                        (90 if side == "blue" else 7,))
        own_lab.sql("blue", "create subscription back connection "
                    f"'host={LOOPBACK} port={own_lab.world.ports['green_db']} dbname=shop "
                    "user=postgres' publication cutover with (copy_data = false)")
        eventually(lambda: 0 < host.call("lag", "sample", back).data["value"] < 0.5)
        done = host.call("wait_caught_up", "apply", back)
        assert done.status == "ok" and done.data["token"] > 90
        own_lab.sql("blue", "drop subscription back")


def test_action_lag_holds_a_limit(host):
    done = host.call("lag", "apply", {**PAIR, "max": PATIENCE_S, "hold": 1})
    assert done.status == "ok" and 0 < done.data["lag_s"] < PATIENCE_S and done.seconds >= 1, done
    done = host.call("lag", "apply", {**PAIR, "max": 0.000001})
    assert done.status == "retry" and "behind blue (limit" in done.text, done


def test_heartbeats_begin_where_the_row_is_not_there_yet(lab, host):
    done = host.call("wait_caught_up", "apply", {**PAIR, "id": 7})
    assert done.status == "ok", done
    assert lab.sql("green", "select seq from cutover_heartbeat where id = 7") == \
        [(done.data["token"],)]


@pytest.mark.parametrize("action", ["lag", "wait_caught_up", "compare"])
def test_plan_goes_to_both_databases_and_writes_nothing(lab, host, action):
    params = {**PAIR, "tables": ["all"]} if action == "compare" else PAIR
    before = lab.sql("blue", "select seq from cutover_heartbeat where id = 1")
    done = host.call(action, "plan", params)
    assert done.status == "ok" and done.data == {"changes": []}, done
    assert lab.sql("blue", "select seq from cutover_heartbeat where id = 1") == before
    nobody = f"host={LOOPBACK} port={free_port()} dbname=shop user=cutover"
    with Host("sync", connections(lab, green=nobody)) as lost:
        assert lost.call(action, "plan", params).status == "retry"


# Waiting


def test_wait_caught_up_gives_the_mark_that_green_shows(lab, host):
    done = host.call("wait_caught_up", "apply", PAIR)
    assert done.status == "ok" and 0 < done.data["lag_s"] <= done.seconds, done
    assert lab.sql("green", "select seq from cutover_heartbeat where id = 1") == \
        [(done.data["token"],)]


def test_wait_caught_up_fails_when_nothing_comes_over(lab, follower):
    follower.stop()
    with Host("sync", connections(lab)) as host:
        def attempt(seconds):
            done = host.call("wait_caught_up", "apply", {**PAIR, "max": seconds})
            assert done.status == "fail" and seconds * 0.9 < done.seconds < seconds + 1, done
            assert "has not come over" in done.text

        steadily(attempt, 1)
        number = host.start("wait_caught_up", "apply", {**PAIR, "max": PATIENCE_S})
        time.sleep(0.5)
        follower.start()
        done = host.finish(number)
        assert done.status == "ok" and done.data["lag_s"] > 0.4, done


def test_wait_caught_up_outlives_a_lost_connection(lab, follower):
    follower.stop()
    with Host("sync", connections(lab)) as host:
        number = host.start("wait_caught_up", "apply", {**PAIR, "max": PATIENCE_S})
        time.sleep(0.5)
        lab.sql("green", "select pg_terminate_backend(pid) from pg_stat_activity "
                             "where usename = 'cutover'")
        follower.start()
        assert host.finish(number).status == "ok"


def test_a_wait_can_be_canceled(lab, follower):
    follower.stop()
    with Host("sync", connections(lab)) as host:
        number = host.start("wait_caught_up", "apply", {**PAIR, "max": PATIENCE_S})
        time.sleep(0.3)
        host.cancel(number)
        done = host.finish(number)
        assert done.status == "canceled" and done.seconds < SOON_S
        assert host.close() == 0


# What goes wrong on the way to a database


def test_a_server_that_is_not_there_is_told_at_once(lab):
    nobody = f"host={LOOPBACK} port={free_port()} dbname=shop user=cutover"
    with Host("sync", connections(lab, green=nobody)) as host:
        done = host.call("lag", "sample", PAIR)
        assert done.status == "fail" and "green" in done.text and "refused" in done.text, done
        assert done.seconds < SOON_S


def test_a_server_that_says_nothing_ends_with_the_deadline(lab):
    import socket
    with socket.socket() as silent:
        silent.bind((LOOPBACK, free_port()))
        silent.listen()
        dsn = f"host={LOOPBACK} port={silent.getsockname()[1]} dbname=shop user=cutover"

        def attempt(seconds):
            done = host.call("lag", "sample", PAIR, timeout=seconds)
            assert done.status == "fail" and "did not let us in within" in done.text, done
            assert done.seconds < seconds + 0.7

        with Host("sync", connections(lab, green=dsn)) as host:
            steadily(attempt, 1)


def reload(lab, side):
    loaded = "select pg_conf_load_time()"
    before = lab.sql(side, loaded)
    lab.sql(side, "select pg_reload_conf()")
    eventually(lambda: lab.sql(side, loaded) != before)


@pytest.fixture
def login(lab):
    """A role on both sides that has to give a password."""
    hba = {}
    for side in SIDES:
        lab.sql(side, "create role guarded login password 'right' in role pg_read_all_data")
        path = Path(lab.sql(side, "show hba_file")[0][0])
        hba[path] = path.read_text()
        path.write_text("host all guarded all scram-sha-256\n" + hba[path])
        reload(lab, side)
    yield "guarded"
    for path, text in hba.items():
        path.write_text(text)
    for side in SIDES:
        reload(lab, side)
        lab.sql(side, "drop role guarded")


def with_secret(lab, user):
    found = connections(lab, user=user)
    for side in SIDES:
        found[side]["secret"] = "password"
    return found


def test_passwords_come_from_secrets_and_never_show(lab, login):
    with Host("sync", with_secret(lab, login), {"password": "right"}) as host:
        assert compare(host, "products").status == "ok"
    with Host("sync", with_secret(lab, login), {"password": "wrong-one"}) as host:
        done = compare(host, "products")
        assert done.status == "fail" and "password authentication failed" in done.text
        assert "28P01" not in done.text
        assert "wrong-one" not in done.text
    literal = connections(lab)
    literal["green"]["dsn"] += " password=oops"
    with Host("sync", literal) as host:
        done = compare(host, "products")
        assert done.status == "fail" and "name a secret" in done.text and "oops" not in done.text


@pytest.mark.parametrize("wrong, told", [
    ("dbname=shpo user=cutover", 'database "shpo" does not exist'),
    ("dbname=shop user=nobody", 'role "nobody" does not exist'),
])
def test_who_is_not_let_in_is_told_at_once_by_any_of_the_addresses(lab, wrong, told):
    port = lab.world.ports["green_db"]
    dsn = f"host={LOOPBACK},{LOOPBACK} port={free_port()},{port} {wrong}"
    with Host("sync", connections(lab, green=dsn)) as host:
        done = host.call("wait_caught_up", "apply", {**PAIR, "max": PATIENCE_S})
    assert done.status == "fail" and done.seconds < SOON_S, done
    assert "Connection refused; connection to server" in done.text and told in done.text


def test_a_heartbeat_that_may_not_be_written_says_what_to_grant(lab, login):
    with Host("sync", with_secret(lab, login), {"password": "right"}) as host:
        done = host.call("wait_caught_up", "plan", PAIR)
        assert "no heartbeat yet: on blue, grant select, insert, update" in done.text, done
        done = host.call("lag", "sample", PAIR)
        assert done.status == "fail" and "grant select, insert, update" in done.text, done


def test_a_missing_heartbeat_table_says_what_to_create(own_lab):
    own_lab.sql("blue", "drop table cutover_heartbeat")
    with Host("sync", connections(own_lab)) as host:
        done = host.call("wait_caught_up", "apply", PAIR)
        assert done.status == "fail" and "create table cutover_heartbeat" in done.text, done


def test_a_name_is_resolved_and_a_kept_connection_that_died_is_replaced(lab):
    named = f"host=localhost port={lab.world.ports['green_db']} dbname=shop user=cutover"
    with Host("sync", connections(lab, green=named)) as host:
        def ours(side):
            return lab.sql(side, "select pid from pg_stat_activity where usename = 'cutover'")

        lag(host)
        first = ours("green")
        lag(host)
        assert ours("green") == first
        for side in SIDES:
            lab.sql(side, "select pg_terminate_backend(pid) from pg_stat_activity "
                          "where usename = 'cutover'")
            eventually(lambda: not ours(side))
        lag(host)
        assert ours("green") not in ([], first)


# Comparing


def test_everything_equal_is_equal(lab, host):
    done = compare(host)
    assert done.status == "ok", done
    assert done.data["verdict"] == "equal" and done.data["checked"] == 3
    assert done.data["rows"] == 7000 and not done.data["differences"]
    assert "green equals blue" in done.text


def test_planted_differences_are_named_by_their_keys(host, lab, table):
    table("id bigint primary key, a text, b numeric(12,2)",
          "select i, 'a' || i, i / 7.0 from generate_series(1, 50000) i")
    lab.sql("green", "update planted set b = b + 0.01 where id = 25000")
    lab.sql("green", "update planted set a = null where id = 3")
    lab.sql("green", "delete from planted where id in (1, 41000, 50000)")
    lab.sql("green", "insert into planted values (-5, 'x', 1), (90000, 'y', 2)")
    done = compare(host, "planted")
    assert done.status == "fail" and done.data["verdict"] == "different", done
    assert sorted(keys(done), key=lambda k: int(k[1]["id"])) == [
        ("is on green only", {"id": "-5"}), ("is on blue only", {"id": "1"}),
        ("has other values", {"id": "3"}), ("has other values", {"id": "25000"}),
        ("is on blue only", {"id": "41000"}), ("is on blue only", {"id": "50000"}),
        ("is on green only", {"id": "90000"})]
    assert "planted" in done.text and "id" in done.text


def test_swapped_values_of_equal_length_are_different(host, lab, table):
    """A XOR of CRCs of rows says equal here: it is linear, and the four changes cancel out."""
    table("id int primary key, sku varchar(32), amount numeric(12,2)",
          "select i, left(md5(i::text), 28), 100 + i / 100.0 from generate_series(1, 5000) i")
    lab.sql("green", "update planted p set sku = q.sku, amount = q.amount from planted q "
                     "where p.id in (2002, 2122) and q.id = 4124 - p.id")
    done = compare(host, "planted")
    assert sorted(keys(done), key=str) == [("has other values", {"id": "2002"}),
                                           ("has other values", {"id": "2122"})]


def test_rows_are_not_glued_together(host, lab, table):
    table("id int primary key, a text, b text")
    lab.sql("blue", "insert into planted values (1, 'x,y', 'z'), (2, null, ''), (3, 'a)\n(4', '')")
    lab.sql("green", "insert into planted values (1, 'x', 'y,z'), (2, '', null), (3, 'a', ')\n(4')")
    assert len(keys(compare(host, "planted"))) == 3


@pytest.mark.parametrize("type, one, other", [
    ("double precision", "0.1::float8 + 0.2", "0.3"), ("real", "1.1", "1.1000001"),
    ("timestamptz", "'2026-01-01 00:00:00.000001+00'", "'2026-01-01 00:00:00.000002+00'"),
    ("jsonb", "'{\"a\": 1}'", "'{\"a\": 1.0}'"), ("uuid", "md5('1')::uuid", "md5('2')::uuid"),
    ("bytea", "'\\x00ff'", "'\\x00fe'"), ("boolean", "true", "null"), ("text", "'é'", "'e\u0301'"),
    ("text[]", "'{a,b}'", "'{\"a,b\"}'"), ("interval", "'1 day'", "'24 hours'"),
    ("timestamp", "'infinity'", "null"), ("inet", "'10.0.0.1/8'", "'10.0.0.1'")])
def test_every_type_is_compared_exactly(host, lab, table, type, one, other):
    table(f"id int primary key, v {type}", f"values (1, {one}), (2, {other}), (3, null)")
    assert compare(host, "planted").data["verdict"] == "equal"
    lab.sql("green", f"update planted set v = {other} where id = 1")
    assert keys(compare(host, "planted")) == [("has other values", {"id": "1"})]


@pytest.mark.parametrize("key, rows", [
    ("a text, b int, v int, primary key (a, b)",
     "select chr(97 + i % 26) || chr(65 + i % 7), i, i from generate_series(1, 9000) i"),
    ("a uuid primary key, v int", "select md5(i::text)::uuid, i from generate_series(1, 9000) i"),
    ("a timestamptz not null unique, v int",
     "select timestamptz 'epoch' + i * interval '1.000001 s', i from generate_series(1, 9000) i"),
    ("a char(6) collate \"C\" primary key, v int",
     "select right('00000' || i, 5), i from generate_series(1, 9000) i")])
def test_any_key_is_walked(host, lab, table, key, rows):
    table(key, rows)
    done = compare(host, "planted")
    assert done.data["verdict"] == "equal" and done.data["rows"] == 9000, done
    lab.sql("green", "update planted set v = -v where v = 7777")
    done = compare(host, "planted")
    assert [what for what, _ in keys(done)] == ["has other values"], done


def test_a_table_is_walked_in_the_order_of_its_key_in_small_steps(lab, table):
    table("id int primary key, v int", "select i, i from generate_series(1, 100000) i")
    lab.sql("blue", "alter role cutover set log_min_duration_statement = 0")
    try:
        with Host("sync", connections(lab)) as host:
            assert compare(host, "planted").data["rows"] == 100000
    finally:
        lab.sql("blue", "alter role cutover reset log_min_duration_statement")
    log = (lab.folder / "log" / "postgres-blue.log").read_text()
    logged = re.findall(r"string_agg.*\n.*parameters: .*\$\d = '(\d+)'\n", log)
    ends = [int(end) for end in dict.fromkeys(logged)]
    steps = [b - a for a, b in zip([0] + ends, ends)]
    assert len(steps) >= 5 and all(0 < step <= 20000 for step in steps), steps


def test_texts_that_the_sides_sort_differently_are_still_compared(host, lab, table):
    table("a text primary key, v int")
    lab.sql("green", "alter table planted alter a type text collate \"und-x-icu\"")
    for side in SIDES:
        lab.sql(side, "insert into planted select s || i, i from generate_series(1, 3000) i, "
                      "unnest('{a,B,é,-, Z}'::text[]) s")
    assert compare(host, "planted").data["verdict"] == "equal"
    lab.sql("green", "update planted set v = 0 where a = 'é2999'")
    assert keys(compare(host, "planted")) == [("has other values", {"a": "é2999"})]


def test_a_table_without_a_key_is_compared_as_a_whole(host, lab, table):
    table("a int, b text", "select i % 10, 'x' from generate_series(1, 1000) i")
    assert compare(host, "planted").data["verdict"] == "equal"
    lab.sql("green", "update planted set b = 'y' where ctid = '(0,1)'")
    done = compare(host, "planted")
    assert done.data["verdict"] == "different" and "no key" in done.text, done


@pytest.mark.parametrize("type, value", [("json", "'{}'"), ("xml", "'<a/>'"),
                                         ("float8[]", "'{1.5}'"), ("point", "'(1,2)'")])
def test_what_cannot_be_compared_makes_it_inconclusive(host, lab, table, type, value):
    table(f"id int primary key, odd {type}, v int", f"values (1, {value}, 1)")
    done = compare(host, "planted")
    assert done.status == "fail" and done.data["verdict"] == "inconclusive", done
    assert done.data["unchecked"][0]["column"] == "odd" and "planted.odd" in done.text
    assert compare(host, "planted", allow_inconclusive=True).status == "ok"
    lab.sql("green", "update planted set v = 2")
    done = compare(host, "planted", allow_inconclusive=True)
    assert done.status == "fail" and done.data["verdict"] == "different", done


def test_what_may_not_be_read_makes_it_inconclusive(lab, table):
    table("id int primary key, v int", "values (1, 1)")
    table("id int primary key, v int", "values (1, 1)", name="planted_rls")
    for side in SIDES:
        lab.sql(side, "create role poor login")
        lab.sql(side, "alter table planted_rls enable row level security")
        lab.sql(side, "grant select on planted_rls, products to poor")
        lab.sql(side, "grant select (id) on planted to poor")
    try:
        with Host("sync", connections(lab, user="poor")) as host:
            done = compare(host, "planted", "planted_rls", "products")
            found = {u["table"]: u["reason"] for u in done.data["unchecked"]}
            assert done.data["verdict"] == "inconclusive" and set(found) == \
                {"planted", "planted_rls"}, done
            assert "no right" in found["planted"] and "row-level security" in found["planted_rls"]
    finally:
        for side in SIDES:
            lab.sql(side, "drop owned by poor")
            lab.sql(side, "drop role poor")


def test_missing_tables_and_columns_are_differences(host, lab, table):
    table("id int primary key, v int", "values (1, 1)")
    lab.sql("green", "alter table planted drop v, add w int")
    done = compare(host, "planted")
    assert {d["what"] for d in done.data["differences"]} == \
        {"is a column of blue only", "is a column of green only"}
    lab.sql("green", "drop table planted")
    done = compare(host)
    assert keys(done) == [("is a table of blue only", None)], done
    done = compare(host, "planted", "no_such_table")
    assert done.status == "fail" and "neither blue nor green has a table no_such_table" in done.text


def test_numbers_of_other_width_or_scale_are_the_same_numbers(host, lab, table):
    table("id int primary key, a int, b numeric(12,2)", "values (1, 5, 1.50), (2, -7, 3)")
    lab.sql("green", "alter table planted alter id type bigint, alter a type bigint, "
                     "alter b type numeric(14,4)")
    assert compare(host, "planted").data["verdict"] == "equal"


def test_columns_of_other_types_are_not_taken_for_equal(host, lab, table):
    table("id int primary key, a int", "values (1, 5)")
    lab.sql("green", "alter table planted alter a type text")
    done = compare(host, "planted")
    assert done.data["verdict"] == "inconclusive", done
    assert done.data["unchecked"] == [{
        "table": "planted", "column": "a",
        "reason": "its type is pg_catalog.int4 on blue and pg_catalog.text on green"}]


def test_tables_must_be_named(host):
    done = host.call("compare", "check", {"blue": "blue", "green": "green", "tables": []})
    assert (done.status, done.text) == (
        "fail", "tables is empty; name some, or write: tables: all")


def test_counts_say_that_they_are_only_counts(host, lab, table):
    table("id int primary key, v int", "select i, i from generate_series(1, 100) i")
    lab.sql("green", "update planted set v = 0")
    done = compare(host, "planted", mode="counts")
    assert done.status == "ok" and "counts only" in done.text, done
    lab.sql("green", "delete from planted where id = 5")
    done = compare(host, "planted", mode="counts")
    assert done.data["verdict"] == "different" and "100 rows on blue, 99 on green" in done.text


def test_many_differences_stop_early_and_are_capped(host, lab, table):
    table("id int primary key, v int", "select i, i from generate_series(1, 500000) i")
    lab.sql("green", "update planted set v = -v")
    done = compare(host, "planted")
    assert len(done.data["differences"]) == 100 and "stopped there" in done.text
    assert done.data["rows"] < 400000 and done.data["checked"] == 0


def test_names_that_need_quotes_and_partitions(host, lab, table):
    table('"Id" int primary key, "a ""b" text', "values (1, 'x')", name='"Odd ""Name"')
    table("id int primary key, v int) partition by range (id", name="planted")
    for side in SIDES:
        split = 50 if side == "blue" else 70
        lab.sql(side, "create unlogged table planted_1 partition of planted "
                      f"for values from (0) to ({split})")
        lab.sql(side, "create unlogged table planted_2 partition of planted "
                      f"for values from ({split}) to (999)")
        lab.sql(side, "insert into planted select i, i from generate_series(1, 100) i")
    done = compare(host)
    assert done.data["verdict"] == "equal" and done.data["checked"] == 5, done
    lab.sql("green", 'update "Odd ""Name" set "a ""b" = \'y\'')
    assert keys(compare(host, '"Odd ""Name"')) == [("has other values", {"Id": "1"})]


@contextmanager
def locked(lab, side, table):
    """Whoever reads the table has to wait for as long as the block lasts."""
    db = psycopg2.connect(host=LOOPBACK, port=lab.world.ports[side + "_db"], dbname="shop",
                          user="postgres")
    try:
        db.cursor().execute(f"lock table {table}")
        yield
    finally:
        db.close()


# Live tables


@contextmanager
def writes(lab, table, rate=500, rows=40000):
    """Updates and inserts on blue for as long as the block lasts."""
    done = threading.Event()
    count = [0]

    def work():
        with psycopg2.connect(host=LOOPBACK, port=lab.world.ports["blue_db"], dbname="shop",
                              user="postgres") as db:
            db.autocommit = True
            cursor = db.cursor()
            begun = time.monotonic()
            while not done.is_set():
                n = count[0] = count[0] + 1
                if n % 5:  # any but the first and the last row
                    cursor.execute(f"update {table} set v = v + 1 where id = %s",
                                   (n * 7919 % (rows - 2) + 2,))
                else:
                    cursor.execute(f"insert into {table} values (%s, 0)", (rows + n,))
                time.sleep(max(0, begun + n / rate - time.monotonic()))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        thread.join()


@pytest.fixture
def live(lab, host):
    """A replicated table."""
    refresh = "alter subscription cutover_from_blue refresh publication with (copy_data = false)"
    for side in SIDES:
        lab.sql(side, "create table live (id int primary key, v int)")
    lab.sql("green", refresh)
    lab.sql("blue", "insert into live select i, 0 from generate_series(1, 40000) i")
    assert host.call("wait_caught_up", "apply", PAIR).status == "ok"
    yield lab
    assert host.call("wait_caught_up", "apply", PAIR).status == "ok"
    for side in SIDES:
        lab.sql(side, "drop table live")
    lab.sql("green", refresh)


def test_a_table_that_is_written_to_has_no_false_differences(live, host):
    with writes(live, "live") as count:
        times = 0
        while times < 10 or count[0] <= 100:
            done = compare(host, "live")
            assert done.status == "ok" and done.data["verdict"] == "equal", done
            times += 1


def test_a_planted_difference_is_found_among_live_writes(live, host):
    live.sql("green", "update live set v = -1 where id = 40000")
    live.sql("green", "delete from live where id = 1")
    live.sql("green", "insert into live values (-1, 0)")
    with writes(live, "live") as count:
        times = 0
        while times < 5 or count[0] <= 100:
            done = compare(host, "live")
            times += 1
            assert sorted(keys(done), key=str) == [
                ("has other values", {"id": "40000"}), ("is on blue only", {"id": "1"}),
                ("is on green only", {"id": "-1"})], done


def test_a_difference_without_heartbeats_says_that_green_may_be_behind(lab, follower):
    follower.stop()
    lab.sql("blue", "update products set price = price + 1 where id = 77")
    with Host("sync", connections(lab)) as host:
        def attempt(seconds):
            done = compare(host, "products", timeout=seconds)
            assert done.status == "fail" and keys(done) == [("has other values", {"id": "77"})], done
            assert "may only be behind" in done.text

        steadily(attempt, 6)


def test_a_server_that_dies_amid_a_comparison_ends_it(own_lab):
    for side in SIDES:
        own_lab.sql(side, "create table big as select i id from generate_series(1, 100) i")
        own_lab.sql(side, "alter table big add primary key (id)")
    with Host("sync", connections(own_lab)) as host:
        with locked(own_lab, "green", "big"):
            number = host.start("compare", "apply", {**PAIR, "tables": ["big"]})
            eventually(lambda: own_lab.sql("green", "select 1 from pg_stat_activity where query "
                                           "like '%%string_agg%%' and usename = 'cutover'"))
            began = time.monotonic()
            os.kill(own_lab.servers()["postgres-green"], signal.SIGQUIT)
            done = host.finish(number)
        assert done.status == "retry" and "stopped at big" in done.text, done
        assert time.monotonic() - began < SOON_S
        done = compare(host, "big")
        assert done.status == "retry" and "connection green" in done.text, done


def test_a_statement_that_takes_too_long_makes_it_inconclusive(lab, table):
    table("a text", "values ('a')")
    limited = connections(lab)

    def attempt(seconds):
        for side in SIDES:
            limited[side]["statement_timeout"] = seconds
        with Host("sync", limited) as host, locked(lab, "blue", "planted"):
            done = compare(host, "planted")
        assert done.data and done.data["verdict"] == "inconclusive", done
        assert "statement timeout" in done.data["unchecked"][0]["reason"]

    steadily(attempt, 0.3)


@pytest.mark.skipif(not os.environ.get("CUTOVER_FULL"), reason="a gigabyte on both sides")
def test_a_chunk_that_a_server_has_no_memory_for_is_walked_in_smaller_ones(lab, table):
    table("id int primary key, doc text compression lz4",
          "select i, 'small' from generate_series(1, 3000) i")
    for side in SIDES:
        for first in range(501, 1501, 100):
            lab.sql(side, f"update planted set doc = repeat('x', 1200000) "
                          f"where id between {first} and {first + 99}")
    lab.sql("green", "update planted set doc = 'other' where id = 700")
    with Host("sync", connections(lab)) as host:
        done = compare(host, "planted", timeout=250)
    assert keys(done) == [("has other values", {"id": "700"})], done


def test_memory_stays_small_with_a_large_table(lab, table):
    table("id int primary key, v text",
          "select i, repeat('x', 40) from generate_series(1, 300000) i")
    with Host("sync", connections(lab)) as host:
        assert compare(host, "planted").data["rows"] == 300000
        peak = next(line for line in Path(f"/proc/{host.pid}/status").read_text().splitlines()
                    if line.startswith("VmHWM"))
        assert int(peak.split()[1]) < 32 * 1024, peak
