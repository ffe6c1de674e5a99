# SPDX-License-Identifier: Apache-2.0
"""The traffic plugin against HAProxy with two web servers behind it."""

import contextlib
import itertools
import os
import signal
import socket
import stat
import threading
import time

import pytest
from edges import Edge, Side, wait_up
from hostdrive import Host, HostGone
from servers import LOOPBACK, hang_up
from steady import SOON_S, steadily

QUARTER = {"balancer": "edge", "to": {"green": 0.25}}
DRAIN = {"balancer": "edge", "server": "blue", "quiet": 0.5, "max": 50}


@pytest.fixture
def sides():
    both = Side("blue"), Side("green")
    yield both
    for side in both:
        side.end()


@pytest.fixture
def start(tmp_path, sides):
    started = []

    def one(**kwargs):
        started.append(Edge(tmp_path, *sides, **kwargs))
        return started[-1]

    yield one
    for edge in started:
        edge.end()


@pytest.fixture
def edge(start):
    return start()


def drive(edge, *others, **extra):
    return Host("traffic", {"edge": edge.connection(*others, **extra)})


# Shift


def test_shift_gives_each_server_its_share(edge):
    with drive(edge) as host:
        done = host.call("shift", "apply", QUARTER)
    assert done.status == "ok", done
    assert done.data == {"before": {"blue": 1, "green": 0},
                         "achieved": {"blue": 0.75, "green": 0.25}, "tail": 0}
    served = edge.served(200)
    assert 45 <= served["green"] <= 55


@pytest.mark.parametrize("now, to", [(0, {"green": 0.25}), (0, {"blue": 0.5}),
                                     (25, {"green": 0.5}), (100, {"green": 1})])
def test_a_server_configured_with_weight_0_gains_nothing(start, now, to):
    edge = start(green_weight=0, green_now=now)
    params = {"balancer": "edge", "to": to}
    with drive(edge) as host:
        for op in ("plan", "apply"):
            done = host.call("shift", op, params)
            assert done.status == "fail" and done.saved is None, done
            for part in ("shop/green is configured with weight 0", edge.socket, "a reload",
                         "configure e.g. `weight 100`", "`set server shop/green weight 0`"):
                assert part in done.text
    assert edge.weights() == {"blue": 100, "green": now}


def test_one_proxy_with_a_configured_weight_0_stops_the_shift_of_all(start):
    good, bad = start(), start(green_weight=0)
    with drive(good, bad) as host:
        done = host.call("shift", "apply", QUARTER)
    assert done.status == "fail" and bad.socket in done.text, done
    assert good.weights() == bad.weights() == {"blue": 100, "green": 0}


@pytest.mark.parametrize("to", [{"green": 0.25}, {"green": 0}])
def test_a_server_configured_with_weight_0_may_lose_what_it_has(start, to):
    edge = start(green_weight=0, green_now=100)
    params = {"balancer": "edge", "to": to}
    with drive(edge) as host:
        done = host.call("shift", "apply", params)
        assert done.status == "ok" and done.data["achieved"]["green"] == to["green"], done
        assert host.call("shift", "rollback", params, saved=done.saved).status == "ok"
    assert edge.weights() == {"blue": 100, "green": 100}


def test_a_ladder_goes_up_and_all_the_way_back(edge):
    saved = []
    with drive(edge) as host:
        for share in (0.05, 0.25, 0.5, 1):
            params = {"balancer": "edge", "to": {"green": share}}
            done = host.call("shift", "apply", params)
            assert done.status == "ok", done
            assert done.data["achieved"]["green"] == share
            saved.append((params, done.saved))
        assert edge.served(20) == {"green": 20}
        for params, state in reversed(saved):
            assert host.call("shift", "rollback", params, saved=state).status == "ok"
    assert edge.weights() == {"blue": 100, "green": 0}
    assert edge.served(20) == {"blue": 20}


