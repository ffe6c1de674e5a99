# SPDX-License-Identifier: Apache-2.0
"""Whatever is at the other end, a call ends in time, with the right verdict, and leaves nothing open.

One table: how the other end behaves, by what is spoken to it. Each plugin's host has all of its calls
at once, after a first round of those that end soon: what that leaves open is what may be open at the
end. Each row is then a test."""

import contextlib
import ssl
import struct
import threading
import time
from pathlib import Path

import peers
import pytest
from authority import Authority
from edges import Edge, Side
from forger import Forger
from hostdrive import PATIENCE_S, SANITIZED, Host
from peers import Names, Peer
from servers import LOOPBACK, free_port
from steady import SOON_S, steadily
from zones import NameServer

NOBODY = f"127.0.0.77:{free_port()}"  # where none of the servers of a test is
CALL_S = 4  # of one that waits until its time is up; the others have PATIENCE_S
LATE_S = 0.7  # after its deadline; then the engine kills the host
HOST_MAX_MIB = 64
SYNC_MAX_MIB = 320  # two answers of 64 MiB at once, each in a buffer that libpq doubles

# The answers of good servers, of which the bad ones give a part.
HTTP_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + b"{}".ljust(40)
HTTP_HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % peers.GIB
HTTP_LATER = ("HTTP/1.1 {} Later\r\nRetry-After: 3600\r\nConnection: close\r\n"
              "Content-Length: 6\r\n\r\nlater!")
SERVERS_STATE = (b"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state "
                 b"srv_uweight srv_iweight\n3 shop 1 blue 127.0.0.1 2 0 100 100\n\n")
POSTGRES_IN = b"R" + struct.pack(">II", 8, 0) + b"Z" + struct.pack(">I", 5) + b"I"
POSTGRES_ROW = b"D" + struct.pack(">IHI", peers.GIB - 1, 1, peers.GIB - 20)

SOON, LATE = "soon", "late"

# How a call ends: its status, a part of its text, and whether that is before its time is up.
READ = {
    "is_refused": ("retry", "connect", SOON),
    "is_full": ("retry", "", LATE),
    "is_deaf": ("retry", "", LATE),
    "resets": ("retry", "", SOON),
    "hangs_up": ("retry", "", SOON),
    "answers_half": ("retry", "", LATE),
    "answers_half_and_goes": ("retry", "", SOON),
    "drips": ("retry", "", LATE),
    "talks_garbage": ("fail", "HTTP/0.9", SOON),
    "floods": ("fail", "larger than 1048576 bytes", SOON),
    "has_endless_headers": ("fail", "", SOON),
    "says_429": ("retry", "answered 429", SOON),
    "says_503": ("retry", "answered 503", SOON),
}
# Once a request that changes something has left, only an answer tells that it did not.
WRITE = {
    **{behaviour: ("unknown", "no answer", when) for behaviour, (_, _, when) in READ.items()},
    "is_refused": ("retry", "connect", SOON),
    "is_full": ("retry", "", LATE),
    "floods": ("unknown", "answered 200", SOON),
    "has_endless_headers": ("unknown", "answered 200", SOON),
    "says_429": ("fail", "answered 429", SOON),
    "says_503": ("fail", "answered 503", SOON),
}
# A certificate that is not right is refused before anything is sent, and stays so.
STRANGER = ("fail", "certificate", SOON)
TLS = {
    "is_expired": STRANGER,
    "is_not_yet_valid": STRANGER,
    "is_of_another_host": ("fail", "", SOON),
    "is_self_signed": STRANGER,
    "is_of_an_unknown_ca": STRANGER,
    "speaks_tls_1_1": ("retry", "", SOON),
    "speaks_no_tls": ("retry", "", SOON),
    "is_deaf_at_the_handshake": ("retry", "", LATE),
}
LATER = {"says_429", "says_503"}

# Hosts, by the plugin that each has. Probes go on after their call: they have one of their own.
STATIONS = {"core": None, "metrics": "metrics", "probes": "metrics", "traffic": "traffic",
            "sync": "sync", "dns": "dns"}


