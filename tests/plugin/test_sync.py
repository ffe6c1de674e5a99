# SPDX-License-Identifier: Apache-2.0
"""The plugin sync in the real host, against two real PostgreSQL servers with replication."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from hostdrive import Host  # noqa: E402
from labkit import Lab, eventually  # noqa: E402
from servers import LOOPBACK, free_port  # noqa: E402

PAIR = {"blue": "blue", "green": "green"}


@pytest.fixture(scope="module")
def running_lab(tmp_path_factory):
    import os
    import shutil
    import tempfile
    folder = tempfile.mkdtemp(prefix="cutover-sync.")
    os.chmod(folder, 0o755)
    lab = Lab(folder)
    lab.up("--only", "postgres")
    yield lab
    lab.down()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def lab(running_lab):
    """Both databases equal, green following blue."""
    yield running_lab


def dsn(lab, side, user="cutover"):
    return f"host={LOOPBACK} port={lab.world.ports[side + '_db']} dbname=shop user={user}"


def connections(lab, **changes):
    found = {side: {"plugin": "sync", "provider": "postgres", "dsn": dsn(lab, side)}
             for side in ("blue", "green")}
    for side, dsn_text in changes.items():
        found[side]["dsn"] = dsn_text
    return found


@pytest.fixture
def host(lab):
    with Host("sync", connections(lab)) as host:
        yield host


def lag(host, timeout=5):
    done = host.call("lag", "sample", PAIR, timeout=timeout)
    assert done.status == "ok", done
    return done.data["value"]


def test_lag_is_small_and_never_zero_while_replication_runs(host):
    values = [lag(host) for _ in range(5)]
    assert all(0 < value < 1 for value in values), values


def test_wait_caught_up_gives_the_mark_that_green_shows(lab, host):
    done = host.call("wait_caught_up", "apply", PAIR)
    assert done.status == "ok", done
    assert lab.sql("green", "select seq from cutover_heartbeat where id = 1") == \
        [(done.data["token"],)]
