# SPDX-License-Identifier: Apache-2.0
"""What an end-to-end test can do with a lab: its commands, servers, databases and shoppers.

Tests get one through the fixtures of conftest; real servers only, ended by process id.
"""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from cutkit import DEADLINE_S, eventually

HOME = Path(__file__).resolve().parents[2] / "contrib" / "lab"
sys.path.insert(0, str(HOME))

from lablib import edge, metrics, postgres, process, resolver  # noqa: E402
from lablib.world import LOOPBACK, SIDES, WWW, ZONE, World  # noqa: E402


class Lab:
    def __init__(self, folder):
        self.folder = Path(folder)

    def up(self, *options):
        return command("up", self.folder, *options)

    def down(self):
        return command("down", self.folder)

    @property
    def world(self):
        return World.open(self.folder)

    @property
    def params(self):
        return self.world.params()

    # The commands of bin/, as a runbook calls them.
    def app(self, *words):
        return command("bin/app", "--lab", self.folder, *words)

    def replication(self, word):
        return command("bin/replication", "--lab", self.folder, word)

    def smoke(self, *options):
        return command("bin/smoke", "--lab", self.folder, *options)

    def proof(self, shoppers, *options, check=True):
        done = command("proof", self.folder, "--shoppers", shoppers, "--json", *options,
                       check=check)
        return json.loads(done.stdout)

    @contextmanager
    def shoppers(self, out, rate=40):
        """Shoppers that order for as long as the block lasts."""
        with subprocess.Popen([HOME / "shoppers", self.folder, "--out", out,
                               "--rate", str(rate)]) as child:
            try:
                eventually(lambda: out.exists() and out.stat().st_size)  # it knows what ends it
                yield out
            finally:
                child.send_signal(signal.SIGTERM)
                assert child.wait(timeout=DEADLINE_S) == 0

    # The servers, each asked in its own language.
    def sql(self, side, statement, values=None):
        with postgres.connect(self.world, side, seconds=DEADLINE_S) as db:
            with db.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else cursor.rowcount

    def weight(self, **weights):
        for side, weight in weights.items():
            edge.set_weight(self.world, side, weight)

    def edge_stats(self):
        return edge.server_stats(self.world)

    def metric(self, query):
        return metrics.query(self.world, query)

    def www(self, server):
        """What one server of the zone says about www."""
        return resolver.ask((LOOPBACK, self.world.ports[server]), f"www.{ZONE}", seconds=10)

    def update_www(self, address, ttl_s):
        """A signed dynamic update, sent with BIND's own tool."""
        text = (f"server {LOOPBACK} {self.world.ports['dns_primary']}\nzone {ZONE}\n"
                f"update delete www.{ZONE} A\nupdate add www.{ZONE} {ttl_s} A {address}\nsend\n")
        subprocess.run(["nsupdate", "-k", self.folder / "tsig.key"], input=text, text=True,
                       check=True, timeout=DEADLINE_S)

    def servers(self):
        """{name: pid} of what the lab started and what still runs."""
        return {name: pid for name, (pid, _) in process.running(self.world).items()}

    def reset(self):
        """Back to how a lab begins: blue serves and stores, green follows, nothing is ordered."""
        self.app("both", "errors", "0")
        self.app("both", "latency", "0")
        self.app("both", "read-only")
        self.replication("stop")
        self.app("both", "store", "blue")
        for side in SIDES:
            self.sql(side, "truncate orders")
        self.replication("blue-to-green")
        self.weight(blue=100, green=0)
        self.update_www(WWW["blue"], self.world.ttl_s)
        (self.folder / "log" / "switches.jsonl").unlink()
        self.app("both", "read-write")


def command(name, *words, check=True):
    done = subprocess.run([HOME / name, *map(str, words)], capture_output=True, text=True,
                          timeout=2 * DEADLINE_S)
    assert not check or done.returncode == 0, f"{name} {words}: {done.stdout}{done.stderr}"
    return done


def orders(out):
    """Those that were acknowledged to shoppers, as they stand in their file."""
    lines = out.read_text().splitlines(keepends=True) if out.exists() else []
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return [event for event in events if event["event"] == "order"]


def more_orders(out, count, side=None):
    """Waits until so many more are acknowledged, by that side or by any; gives all those back."""
    def found():
        return [order for order in orders(out) if side in (None, order["side"])]

    had = len(found())
    return eventually(lambda: len(new := found()[had:]) >= count and new)


def processes_of(folder):
    """Living processes that name the folder, or work in it, whoever started them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            place = (entry / "cwd").readlink()
        except OSError:
            continue
        if any(str(folder) in word for word in words) or place.is_relative_to(folder):
            found.append((int(entry.name), words))
    return found