def source(rows):
    """As a metric: any failure is an error of the source, none is a value."""
    return {behaviour: ("fail", "no value from", when) for behaviour, (_, _, when) in rows.items()}


# Each has a limit of 2 s of its own for HAProxy's answer.
HAPROXY_READ = {
    "is_refused": ("retry", "cannot be reached", SOON),
    "is_full": ("retry", "cannot be reached", SOON),
    "is_deaf": ("retry", "no answer in 2 s", SOON),
    "resets": ("retry", "reset", SOON),
    "hangs_up": ("retry", "reset", SOON),
    "answers_half": ("retry", "no answer in 2 s", SOON),
    "answers_half_and_goes": ("fail", "", SOON),
    "drips": ("retry", "no answer in 2 s", SOON),
    "talks_garbage": ("fail", "it answers", SOON),
    "floods": ("retry", "", SOON),
}
HAPROXY_WRITE = {
    "is_deaf": ("unknown", "no answer in 2 s", SOON),
    "resets": ("unknown", "reset", SOON),
    "hangs_up": ("unknown", "reset", SOON),
    "talks_garbage": ("fail", "refuses", SOON),
    "floods": ("unknown", "", SOON),
    "answers": ("fail", "has weight 100", SOON),
}
POSTGRES = {
    "is_refused": ("retry", "refused", SOON),
    "is_full": ("retry", "did not let us in", LATE),
    "is_deaf": ("retry", "did not let us in", LATE),
    "resets": ("retry", "", SOON),
    "hangs_up": ("retry", "", SOON),
    "answers_half": ("retry", "did not let us in", LATE),
    "answers_half_and_goes": ("retry", "", SOON),
    "drips": ("retry", "did not let us in", LATE),
    "talks_garbage": ("retry", "", SOON),
    "floods": ("retry", "", SOON),
}
POSTGRES_ASKED = {
    "is_deaf": ("retry", "did not answer", LATE),
    "resets": ("retry", "", SOON),
    "hangs_up": ("retry", "", SOON),
    "answers_half": ("retry", "did not answer", LATE),
    "answers_half_and_goes": ("retry", "", SOON),
    "drips": ("retry", "did not answer", LATE),
    "talks_garbage": ("retry", "", SOON),
    "floods": ("fail", "over 64 MiB", SOON),
}
# A wait asks again for as long as it may; a change is not begun.
NAMES_WAIT = {behaviour: ("retry", part, LATE) for behaviour, part in {
    "is_refused": "refused",
    "is_silent": "no server has answered",
    "says_servfail": "SERVFAIL",
    "says_nxdomain": "has www.shop.test. A",
    "says_refused": "REFUSED",
    "is_stale": "127.0.0.99",
    "talks_garbage": "no server has answered",
    "truncates_and_is_deaf": "",
    "truncates_and_resets": "",
    "truncates_and_drips": "",
    "truncates_and_floods": "",
}.items()}
NAMES_CHANGE = {
    "is_refused": ("retry", "refused", SOON),
    "is_silent": ("retry", "before the primary server had answered", LATE),
    "says_servfail": ("retry", "SERVFAIL", SOON),
    "says_nxdomain": ("fail", "is the name right", SOON),
    "says_refused": ("retry", "REFUSED", SOON),
    "talks_garbage": ("retry", "before the primary server had answered", LATE),
    "truncates_and_resets": ("retry", "reset", SOON),
    "truncates_and_floods": ("retry", "", LATE),
}
NAMES_UPDATE = {
    "garbage": ("unknown", "before the primary server had answered", LATE),
    "servfail": ("retry", "SERVFAIL", SOON),
    "refused": ("fail", "REFUSED", SOON),
}
TCP = {
    "is_refused": ("retry", "refused", SOON),
    "is_full": ("fail", "no connection in time", LATE),
    "is_deaf": ("fail", "did not come in time", LATE),
    "resets": ("retry", "reset", SOON),
    "hangs_up": ("retry", "closed", SOON),
    "drips": ("fail", "did not come in time", LATE),
    "talks_garbage": ("retry", "", SOON),
    "floods": ("retry", "64 KiB", SOON),
}

