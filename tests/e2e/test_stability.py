# SPDX-License-Identifier: Apache-2.0
"""Static stability: whatever has died since the run was armed, a trigger still takes everything back.

Each case is a run of its own against a real HAProxy, a zone of one BIND, a Prometheus and web servers,
by a user of its own who may be forbidden to fork. The run waits at a gate; then the faults; then green
stops answering. The cases go side by side."""

import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cutkit import BUILD, DEADLINE_S, FINAL, PROGRAM, Cutover, eventually
from faultkit import Journey
from labkit import Lab

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugin"))
from edges import Edge, Side  # noqa: E402
from servers import LOOPBACK  # noqa: E402
from zones import KEY, ZONE, NameServer  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="other users, mounts and limits need root")

NOBODY = ("prometheus", "resolver", "receiver", "approvals")
MACHINE = ("descriptors", "disk", "processes")
CASES = [(fault,) for fault in (*NOBODY, *MACHINE)] + [NOBODY, MACHINE, (*NOBODY, *MACHINE, "hosts")]
FIRST_UID = 47100
TTL_S = 2
MUTE_RESOLVER = "127.53.0.7"
STATE_BYTES = 4 << 20
BACK_S = 8  # from the first failed answer of green to blue serving, far below any person's
TICK_S = 0.05
OPENS = re.compile(r"\b(fork|vfork|clone3?|execve|open|openat2?)\((.*)")

NOTIFY = 'notify: [{{webhook: "http://127.0.0.1:{port}/", on: [run, step, trigger]}}]'
OF_PROCESSES = re.compile(r'"(/proc|\d+/stat)"')

BOOK = """\
    cutover: v1
    name: stable
    secrets: {{tsig: {{file: tsig}}}}
    roles: {{ops: {{members: ["{uid}"]}}}}
    connections:
      zone: {{plugin: dns, provider: rfc2136, zone: {zone}, key: {key}, secret: tsig,
              servers: ["{dns}"]}}
      edge: {{plugin: traffic, provider: haproxy, backend: shop, sockets: ["127.0.0.1:{edge}"]}}
      prom: {{plugin: metrics, provider: prometheus, url: "{prom}"}}
    metrics:
      green: {{uses: metrics.http_probe, every: 200ms, timeout: 30s, better: higher,
               with: {{url: "http://127.0.0.1:{green}/", rate: 10/s, window: 5s}}}}
      errors: {{uses: metrics.query, every: 500ms, timeout: 30s, better: lower,
                with: {{source: prom, query: "vector(0)"}}}}
    triggers:
      - {{id: green_down, metric: green, bad: {{below: 80%}}, consecutive: 2, from: ttl,
         then: rollback}}
      - {{id: errors_high, metric: errors, bad: {{above: 5%}}, for: 1h, from: ttl,
         missing: {{on_blind: notify}}}}
    {notify}
    steps:
      - {{id: ttl, uses: dns.set_ttl, with: {{zone: zone, names: [{name}], ttl: 1s}}}}
      - {{id: shift, uses: traffic.shift, with: {{balancer: edge, to: {{green: 100%}}}}}}
      - {{id: records, uses: dns.set_records,
         with: {{zone: zone, records: [{{name: {name}, type: A, values: [127.0.0.3]}}]}}}}
      - {{id: told, uses: http, class: declarative,
         with: {{method: POST, url: "http://{host}:{desk}/green"}},
         rollback: {{uses: http, with: {{method: POST, url: "http://{host}:{desk}/blue"}}}}}}
      - {{id: go, approve: {{roles: [ops]}}}}
    """


class Desk(http.server.ThreadingHTTPServer):
    """Is told where the shop is, and takes pages; or, mute, takes connections and says nothing."""

    daemon_threads = True

    def __init__(self):
        super().__init__((LOOPBACK, 0), DeskHandler)
        self.told, self.mute = [], False
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def end(self):
        self.shutdown()
        self.server_close()


class DeskHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        while self.server.mute:
            time.sleep(0.1)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.told.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Clock:
    """Seconds, but not those for which the machine stood still or had no time for us."""

    def __init__(self):
        self.ticks, self.over = 0, False
        threading.Thread(target=self.tick, daemon=True).start()

    def tick(self):
        while not self.over:
            time.sleep(TICK_S)
            self.ticks += 1

    @property
    def now(self):
        return self.ticks * TICK_S


def children(pid):
    """Of any of its threads."""
    told = " ".join(task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for child in told.split()]


def fill(folder):
    """Until not one byte more fits."""
    with open(folder / "filling", "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def limit(pid, uid, what):
    """By the user itself: not every container lets root."""
    subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "prlimit",
                    f"--pid={pid}", what],
                   check=True)


def descriptors(pid):
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class ByUser(Cutover):
    """The program as one user has it."""

    def __init__(self, uid):
        super().__init__()
        self.uid = uid

    def __call__(self, *words, **options):
        return super().__call__(*words, uid=self.uid, **options)