def test_no_request_fails_while_weights_change(edge):
    stop, bad, good = threading.Event(), [], []

    def shop():
        while not stop.is_set():
            try:
                (good if edge.request() in ("blue", "green") else bad).append(1)
            except OSError as e:
                bad.append(e)

    shopper = threading.Thread(target=shop, daemon=True)
    shopper.start()
    with drive(edge) as host:
        shares = itertools.cycle((0.5, 1, 0.05, 0, 1, 0))
        for n, share in enumerate(shares):
            if n >= 6 and (bad or len(good) > 50):
                break
            done = host.call("shift", "apply", {"balancer": "edge", "to": {"green": share}})
            assert done.status == "ok", done
            time.sleep(0.05)
    stop.set()
    shopper.join()
    assert not bad


def test_plan_shows_the_weights_and_changes_none(edge):
    with drive(edge) as host:
        done = host.call("shift", "plan", QUARTER)
        same = host.call("shift", "plan", {"balancer": "edge", "to": {"green": 0}})
    assert done.data["changes"] == [
        {"what": "shop/blue", "before": "weight 100", "after": "weight 75"},
        {"what": "shop/green", "before": "weight 0", "after": "weight 25"}]
    assert done.saved is None and same.data["changes"] == []
    assert edge.weights() == {"blue": 100, "green": 0}


def test_applying_again_keeps_the_first_saved_weights(edge):
    with drive(edge) as host:
        first = host.call("shift", "apply", QUARTER)
        again = host.call("shift", "apply", QUARTER, saved=first.saved)
        assert again.status == "ok" and again.saved == first.saved
        assert again.data["before"] == {"blue": 1, "green": 0}
        assert host.call("shift", "observe", QUARTER, saved=first.saved).status == "ok"
        assert host.call("shift", "verify", QUARTER, saved=first.saved).status == "ok"
        assert host.call("shift", "verify", {**QUARTER, "to": {"green": 0.5}}).status == "fail"


def test_every_proxy_changes_and_each_socket_may_be_tcp(start):
    one, two = start(), start()
    sockets = [f"{LOOPBACK}:{one.stats}", two.socket]
    with drive(one, sockets=sockets) as host:
        done = host.call("shift", "apply", QUARTER)
        assert done.status == "ok", done
        assert one.weights() == two.weights() == {"blue": 75, "green": 25}
        assert host.call("shift", "rollback", QUARTER, saved=done.saved).status == "ok"
    assert one.weights() == two.weights() == {"blue": 100, "green": 0}


def test_what_is_left_goes_to_the_others_by_their_configured_weights(start, sides):
    more = (f"server third {LOOPBACK}:{sides[0].port} weight 50\n"
            f"  server spare {LOOPBACK}:{sides[0].port} backup")
    edge = start(more=more)
    with drive(edge) as host:
        done = host.call("shift", "apply", {"balancer": "edge", "to": {"green": 0.4}})
        refused = host.call("shift", "apply", {"balancer": "edge", "to": {"spare": 0.4}})
    assert done.status == "ok", done
    assert edge.weights() == {"blue": 40, "green": 40, "third": 20, "spare": 1}
    assert refused.status == "fail" and "backup" in refused.text


def test_killed_before_the_write_it_is_not_applied_and_applies_again(edge):
    states = []
    host = drive(edge)

    def die(state):
        states.append(state)
        host.kill()

    with pytest.raises((HostGone, OSError)):
        host.call("shift", "apply", QUARTER, on_save=die)
    with drive(edge) as host:
        done = host.call("shift", "observe", QUARTER, saved=states[0])
        assert (done.status, done.text) == ("retry", "the weights are as they were before")
        assert host.call("shift", "apply", QUARTER, saved=states[0]).status == "ok"
        assert host.call("shift", "rollback", QUARTER, saved=states[0]).status == "ok"
    assert edge.weights() == {"blue": 100, "green": 0}


@pytest.mark.parametrize("op, weights", [("apply", {"blue": 75, "green": 25}),
                                         ("rollback", {"blue": 100, "green": 0})])
def test_half_an_apply_goes_on_or_back(start, op, weights):
    one, two = start(), start()
    with drive(one, two) as host:
        saved = host.call("shift", "apply", QUARTER).saved
        two.ask("set server shop/green weight 0")
        two.ask("set server shop/blue weight 100")
        one.ask("set server shop/blue weight 100")  # only the gainer of one was raised
        assert host.call("shift", "observe", QUARTER, saved=saved).status == "retry"
        done = host.call("shift", op, QUARTER, saved=saved)
    assert done.status == "ok", done
    assert one.weights() == two.weights() == weights


