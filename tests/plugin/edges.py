# SPDX-License-Identifier: Apache-2.0
"""An HAProxy with two small web servers behind it, for the tests of the traffic plugin."""

import collections
import http.server
import pathlib
import socket
import threading
import time

from servers import LOOPBACK, Server, free_port, wait_until

CONF = """\
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/user.sock mode 600 level operator
  stats socket ipv4@127.0.0.1:{stats} level admin
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  {balance}
  option http-server-close
  server blue 127.0.0.1:{blue} weight {blue_weight} check inter 100 fall 1 rise 1
  server green 127.0.0.1:{green} weight {green_weight} check inter 100 fall 1 rise 1
  {more}
"""


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
                    side.released.wait(60)
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

        self._http = http.server.ThreadingHTTPServer((LOOPBACK, self.port), Handler)
        self._http.daemon_threads = True
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
            s.settimeout(3)
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
        with socket.create_connection((LOOPBACK, self.port), 5) as s:
            s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: s.recv(4096), b"")).decode().rsplit("\r\n\r\n", 1)[-1]

    def served(self, n=100):
        """Who answered n requests: {name: count}."""
        return dict(collections.Counter(self.request() for _ in range(n)))

    def open_slow(self):
        """A request that lasts until its side releases it."""
        s = socket.create_connection((LOOPBACK, self.port), 5)
        s.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        time.sleep(0.1)
        return s

    def connection(self, *others, **extra):
        return {"plugin": "traffic", "provider": "haproxy", "backend": "shop",
                "sockets": [self.socket, *(o.socket for o in others)], **extra}


def wait_up(edge, name, up=True):
    wait_until(lambda: edge.is_up(name) == up, f"{name} is {'up' if up else 'down'}")
