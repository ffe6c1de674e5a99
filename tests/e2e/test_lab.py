# SPDX-License-Identifier: Apache-2.0
"""The lab itself: it is what the other end-to-end tests stand on, so it must not deceive them."""

import json
import math
import os
import signal
import statistics
import subprocess
import time

import pytest
from labkit import command, eventually, more_orders, orders, processes_of

UP_SECONDS = 15


def seconds(work):
    """How long it took: on a slow machine the measure of what else took long."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def switch_to_green(lab):
    """What the runbook's phase `switch` does, with nothing between."""
    lab.app("both", "read-only")
    lab.replication("green-to-blue")
    lab.app("green", "store", "green")
    lab.weight(green=100, blue=0)
    lab.update_www("127.0.0.3", 1)
    lab.app("both", "read-write")


def switch_back_to_blue(lab):
    lab.app("both", "read-only")
    lab.update_www("127.0.0.2", 1)
    lab.weight(blue=100, green=0)
    lab.app("green", "store", "blue")
    lab.replication("blue-to-green")
    lab.app("both", "read-write")


def test_it_comes_up_in_time_and_down_leaves_no_process(new_lab):
    took = seconds(new_lab.up)
    servers = new_lab.servers()
    small = seconds(new_lab.smoke)  # 0.2 s
    new_lab.down()
    assert took < UP_SECONDS + 30 * small
    assert len(servers) == 8
    assert processes_of(new_lab.folder) == []
    new_lab.down()


def test_a_part_can_be_started_alone(new_lab):
    new_lab.up("--only", "dns")
    assert set(new_lab.servers()) == {"named", "knot"}
    assert new_lab.www("dns_secondary").addresses == ["127.0.0.2"]


def test_a_second_up_refuses_and_leaves_the_first_alone(lab):
    servers = lab.servers()
    done = command("up", lab.folder, check=False)
    assert done.returncode == 1 and "is running" in done.stderr
    assert lab.servers() == servers


def test_up_refuses_a_folder_with_other_things_in_it(tmp_path):
    (tmp_path / "precious").write_text("data")
    done = command("up", tmp_path, check=False)
    assert done.returncode == 1 and "not a lab" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_up_that_fails_leaves_nothing_behind(new_lab):
    # HAProxy cannot bind its socket where a folder is; the failure of any part would do.
    (new_lab.folder / "lab.json").write_text('{"ports": {}, "ttl_s": 1}')
    (new_lab.folder / "haproxy.sock").mkdir()
    done = command("up", new_lab.folder, check=False)
    assert done.returncode == 1 and "haproxy" in done.stderr
    assert processes_of(new_lab.folder) == []


def test_down_never_signals_a_process_id_that_was_given_to_somebody_else(new_lab):
    new_lab.up("--only", "dns")
    new_lab.down()
    with subprocess.Popen(["sleep", "10m"]) as stranger:
        record = new_lab.folder / "run" / "named.pid"
        record.write_text(f"{stranger.pid} 1 {int(signal.SIGTERM)}\n")
        new_lab.down()
        lives = stranger.poll() is None
        stranger.kill()
    assert lives


def test_the_parameters_and_the_secret_are_written_as_promised(lab):
    written = dict(line.split(": ", 1) for line in
                   (lab.folder / "params.yaml").read_text().splitlines())
    assert {name: json.loads(text) for name, text in written.items()} == lab.params
    assert all(20000 <= port < 32768 for name, port in lab.params.items()
               if name.endswith("_port"))
    secret = lab.folder / "tsig.secret"
    assert secret.stat().st_mode & 0o777 == 0o600 and len(secret.read_text()) == 44


def test_a_signed_update_reaches_the_secondary_at_once_every_time(lab):
    def secondary_has(address):
        eventually(lambda: lab.www("dns_secondary").addresses == [address])

    took, asked = [], []
    for last in (3, 2, 3, 2, 3):
        lab.update_www(f"127.0.0.{last}", 7)
        took.append(seconds(lambda: secondary_has(f"127.0.0.{last}")))
        asked.append(seconds(lambda: lab.www("dns_secondary")))
    # Without the notification it would be the zone's refresh time, 5 s.
    assert statistics.median(took) < 0.5 + 10 * statistics.median(asked), (took, asked)
    assert lab.www("dns_secondary").ttl_s == 7


def test_an_unsigned_update_is_refused(lab):
    (lab.folder / "tsig.key").rename(lab.folder / "kept.key")
    (lab.folder / "tsig.key").write_text(
        'key "cutover" { algorithm hmac-sha256; secret "' + "A" * 43 + '="; };\n')
    try:
        with pytest.raises(Exception, match="nsupdate"):
            lab.update_www("127.0.0.3", 7)
    finally:
        (lab.folder / "kept.key").rename(lab.folder / "tsig.key")
    assert lab.www("dns_primary").addresses == ["127.0.0.2"]


