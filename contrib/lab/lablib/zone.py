# SPDX-License-Identifier: Apache-2.0
"""The zone shop.test: a BIND primary that takes signed updates, a Knot secondary behind it.

Started by `up`. The secondary follows within milliseconds: BIND's defaults for notify-delay and
notify-rate would hold a second change back for seconds.
"""

import base64
import os

from . import process
from .resolver import ask
from .world import KEY_NAME, LOOPBACK, WWW, ZONE

NAMED_CONF = """\
include "{key}";
options {{
  directory "{folder}";
  listen-on port {primary} {{ {loopback}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile "session.key";
  managed-keys-directory "{folder}";
  recursion no;
  dnssec-validation no;
  server-id "ns1";
  notify explicit;
  also-notify {{ {loopback} port {secondary}; }};
  notify-delay 0;
  notify-rate 1000;
  allow-transfer {{ {loopback}; }};
}};
controls {{ }};
zone "{zone}" {{
  type primary;
  file "primary.zone";
  update-policy {{ grant {key_name} zonesub ANY; }};
}};
"""

ZONE_FILE = """\
$TTL {ttl}
@    SOA ns1 hostmaster 1 5 1 3600 5
@    NS  ns1
@    NS  ns2
ns1  A   {loopback}
ns2  A   {loopback}
www  A   {www}
"""

KNOT_CONF = """\
server:
    listen: {loopback}@{secondary}
    rundir: {folder}
    nsid: ns2
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {folder}/knot
    journal-db-max-size: 64M
    kasp-db-max-size: 32M
    timer-db-max-size: 16M
remote:
  - id: primary
    address: {loopback}@{primary}
acl:
  - id: from_primary
    address: {loopback}
    action: [notify, transfer]
zone:
  - domain: {zone}
    storage: {folder}
    file: secondary.zone
    master: primary
    acl: from_primary
    zonefile-load: none
    zonefile-sync: -1
    journal-content: all
"""


def start(world):
    folder = world.path("zone")
    (folder / "knot").mkdir()
    key = write_key(world)
    values = {
        "folder": folder, "key": key, "key_name": KEY_NAME, "zone": ZONE, "loopback": LOOPBACK,
        "primary": world.ports["dns_primary"], "secondary": world.ports["dns_secondary"],
        "ttl": world.ttl_s, "www": WWW["blue"],
    }
    (folder / "named.conf").write_text(NAMED_CONF.format_map(values))
    (folder / "primary.zone").write_text(ZONE_FILE.format_map(values))
    (folder / "knot.conf").write_text(KNOT_CONF.format_map(values))

    named = process.start(world, "named", [process.program("named"), "-n", "1", "-g",
                                           "-c", folder / "named.conf"])
    named.wait_ready(lambda: serves_www("dns_primary", world))
    # A secondary that finds no primary at its start waits for half a minute before it asks again.
    knot = process.start(world, "knot", [process.program("knotd"), "-c", folder / "knot.conf"])
    knot.wait_ready(lambda: serves_www("dns_secondary", world))


def serves_www(server, world):
    return bool(ask((LOOPBACK, world.ports[server]), f"www.{ZONE}", seconds=0.3).addresses)


def servers(world):
    return [(LOOPBACK, world.ports[name]) for name in ("dns_primary", "dns_secondary")]


def write_key(world):
    """The update key, bare for the engine and in BIND's form for named and nsupdate -k."""
    secret = base64.b64encode(os.urandom(32)).decode()
    key = world.path("tsig.key")
    write_private(world.path("tsig.secret"), secret)
    write_private(key, f'key "{KEY_NAME}" {{ algorithm hmac-sha256; secret "{secret}"; }};\n')
    return key


def write_private(path, text):
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(text)