def test_a_weight_that_somebody_else_set_is_a_conflict(edge):
    with drive(edge) as host:
        saved = host.call("shift", "apply", QUARTER).saved
        edge.ask("set server shop/green weight 42")
        for op in ("observe", "apply", "rollback"):
            done = host.call("shift", op, QUARTER, saved=saved)
            assert done.status == "fail", done
            for part in ("before 0", "now 42", "25", "set server shop/green"):
                assert part in done.text
    assert edge.weights()["green"] == 42


def test_a_rollback_without_a_saved_state_has_nothing_to_do(edge):
    with drive(edge) as host:
        for op, status in ("rollback", "ok"), ("observe", "retry"):
            done = host.call("shift", op, QUARTER)
            assert (done.status, done.text) == (
                status, "nothing was saved, so nothing was changed")


@pytest.mark.parametrize("down", [
    lambda edge: edge.green.end() or wait_up(edge, "green", False),
    lambda edge: edge.ask("set server shop/green state maint"),
    lambda edge: edge.ask("set server shop/green state drain"),
], ids=["down", "maint", "drain"])
def test_a_side_that_is_not_up_gets_nothing(edge, down):
    down(edge)
    with drive(edge) as host:
        for op in ("plan", "apply"):
            done = host.call("shift", op, QUARTER)
            assert done.status == "fail" and "green is " in done.text, done
    assert edge.weights() == {"blue": 100, "green": 0}


def test_a_side_that_dies_while_it_is_raised_stops_before_the_other_is_lowered(edge):
    def die(_):
        edge.green.end()
        wait_up(edge, "green", False)

    with drive(edge) as host:
        done = host.call("shift", "apply", {"balancer": "edge", "to": {"green": 1}}, on_save=die)
        assert done.status == "fail" and "green is DOWN" in done.text, done
        assert edge.weights()["blue"] == 100
        assert host.call("shift", "rollback", QUARTER, saved=done.saved).status == "ok"
    assert edge.weights() == {"blue": 100, "green": 0}


def test_a_rollback_never_moves_onto_a_dead_side_while_the_other_lives(edge):
    with drive(edge) as host:
        full = {"balancer": "edge", "to": {"green": 1}}
        saved = host.call("shift", "apply", full).saved
        edge.blue.end()
        wait_up(edge, "blue", False)
        done = host.call("shift", "rollback", full, saved=saved)
        assert done.status == "fail" and "blue is DOWN" in done.text
        edge.blue.start()
        wait_up(edge, "blue")
        assert host.call("shift", "rollback", full, saved=saved).status == "ok"


def test_a_rollback_goes_to_those_that_are_up_and_restores_the_others(start, sides):
    edge = start(more=f"server spare 127.0.0.1:{sides[0].port} weight 100")
    edge.ask("set server shop/spare state maint")
    params = {"balancer": "edge", "to": {"green": 1, "spare": 0}}
    with drive(edge) as host:
        done = host.call("shift", "apply", params)
        assert done.status == "ok", done
        done = host.call("shift", "rollback", params, saved=done.saved)
    assert done.status == "ok", done
    assert edge.weights() == {"blue": 100, "green": 0, "spare": 100}


def test_a_spare_in_maintenance_that_nobody_named_says_how_to_leave_it_out(start, sides):
    edge = start(more=f"server spare 127.0.0.1:{sides[0].port} weight 100")
    edge.ask("set server shop/spare state maint")
    with drive(edge) as host:
        done = host.call("shift", "plan", QUARTER)
    assert "spare is MAINT" in done.text and "give it 0% in `to`" in done.text, done


def test_weights_that_a_restart_took_back_are_told_with_their_numbers(edge):
    with drive(edge) as host:
        saved = host.call("shift", "apply", QUARTER).saved
        edge.end()
        edge.start()
        done = host.call("shift", "verify", QUARTER, saved=saved)
    assert done.status == "fail" and "shop/blue has weight 100" in done.text, done
    assert "not 75" in done.text and "reloaded" in done.text