@pytest.mark.parametrize("weights, share", [((100, 0), 0.0), ((50, 50), 0.5), ((0, 100), 1.0)])
def test_the_weights_decide_who_serves(lab, tmp_path, weights, share):
    lab.weight(green=weights[1], blue=weights[0])
    stats = lab.edge_stats()
    assert (int(stats["blue"]["weight"]), int(stats["green"]["weight"])) == weights
    with lab.shoppers(tmp_path / "orders.jsonl") as out:
        sides = [order["side"] for order in more_orders(out, 40)]
    assert sides.count("green") / len(sides) == pytest.approx(share, abs=0.15)


def test_shoppers_follow_the_record_when_its_ttl_is_over(lab, tmp_path):
    with lab.shoppers(tmp_path / "orders.jsonl") as out:
        more_orders(out, 1)
        lab.update_www("127.0.0.3", 1)
        for server in ("dns_primary", "dns_secondary"):
            eventually(lambda: lab.www(server).addresses == ["127.0.0.3"])
        moved = time.time()
        eventually(lambda: orders(out)[-1]["address"] == "127.0.0.3")
    old = [order for order in orders(out) if order["address"] == "127.0.0.2"]
    new = [order for order in orders(out) if order["address"] == "127.0.0.3"]
    # The old answer was kept, but no longer than it might be. Time is not measured by one clock.
    ttl_s = lab.world.ttl_s
    assert min(o["acknowledged"] for o in new) > min(o["asked"] for o in old) + ttl_s - 0.1
    assert max(o["asked"] for o in old) < moved + ttl_s + 0.1


def test_read_only_returns_when_the_last_write_has_ended(lab, tmp_path):
    def stored():
        return lab.sql("blue", "select count(*) from orders")[0][0]

    lab.app("both", "latency", "700ms")
    with lab.shoppers(tmp_path / "orders.jsonl") as out:
        more_orders(out, 1)
        done = lab.app("both", "read-only")
        counted = stored()
        eventually(lambda: len(orders(out)) == counted)
        time.sleep(1)
        assert stored() == counted
        assert "read-only" in done.stdout and "0 writes in flight" in done.stdout
        lab.app("both", "latency", "0")
        lab.app("both", "read-write")
    assert lab.proof(tmp_path / "orders.jsonl")["longest_gap_s"] > 1


def test_read_only_says_so_when_writes_do_not_end_in_time(lab, tmp_path):
    lab.app("blue", "latency", "30s")
    with lab.shoppers(tmp_path / "orders.jsonl", rate=4):
        eventually(lambda: "0 writes" not in lab.app("blue", "status").stdout)
        done = command("bin/app", "--lab", lab.folder, "blue", "read-only", check=False)
        assert done.returncode == 1 and "still under way" in done.stderr
        assert "0 writes" not in lab.app("blue", "status").stdout
        lab.app("blue", "latency", "0")
        eventually(lambda: "0 writes" in lab.app("blue", "status").stdout, seconds=20)
        lab.app("blue", "read-write")


def test_the_smoke_test_fails_where_the_shop_takes_no_orders(lab):
    assert "into blue's database" in lab.smoke().stdout
    assert lab.smoke("--side", "green").stdout.startswith("ok: green")
    lab.app("blue", "read-only")
    done = command("bin/smoke", "--lab", lab.folder, check=False)
    assert done.returncode == 1 and "503" in done.stderr


def test_the_direction_turns_both_ways_without_loss_while_shoppers_order(lab, tmp_path):
    out = tmp_path / "orders.jsonl"
    with lab.shoppers(out):
        more_orders(out, 20)
        switch_to_green(lab)
        more_orders(out, 20, "green")
        there = lab.proof(out)
        switch_back_to_blue(lab)
        more_orders(out, 20)
    back = lab.proof(out)
    assert there["authoritative"] == "green" and there["served"]["green"] >= 20
    assert back["authoritative"] == "blue" and back["acknowledged"] > there["acknowledged"]
    # The other database holds the same orders: the copies went both ways.
    everything = "select * from orders order by number"
    eventually(lambda: lab.sql("blue", everything) == lab.sql("green", everything))


def test_the_direction_is_not_turned_while_orders_are_taken(lab):
    done = command("bin/replication", "--lab", lab.folder, "green-to-blue", check=False)
    assert done.returncode == 1 and "read-only" in done.stderr
    assert lab.replication("status").stdout.startswith("blue to green: streaming")


def test_the_direction_is_not_turned_while_the_copies_are_behind(lab):
    lab.app("both", "read-only")
    lab.sql("green", "alter subscription cutover_from_blue disable")
    eventually(lambda: "broken" in lab.replication("status").stdout)
    lab.sql("blue", "insert into orders values (7, 1, 1, 1, 'blue', 'blue', now())")
    try:
        done = command("bin/replication", "--lab", lab.folder, "green-to-blue", check=False)
        assert done.returncode == 1 and "not all reached green" in done.stderr
    finally:
        lab.sql("green", "alter subscription cutover_from_blue enable")
    lab.replication("green-to-blue")
    assert lab.sql("green", "select number from orders") == [(7,)]


