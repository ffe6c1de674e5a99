# SPDX-License-Identifier: Apache-2.0
"""The action http against real sockets: what went out, what is made of what comes back."""

import http.server
import json
import os
import socket
import ssl
import subprocess
import threading

import pytest

import hostdrive
from authority import Authority
from servers import free_port, hang_up, wait_until
from steady import SOON_S, steadily


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers as the test says by path, and remembers what was asked."""

    protocol_version = "HTTP/1.1"
    timeout = 1000

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        answer = self.server.answers.get(self.path, (200, {}, "fine"))
        if answer == "hang up":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if answer == "silence":
            self.server.over.wait(1000)
            self.close_connection = True
            return
        status, headers, text = answer
        data = text.encode()
        if self.path == "/hinted":
            self.send_response_only(103)
            self.send_header("X-Hint", "1")
            self.end_headers()
        self.send_response(status)
        for name, values in headers.items():
            for value in values if isinstance(values, list) else [values]:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def web():
    server = Server(("127.0.0.1", free_port()), Recorder)
    server.seen, server.answers, server.over = [], {}, threading.Event()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def get(core, url, **more):
    return core.call("http", "apply", {"url": url, **more})


def test_status_headers_body_and_json_are_outputs(core, web):
    web.answers["/"] = (200, {"X-Who": ["green", "blue"], "Content-Type": "application/json"},
                        '{"a": [1]}')
    done = get(core, web.url + "/")
    assert done.status == "ok"
    assert done.data["status"] == 200
    assert done.data["headers"]["x-who"] == "green, blue"
    assert done.data["body"] == '{"a": [1]}'
    assert done.data["json"] == {"a": [1]}
    method, path, headers, _ = web.seen[0]
    assert (method, path) == ("GET", "/")
    assert headers["User-Agent"].startswith("cutover/")


@pytest.mark.parametrize("status, expect, ended", [
    (200, None, "ok"),
    (201, None, "fail"),
    (201, {"status": [200, 201]}, "ok"),
    (404, {"status": [200, 201]}, "fail"),
    (201, {"status": 201}, "ok"),
    (200, {"status": 201}, "fail"),
    (404, {"status": [404]}, "ok"),
    (404, None, "fail"),
    (429, None, "retry"),
    (503, None, "retry"),
])
def test_a_read_is_judged_by_its_status(core, web, status, expect, ended):
    web.answers["/"] = (status, {}, "why")
    params = {"expect": expect} if expect else {}
    for method in "GET", "HEAD":
        assert get(core, web.url + "/", method=method, **params).status == ended


@pytest.mark.parametrize("status, after, asked", [
    (503, "7", 7), (429, "0", 0), (503, "Mon, 23 Nov 2026 03:46:12 GMT", None), (503, "7 s", None),
    (503, "4294967299", None), (500, "7", None), (503, None, None)])
def test_how_long_a_busy_server_wants_to_be_left_alone_is_told(core, web, status, after, asked):
    web.answers["/"] = (status, {"Retry-After": after} if after else {}, "busy")
    for method, ended in ("GET", "retry"), ("POST", "fail"):
        done = get(core, web.url + "/", method=method)
        assert (done.status, done.data) == (
            ended, {"retry_after_s": asked} if asked is not None else None)
        assert (f"asks for {asked} s" in done.text) == (asked is not None)


@pytest.mark.parametrize("status, ended", [(200, "ok"), (400, "fail"), (503, "fail"),
                                           (502, "unknown"), (504, "unknown")])
def test_a_write_that_a_gateway_lost_is_unknown(core, web, status, ended):
    web.answers["/"] = (status, {}, "why")
    assert get(core, web.url + "/", method="POST", body="x").status == ended


@pytest.mark.parametrize("expect, why", [
    ({"json": {"/state": "ready", "/n": 1}}, None),
    ({"json": {"/n": 1.0}}, None),
    ({"json": {"/state": "waiting"}}, '/state is "ready", expected "waiting"'),
    ({"json": {"/none": 1}}, "/none is not there, expected 1"),
    ({"body_contains": "ready"}, None),
    ({"body_contains": "steady"}, 'the body does not contain "steady"'),
])
def test_the_answer_is_compared(core, web, expect, why):
    web.answers["/"] = (200, {}, '{"state": "ready", "n": 1}')
    for method, ended in ("GET", "retry"), ("POST", "fail"):
        done = get(core, web.url + "/", method=method, expect=expect)
        assert (done.status, done.text) == (ended if why else "ok", why or "")


def test_what_is_sent(core, web):
    done = get(core, web.url + "/x?q=1", method="PUT", json={"b": 1, "a": "ä"},
               headers={"X-A": "1", "X-B": {"secret": "token"}}, auth={"bearer": "token"},
               idempotency_header="Idempotency-Key")
    assert done.status == "ok"
    method, path, headers, body = web.seen[0]
    assert (method, path) == ("PUT", "/x?q=1")
    assert json.loads(body) == {"b": 1, "a": "ä"}
    assert headers["Content-Type"] == "application/json"
    assert headers["X-A"] == "1"
    assert headers["X-B"] == "s3cret-value"
    assert headers["Authorization"] == "Bearer s3cret-value"
    assert headers["Idempotency-Key"] == "key"
    assert "Expect" not in headers


def test_basic_authentication(core, web):
    assert get(core, web.url + "/", auth={"basic": "login"}).status == "ok"
    assert web.seen[0][2]["Authorization"] == "Basic YW5uOnBhNTV3b3Jk"


@pytest.mark.parametrize("params", [{"auth": {"bearer": "none"}}, {"auth": {"basic": "none"}},
                                    {"headers": {"X-A": {"secret": "none"}}}])
def test_a_missing_secret_sends_nothing(core, web, params):
    done = get(core, web.url + "/", **params)
    assert (done.status, done.text) == ("fail", "there is no secret none")
    assert not web.seen


def test_a_header_of_two_lines_sends_nothing(core, web):
    done = get(core, web.url + "/", headers={"X-A": "1\r\nX-B: 2"})
    assert (done.status, done.text) == ("fail", "cannot send it: Invalid argument")
    assert not web.seen


@pytest.mark.parametrize("params, why", [
    ({}, None),
    ({"method": "get"}, "the method is 'get'; methods are in capitals: GET, POST"),
    ({"method": ""}, "the method is ''; methods are in capitals: GET, POST"),
    ({"expect": {"status": 200, "json": {}, "body_contains": "x"}}, None),
    ({"expect": {"body": "x"}},
     "expect has no 'body'; it may be status, json and body_contains"),
    ({"json": {}}, None),
    ({"json": {}, "body": "x"}, "body and json are given; leave one out"),
    ({"auth": {"bearer": "token"}}, None),
    ({"auth": {"basic": "login"}}, None),
    ({"auth": {"digest": "token"}}, "auth is {bearer: SECRET} or {basic: SECRET}"),
    ({"auth": {"bearer": "token", "basic": "login"}},
     "auth is {bearer: SECRET} or {basic: SECRET}"),
])
def test_its_parameters_are_checked(core, params, why):
    done = core.call("http", "check", {"url": "http://127.0.0.1/", **params})
    assert (done.status, done.text) == (("fail", why) if why else ("ok", ""))


def test_a_secret_in_the_answer_is_not_told(core, web):
    web.answers["/"] = (500, {}, "no such token: s3cret-value")
    done = get(core, web.url + "/")
    assert "***" in done.text and "s3cret-value" not in done.text


def test_a_write_without_an_answer_is_unknown(core, web):
    web.answers["/"] = "hang up"
    done = get(core, web.url + "/", method="POST", body="x")
    assert done.status == "unknown"
    assert len(web.seen) == 1


def test_a_write_without_an_answer_in_time_is_unknown(core, web):
    web.answers["/"] = "silence"

    def attempt(seconds):
        web.seen.clear()
        done = core.call("http", "apply", {"url": web.url + "/", "method": "POST"}, timeout=seconds)
        assert web.seen and done.status == "unknown"
        assert seconds * 0.8 < done.seconds < seconds + 0.7

    steadily(attempt, 0.5)


def test_a_read_without_an_answer_may_be_repeated(core, web):
    web.answers["/"] = "hang up"
    assert get(core, web.url + "/").status == "retry"


def test_a_write_that_could_not_be_sent_may_be_repeated(core):
    done = get(core, f"http://127.0.0.1:{free_port()}/", method="POST", body="x")
    assert done.status == "retry"
    assert "refused" in done.text.lower() or "connect" in done.text.lower()


def test_a_write_never_goes_out_twice_on_a_kept_connection(core):
    """A server that keeps a connection and drops it when the next request comes: an HTTP client
    resends then, which must not happen to a write."""
    port, asked = free_port(), []
    listener = socket.create_server(("127.0.0.1", port))

    def talk(link):
        while request := link.recv(65536):
            asked.append(request.split(b" ")[0].decode())
            if len(asked) > 1:
                break
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        link.close()

    def serve():
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(link,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    assert get(core, f"http://127.0.0.1:{port}/").status == "ok"
    done = get(core, f"http://127.0.0.1:{port}/", method="POST", body="x")
    hang_up(listener)
    assert done.status == "unknown"
    assert asked == ["GET", "POST"]


def test_redirects_are_answers_unless_followed(core, web):
    web.answers["/old"] = (302, {"Location": "/new"}, "")
    done = get(core, web.url + "/old", expect={"status": [302]})
    assert done.status == "ok"
    assert done.data["headers"]["location"] == "/new"
    assert "302, which is not expected (redirects are followed with `follow: true`" in \
        get(core, web.url + "/old").text


def test_redirects_to_the_same_host_are_followed(core, web):
    web.answers["/old"] = (302, {"Location": "/new"}, "")
    web.answers["/new"] = (200, {"X-Here": "1"}, "new")
    done = get(core, web.url + "/old", follow=True)
    assert done.status == "ok" and done.data["body"] == "new", done
    assert done.data["headers"]["x-here"] == "1"
    assert "location" not in done.data["headers"]


def test_headers_are_those_of_the_last_answer(core, web):
    web.answers["/hinted"] = (200, {"X-Here": "1"}, "fine")
    headers = get(core, web.url + "/hinted").data["headers"]
    assert headers["x-here"] == "1" and "x-hint" not in headers


def test_redirects_elsewhere_are_not_followed(core, web):
    web.answers["/old"] = (302, {"Location": web.url.replace("127.0.0.1", "localhost") + "/new"}, "")
    done = get(core, web.url + "/old", follow=True, auth={"bearer": "token"})
    assert done.status == "fail"
    assert [seen[1] for seen in web.seen] == ["/old"]


def test_redirects_end(core, web):
    web.answers["/a"] = (302, {"Location": "/a"}, "")
    assert get(core, web.url + "/a", follow=True).status == "fail"
    assert len(web.seen) == 6


def test_a_write_is_never_redirected(core, web):
    web.answers["/a"] = (307, {"Location": "/b"}, "")
    assert get(core, web.url + "/a", follow=True, method="POST", body="x").status == "fail"
    assert len(web.seen) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"])
def test_only_http_is_spoken(core, url):
    assert get(core, url).status == "fail"


def test_head_has_no_body(core, web):
    done = get(core, web.url + "/", method="HEAD")
    assert (done.status, done.data["body"]) == ("ok", "")
    assert web.seen[0][0] == "HEAD"


def test_an_answer_over_1_mib_fails(core, web):
    web.answers["/"] = (200, {}, "x" * (2 << 20))
    done = get(core, web.url + "/")
    assert done.status == "fail"
    assert "larger than 1048576 bytes" in done.text


@pytest.mark.parametrize("status, ended", [(200, "unknown"), (400, "fail"), (502, "unknown")])
def test_of_an_answer_over_1_mib_to_a_write_the_status_counts(core, web, status, ended):
    web.answers["/"] = (status, {}, "x" * (2 << 20))
    done = get(core, web.url + "/", method="POST", body="x")
    assert done.status == ended
    assert done.text.startswith(f"POST answered {status}, but ")


def test_a_large_body_is_cut_in_the_outputs(core, web):
    web.answers["/"] = (200, {}, json.dumps("x" * 500_000))
    done = get(core, web.url + "/", expect={"body_contains": "xxx"})
    assert len(done.data["body"]) == 65536
    assert "json" not in done.data


def test_cancel_waits_for_the_answer_and_then_gives_up(core, web):
    web.answers["/"] = "silence"
    call = core.start("http", "apply", {"url": web.url + "/", "method": "POST", "body": "x"})
    wait_until(lambda: web.seen, "it is asked")
    core.cancel(call, grace=0.3)
    done = core.finish(call)
    assert done.status == "unknown"
    assert done.seconds < SOON_S


def test_a_read_that_is_canceled_has_changed_nothing(core, web):
    web.answers["/"] = "silence"
    call = core.start("http", "apply", {"url": web.url + "/"})
    wait_until(lambda: web.seen, "it is asked")
    core.cancel(call, grace=0.1)
    assert core.finish(call).status == "canceled"


@pytest.fixture
def secure(web, tmp_path):
    """The same server behind a certificate of 127.0.0.1 that nobody else signed."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "2", "-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    web.url = web.url.replace("http://", "https://")
    web.cert = cert
    return web