@pytest.mark.parametrize("balance, words", [("source", "hash-type consistent"),
                                            ("first", "only a weight of 0")])
def test_a_plan_tells_when_weights_are_not_felt_as_shares(start, balance, words):
    edge = start(balance=f"balance {balance}")
    with drive(edge) as host:
        done = host.call("shift", "plan", QUARTER)
    assert done.status == "ok" and words in done.text, done


@pytest.mark.parametrize("balance", ["balance static-rr", "balance source"])
def test_a_static_algorithm_is_told_and_nothing_changes(start, balance):
    edge = start(balance=balance, green_now=100)
    with drive(edge) as host:
        done = host.call("shift", "apply", QUARTER)
    assert done.status == "fail" and "roundrobin" in done.text, done
    assert (done.saved is None) == ("static" in balance)  # of a hash HAProxy alone can tell
    assert edge.weights() == {"blue": 100, "green": 100}


def test_leastconn_and_sticky_clients_are_warned_of(start):
    edge = start(balance="balance leastconn\n  cookie SIDE insert",
                 more="server third 127.0.0.1:1 cookie third weight 0")
    with drive(edge) as host:
        done = host.call("shift", "plan", QUARTER)
    assert any("leastconn" in note for note in done.notes)
    assert any("cookie" in note for note in done.notes)


@pytest.mark.parametrize("to, part", [
    ({"red": 0.5}, "no server red"),
    ({"green": 0.001}, "0.289"),
    ({"green": 0.5, "blue": 0.4}, "90 %"),
])
def test_shares_that_cannot_be_are_refused_before_anything_changes(edge, to, part):
    with drive(edge) as host:
        done = host.call("shift", "apply", {"balancer": "edge", "to": to})
    assert done.status == "fail" and part in done.text, done
    assert done.saved is None and edge.weights() == {"blue": 100, "green": 0}


def test_a_tolerance_lets_a_coarser_share_through(edge):
    with drive(edge) as host:
        done = host.call("shift", "apply",
                         {"balancer": "edge", "to": {"green": 0.001}, "tolerance": 0.003})
    assert done.status == "ok" and 0.003 < done.data["achieved"]["green"] < 0.004


@pytest.mark.parametrize("to, part", [({"green": 1.5}, "between"),
                                      ({"green": 0.6, "blue": 0.6}, "120"), ({}, "empty")])
def test_check_finds_what_no_proxy_is_needed_for(edge, to, part):
    with drive(edge) as host:
        done = host.call("shift", "check", {"balancer": "edge", "to": to})
    assert done.status == "fail" and part in done.text


def test_an_unknown_backend_and_a_hostile_name_are_refused(edge):
    for backend, part in (("nope", "no backend nope"), ("shop; shutdown sessions", "not the name")):
        with drive(edge, backend=backend) as host:
            done = host.call("shift", "apply", QUARTER)
        assert done.status == "fail" and part in done.text, done


@pytest.mark.parametrize("op", ["plan", "apply"])
def test_a_socket_without_admin_rights_is_told(edge, op):
    sockets = [str(edge.folder / "user.sock")]
    with drive(edge, sockets=sockets) as host:
        done = host.call("shift", op, QUARTER)
    assert done.status == "fail" and "level admin" in done.text, done


def test_a_server_that_is_not_there_is_told_with_those_that_are(edge):
    with drive(edge) as host:
        done = host.call("shift", "plan", {"balancer": "edge", "to": {"grene": 0.5}})
    assert "there is no server grene; it has blue, green" in done.text, done


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_socket_that_others_may_not_write_to_says_who_should(edge):
    os.chown(edge.connection()["sockets"][0], 65534, 65534)
    os.chmod(edge.connection()["sockets"][0], 0o600)
    with Host("traffic", {"edge": edge.connection()},
              under=["setpriv", "--bounding-set=-dac_override"]) as host:
        done = host.call("shift", "plan", QUARTER)
    assert done.status == "fail" and "Permission denied; let the user who runs" in done.text, done


