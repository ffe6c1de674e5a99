# SPDX-License-Identifier: Apache-2.0
"""The plugin sync and a PostgreSQL server that shows certificates, good and bad ones."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from hostdrive import Host  # noqa: E402
from labkit import Lab, eventually  # noqa: E402
from servers import LOOPBACK  # noqa: E402

PAIR = {"blue": "blue", "green": "green"}


class Authority:
    """A private CA in a folder, and the certificates that it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=shop CA",
                     "-days", "3650")
        self.ca = folder / "ca.crt"

    def openssl(self, *words, at=None):
        clock = ["faketime", at] if at else []
        subprocess.run([*clock, "openssl", *map(str, words)], cwd=self.folder, check=True,
                       capture_output=True, timeout=30)

    def certificate(self, names, self_signed=False, at=None):
        """(certificate, key): for ten days from `at` on."""
        (self.folder / "ext").write_text(f"subjectAltName={names}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=database")
        signer = (["-signkey", "server.key"] if self_signed
                  else ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"])
        self.openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", "-days", "10",
                     "-extfile", "ext", *signer, at=at)
        return self.folder / "server.crt", self.folder / "server.key"


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
    connections = {name: {"plugin": "sync", "provider": "postgres", "statement_timeout": 10, **side}
                   for name, side in sides.items()}
    with Host("sync", connections) as host:
        return host.call("lag", "apply", PAIR, timeout=15)


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


def test_a_ca_file_that_is_not_there_is_named(lab, show, authority):
    show("DNS:localhost")
    done = measured(lab, ca_file=str(authority.folder / "nowhere.crt"))
    assert done.status == "fail" and "nowhere.crt" in done.text, done.text
