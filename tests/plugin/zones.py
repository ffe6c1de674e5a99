# SPDX-License-Identifier: Apache-2.0
"""Name servers for the tests of the dns plugin: BIND, Knot or PowerDNS as primary, Knot as
secondary, Unbound as a resolver with a real cache, asked and changed with BIND's own tools, so that the plugin is never its own witness."""

import base64
import contextlib
import os
import pathlib
import sqlite3
import subprocess

from servers import LOOPBACK, Server, clock_ahead, free_port

ZONE = "shop.test"
KEY = "cutover"

ZONE_FILE = """\
$TTL 300
@      SOA ns1 hostmaster 1 {refresh} 1 3600 7
@      NS  ns1
{ns2}
@      A   127.0.0.2
ns1    A   {ns1}
www    A   127.0.0.2
api    A   127.0.0.2
       AAAA ::2
alias  CNAME www
locked A   127.0.0.2
mail   MX  10 www
note   TXT "a; b" "c"
{many}
"""

NAMED_CONF = """\
key "{key}" {{ algorithm {algorithm}; secret "{secret}"; }};
options {{
  directory "{folder}";
  listen-on port {port} {{ {address}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile "session.key";
  managed-keys-directory "{folder}";
  recursion no;
  dnssec-validation no;
  notify explicit;
  also-notify {{ {notify} }};
  notify-delay 0;
  notify-rate 1000;
  allow-transfer {{ {address}; 127.0.0.1; }};
}};
controls {{ }};
zone "shop.test" {{
  type primary;
  file "{folder}/shop.zone";
  update-policy {{ deny {key} name locked.shop.test ANY; grant {key} zonesub ANY; }};
}};
"""

KNOT_CONF = """\
server:
    listen: {address}@{port}
    rundir: {folder}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {folder}/db
    journal-db-max-size: 64M
    kasp-db-max-size: 32M
    timer-db-max-size: 16M
key:
  - id: {key}
    algorithm: {algorithm}
    secret: {secret}
{remote}acl:
  - id: update
    key: {key}
    action: [update, transfer]
  - id: from_primary
    address: 127.0.0.0/8
    action: [notify, transfer]
zone:
  - domain: shop.test
    storage: {folder}
    file: shop.zone
    acl: [update, from_primary]
{zone}"""


PDNS_CONF = """\
launch=gsqlite3
gsqlite3-database={folder}/db/zone
local-address={address}
local-port={port}
socket-dir=.
daemon=no
guardian=no
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
security-poll-suffix=
"""

UNBOUND_CONF = """\
server:
  interface: 127.0.0.1@{port}
  do-ip6: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
stub-zone:
  name: "shop.test."
  stub-addr: {primary}
"""