def test_a_proxy_that_is_gone_is_told_and_the_others_roll_back(start):
    one, two = start(), start()
    with drive(one, two) as host:
        saved = host.call("shift", "apply", QUARTER).saved
        one.end()
        done = host.call("shift", "apply", QUARTER)
        assert done.status == "retry" and one.socket in done.text, done
        assert host.call("shift", "observe", QUARTER, saved=saved).status == "unknown"
        done = host.call("shift", "rollback", QUARTER, saved=saved)
        assert done.status == "fail" and one.socket in done.text, done
        assert "at the others the weights are as they were before" in done.text
        assert two.weights() == {"blue": 100, "green": 0}
        one.start()
        wait_up(one, "green")
        assert host.call("shift", "rollback", QUARTER, saved=saved).status == "ok"


def test_a_proxy_that_never_answers_is_given_up(edge, tmp_path):
    path = str(tmp_path / "deaf.sock")
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(path)
        deaf.listen()
        assert stat.S_ISSOCK(os.stat(path).st_mode)
        with drive(edge, sockets=[edge.socket, path]) as host:
            done = host.call("shift", "apply", QUARTER)
            assert done.status == "retry" and "no answer in 2 s" in done.text, done
            number = host.start("shift", "apply", QUARTER)
            host.cancel(number)
            assert host.finish(number).status == "canceled"
    assert edge.weights() == {"blue": 100, "green": 0}


class Relay:
    """A runtime socket before that of a proxy, where a test answers: "" is a lost answer, None
    one that never comes."""

    def __init__(self, edge, path):
        self.edge, self.path, self.seen, self.held = edge, str(path), [], []
        self.answer = edge.ask
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            command = link.recv(65536).decode().strip()
            self.seen.append(command)
            reply = self.answer(command)
            if reply is None:
                self.held.append(link)
                continue
            with link, contextlib.suppress(OSError):  # it may have gone
                link.sendall(reply.encode())

    @property
    def changed(self):
        return [command for command in self.seen if command.startswith("set ")]

    def end(self):
        hang_up(self.listener)
        for link in self.held:
            link.close()


@pytest.fixture
def relay(edge, tmp_path):
    between = Relay(edge, tmp_path / "relay.sock")
    yield between
    between.end()


def test_a_pause_of_our_own_machine_is_no_silence_of_a_proxy(edge, relay):
    def answer(command):
        relay.answer = edge.ask
        os.kill(host.pid, signal.SIGSTOP)
        time.sleep(2.5)
        os.kill(host.pid, signal.SIGCONT)
        time.sleep(0.1)
        return edge.ask(command)

    relay.answer = answer
    with drive(edge, sockets=[relay.path]) as host:
        done = host.call("shift", "apply", QUARTER)
    assert done.status == "ok", done


@pytest.mark.parametrize("op, lost, status", [
    ("apply", "show", "retry"), ("apply", "set", "unknown"), ("apply", "show after set", "unknown"),
    ("observe", "show", "unknown"), ("rollback", "set", "fail")])
def test_a_lost_answer_counts_as_what_it_may_have_changed(edge, relay, op, lost, status):
    def answer(command):
        reply = edge.ask(command)
        gone = command.startswith(lost.split()[0]) and ("after" not in lost or relay.changed)
        return "" if gone else reply

    with drive(edge, sockets=[relay.path]) as host:
        saved = None if op == "apply" else host.call("shift", "apply", QUARTER).saved
        relay.seen.clear()
        relay.answer = answer
        done = host.call("shift", op, QUARTER, saved=saved)
    assert done.status == status and relay.path in done.text, done


def test_a_proxy_that_goes_when_another_has_changed_fails_the_call(edge, relay):
    def answer(command):
        if command.startswith("show stat"):
            os.unlink(relay.path)
        return edge.ask(command)

    relay.answer = answer
    with drive(edge, sockets=[edge.socket, relay.path]) as host:
        done = host.call("shift", "apply", QUARTER)
    assert done.status == "fail" and "is it running" in done.text, done
    assert edge.weights()["green"] > 0 and not relay.changed


def test_what_was_changed_before_a_refusal_is_told(edge, relay):
    relay.answer = lambda command: (
        "Permission denied\n" if command.startswith("set server shop/blue")
        else edge.ask(command))
    with drive(edge, sockets=[relay.path]) as host:
        done = host.call("shift", "apply", QUARTER)
    assert done.status == "fail"
    assert done.text.endswith("what was changed before it stands until the rollback"), done