class Case:
    def __init__(self, number, faults, dns, lab, tmp_path, clock, notify=NOTIFY,
                 host="desk.invalid"):
        self.notify, self.host, self.faults, self.clock = notify, host, faults, clock
        self.dns, self.lab, self.name = dns, lab, f"case{number}"
        self.uid = FIRST_UID + number
        self.cutover = ByUser(self.uid)
        self.cutover.without_leak_check()
        self.folder = self.cutover.folder
        self.place = self.folder / "book"
        self.ends = []
        self.tmp = tmp_path / self.name
        self.tmp.mkdir()

    def keep(self, thing):
        self.ends.append(thing.end)
        return thing

    def start_world(self):
        self.dns.nsupdate(f"update add {self.name}.{ZONE} {TTL_S} A 127.0.0.2")
        self.blue, self.green = self.keep(Side("blue")), self.keep(Side("green"))
        self.edge = self.keep(Edge(self.tmp, self.blue, self.green))
        self.desk, self.receiver = self.keep(Desk()), self.keep(Desk())
        if "prometheus" in self.faults:
            self.lab = Lab(self.folder / "lab")
            self.ends.append(self.lab.down)
            self.lab.up("--only", "metrics")

    def write_book(self):
        self.place.mkdir()
        (self.place / "tsig").write_text(self.dns.secret)
        (self.place / "tsig").chmod(0o600)
        book = self.place / "book.yaml"
        book.write_text(BOOK.format(
            uid=self.uid, zone=ZONE, key=KEY, dns=self.dns.text, edge=self.edge.stats,
            prom=self.lab.params["prom_url"], green=self.green.port,
            notify=self.notify.format(port=self.receiver.port), name=self.name,
            host=self.host, desk=self.desk.port))
        (self.folder / "hosts").write_text("127.0.0.1 desk.invalid\n")
        (self.folder / "resolv.conf").write_text(f"nameserver {MUTE_RESOLVER}\n")
        self.cutover.state.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={STATE_BYTES},mode=700,uid={self.uid},gid={self.uid}",
                        "tmpfs", self.cutover.state], check=True)
        self.ends.append(lambda: subprocess.run(["umount", "-l", self.cutover.state], check=True))
        (self.folder / "s").mkdir()
        for path in (self.place, self.place / "tsig", self.cutover.state, self.folder / "s"):
            os.chown(path, self.uid, self.uid)
        return book

    def start(self):
        """As another user, with a hosts file of its own; until it waits at the gate. That user may
        not be let into the folder of the build: there is a way round, for this run only."""
        book = self.write_book()
        program = f"/mnt/build/{PROGRAM.relative_to(BUILD)}"
        script = (f"mount -t tmpfs -o mode=755 tmpfs /mnt && mkdir /mnt/build && "
                  f"mount --bind {BUILD} /mnt/build && "
                  f"mount --bind {self.folder}/hosts /etc/hosts && "
                  f"mount --bind {self.folder}/resolv.conf /etc/resolv.conf && exec setpriv --reuid={self.uid} "
                  f"--regid={self.uid} --clear-groups {program} run {book} --yes --detach")
        told = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True,
                              timeout=60, env=self.cutover.env, check=False)
        assert told.returncode == 3, told
        self.run = self.cutover.runs()[0]
        self.run.wait_for_people("go")
        assert self.edge.weights()["blue"] == 0 and self.where() == "127.0.0.3"
        self.engine = self.run.processes("engine")[0]
        self.hosts = {pid: self.plugin(pid) for pid in children(self.engine)}
        assert set(self.standbys()) == {"core", "dns", "traffic"}, self.hosts

    @staticmethod
    def plugin(pid):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        return Path(words[words.index("--plugin") + 1]).stem if "--plugin" in words else "core"

    def where(self):
        return self.dns.values(self.name)[0]

    def standbys(self):
        """Of each plugin the one that was started last."""
        last = {}
        for pid, plugin in sorted(self.hosts.items()):
            last.setdefault(plugin, []).append(pid)
        return {plugin: pids[1] for plugin, pids in last.items() if len(pids) > 1}

    def strike(self):
        if "prometheus" in self.faults:
            self.lab.down()
        if "resolver" in self.faults:  # from here on it is asked, and does not answer
            with open(self.folder / "hosts", "r+") as file:
                file.truncate()
        if "receiver" in self.faults:
            self.receiver.mute = True
        if "processes" in self.faults:
            for pid in (self.engine, *self.hosts):
                limit(pid, self.uid, "--nproc=1")
        if "descriptors" in self.faults:
            self.use_up_descriptors()
        if "approvals" in self.faults:
            shutil.rmtree(self.folder / "s")
        if "disk" in self.faults:
            fill(self.cutover.state)
        if "hosts" in self.faults:
            for pid, plugin in self.hosts.items():
                if plugin in ("dns", "traffic", "core") and pid != self.standbys()[plugin]:
                    os.kill(pid, 9)

    def use_up_descriptors(self):
        """Clients that connect and say nothing take every number that is left."""
        most = max(descriptors(self.engine)) + 1
        limit(self.engine, self.uid, f"--nofile={most}")
        for _ in range(most + 4):
            client = socket.socket(socket.AF_UNIX)
            self.ends.append(client.close)
            client.connect(str(next((self.folder / "s").iterdir())))
        eventually(lambda: descriptors(self.engine) == set(range(most)))

    def watch(self):
        """Follows the system calls of the engine and the standby hosts; returns how to end that."""
        trace = self.tmp / "trace"
        argv = ["strace", "-f", "-qq", "-e", "trace=fork,vfork,clone,clone3,execve,open,openat,openat2",
                "-o", trace]
        for pid in (self.engine, *self.standbys().values()):
            argv += ["-p", str(pid)]
        tracer = subprocess.Popen(argv, stderr=subprocess.PIPE)
        eventually(lambda: all(map(Journey.traced_or_gone,
                                   (self.engine, *self.standbys().values()))))

        def calls():
            tracer.terminate()
            tracer.wait(DEADLINE_S)
            return [line for line in trace.read_text().splitlines() if OPENS.search(line)]

        return calls

    def may_make(self, call):
        """A thread of the engine looks for what the dead hosts left behind, and libuv keeps /dev/null
        open for when descriptors run out; the rollback needs neither."""
        return '"/dev/null"' in call or (Path(f"/proc/{self.engine}/task/{call.split()[0]}").exists()
                                         and OF_PROCESSES.search(call))

    def fail_green(self):
        begun, wall, used = self.clock.now, time.monotonic(), cpu_seconds(self.engine)
        self.green.end()
        eventually(lambda: self.edge.weights() == {"blue": 100, "green": 0})
        eventually(lambda: self.where() == "127.0.0.2")
        eventually(lambda: self.desk.told and self.desk.told[-1] == "/blue")
        eventually(lambda: self.dns.ttl(self.name) == TTL_S)
        took, wall = self.clock.now - begun, time.monotonic() - wall
        assert took < BACK_S
        assert cpu_seconds(self.engine) - used < wall / 2, "the engine does nothing but turn"
        return took

    def end(self):
        """What is on the disk at the end: all undone, by one engine, in a journal that is whole."""
        def ended():
            states = [r["state"] for r in self.run.records("run")]
            return states and states[-1] in FINAL

        eventually(ended)
        assert self.run.records("run")[-1]["state"] == "rolled_back"
        steps = {r["step"]: r["state"] for r in self.run.records("step")}
        undone = {"ttl", "shift", "records", "told"}
        assert {steps[step] for step in undone} == {"rolled_back"}, steps
        self.run.audit()
        engines = re.findall(r"^engine \d+$", (self.run.folder / "lock").read_text(), re.M)
        assert len(engines) == 1, engines

    def told(self):
        """For people, when something is wrong."""
        return f"{self.run('logs').out}{self.run.log()}" if self.cutover.runs() else ""

    def close(self):
        self.cutover.close()
        for end in reversed(self.ends):
            end()
        shutil.rmtree(self.folder, ignore_errors=True)