def test_replication_can_be_stopped_and_begun_again_any_number_of_times(lab):
    lab.app("both", "read-only")
    for word in ("stop", "stop", "green-to-blue", "green-to-blue", "blue-to-green"):
        lab.replication(word)
    assert lab.replication("status").stdout.startswith("blue to green: streaming")
    assert lab.sql("green", "select count(*) from pg_replication_slots") == [(0,)]


def test_a_turn_that_died_half_way_is_finished_by_the_next(lab):
    lab.app("both", "read-only")
    lab.replication("stop")
    lab.sql("green", "select pg_create_logical_replication_slot('cutover_from_green', 'pgoutput')")
    lab.replication("green-to-blue")
    assert lab.replication("status").stdout.startswith("green to blue: streaming")


def test_injected_errors_show_and_go_away(lab, tmp_path):
    lab.weight(green=50, blue=50)
    with lab.shoppers(tmp_path / "orders.jsonl"):
        eventually(lambda: lab.metric("shop:error_ratio") == 0)
        lab.app("green", "errors", "30%")
        eventually(lambda: (lab.metric("shop:error_ratio") or 0) > 0.1)
        eventually(lambda: (lab.metric("shop:error_ratio:green") or 0) > 0.2)
        eventually(lambda: lab.metric("shop:error_ratio:blue") == 0)
        lab.app("green", "errors", "0")
        eventually(lambda: lab.metric("shop:error_ratio") == 0)
    lab.proof(tmp_path / "orders.jsonl")


def test_a_side_that_breaks_off_shows_at_the_edge_and_then_gets_nothing(new_lab, tmp_path):
    new_lab.up("--ttl", "3")
    new_lab.weight(green=50)
    new_lab.app("green", "latency", "30s")
    with new_lab.shoppers(tmp_path / "orders.jsonl") as out:
        eventually(lambda: "0 writes" not in new_lab.app("green", "status").stdout)
        os.kill(new_lab.servers()["green"], signal.SIGKILL)
        eventually(lambda: (new_lab.metric("max_over_time(shop:error_ratio:green[5m])") or 0) > 0)
        eventually(lambda: new_lab.edge_stats()["green"]["status"] == "DOWN")
        more_orders(out, 20, "blue")
    assert new_lab.proof(out)["ok"]
    new_lab.down()


def test_a_freeze_is_no_error_and_silence_is_no_evidence(lab, tmp_path):
    with lab.shoppers(tmp_path / "orders.jsonl"):
        eventually(lambda: lab.metric("shop:error_ratio") == 0)
        lab.app("both", "read-only")
        seen = []

        def silent():
            seen.append(lab.metric("shop:error_ratio"))
            return seen[-1] is None or math.isnan(seen[-1])

        eventually(silent, every=0.5)
        lab.app("both", "read-write")
    assert set(seen[:-1]) <= {0}, seen


def test_injected_latency_shows(lab, tmp_path):
    lab.app("blue", "latency", "300ms")
    with lab.shoppers(tmp_path / "orders.jsonl"):
        eventually(lambda: (lab.metric("shop:latency_p95_seconds:blue") or 0) > 0.25)


def test_the_proof_fails_when_an_acknowledged_order_is_gone(lab, tmp_path):
    out = tmp_path / "orders.jsonl"
    with lab.shoppers(out):
        more_orders(out, 1)
    assert lab.proof(out)["ok"]
    ((number,),) = lab.sql("blue", "select max(number) from orders")
    lab.sql("blue", "delete from orders where number = %s", (number,))
    told = lab.proof(out, check=False)
    assert not told["ok"] and told["missing"] == [number]
    done = command("proof", lab.folder, "--shoppers", out, check=False)
    assert done.returncode == 1 and str(number) in done.stdout


def test_the_proof_fails_when_an_order_was_altered(lab, tmp_path):
    out = tmp_path / "orders.jsonl"
    with lab.shoppers(out):
        more_orders(out, 1)
    ((number,),) = lab.sql("blue", "select max(number) from orders")
    lab.sql("blue", "update orders set quantity = quantity + 1 where number = %s", (number,))
    assert lab.proof(out, check=False)["altered"] == [number]


def test_the_proof_fails_when_the_old_side_still_takes_orders(lab, tmp_path):
    out = tmp_path / "orders.jsonl"
    with lab.shoppers(out):
        switch_to_green(lab)
        more_orders(out, 1, "green")
        lab.smoke("--side", "blue")
    told = lab.proof(out, check=False)
    assert not told["ok"] and len(told["wrong_side"]) == 1 and told["missing"] == []


def test_the_proof_proves_nothing_without_orders(lab, tmp_path):
    out = tmp_path / "orders.jsonl"
    out.write_text('{"event": "start", "at": 1}\n')
    assert not lab.proof(out, check=False)["ok"]


def test_a_word_that_is_no_command_changes_nothing_and_is_explained(lab):
    for words in (["both", "red-only"], ["blue", "store", "red"], ["blue", "errors", "130%"],
                  ["blue", "latency", "200"], ["blue", "read-only", "now"]):
        done = command("bin/app", "--lab", lab.folder, *words, check=False)
        assert done.returncode == 2, words
    assert "read-write, stores in blue, errors 0, latency 0ms" in lab.app("blue", "status").stdout