@pytest.mark.parametrize("changed, part", [
    (False, "before any change"), (True, "after some of the changes")])
def test_a_cancel_tells_whether_something_was_changed(edge, relay, changed, part):
    def answer(command):
        if command.startswith("set ") or bool(relay.changed) != changed:
            return edge.ask(command)
        host.cancel(number)
        return None

    with drive(edge, sockets=[relay.path]) as host:
        relay.answer = answer
        number = 1  # a host's first call
        assert host.start("shift", "apply", QUARTER) == number
        done = host.finish(number)
    assert (done.status, done.text) == ("canceled", f"canceled {part}")


def test_a_call_ends_with_its_own_time(edge, relay):
    relay.answer = lambda command: None

    def attempt(seconds):
        done = host.call("shift", "apply", QUARTER, timeout=seconds)
        assert done.status == "retry" and done.seconds < seconds + 0.7
        assert done.text == "the time of this call was over before all of HAProxy had answered"

    with drive(edge, sockets=[relay.path]) as host:
        steadily(attempt, 0.8)


# Drain


@pytest.fixture
def shifted(edge):
    """All but the open sessions are on green."""
    edge.ask("set server shop/green weight 100")
    return edge


def test_drain_waits_until_the_last_session_has_ended(shifted):
    held = shifted.hold_one("blue")
    with drive(shifted) as host:
        number = host.start("drain", "apply", DRAIN)
        threading.Timer(1, shifted.blue.release).start()
        done = host.finish(number)
    assert done.status == "ok", done
    assert 1.4 < done.seconds < SOON_S
    assert shifted.admin("blue") == "drain"
    for s in held:
        s.close()


def test_sessions_that_stay_are_counted_and_never_cut_without_leave(shifted):
    began = time.monotonic()
    held = shifted.hold_one("blue")
    short = {**DRAIN, "max": 1}
    with drive(shifted) as host:
        done = host.call("drain", "apply", short)
        assert done.status == "fail" and "1 sessions" in done.text, done
        assert done.data["sessions"] == 1
        assert 0 < done.data["oldest_s"] < time.monotonic() - began + 1
        assert shifted.sessions()["blue"]
        back = host.call("drain", "rollback", short, saved=done.saved)
    assert back.status == "ok"
    assert shifted.admin("blue") == "ready"
    for s in held:
        s.close()


def test_sessions_are_cut_with_leave_and_the_server_is_in_maintenance(shifted):
    held = shifted.hold_one("blue")
    kill = {**DRAIN, "max": 1, "allow_kill": True}
    with drive(shifted) as host:
        done = host.call("drain", "apply", kill)
        assert done.status == "ok" and done.data["sessions"] == 1, done
        assert shifted.admin("blue") == "maint" and not shifted.sessions()["blue"]
        assert host.call("drain", "verify", kill, saved=done.saved).status == "ok"
        assert host.call("drain", "observe", kill, saved=done.saved).status == "ok"
        assert host.call("drain", "rollback", kill, saved=done.saved).status == "ok"
    assert shifted.admin("blue") == "ready"
    for s in held:
        s.close()


def test_the_last_server_is_never_drained(edge):
    with drive(edge) as host:  # green has weight 0
        plan = host.call("drain", "plan", DRAIN)  # by then it may be otherwise: only said
        done = host.call("drain", "apply", DRAIN)
    assert plan.status == "ok" and "only server" in plan.text, plan
    assert plan.data["changes"] == [{"what": "shop/blue", "before": "ready", "after": "drain"}]
    assert done.status == "fail" and "only server" in done.text, done
    assert edge.admin("blue") == "ready"


def test_a_server_that_is_down_takes_no_requests_for_the_one_that_is_drained(shifted):
    shifted.ask("set server shop/green state maint")
    with drive(shifted) as host:
        done = host.call("drain", "apply", DRAIN)
        assert done.status == "fail" and "only server" in done.text, done
        shifted.ask("set server shop/blue state drain")  # no more is lost than is already
        assert host.call("drain", "apply", DRAIN).status == "ok"


