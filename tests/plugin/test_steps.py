# SPDX-License-Identifier: Apache-2.0
"""tcp, notify and drill in the real host."""

import os
import signal
import socket
import threading
import time

import pytest

import hostdrive
from hostdrive import HostGone
from servers import free_port, hang_up
from steady import SOON_S, steadily
from test_http import web  # noqa: F401 (a fixture)


class Echo:
    """Greets, then says back what it is told; where it is late it says nothing."""

    def __init__(self):
        self.late, self.over = False, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            if self.late:
                self.over.wait(1000)
            else:
                self.talk(link)
            link.close()

    def talk(self, link):
        try:
            link.sendall(b"220 ready\r\n")
            link.sendall(link.recv(100) or b"")
        except OSError:
            pass  # the other side has heard enough


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.over.set()
    hang_up(server.listener)


def test_tcp_connects(core, echo):
    done = core.call("tcp", "apply", {"address": echo.address})
    assert done.status == "ok"
    assert 0 <= done.data["connected_ms"] <= done.seconds * 1000


def test_tcp_speaks_and_hears(core, echo):
    done = core.call("tcp", "apply", {"address": echo.address, "send": "PING\n", "expect": "PING"})
    assert done.data["received"] == "220 ready\r\nPING\n"


@pytest.mark.parametrize("name, status", [("localhost", "ok"), ("no-such-host.invalid", "retry")])
def test_tcp_looks_names_up(core, echo, name, status):
    where = echo.address.replace("127.0.0.1", name)
    assert core.call("tcp", "apply", {"address": where}).status == status


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for an /etc/hosts of its own")
def test_tcp_tries_every_address_of_a_name(echo, tmp_path, monkeypatch):
    hosts = tmp_path / "hosts"
    hosts.write_text("::1 shop\n127.0.0.1 shop\n")
    host = tmp_path / "host"
    host.write_text(f"""#!/bin/sh
exec unshare -m sh -c 'mount --bind {hosts} /etc/hosts && exec {hostdrive.HOST}'
""")
    host.chmod(0o755)
    monkeypatch.setattr(hostdrive, "HOST", str(host))
    with hostdrive.Host(None, folder=tmp_path) as core:
        where = echo.address.replace("127.0.0.1", "shop")
        assert core.call("tcp", "apply", {"address": where}).status == "ok"
        refused = core.call("tcp", "apply", {"address": f"shop:{free_port()}"})
        assert refused.status == "retry"
        assert "connection refused" in refused.text


def test_tcp_refused_may_be_repeated(core):
    done = core.call("tcp", "apply", {"address": f"127.0.0.1:{free_port()}"})
    assert done.status == "retry"
    assert "connection refused" in done.text


def test_tcp_closed_without_the_expected(core, echo):
    done = core.call("tcp", "apply", {"address": echo.address, "send": "x", "expect": "250"})
    assert done.status == "retry"


def test_tcp_keeps_its_deadline(core, echo):
    echo.late = True

    def attempt(seconds):
        done = core.call("tcp", "apply", {"address": echo.address, "expect": "220"}, timeout=seconds)
        assert done.status == "fail" and done.seconds < seconds + 0.7
        assert "did not come in time" in done.text

    steadily(attempt, 0.4)


def test_tcp_can_be_canceled(core, echo):
    echo.late = True
    call = core.start("tcp", "apply", {"address": echo.address, "expect": "220"})
    time.sleep(0.1)
    core.cancel(call)
    assert core.finish(call).status == "canceled"


def test_tcp_in_flight_does_not_hold_the_host(core, echo):
    echo.late = True
    core.start("tcp", "apply", {"address": echo.address, "expect": "220"})
    time.sleep(0.1)
    began = time.monotonic()
    assert core.close() == 0
    assert time.monotonic() - began < SOON_S


@pytest.mark.parametrize("text", ["", "host", "host:", ":80"])
def test_tcp_checks_its_address(core, text):
    done = core.call("tcp", "check", {"address": text})
    assert (done.status, done.text) == ("fail", "address must be host:port")


@pytest.mark.parametrize("kind, path", [("json", ["text"]), ("slack", ["text"]),
                                        ("teams", ["attachments", 0, "content", "body", 0, "text"])])