def dig(address, port, *words):
    """What it prints; OSError where no server answers."""
    done = subprocess.run(["dig", f"@{address}", "-p", str(port), "+time=2", "+tries=10", *words],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise OSError(f"dig {words}: {done.stdout}{done.stderr}")
    return done.stdout


class NameServer:
    """kind: named, knotd, pdns_server; a knotd with `primary` is its secondary."""

    def __init__(self, folder, kind="named", *, secret=None, algorithm="hmac-sha256",
                 primary=None, notify=(), port=None, address=LOOPBACK, ahead_s=0,
                 second=None, refresh=5):
        """ahead_s: of the clock. refresh: seconds after which a secondary asks although nobody has told it."""
        self.kind = kind
        self.address = address
        self.port = port or free_port()
        self.secret = secret or base64.b64encode(os.urandom(32)).decode()
        self.algorithm = algorithm
        self.folder = pathlib.Path(folder) / f"{kind}-{address}-{self.port}"
        (self.folder / "db").mkdir(parents=True)
        self._ahead_s = ahead_s
        values = {
            "folder": self.folder, "port": self.port, "address": address, "key": KEY,
            "algorithm": algorithm, "secret": self.secret, "ns1": address, "ns2": f"@ NS ns2\nns2 A {second}" if second else "",
            "notify": "".join(f"{address} port {p};" for p in notify),
            "refresh": refresh,
            "many": "\n".join(f"many A 127.0.{i // 250}.{i % 250 + 1}" for i in range(90)),
            "remote": "", "zone": "    zonefile-load: whole\n    zonefile-sync: 0\n"
                                  "    journal-content: changes\n",
        }
        if primary:
            values["remote"] = (f"remote:\n  - id: primary\n    address: {primary.address}"
                                f"@{primary.port}\n")
            values["zone"] = ("    master: primary\n    zonefile-load: none\n"
                              "    zonefile-sync: -1\n    journal-content: all\n")
        if not primary:
            (self.folder / "shop.zone").write_text(ZONE_FILE.format_map(values))
        conf = {"named": NAMED_CONF, "knotd": KNOT_CONF, "pdns_server": PDNS_CONF}[kind]
        (self.folder / ("pdns.conf" if kind == "pdns_server" else "conf")).write_text(
            conf.format_map(values))
        if kind == "pdns_server":
            self._fill_database()
        self.server = None
        self.start()

    def _fill_database(self):
        schema = pathlib.Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
        with contextlib.closing(sqlite3.connect(self.folder / "db" / "zone")) as db:
            db.executescript(schema.read_text())
        for words in (["load-zone", ZONE, self.folder / "shop.zone"],
                      ["import-tsig-key", KEY, self.algorithm, self.secret],
                      ["set-meta", ZONE, "TSIG-ALLOW-DNSUPDATE", KEY],
                      ["set-meta", ZONE, "SOA-EDIT-DNSUPDATE", "INCREASE"]):
            subprocess.run(["pdnsutil", "--config-dir", self.folder, *words], check=True,
                           capture_output=True, timeout=120)

    @property
    def text(self):
        return f"{self.address}:{self.port}"

    def start(self):
        argv = {"named": ["named", "-n", "1", "-g", "-c", self.folder / "conf"],
                "knotd": ["knotd", "-c", self.folder / "conf"],
                "pdns_server": ["pdns_server", f"--config-dir={self.folder}"]}[self.kind]
        self.server = Server(argv, self.folder, self.kind, env=clock_ahead(self.folder, self._ahead_s))
        self.server.wait_ready(lambda: self.values("www"))

    def end(self):
        self.server.end()

    def dig(self, name, rrtype="A"):
        """[(ttl, value)] as dig sees it, sorted."""
        shown = dig(self.address, self.port, "+noall", "+answer", "+norecurse",
                    f"{name}.{ZONE}" if name else ZONE, rrtype)
        rows = [line.split(None, 4) for line in shown.splitlines() if line and line[0] != ";"]
        return sorted((int(r[1]), r[4]) for r in rows if r[3] == rrtype)

    def values(self, name, rrtype="A"):
        return [value for _, value in self.dig(name, rrtype)]

    def ttl(self, name, rrtype="A"):
        return {ttl for ttl, _ in self.dig(name, rrtype)}.pop()

    def serial(self):
        return int(self.values("", "SOA")[0].split()[2])

    def nsupdate(self, *lines):
        """Changes records as somebody else would."""
        script = [f"server {self.address} {self.port}", f"zone {ZONE}",
                  f"key {self.algorithm}:{KEY} {self.secret}", *lines, "send"]
        subprocess.run(["nsupdate"], input="\n".join(script) + "\n", text=True, check=True,
                       timeout=120)

    def connection(self, *others, **extra):
        return {"plugin": "dns", "provider": "rfc2136", "zone": ZONE, "key": KEY, "secret": "tsig",
                "algorithm": self.algorithm, "max_lag": 40,
                "servers": [self.text, *(o.text for o in others)], **extra}


class Unbound:
    """A recursive resolver that caches what the zone's server says."""

    def __init__(self, folder, primary):
        self.port = free_port()
        self.text = f"{LOOPBACK}:{self.port}"
        folder = pathlib.Path(folder) / f"unbound-{self.port}"
        folder.mkdir()
        (folder / "conf").write_text(UNBOUND_CONF.format(
            port=self.port, folder=folder, primary=f"{primary.address}@{primary.port}"))
        self.server = Server(["unbound", "-d", "-c", folder / "conf"], folder, "unbound")
        self.server.wait_ready(lambda: self.values("ns1"))

    def end(self):
        self.server.end()

    def values(self, name):
        return dig(LOOPBACK, self.port, "+short", f"{name}.{ZONE}").split()