# A probe of any of them is a bad one; what has not ended yet is missing, or ended by its own limit.
PROBE = {behaviour: ("ok", "", when) for behaviour, (_, _, when) in {**READ, **TLS}.items()}

TABLE = {
    "http read": READ,
    "http write": WRITE,
    "https read": {**READ, **TLS},
    "https write": {**WRITE, **TLS},
    "prometheus": source({**READ, **TLS}),
    "probe": PROBE,
    "haproxy on unix, read": HAPROXY_READ,
    "haproxy on tcp, read": HAPROXY_READ,
    "haproxy, write": HAPROXY_WRITE,
    "postgres, login": POSTGRES,
    "postgres, question": POSTGRES_ASKED,
    "dns, wait": NAMES_WAIT,
    "dns, change": NAMES_CHANGE,
    "dns, update": NAMES_UPDATE,
    "tcp": TCP,
}


class World:
    """The bad servers, and what they are asked: station → {(protocol, behaviour): call}."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder)
        self.servers = []
        self.calls = {station: {} for station in STATIONS}
        self.connections = {station: {} for station in STATIONS}
        self.contexts = {}
        self.sides = Side("blue"), Side("green")
        self.edge = Edge(folder, *self.sides)
        self.primary = NameServer(folder)
        for protocol, rows in TABLE.items():
            for behaviour in rows:
                self.add(protocol, behaviour)

    def end(self):
        for server in (*self.servers, *self.sides, self.edge, self.primary):
            server.end()

    def keep(self, server):
        self.servers.append(server)
        return server

    def add(self, protocol, behaviour):
        kind = protocol.split(",")[0].split(" ")[0]
        make = {"http": self.http, "https": self.http, "prometheus": self.prometheus,
                "probe": self.probe, "haproxy": self.haproxy, "postgres": self.postgres,
                "dns": self.dns, "tcp": self.tcp}[kind]
        station, action, op, params, connection = make(protocol, behaviour)
        if connection:
            name = f"c{len(self.connections[station])}"
            self.connections[station][name] = connection
            params = {key: name if value == "<>" else value for key, value in params.items()}
        self.calls[station][protocol, behaviour] = (action, op, params)

    def address(self, behaviour, answer, **how):
        """Where one that behaves like that is."""
        if behaviour == "is_refused":
            return str(self.folder / "nobody") if how.get("path") else NOBODY
        talk = peers.is_deaf if behaviour == "is_full" else getattr(peers, behaviour)
        return self.keep(Peer(talk, answer, is_full=behaviour == "is_full", **how)).address

    def context(self, kind):
        """A server's TLS with a certificate that is good, or wrong as the kind says."""
        if kind not in self.contexts:
            how = {"is_expired": {"at": "2020-01-01"}, "is_not_yet_valid": {"at": "2099-01-01"},
                   "is_self_signed": {"self_signed": True}}.get(kind, {})
            name = "10.1.1.1" if kind == "is_of_another_host" else LOOPBACK
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.authority.certificate(f"IP:{name}", **how))
            if kind == "speaks_tls_1_1":
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            self.contexts[kind] = context
        return self.contexts[kind]

    def web(self, behaviour, is_tls):
        answer = HTTP_HUGE if behaviour == "floods" else HTTP_OK
        if behaviour in LATER:
            code = behaviour[-3:]
            behaviour, answer = "answers", HTTP_LATER.format(code).encode()
        if behaviour == "is_deaf_at_the_handshake":
            return self.address("is_deaf", answer)
        if behaviour == "speaks_no_tls":
            return self.address("answers", answer)
        if behaviour in TLS:
            return self.address("answers", answer, tls=self.context(behaviour))
        return self.address(behaviour, answer, tls=self.context("good") if is_tls else None)

    def http(self, protocol, behaviour):
        scheme, what = protocol.split()
        params = {"url": f"{scheme}://{self.web(behaviour, scheme == 'https')}/"}
        if scheme == "https" and behaviour != "is_of_an_unknown_ca":
            params["ca_file"] = str(self.authority.ca)
        if what == "write":
            params |= {"method": "POST", "body": "x"}
        return "core", "http", "apply", params, None

    def prometheus(self, protocol, behaviour):
        scheme = "https" if behaviour in TLS else "http"
        connection = {"plugin": "metrics", "provider": "prometheus",
                      "url": f"{scheme}://{self.web(behaviour, False)}"}
        if behaviour != "is_of_an_unknown_ca":
            connection["ca_file"] = str(self.authority.ca)
        return "metrics", "query", "sample", {"source": "<>", "query": "up"}, connection

    def probe(self, protocol, behaviour):
        scheme = "https" if behaviour in TLS else "http"
        params = {"url": f"{scheme}://{self.web(behaviour, False)}/"}
        if behaviour != "is_of_an_unknown_ca":
            params["ca_file"] = str(self.authority.ca)
        return "probes", "http_probe", "sample", params, None

    def haproxy(self, protocol, behaviour):
        how = {} if "tcp" in protocol else {"path": self.folder / f"ha{len(self.servers)}"}
        if "write" in protocol:
            path = self.folder / f"ha{len(self.servers)}"
            at = self.keep(Peer(self.in_front(getattr(peers, behaviour)), b"\n", path=path)).address
        else:
            at = self.address(behaviour, SERVERS_STATE, **how)
        connection = {"plugin": "traffic", "provider": "haproxy", "backend": "shop", "sockets": [at]}
        return "traffic", "shift", "apply", {"balancer": "<>", "to": {"green": 0.25}}, connection

    def in_front(self, behaviour):
        """Of a real HAProxy that is asked, but not told."""
        def talk(link, answer):
            command = link.recv(65536, peers.socket.MSG_PEEK).decode()
            if command.startswith("set "):
                behaviour(link, answer)
            else:
                link.recv(65536)
                link.sendall(self.edge.ask(command.strip()).encode())
        return talk

    def postgres(self, protocol, behaviour):
        asked = "question" in protocol
        answer = POSTGRES_ROW if behaviour == "floods" else POSTGRES_IN
        at = self.address(behaviour, answer, **({"greeting": POSTGRES_IN} if asked else {}))
        connection = {"plugin": "sync", "provider": "postgres", "statement_timeout": 20,
                      "dsn": f"host={LOOPBACK} port={at.split(':')[1]} dbname=shop user=cutover "
                             "sslmode=disable"}
        return "sync", "lag", "apply", {"blue": "<>", "green": "<>"}, connection

    def names(self, behaviour):
        first, _, second = behaviour.partition("_and_")
        reply = {"is_silent": peers.silent, "says_servfail": peers.rcode(2),
                 "says_nxdomain": peers.rcode(3), "says_refused": peers.rcode(5),
                 "is_stale": peers.stale, "talks_garbage": peers.garbled,
                 "truncates": peers.truncated}[first]
        return self.keep(Names(reply, second and getattr(peers, second))).address

    def dns(self, protocol, behaviour):
        change = {"zone": "<>", "names": ["www"], "ttl": "2s"}
        if "update" in protocol:
            forger = self.keep(Forger(self.primary, behaviour))
            return "dns", "set_ttl", "apply", change, forger.connection()
        at = NOBODY if behaviour == "is_refused" else self.names(behaviour)
        connection = self.primary.connection(servers=[at])
        if "change" in protocol:
            return "dns", "set_ttl", "apply", change, connection
        records = [{"name": "www", "type": "A", "values": ["127.0.0.2"]}]
        return "dns", "wait_propagated", "apply", {"zone": "<>", "records": records}, connection

    def tcp(self, protocol, behaviour):
        at = self.address(behaviour, b"ready steady go")
        return "core", "tcp", "apply", {"address": at, "send": "hi\n", "expect": "never"}, None


