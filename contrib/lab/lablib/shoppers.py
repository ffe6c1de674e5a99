# SPDX-License-Identifier: Apache-2.0
"""The load generator: places orders by the name that DNS gives and keeps what was acknowledged.

Each order has a number of its own and is asked for, under that number, until it is acknowledged.
What is written to the file (one JSON object a line, flushed) is what a customer could hold the
shop to; the proof compares it with the databases.
"""

import itertools
import json
import random
import signal
import threading
import time

from . import zone
from .client import Shop, ShopError
from .resolver import Resolver
from .world import CUSTOMERS, PRODUCTS, ZONE

RETRY_SECONDS = 0.1
PATIENCE_SECONDS = 12  # with one answer; less than the edge has
WORKERS_MAX = 16


class Record:
    """The file of what happened. Times are seconds since 1970."""

    def __init__(self, path):
        self._file = open(path, "w", buffering=1)
        self._lock = threading.Lock()
        self.acknowledged = 0
        self.failed_attempts = 0

    def write(self, event, **fields):
        with self._lock:
            self.acknowledged += event == "order"
            self._file.write(json.dumps({"event": event, **fields}) + "\n")

    def attempt_failed(self):
        with self._lock:
            self.failed_attempts += 1


class Shoppers:
    def __init__(self, world, record, rate):
        self._world = world
        self._record = record
        self._rate = rate
        self._resolver = Resolver(zone.servers(world))
        self._resolving = threading.Lock()
        self._turn = threading.Lock()
        self._stop = threading.Event()
        # Numbers of one run follow each other; those of another run begin elsewhere.
        self._first = random.SystemRandom().randrange(1, 10**6) * 10**6
        self._numbers = itertools.count(self._first)
        self._started = time.monotonic()

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        self._record.write("start", at=time.time(), rate=self._rate, first=self._first)
        workers = [threading.Thread(target=self._shop, args=(index % 2 == 0,))
                   for index in range(min(WORKERS_MAX, max(4, int(self._rate))))]
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(0.5)
        self._record.write("stop", at=time.time(), acknowledged=self._record.acknowledged,
                           failed_attempts=self._record.failed_attempts)

    def _shop(self, keep_alive):
        """One shopper: every other one keeps its connection for as long as the address holds."""
        shop = None
        while (number := self._next_number()) is not None:
            order = an_order(number)
            asked = time.time()
            for attempt in itertools.count(1):
                try:
                    shop = self._connection(shop if keep_alive else None)
                    kept, side = shop.place(order)
                    self._record.write(
                        "order", **order, asked=asked, acknowledged=time.time(), side=side,
                        stored_in=kept["stored_in"], address=shop.address, attempts=attempt)
                    break
                except OSError as e:
                    self._record.attempt_failed()
                    if isinstance(e, ShopError) and e.code == 409:
                        self._record.write("conflict", **order, at=time.time(), why=str(e))
                        break
                    if self._stop.wait(RETRY_SECONDS):
                        self._record.write("given_up", **order, at=time.time(), why=str(e))
                        break
                finally:
                    if shop and not keep_alive:
                        shop.close()

    def _connection(self, shop):
        with self._resolving:
            address = self._resolver.address(f"www.{ZONE}")
        if shop and shop.address == address:
            return shop
        if shop:
            shop.close()
        return Shop(address, self._world.ports["edge"], seconds=PATIENCE_SECONDS)

    def _next_number(self):
        """Waits for the next order's moment; a shop that is slow for everybody gets fewer."""
        with self._turn:
            number = next(self._numbers)
            due = self._started + (number - self._first) / self._rate
            late = time.monotonic() - due
            if late > 1:
                self._started += late
            if self._stop.wait(max(-late, 0)):
                return None
        return number


def an_order(number):
    return {"number": number, "customer": number % CUSTOMERS + 1,
            "product": number % PRODUCTS + 1, "quantity": number % 5 + 1}
