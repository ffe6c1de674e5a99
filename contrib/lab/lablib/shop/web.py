# SPDX-License-Identifier: Apache-2.0
"""The shop's HTTP side: POST /orders, GET /orders/N, /health, /metrics and who-am-I at /.

Every answer says who gave it in X-Served-By. Requests come through the edge.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

ORDER_FIELDS = ("number", "customer", "product", "quantity")
BODY_MAX_BYTES = 4096


class Shop:
    """What requests and switches share. `store` is replaced only while the gate is closed."""

    def __init__(self, side, store, gate, faults, meter):
        self.side = side
        self.store = store
        self.gate = gate
        self.faults = faults
        self.meter = meter

    def place(self, order):
        """(status code, answer) for an order."""
        with self.gate.write() as admitted:
            if not admitted:
                return 503, {"error": f"{self.side} is read-only; try again soon"}
            self.faults.delay()
            if self.faults.strikes():
                return 500, {"error": "an injected fault"}
            kept, known = self.store.add(order, self.side)
            if any(kept[name] != order[name] for name in ORDER_FIELDS):
                return 409, {"error": f"order {order['number']} exists with another content"}
            if not known:
                self.meter.order_accepted()
            return 200 if known else 201, kept

    def find(self, number):
        order = self.store.get(number)
        return (200, order) if order else (404, {"error": f"there is no order {number}"})

    def status(self):
        return {
            "side": self.side,
            "mode": "read-write" if self.gate.is_open else "read-only",
            "store": self.store.side,
            "errors": self.faults.error_ratio,
            "latency_s": self.faults.latency_s,
            "writes_in_flight": self.gate.inside,
        }

    def metrics(self):
        return self.meter.text({"shop_read_only": int(not self.gate.is_open),
                                "shop_writes_in_flight": self.gate.inside})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        shop = self.server.shop
        if self.path == "/health":
            self.answer(200, {"status": "ok", "side": shop.side})
        elif self.path == "/metrics":
            self.answer(200, shop.metrics())
        elif self.path == "/":
            self.answer(200, shop.status())
        elif self.path.startswith("/orders/") and is_number(self.path[8:]):
            self.timed(lambda: shop.find(int(self.path[8:])))
        else:
            self.answer(404, {"error": "there is nothing here"})

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MAX_BYTES:
            self.close_connection = True
            self.answer(413, {"error": f"an order has 1 to {BODY_MAX_BYTES} bytes"})
            return
        order = parse_order(self.rfile.read(int(length)))
        if self.path != "/orders":
            self.answer(404, {"error": "orders go to /orders"})
        elif order is None:
            self.answer(400, {"error": f"an order is JSON with whole numbers {ORDER_FIELDS}"})
        else:
            self.timed(lambda: self.server.shop.place(order))

    def timed(self, work):
        begun = time.monotonic()
        try:
            code, answer = work()
        except psycopg2.Error as e:
            code, answer = 500, {"error": f"the database: {str(e).strip()}"}
        self.server.shop.meter.request(code, time.monotonic() - begun)
        self.answer(code, answer)

    def answer(self, code, content):
        plain = isinstance(content, str)
        body = (content if plain else json.dumps(content) + "\n").encode()
        self.send_response(code)
        self.send_header("X-Served-By", self.server.shop.side)
        self.send_header("Content-Type", "text/plain" if plain else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Not a line a request: the meter counts them."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, shop):
        self.shop = shop
        super().__init__(address, Handler)

    def handle_error(self, request, client_address):
        """A client that hangs up, as the edge's health check does, is nothing to report."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def is_number(text):
    return text.removeprefix("-").isdecimal() and len(text) < 19


def parse_order(body):
    try:
        order = json.loads(body)
    except ValueError:
        return None
    whole = isinstance(order, dict) and all(type(order.get(name)) is int for name in ORDER_FIELDS)
    return order if whole else None