def test_notify_posts_in_the_format_asked_for(core, web, kind, path):  # noqa: F811
    import json
    done = core.call("notify", "apply", {"webhook": web.url + "/hook", "text": "hi", "format": kind})
    assert (done.status, done.data) == ("ok", {"delivered": True}), done
    message = json.loads(web.seen[0][3])
    for key in path:
        message = message[key]
    assert message == "hi"


@pytest.mark.parametrize("required, status", [(False, "ok"), (True, "retry")])
def test_notify_fails_only_where_required(core, required, status):
    done = core.call("notify", "apply", {"webhook": f"http://127.0.0.1:{free_port()}/",
                                         "text": "hi", "required": required})
    assert (done.status, done.data) == (status, {"delivered": False})
    assert done.text.startswith("not delivered: ")


def test_notify_tells_a_command(core, tmp_path):
    done = core.call("notify", "apply", {"argv": ["sh", "-c", "cat > told"], "text": "hi there"})
    assert done.data == {"delivered": True}
    assert (tmp_path / "told").read_text() == "hi there"


def test_notify_wants_one_way(core):
    assert core.call("notify", "check", {"text": "x"}).status == "fail"
    assert core.call("notify", "check", {"text": "x", "argv": ["true"]}).status == "ok"


def test_drill_leaves_a_mark_for_each_effect(core, tmp_path):
    mark = {"mark": "marks", "outputs": {"n": 3}}
    assert core.call("drill", "apply", mark).data == {"n": 3}
    assert core.call("drill", "verify", mark).status == "ok"
    assert core.call("drill", "rollback", mark).status == "ok"
    assert (tmp_path / "marks").read_text() == "apply step 1 key\nrollback step 1 key\n"


def test_drill_fails_where_it_can_leave_no_mark(core):
    done = core.call("drill", "apply", {"mark": "nowhere/marks"})
    assert (done.status, done.text) == ("fail", "No such file or directory")


def test_drill_observes_its_own_key(core):
    mark = {"mark": "marks", "outputs": {"n": 3}}
    assert core.call("drill", "observe", mark).status == "retry"
    core.call("drill", "apply", mark)
    done = core.call("drill", "observe", mark)
    assert (done.status, done.data) == ("ok", {"n": 3})
    assert core.call("drill", "observe", {}).status == "unknown"


@pytest.mark.parametrize("op", ["apply", "verify", "observe", "rollback"])
@pytest.mark.parametrize("do, status", [("fail", "fail"), ("unknown", "unknown")])
def test_drill_upsets_the_operation_it_is_told_to(core, op, do, status):
    params = {"on": op, "do": do, "mark": "marks"}
    for other in ("apply", "verify", "observe", "rollback"):
        ended = core.call("drill", other, params).status
        assert (ended == status) == (other == op), (other, ended)


def test_drill_counts_times(core):
    params = {"on": "verify", "do": "fail", "times": 2}
    assert [core.call("drill", "verify", params).status for _ in range(3)] == ["fail", "fail", "ok"]


def test_drill_counts_earlier_attempts_too(core):
    call = core.start("drill", "apply", {"do": "fail", "times": 2}, attempt=3)
    assert core.finish(call).status == "ok"


@pytest.mark.parametrize("do, marked", [("unknown", True), ("fail", False)])
def test_drill_loses_the_answer_not_the_effect(core, tmp_path, do, marked):
    core.call("drill", "apply", {"do": do, "mark": "marks"})
    assert (tmp_path / "marks").exists() == marked


def test_drill_crashes_its_host(core, tmp_path):
    with pytest.raises(HostGone):
        core.call("drill", "apply", {"do": "crash", "mark": "marks"})
    assert core.close() == -signal.SIGABRT
    assert (tmp_path / "marks").exists()


def test_drill_hangs_until_canceled(core):
    call = core.start("drill", "apply", {"do": "hang"})
    time.sleep(0.1)
    core.cancel(call)
    assert core.finish(call).status == "canceled"


@pytest.mark.parametrize("op, status", [("apply", "unknown"), ("verify", "fail")])
def test_a_hang_over_its_time_is_unknown_where_it_may_have_changed_something(core, op, status):
    done = core.call("drill", op, {"on": op, "do": "hang"}, timeout=0.2)
    assert (done.status, done.text) == (status, "its time was up before it was done")


def test_drill_takes_its_time(core):
    assert core.call("drill", "apply", {"after": 0.3}).seconds >= 0.29
    assert core.call("drill", "rollback", {"after": 1000}).seconds < SOON_S