def judged(case):
    """What is wrong with it, or None; and how long the way back took."""
    took = 0
    try:
        case.start_world()
        case.start()
        case.strike()
        took = case.fail_green()
        case.end()
        return None, took
    except Exception as fault:  # of whatever kind: the other cases go on
        return f"{'+'.join(case.faults)}: {fault!r}\n{case.told()}", took
    finally:
        case.close()


@pytest.fixture
def make(tmp_path, new_lab):
    """Cases that share a name server and, unless it is to die, a Prometheus."""
    dns, clock = NameServer(tmp_path), Clock()
    new_lab.up("--only", "metrics")
    resolver = socket.socket(type=socket.SOCK_DGRAM)
    resolver.bind((MUTE_RESOLVER, 53))
    yield lambda number, faults, **more: Case(number, faults, dns, new_lab, tmp_path, clock, **more)
    clock.over = True
    resolver.close()
    dns.end()


def test_whatever_else_is_dead_a_trigger_takes_everything_back(make):
    cases = [make(i, faults) for i, faults in enumerate(CASES)]
    with ThreadPoolExecutor(len(cases)) as pool:
        told = list(pool.map(judged, cases))
    faults = [fault for fault, _ in told if fault]
    print(f"{len(told) - len(faults)} of {len(told)}, back within "
          f"{max(took for _, took in told):.1f} s")
    assert not faults, "\n".join(faults)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_standby_hosts_roll_back_without_a_new_process_or_file(make):
    """Nobody pages here: a page may well start its dead host again. Nor is there a name, which would
    be looked up before the kept address is used."""
    case = make(len(CASES), ("hosts",), notify="", host=LOOPBACK)
    try:
        case.start_world()
        case.start()
        calls = case.watch()
        case.strike()
        case.fail_green()
        made = [call for call in calls() if not case.may_make(call)]
        assert not made, made
        case.end()
    finally:
        case.close()
