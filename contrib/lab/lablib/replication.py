# SPDX-License-Identifier: Apache-2.0
"""Logical replication between the two databases, in one direction at a time.

PostgreSQL 15 cannot tell a replicated change from a local one (`origin = none` came with 16), so
two subscriptions at once would send every row round in circles. The direction is therefore
turned while nobody writes: the old subscription is drained and dropped, the new one is created
without a copy, from a slot that begins where both sides are equal. bin/replication calls this.
"""

import fcntl
import time
from contextlib import ExitStack, contextmanager

import psycopg2

from . import control, postgres
from .world import LOOPBACK, OTHER, SIDES, LabError

TURN_SECONDS = 9


def subscription(source):
    """Its name, and that of its slot on the source."""
    return f"cutover_from_{source}"


@contextmanager
def both_databases(world, deadline):
    try:
        with ExitStack() as stack:
            yield {side: stack.enter_context(postgres.connect(world, side, seconds=left(deadline)))
                   for side in SIDES}
    except psycopg2.Error as e:
        reason = str(e).strip().splitlines()[0]
        raise LabError(f"a database did not do its part: {reason}") from None


@contextmanager
def only_one(world, deadline):
    """Two commands at once, say a repeated one and its forgotten first, follow each other."""
    with open(world.path("run", "replication.lock"), "w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                left(deadline, "another replication command is still at work; try again")
                time.sleep(0.05)
        yield


def left(deadline, why="the time is up"):
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise LabError(why)
    return seconds


def copy(world, source, *, nobody_writes=False, seconds=TURN_SECONDS):
    """Makes the other side follow `source`. Safe to repeat, also after a half-done attempt.

    Refuses while an application takes orders, unless the caller knows that nobody can write.
    """
    target = OTHER[source]
    deadline = time.monotonic() + seconds
    with only_one(world, deadline), both_databases(world, deadline) as db:
        following = {side for side in SIDES if subscribes(db[side], subscription(OTHER[side]))}
        if following != {target}:
            if not nobody_writes:
                refuse_unless_frozen(world, source)
            if source in following:
                drain(db[target], source=target, deadline=deadline)
                drop(db[source], subscription(target))
            create(world, db, source)
        wait_streaming(db[source], source, deadline)


def stop(world, *, seconds=TURN_SECONDS):
    deadline = time.monotonic() + seconds
    with only_one(world, deadline), both_databases(world, deadline) as db:
        for side in SIDES:
            if subscribes(db[side], subscription(OTHER[side])):
                drop(db[side], subscription(OTHER[side]))
        for side in SIDES:
            drop_leftover_slot(db[side], subscription(side))


def status(world, *, seconds=TURN_SECONDS):
    """A list of {from, to, state, behind_bytes}; empty when replication is stopped."""
    deadline = time.monotonic() + seconds
    with both_databases(world, deadline) as db:
        found = []
        for source in SIDES:
            if subscribes(db[OTHER[source]], subscription(source)):
                state, behind = sender(db[source], source)
                found.append({"from": source, "to": OTHER[source], "state": state,
                              "behind_bytes": behind})
        return found


def refuse_unless_frozen(world, source):
    """An order written between the drop and the create would reach one side only."""
    writers = [side for side, state in control.ask_all_running(world).items()
               if state["mode"] != "read-only"]
    if writers:
        raise LabError(f"{' and '.join(writers)} still take orders, and those written while the "
                       f"direction turns would stay on one side; first: bin/app both read-only, "
                       f"then replication {source}-to-{OTHER[source]} again")


def drain(db, source, deadline):
    """Waits until all that was written on the source until now is on the other side."""
    ((goal,),) = postgres.rows(db, "select pg_current_wal_insert_lsn()")
    arrived = ("select count(*) from pg_stat_replication "
               "where application_name = %s and replay_lsn >= %s::pg_lsn")
    while postgres.rows(db, arrived, (subscription(source), goal)) == [(0,)]:
        left(deadline, f"what {source} has written has not all reached {OTHER[source]}, so the "
                       f"direction was not turned; see replication status and DIR/log/postgres-*")
        time.sleep(0.03)


def create(world, db, source):
    target, name = OTHER[source], subscription(source)
    drop_leftover_slot(db[source], name)
    dsn = f"host={LOOPBACK} port={world.ports[f'{source}_db']} dbname=shop user=postgres"
    postgres.run(db[target], f"create subscription {name} connection '{dsn}' "
                             f"publication cutover with (copy_data = false)")


def drop(db, name):
    postgres.run(db, f"drop subscription {name}")


def drop_leftover_slot(db, name):
    """Of a create that died between its slot on the source and its subscription."""
    postgres.run(db, "select pg_drop_replication_slot(slot_name) from pg_replication_slots "
                     "where slot_name = %s and not active", (name,))


def wait_streaming(db, source, deadline):
    while sender(db, source)[0] != "streaming":
        left(deadline, f"{OTHER[source]} does not follow {source}; see DIR/log/postgres-*")
        time.sleep(0.03)


def subscribes(db, name):
    return bool(postgres.rows(db, "select 1 from pg_subscription where subname = %s", (name,)))


def sender(db, source):
    found = postgres.rows(db, "select state, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), "
                              "replay_lsn)::bigint from pg_stat_replication "
                              "where application_name = %s", (subscription(source),))
    return found[0] if found else ("broken", None)