@pytest.mark.parametrize("op", ["plan", "apply", "verify"])
def test_a_server_that_is_not_there_is_not_drained(shifted, op):
    with drive(shifted) as host:
        done = host.call("drain", op, {**DRAIN, "server": "red"})
    assert (done.status, done.text) == (
        "fail", f"HAProxy at {shifted.socket} has no server shop/red")


@pytest.mark.parametrize("op, state, open_now, status, text", [
    ("verify", "ready", {}, "fail", "blue takes requests"),
    ("verify", "drain", {"scur": 1}, "ok", "blue takes no new requests"),
    ("verify", "maint", {}, "ok", "blue takes no new requests"),
    ("observe", "ready", {}, "retry", "blue is ready and has 0 sessions"),
    ("observe", "drain", {"scur": 1}, "retry", "blue is drain and has 1 sessions"),
    ("observe", "drain", {"qcur": 2}, "retry", "blue is drain and has 2 sessions"),
    ("observe", "drain", {}, "ok", "blue is drained"),
])
def test_a_drain_is_read_back(shifted, relay, op, state, open_now, status, text):
    def answer(command):
        lines = shifted.ask(command).split("\n")
        if command.startswith("show stat"):
            names = lines[0].lstrip("# ").split(",")
            for at, line in enumerate(lines):
                row = dict(zip(names, line.split(",")))
                if row.get("svname") == "blue":
                    lines[at] = ",".join(str(open_now.get(n, v)) for n, v in row.items())
        return "\n".join(lines)

    shifted.ask(f"set server shop/blue state {state}")
    relay.answer = answer
    saved = {"backend": "shop", "server": "blue", "before": {relay.path: "ready"}}
    with drive(shifted, sockets=[relay.path]) as host:
        done = host.call("drain", op, DRAIN, saved=saved)
    assert (done.status, done.text) == (status, text)


def test_a_server_that_does_not_come_back_fails_the_rollback(shifted, relay):
    with drive(shifted, sockets=[relay.path]) as host:
        saved = host.call("drain", "apply", DRAIN).saved
        relay.answer = lambda command: (
            "\n" if command.startswith("set ") else shifted.ask(command))
        done = host.call("drain", "rollback", DRAIN, saved=saved)
    assert (done.status, done.text) == (
        "fail", f"HAProxy at {relay.path} took `state ready` for blue and shows drain")


def test_rollback_leaves_a_server_as_it_was_found(shifted):
    shifted.ask("set server shop/blue state maint")
    with drive(shifted) as host:
        done = host.call("drain", "apply", DRAIN)
        assert done.status == "ok" and shifted.admin("blue") == "maint", done
        assert host.call("drain", "rollback", DRAIN, saved=done.saved).status == "ok"
    assert shifted.admin("blue") == "maint"


def test_a_maintenance_that_somebody_began_meanwhile_is_not_ended_by_the_rollback(shifted):
    with drive(shifted) as host:
        saved = host.call("drain", "apply", DRAIN).saved
        shifted.ask("set server shop/blue state maint")
        done = host.call("drain", "rollback", DRAIN, saved=saved)
        assert done.status == "fail" and shifted.admin("blue") == "maint", done
        for part in ("somebody else", "before ready, now maint", "set server shop/blue state ready"):
            assert part in done.text
        shifted.ask("set server shop/blue state ready")
        assert host.call("drain", "rollback", DRAIN, saved=saved).status == "ok"


@pytest.mark.parametrize("state", ["drain", "maint"])
def test_a_plan_to_drain_what_takes_nothing_changes_nothing(shifted, state):
    shifted.ask(f"set server shop/blue state {state}")
    with drive(shifted) as host:
        assert host.call("drain", "plan", DRAIN).data == {"changes": []}


def test_a_drain_that_somebody_ends_fails(shifted):
    with drive(shifted) as host:
        number = host.start("drain", "apply", {**DRAIN, "quiet": 40})
        threading.Timer(1, shifted.ask, ["set server shop/blue state ready"]).start()
        done = host.finish(number)
    assert done.status == "fail" and "not in drain any more" in done.text
