# SPDX-License-Identifier: Apache-2.0
"""The plugin sync and a PostgreSQL server that shows certificates, good and bad ones."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from authority import Authority  # noqa: E402
from hostdrive import PATIENCE_S, Host  # noqa: E402
from labkit import Lab, eventually  # noqa: E402
from servers import LOOPBACK  # noqa: E402

PAIR = {"blue": "blue", "green": "green"}


@pytest.fixture(scope="module")
def lab():
    folder = tempfile.mkdtemp(prefix="cutover-sync-tls.")
    os.chmod(folder, 0o755)
    lab = Lab(folder)
    lab.up("--only", "postgres")
    yield lab
    lab.down()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def show(lab, authority):
    """Makes blue's server show a certificate."""
    data = lab.world.path("postgres", "blue")

    def show(names, **how):
        for source, name in zip(authority.certificate(names, **how), ("server.crt", "server.key")):
            shutil.copy(source, data / name)
            os.chmod(data / name, 0o600)
            os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
        lab.sql("blue", "alter system set ssl = on")
        before = lab.sql("blue", "select pg_conf_load_time()")
        lab.sql("blue", "select pg_reload_conf()")
        eventually(lambda: lab.sql("blue", "select pg_conf_load_time()") != before and
                   lab.sql("blue", "show ssl") == [("on",)])

    yield show
    lab.sql("blue", "alter system reset ssl")
    lab.sql("blue", "select pg_reload_conf()")
    eventually(lambda: lab.sql("blue", "show ssl") == [("off",)])


def measured(lab, host="localhost", mode="sslmode=verify-full", **extra):
    """A lag is measured with blue asked by this name; how that ended."""
    plain = f"host={LOOPBACK} dbname=shop user=cutover port={lab.world.ports['green_db']}"
    blue = f"host={host} dbname=shop user=cutover port={lab.world.ports['blue_db']} {mode}"
    sides = {"blue": {"dsn": blue, **extra}, "green": {"dsn": plain}}
    connections = {name: {"plugin": "sync", "provider": "postgres", "statement_timeout": PATIENCE_S, **side}
                   for name, side in sides.items()}
    with Host("sync", connections) as host:
        return host.call("lag", "apply", PAIR)


def test_a_server_with_a_certificate_of_the_private_ca_is_believed(lab, show, authority):
    show(f"DNS:localhost,IP:{LOOPBACK}")
    for host in ("localhost", LOOPBACK):
        done = measured(lab, host, ca_file=str(authority.ca))
        assert done.status == "ok", done


@pytest.mark.parametrize("how, names, told", [
    ({}, "DNS:other.test", "does not match host name"),
    ({"self_signed": True}, "DNS:localhost", "certificate verify failed"),
    ({"at": "2020-01-01"}, "DNS:localhost", "certificate verify failed"),
], ids=["wrong-name", "self-signed", "expired"])
def test_a_bad_certificate_is_refused(lab, show, authority, how, names, told):
    show(names, **how)
    done = measured(lab, ca_file=str(authority.ca))
    assert done.status == "fail", done
    assert told in done.text and "blue" in done.text and "\n" not in done.text, done.text


def test_without_the_private_ca_its_servers_are_strangers(lab, show):
    show("DNS:localhost")
    done = measured(lab)
    assert done.status == "fail" and "certificate verify failed; has it" in done.text, done.text


def test_a_server_without_tls_is_refused_where_it_is_wanted(lab):
    done = measured(lab)
    assert done.status == "fail" and "does not support SSL" in done.text, done.text


@pytest.mark.parametrize("mode", ["allow", "prefer", "require", "verify-ca"])
def test_encrypted_and_not_verified_is_no_choice(lab, mode):
    done = measured(lab, mode=f"sslmode={mode}")
    assert done.status == "fail" and "does not verify" in done.text and mode in done.text, done


def test_a_ca_file_that_is_not_there_is_named(lab, show, authority):
    show("DNS:localhost")
    done = measured(lab, ca_file=str(authority.folder / "nowhere.crt"))
    assert done.status == "fail" and "nowhere.crt" in done.text, done.text
