# SPDX-License-Identifier: Apache-2.0
"""The plugin metrics in the real host, against a real Prometheus and a server that misbehaves."""

import itertools
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from hostdrive import PATIENCE_S, Host  # noqa: E402
from labkit import Lab  # noqa: E402
from servers import LOOPBACK, free_port, wait_until  # noqa: E402
from steady import SOON_S, steadily  # noqa: E402

NEVER_S = 1000


@pytest.fixture(scope="module")
def prometheus():
    folder = tempfile.mkdtemp(prefix="cutover-metrics.")
    os.chmod(folder, 0o755)
    lab = Lab(folder)
    lab.up("--only", "metrics")
    yield lab.params["prom_url"]
    lab.down()
    shutil.rmtree(folder, ignore_errors=True)


class Odd(ThreadingHTTPServer):
    """Answers as it is told to, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__((LOOPBACK, free_port()), Handler)
        self.url = f"http://{LOOPBACK}:{self.server_address[1]}"
        self.seen = []
        self.over = threading.Event()
        self.say(200, b"")
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def say(self, status, body, delay=0):
        self.answer = lambda path: (status, body, delay)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((time.monotonic(), self.path, dict(self.headers)))
        status, body, delay = self.server.answer(self.path)
        self.server.over.wait(delay)
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def odd():
    server = Odd()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def prom(url, **more):
    return {"prom": {"plugin": "metrics", "provider": "prometheus", "url": url, **more}}


def ask(url, query, *, timeout=PATIENCE_S, secrets=None, connection=None, **more):
    with Host("metrics", prom(url, **(connection or {})), secrets) as host:
        return host.call("query", "sample", {"source": "prom", "query": query, **more},
                         timeout=timeout)


def vector(*values, at=None):
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": [
        {"metric": {"n": str(n)}, "value": [at or time.time(), value]}
        for n, value in enumerate(values)]}}).encode()


@pytest.mark.parametrize("query, value", [
    ("vector(0.07)", 0.07),
    ("scalar(vector(3)) + 0", 3),
    ("3e-9 * 1", 3e-9),
    ('sum(vector(2)) + on() label_replace(vector(1), "a", "x y+&=%", "", "")', 3),
])
def test_query_gives_the_one_value_of_prometheus(prometheus, query, value):
    began = time.time()
    done = ask(prometheus, query)
    assert done.status == "ok", done
    assert done.data["value"] == pytest.approx(value)
    at = datetime.fromisoformat(done.data["at"].replace("Z", "+00:00")).timestamp()
    assert began - 1 < at < time.time() + 1


@pytest.mark.parametrize("query", [
    "nobody_has_this_metric", "vector(0) / 0", "vector(1) / 0", "-vector(1) / 0", "vector(NaN)"])
def test_query_without_evidence_is_missing_not_zero(prometheus, query):
    done = ask(prometheus, query)
    assert done.status == "ok", done
    assert done.data == {"value": None}


@pytest.mark.parametrize("query, text", [
    ('label_replace(vector(1), "a", "b", "", "") or vector(2)', "2 series"),
    ("sum(", "400"),
    ("up[5m]", "neither a vector nor a scalar"),
])
def test_query_that_cannot_be_one_value_is_an_error_of_the_source(prometheus, query, text):
    done = ask(prometheus, query)
    assert done.status == "fail", done
    assert text in done.text


def test_age_query_dates_the_value_by_our_own_clock(prometheus):
    began = time.time()
    done = ask(prometheus, "vector(1)", age_query="vector(90)")
    at = datetime.fromisoformat(done.data["at"].replace("Z", "+00:00")).timestamp()
    assert began - 91 < at < time.time() - 89
    assert ask(prometheus, "vector(1)", age_query="nothing_here").data == {"value": None}
    assert ask(prometheus, "vector(1)", age_query="vector(-5)").status == "fail"


@pytest.mark.parametrize("status, body, text", [
    (200, b"", "empty"),
    (200, b"<html>hello</html>", "not JSON: <html>hello"),
    (401, b"", "401, see `auth` of the connection"),
    (307, b"", "307, a redirect elsewhere: give the url it leads to"),
    (200, b'{"status": "success", "data": ', "not JSON"),
    (200, b'{"status": "error", "errorType": "timeout", "error": "x"}', "success"),
    (200, b'[]', "success"),
    (200, b'{"status": "success"}', "neither"),
    (200, b'{"status": "success", "data": {"resultType": "vector", "result": 7}}', "neither"),
    (200, b'{"status": "success", "data": {"resultType": "vector", "result": [{}]}}', "[time"),
    (200, vector("seven"), "no number"),
    (200, vector("7", at=1e300), "cannot be"),
    (200, vector(""), "[time"),
    (200, vector("1", "2"), "2 series"),
    (200, b"x" * 2_000_000, "larger"),
    (500, b"oh no", "500: oh no"),
    (503, b'{"status": "error", "error": "query queue is full"}', "503: query queue is full"),
    (404, b"", "404"),
])
def test_query_tells_what_was_wrong_with_an_answer(odd, status, body, text):
    odd.say(status, body)
    done = ask(odd.url, "x")
    assert done.status == "fail", done
    assert text in done.text, done.text


def test_query_of_a_source_that_refuses_fails_at_once():
    done = ask(f"http://{LOOPBACK}:{free_port()}", "x")
    assert done.status == "fail" and done.seconds < SOON_S, done


def test_query_of_a_slow_source_ends_at_its_deadline(odd):
    odd.say(200, vector("1"), delay=NEVER_S)

    def attempt(seconds):
        done = ask(odd.url, "x", timeout=seconds)
        assert done.status == "fail", done
        assert seconds * 0.8 < done.seconds < seconds + 0.7

    steadily(attempt, 0.5)


@pytest.mark.parametrize("auth, value, header", [
    ({"bearer": "token"}, "s3cret", "Bearer s3cret"),
    ({"basic": "token"}, "me:s3cret", "Basic bWU6czNjcmV0"),
])
def test_query_proves_who_asks_with_a_secret(odd, auth, value, header):
    odd.say(200, vector("1"))
    done = ask(odd.url, "x", connection={"auth": auth}, secrets={"token": value})
    assert done.data["value"] == 1
    assert odd.seen[0][2]["Authorization"] == header
    assert ask(odd.url, "x", connection={"auth": auth}).status == "fail"


# Probes


RATE = 20


def probe(host, url, timeout=PATIENCE_S, **more):
    params = {"url": url, "rate": RATE, "window": 1, **more}
    done = host.call("http_probe", "sample", params, timeout=timeout)
    assert done.status == "ok", done
    return done.data


def test_probe_gives_the_share_of_good_answers_over_its_window(odd):
    with Host("metrics") as host:
        odd.say(200, b"fine")
        def share():
            data = probe(host, odd.url)
            assert data["n"] < 3 * RATE, "of the window's one second, and what came late"
            return data["value"]

        assert share() == 1
        wait_until(lambda: share() == 1 and probe(host, odd.url)["n"] >= RATE * 0.75, "it is full")
        statuses = itertools.cycle([503, 200])
        odd.answer = lambda path: (next(statuses), b"now and then", 0)
        wait_until(lambda: 0.4 < share() < 0.6, "every other one is bad")
        odd.say(503, b"no")
        wait_until(lambda: share() == 0, "the good ones are forgotten")
        odd.say(200, b"fine")
        wait_until(lambda: share() == 1, "the bad ones are forgotten")


def assert_one_prober(odd):
    """It goes on by itself at its rate; at less where each probe is late."""
    def attempt(seconds):
        before = len(odd.seen)
        time.sleep(seconds)
        assert RATE * 0.5 <= (len(odd.seen) - before) / seconds <= RATE * 1.15

    steadily(attempt, 1)


def test_probe_goes_on_between_samples_at_its_rate_and_once_for_the_same_parameters(odd):
    with Host("metrics") as host:
        for _ in range(4):
            probe(host, odd.url)
        assert_one_prober(odd)


def test_probe_of_what_is_not_there_or_hangs_fails(odd):
    with Host("metrics") as host:
        refused = probe(host, f"http://{LOOPBACK}:{free_port()}")
        assert refused["value"] == 0 and refused["n"] >= 1
        odd.say(200, b"late", delay=NEVER_S)
        begun = time.monotonic()
        assert probe(host, odd.url)["value"] == 0
        assert time.monotonic() - begun < SOON_S


def test_probe_without_any_result_by_its_deadline_is_missing(odd):
    odd.say(200, b"late", delay=NEVER_S)
    with Host("metrics") as host:
        assert probe(host, odd.url, timeout=0.4, window=60) == {"value": None}


def test_probe_measures_the_latency_of_good_answers(odd):
    slow = iter([0, 0, 0, 0, 0.15] * 1000)
    odd.answer = lambda path: (200, b"", next(slow))
    with Host("metrics") as host:
        more = {"measure": "latency", "window": 2}
        wait_until(lambda: 0.15 <= probe(host, odd.url, percentile=99, **more)["value"] < 0.4,
                   "the slow ones show")
        wait_until(lambda: probe(host, odd.url, percentile=50, **more)["value"] < 0.1,
                   "most are not slow")
        assert probe(host, odd.url, window=2)["value"] == 1
        assert_one_prober(odd)
        odd.say(500, b"")
        wait_until(lambda: probe(host, odd.url, percentile=99, **more) == {"value": None},
                   "no answer was good")


@pytest.mark.parametrize("expect, value", [
    ({"status": [201]}, 1), ({"status": [200, 204]}, 0), (None, 0),
    ({"status": [201], "body_contains": "\"ok\""}, 1),
    ({"status": [201], "body_contains": "broken"}, 0),
    ({"status": [201], "json": {"/a/1/b~1c": 2.0, "/ok": True}}, 1),
    ({"status": [201], "json": {"/a/1/b~1c": 3}}, 0), ({"status": [201], "json": {"/a/7": 1}}, 0),
    ({"status": [201], "json": {"/a/1x/b~1c": 2}}, 0),
    ({"status": [201], "json": {"/ok": None}}, 0), ({"status": [201], "json": {"nonsense": 1}}, 0)])
def test_probe_holds_answers_to_what_is_expected(odd, expect, value):
    odd.say(201, b'{"ok": true, "a": [0, {"b/c": 2}]}')
    with Host("metrics") as host:
        assert probe(host, odd.url, **({"expect": expect} if expect else {}))["value"] == value


def test_probe_refuses_an_expectation_that_it_does_not_know(odd):
    with Host("metrics") as host:
        done = host.call("http_probe", "sample", {"url": odd.url, "expect": {"body_contain": "x"}})
    assert done.status == "fail" and "expect has no 'body_contain'" in done.text, done


def test_probe_connects_to_the_address_it_is_told(odd):
    port = odd.server_address[1]
    with Host("metrics") as host:
        url = f"http://shop.invalid:{port}/x"
        assert probe(host, url, resolve=LOOPBACK)["value"] == 1
        assert odd.seen[0][2]["Host"] == f"shop.invalid:{port}"
        assert probe(host, url)["value"] == 0


def test_a_host_with_probers_ends_at_once(odd):
    host = Host("metrics")
    odd.say(200, b"", delay=NEVER_S)
    host.start("http_probe", "sample", {"url": odd.url, "rate": 50, "window": 60})
    wait_until(lambda: len(odd.seen) > 10, "probes are under way")
    begun = time.monotonic()
    assert host.close() == 0
    assert time.monotonic() - begun < SOON_S


# Commands


def run(*argv, timeout=PATIENCE_S):
    with Host("metrics") as host:
        return host.call("command", "sample", {"argv": list(argv)}, timeout=timeout)


@pytest.mark.parametrize("output, data", [
    ("0.25\n", {"value": 0.25}), ("  -3e2 ", {"value": -300}), ("", {"value": None}),
    ("NaN", {"value": None}), ("inf", {"value": None}), ("\n\n", {"value": None}),
    ('{"value": 7, "n": 12, "at": "2026-01-01T00:00:00Z"}',
     {"value": 7, "n": 12, "at": "2026-01-01T00:00:00Z"}),
    ('{"value": null}', {"value": None}),
])
def test_command_gives_the_number_that_it_prints(output, data):
    done = run("printf", "%s", output)
    assert done.status == "ok" and done.data == data, done


@pytest.mark.parametrize("argv, text", [
    (("printf", "seven"), "neither a number"), (("printf", "1 2"), "neither a number"),
    (("printf", '{"value": "7"}'), "no number"), (("printf", '{"n": 7}'), "no number"),
    (("printf", '{"value": 7, "n": "many"}'), "no number as n"),
    (("sh", "-c", "echo 5; echo first >&2; echo it broke >&2; exit 3"), "ended with 3: it broke"),
    (("/no/such/program",), "did not start"),
])
def test_command_that_gives_no_number_is_an_error_of_the_source(argv, text):
    done = run(*argv)
    assert done.status == "fail" and text in done.text, done


def test_command_that_does_not_end_is_killed_at_the_deadline():
    done = run("sleep", "1000", timeout=0.5)
    assert done.status == "fail" and "in time" in done.text and done.seconds < SOON_S, done