def test_an_unknown_certificate_is_refused(core, secure):
    done = get(core, secure.url + "/", method="POST", body="x")
    assert done.status == "fail"
    assert "certificate" in done.text and "; name who signed it in ca_file, or add" in done.text
    assert not secure.seen


def test_a_trusted_certificate_is_accepted(core, secure):
    assert get(core, secure.url + "/", ca_file=str(secure.cert)).status == "ok"


def test_another_name_than_the_certificates_is_refused(core, secure):
    url = secure.url.replace("127.0.0.1", "localhost")
    done = get(core, url + "/", ca_file=str(secure.cert))
    assert done.status == "fail" and "; use a name that the certificate is for" in done.text, done


@pytest.mark.parametrize("at, told", [("2020-01-01", "; renew it"), ("2099-01-01", "; is the clock right")])
def test_a_certificate_of_another_time_is_refused(core, web, tmp_path, at, told):
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("IP:127.0.0.1", at=at))
    web.socket = context.wrap_socket(web.socket, server_side=True)
    done = get(core, web.url.replace("http:", "https:") + "/", ca_file=str(authority.ca))
    assert done.status == "fail" and told in done.text, done


@pytest.mark.skipif(os.geteuid() != 0, reason="a hosts file of one's own needs root")
def test_a_name_that_no_resolver_knows_any_more_has_its_address_kept(web, tmp_path, monkeypatch):
    hosts, wrapper = tmp_path / "hosts", tmp_path / "host"
    hosts.write_text("127.0.0.1 kept.invalid\n")
    wrapper.write_text(f"#!/bin/sh\nexec unshare -m sh -c 'mount --bind {hosts} /etc/hosts && "
                       f"exec {hostdrive.HOST} \"$@\"' sh \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setattr(hostdrive, "HOST", str(wrapper))
    port = web.server_address[1]
    url = f"http://kept.invalid:{port}/"
    for kept, status in (([f"kept.invalid:{port}", "none.invalid:80"], "ok"), ([], "retry")):
        def attempt(_):
            hosts.write_text("127.0.0.1 kept.invalid\n")
            with hostdrive.Host(None, hosts=kept) as host:  # looks them up for 3 s
                with open(hosts, "r+") as file:
                    file.truncate()
                assert get(host, url).status == status

        steadily(attempt, 1)
    assert web.seen[0][2]["Host"] == f"kept.invalid:{port}"
