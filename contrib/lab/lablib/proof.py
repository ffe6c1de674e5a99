# SPDX-License-Identifier: Apache-2.0
"""Compares what shoppers were told with what the databases hold, after a cutover or a way back.

Three questions: is every acknowledged order in the authoritative database exactly once and with
the content that was ordered; was any order served by the wrong side after the switch; what was
the longest time without an accepted order. contrib/lab/proof prints the answers.
"""

import json

from . import postgres
from .world import SIDES, LabError

CONTENT = ("customer", "product", "quantity")


def examine(world, shoppers, authoritative=None):
    switches = read_lines(world.path("log", "switches.jsonl"), missing_ok=True)
    authority = authoritative or last_authority(switches)
    events = [event for path in shoppers for event in read_lines(path)]
    orders = [event for event in events if event["event"] == "order"]
    rows = {side: stored_orders(world, side) for side in SIDES}

    missing, doubled, altered = compare(orders, rows[authority])
    since = switched_at(switches)
    strays = served_wrongly(rows, authority, since)
    conflicts = sorted(event["number"] for event in events if event["event"] == "conflict")
    gap_s, gap_from = longest_gap(events)
    return {
        "ok": bool(orders) and not (missing or doubled or altered or strays or conflicts),
        "authoritative": authority,
        "switched_at": since,
        "acknowledged": len(orders),
        "served": {side: sum(order["side"] == side for order in orders) for side in SIDES},
        "missing": missing,
        "more_than_once": doubled,
        "altered": altered,
        "conflicts": conflicts,
        "wrong_side": strays,
        "longest_gap_s": gap_s,
        "longest_gap_from": gap_from,
    }


def read_lines(path, missing_ok=False):
    try:
        with open(path) as lines:
            # A last line without its newline was cut off with its writer; nobody was told of it.
            return [json.loads(line) for line in lines if line.endswith("\n")]
    except FileNotFoundError:
        if missing_ok:
            return []
        raise LabError(f"{path} is not there; give the shoppers' --out file") from None
    except ValueError as e:
        raise LabError(f"{path} is not a shoppers' file: {e}") from None


def last_authority(switches):
    """Green is the authority once its application stores in its own database; else blue is."""
    stores = [s["to"] for s in switches if s["what"] == "store" and s["who"] == "green"]
    return stores[-1] if stores else "blue"


def switched_at(switches):
    """The authority moves when an application's store does: the last such moment, or None."""
    return max((s["at"] for s in switches if s["what"] == "store"), default=None)


def stored_orders(world, side):
    """{number: [row, …]}: a primary key allows one row, but it is the table that is asked."""
    fields = ("number", *CONTENT, "served_by", "stored_in", "accepted_at")
    select = ("select number, customer, product, quantity, served_by, stored_in, "
              "extract(epoch from accepted_at)::float8 from orders")
    found = {}
    try:
        with postgres.connect(world, side, seconds=60) as db:
            for row in postgres.rows(db, select):
                found.setdefault(row[0], []).append(dict(zip(fields, row)))
    except postgres.psycopg2.Error as e:
        raise LabError(f"{side}'s database cannot be read: {str(e).strip()}") from None
    return found


def compare(orders, rows):
    missing, doubled, altered = [], [], []
    for order in orders:
        kept = rows.get(order["number"], [])
        if not kept:
            missing.append(order["number"])
        elif len(kept) > 1:
            doubled.append(order["number"])
        elif any(kept[0][name] != order[name] for name in CONTENT):
            altered.append(order["number"])
    return sorted(missing), sorted(doubled), sorted(altered)


def served_wrongly(rows, authority, since):
    """Orders accepted after the switch by the wrong database, or for green by the wrong side.

    The database stamps each order with its time, its own name and the application that served
    it. After a way back green's application may serve: it stores with blue, as a canary does.
    """
    def wrong(row):
        if since is None or row["accepted_at"] > since:
            return (row["stored_in"] != authority
                    or authority == "green" and row["served_by"] == "blue")
        return False

    return sorted({row["number"] for side in SIDES for kept in rows[side].values()
                   for row in kept if wrong(row)})


def longest_gap(events):
    """Seconds, and when it began: between acknowledgements, the run's start and end included."""
    times = sorted(event.get("acknowledged" if event["event"] == "order" else "at", 0)
                   for event in events if event["event"] in ("order", "start", "stop"))
    gaps = [(later - earlier, earlier) for earlier, later in zip(times, times[1:])]
    return max(gaps, default=(None, None))