def open_files(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def most_memory_kib(pid):
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0])


def when(row):
    return TABLE[row[0]][row[1]][2]


def timeout(row):
    return CALL_S if when(row) == LATE else PATIENCE_S


def fault(row, done):
    """What is wrong with a call that ended like that, or None."""
    status, part, _ = TABLE[row[0]][row[1]]
    early, latest = (0, SOON_S) if when(row) == SOON else (CALL_S / 4, CALL_S + LATE_S)
    if row[0] == "probe":
        early = 0  # it goes on from call to call
    if done.status != status or part.lower() not in done.text.lower():
        return f"wanted {status}, {part!r}"
    if not early <= done.seconds <= latest:
        return f"it took {done.seconds} s"
    if len(done.text) >= 1000 or not done.text.replace("\t", "").isprintable():
        return "its text is not one line for people"
    return None


class Station:
    """One host, in which all of its calls run at once."""

    def __init__(self, world, name):
        self.calls = world.calls[name]
        self.host = Host(STATIONS[name], world.connections[name], {"tsig": world.primary.secret},
                         folder=world.folder)
        self.ended, self.faults = {}, {}
        self.host.ping()
        self._call([row for row in self.calls if when(row) == SOON])
        self.files_before = open_files(self.host.pid)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _call(self, rows):
        numbers = {self.host.start(*self.calls[row], timeout=timeout(row)): row for row in rows}
        for number, done in self.host.finish_all(numbers, PATIENCE_S).items():
            row = numbers[number]
            self.ended[row], self.faults[row] = done, fault(row, done)

    def _measure(self, _):
        """All at first, then those that went wrong; never for longer: with more time a plugin gives
        up by itself, and says other things."""
        self._call([row for row in self.calls if self.faults.get(row, "not called")])
        assert not any(self.faults.values())

    def _run(self):
        self.faults = {}
        with contextlib.suppress(AssertionError):
            steadily(self._measure, 1)
        deadline = time.monotonic() + SOON_S
        while open_files(self.host.pid) > self.files_before and time.monotonic() < deadline:
            time.sleep(0.05)
        self.files_after = open_files(self.host.pid)
        self.memory_kib = most_memory_kib(self.host.pid)


