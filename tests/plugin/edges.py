# SPDX-License-Identifier: Apache-2.0
"""An HAProxy with two small web servers behind it, for the tests of the traffic plugin."""

import collections
import http.server
import pathlib
import socket
import threading

from servers import LOOPBACK, Server, free_port, wait_until

CONF = """\
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/user.sock mode 600 level operator
  stats socket ipv4@127.0.0.1:{stats} level admin
  nbthread 1
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  default-server check inter 100 fall 3 rise 1
frontend front
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  {balance}
  option http-server-close
  server blue 127.0.0.1:{blue} weight {blue_weight}
  server green 127.0.0.1:{green} weight {green_weight}
  {more}
"""


class SideServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # HAProxy looks ten times a second whether anybody is there


class Side:
    """A web server that answers with its name; /slow answers when release() is called."""

    def __init__(self, name, port=None):
        self.name = name
        self.port = port or free_port()
        self.released = threading.Event()
        self._http = None
        self.start()

    def start(self):
        side = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/slow":
                    side.released.wait(1000)
                body = side.name.encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the client was cut off

            def log_message(self, *_):
                pass

        self._http = SideServer((LOOPBACK, self.port), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def release(self):
        self.released.set()

    def end(self):
        self.release()
        if self._http:
            self._http.shutdown()
            self._http.server_close()
            self._http = None


class Edge:
    def __init__(self, folder, blue, green, *, balance="balance roundrobin", blue_weight=100,
                 green_weight=100, green_now=0, more=""):
        """green_weight is configured, green_now set at run time, as operators are to do."""
        self.port, self.stats = free_port(), free_port()
        self.folder = pathlib.Path(folder) / f"haproxy-{self.port}"
        self.folder.mkdir()
        self.blue, self.green = blue, green
        (self.folder / "conf").write_text(CONF.format(
            folder=self.folder, port=self.port, stats=self.stats, blue=blue.port,
            green=green.port, balance=balance, blue_weight=blue_weight,
            green_weight=green_weight, more=more))
        self.green_now = green_now if green_now != green_weight else None
        self.server = None
        self.start()

    def start(self):
        self.server = Server(["haproxy", "-db", "-f", self.folder / "conf"], self.folder, "haproxy")
        self.server.wait_ready(lambda: self.ask("show info"))
        if self.green_now is not None:
            self.ask(f"set server shop/green weight {self.green_now}")

    def end(self):
        self.server.end()

    @property
    def socket(self):
        return str(self.folder / "admin.sock")

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.socket)
            s.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def _servers(self):
        lines = self.ask("show servers state shop").splitlines()
        names = lines[1].lstrip("# ").split()
        return [dict(zip(names, line.split())) for line in lines[2:] if line]

    def weights(self):
        return {s["srv_name"]: int(s["srv_uweight"]) for s in self._servers()}

    def admin(self, name):
        state = {s["srv_name"]: int(s["srv_admin_state"]) for s in self._servers()}[name]
        return "maint" if state & 1 else "drain" if state & 8 else "ready"

    def is_up(self, name):
        return {s["srv_name"]: s["srv_op_state"] for s in self._servers()}[name] == "2"

    def request(self, path="/"):
        with socket.create_connection((LOOPBACK, self.port), 60) as s:
            s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: s.recv(4096), b"")).decode().rsplit("\r\n\r\n", 1)[-1]

    def served(self, n=100):
        """Who answered n requests: {name: count}."""
        return dict(collections.Counter(self.request() for _ in range(n)))

    def sessions(self):
        """{name: how many requests it has in hand}"""
        lines = self.ask("show stat shop 4 -1").splitlines()
        names = lines[0].lstrip("# ").split(",")
        rows = [dict(zip(names, line.split(","))) for line in lines[1:] if line]
        return {row["svname"]: int(row["scur"]) for row in rows}

    def hold_one(self, name):
        """Opens requests that last until their side releases them, until the side has one of them."""
        held = []
        while not self.sessions()[name]:
            held.append(socket.create_connection((LOOPBACK, self.port), 60))
            held[-1].sendall(b"GET /slow HTTP/1.0\r\n\r\n")
            wait_until(lambda: sum(self.sessions().values()) == len(held), "a side has it")
        return held

    def connection(self, *others, **extra):
        return {"plugin": "traffic", "provider": "haproxy", "backend": "shop",
                "sockets": [self.socket, *(o.socket for o in others)], **extra}


def wait_up(edge, name, up=True):
    wait_until(lambda: edge.is_up(name) == up, f"{name} is {'up' if up else 'down'}")
