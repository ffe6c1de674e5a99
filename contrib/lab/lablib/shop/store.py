# SPDX-License-Identifier: Apache-2.0
"""Keeps orders in one of the two databases. Used by web, chosen by control.

An order is stored under the number that its client gave it, so a client that got no answer may
ask again; it is stored once, and acknowledged only after the commit.
"""

import queue
from contextlib import contextmanager

import psycopg2

from .. import postgres

FIELDS = "number, customer, product, quantity, served_by, stored_in, accepted_at"


class Store:
    def __init__(self, world, side):
        self.side = side
        self._dsn = postgres.dsn(world, side)
        self._idle = queue.LifoQueue()

    @contextmanager
    def _cursor(self):
        """A cursor in a transaction of its own, committed at the end; one retry has no place
        here, the client has it."""
        try:
            db = self._idle.get_nowait()
        except queue.Empty:
            db = psycopg2.connect(self._dsn)
        try:
            with db, db.cursor() as cursor:
                yield cursor
        except BaseException:
            db.close()
            raise
        self._idle.put(db)

    def check(self):
        """Raises psycopg2.Error unless the database answers."""
        with self._cursor() as cursor:
            cursor.execute("select 1")

    def add(self, order, served_by):
        """The order as it is stored now, and whether it was there before."""
        with self._cursor() as cursor:
            cursor.execute(
                f"insert into orders ({FIELDS}) values (%s, %s, %s, %s, %s, %s, clock_timestamp()) "
                f"on conflict (number) do nothing returning {FIELDS}",
                (order["number"], order["customer"], order["product"], order["quantity"],
                 served_by, self.side))
            row = cursor.fetchone()
            if row:
                return as_order(row), False
            return self._read(cursor, order["number"]), True

    def get(self, number):
        with self._cursor() as cursor:
            return self._read(cursor, number)

    @staticmethod
    def _read(cursor, number):
        cursor.execute(f"select {FIELDS} from orders where number = %s", (number,))
        row = cursor.fetchone()
        return as_order(row) if row else None


def as_order(row):
    order = dict(zip(FIELDS.split(", "), row))
    order["accepted_at"] = order["accepted_at"].timestamp()
    return order