@pytest.fixture(scope="module")
def stations(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("p"))
    stations = {name: Station(world, name) for name in STATIONS}
    for station in stations.values():
        station.thread.join()
    yield stations
    for station in stations.values():
        station.host.close()
    world.end()


@pytest.fixture(scope="module")
def ended(stations):
    return {row: (done, station.faults[row]) for station in stations.values()
            for row, done in station.ended.items()}


@pytest.mark.parametrize("protocol, behaviour", [
    pytest.param(protocol, behaviour, id=f"{protocol}-{behaviour}")
    for protocol, rows in TABLE.items() for behaviour in rows])
def test_a_call_ends_in_time_and_as_it_should(ended, protocol, behaviour):
    done, wrong = ended[protocol, behaviour]
    assert not wrong, (wrong, done)


@pytest.mark.parametrize("behaviour", PROBE)
def test_a_probe_finds_nobody_well(ended, behaviour):
    done, _ = ended["probe", behaviour]
    assert done.data["value"] in ([0] if PROBE[behaviour][2] == SOON else [None, 0]), done


@pytest.mark.skipif(SANITIZED, reason="the sanitizer keeps what was freed")
@pytest.mark.parametrize("name", STATIONS)
def test_a_host_stays_small(stations, name):
    most = SYNC_MAX_MIB if name == "sync" else HOST_MAX_MIB
    assert stations[name].memory_kib < most * 1024


@pytest.mark.parametrize("name", sorted(STATIONS.keys() - {"probes"}))
def test_a_host_keeps_nothing_open(stations, name):
    assert stations[name].files_after <= stations[name].files_before
