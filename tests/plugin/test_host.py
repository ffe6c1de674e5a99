# SPDX-License-Identifier: Apache-2.0
"""cutover-host itself: what it loads, what it answers to frames it does not understand, what it
keeps to itself."""

import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess

import pytest

from hostdrive import BUILD, HOST, PATIENCE_S, ROOT, SANITIZED, Host, HostGone
from servers import wait_until
from steady import SOON_S
from test_exec import is_running
from test_http import web  # noqa: F401 (a fixture)

SOURCE = """
#include "cutover/plugin.h"
static const struct cut_plugin p = {
	.magic = %(magic)s, .major = %(major)s, .minor = %(minor)s, .name = "%(name)s",
};
const struct cut_plugin *%(symbol)s(void);
__attribute__((visibility("default"))) const struct cut_plugin *%(symbol)s(void) { return &p; }
"""
RIGHT = {"magic": "CUT_PLUGIN_MAGIC", "major": "CUT_PLUGIN_MAJOR", "minor": "CUT_PLUGIN_MINOR",
         "name": "tiny", "symbol": "cut_plugin_v1"}


@pytest.fixture
def folder():
    """A folder as an installation's: nobody else can write it or what is above it."""
    path = BUILD / "tests" / f"loaded.{os.getpid()}"
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)


def build(folder, source=None, **wrong):
    so = folder / "tiny.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I", ROOT / "plugins", "-o", so, "-x", "c", "-"],
                   input=source or SOURCE % {**RIGHT, **wrong}, text=True, check=True)
    so.chmod(0o755)
    return so


def describe(*args):
    return subprocess.run([HOST, "--describe", *args], capture_output=True, text=True, timeout=PATIENCE_S)


def test_a_plugin_is_described(folder):
    so = build(folder)
    result = describe(so)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["name"] == "tiny"
    assert told["path"] == str(so)
    digest = subprocess.run(["sha256sum", so], capture_output=True, text=True).stdout.split()[0]
    assert told["digest"] == digest


def test_the_built_in_steps_are_described():
    told = json.loads(describe().stdout)
    assert {a["name"] for a in told["actions"]} == {"drill", "exec", "http", "notify", "tcp"}
    for action in told["actions"]:
        assert action["help"] and all(p["help"] for p in action["params"] + action["outputs"])


@pytest.mark.parametrize("wrong, why", [
    ({"magic": "1"}, "does not begin with the plugin's mark"),
    ({"major": "2"}, "built for interface 2.0, this host has 1.0"),
    ({"minor": "7"}, "built for interface 1.7, this host has 1.0"),
    ({"name": "other"}, "it calls itself other"),
    ({"name": "tin"}, "it calls itself tin"),
    ({"symbol": "cut_plugin_v2"}, "it has no cut_plugin_v1()"),
])
def test_what_is_no_plugin_of_this_version_is_refused(folder, wrong, why):
    result = describe(build(folder, **wrong))
    assert result.returncode == 1
    assert why in result.stderr


def writable_file(so):
    so.chmod(0o775)


def writable_folder(so):
    so.parent.chmod(0o777)


def sticky_folder(so):
    so.parent.chmod(0o1777)


def writable_parent(so):
    inner = so.parent / "inner"
    inner.mkdir()
    shutil.move(so, inner / so.name)
    so.parent.chmod(0o757)
    return inner / so.name


def foreign_owner(so):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(so, 12345, -1)


def foreign_folder(so):
    foreign_owner(so.parent)


@pytest.mark.parametrize("spoil, why", [
    (writable_file, "(mode 0775); take the write permission of group and others away"),
    (writable_folder, "(mode 0777); take the write permission"),
    (sticky_folder, "(mode 1777); build or install it outside of that folder"),
    (writable_parent, "(mode 0757); take the write permission"),
    (foreign_owner, "tiny.so belongs to user 12345"),
    (foreign_folder, " belongs to user 12345"),
])
def test_what_others_can_write_is_refused(folder, spoil, why):
    so = build(folder)
    result = describe(spoil(so) or so)
    assert result.returncode == 1
    assert why in result.stderr


def test_a_link_to_a_plugin_is_refused(folder):
    so = build(folder)
    other = folder / "links"
    other.mkdir()
    (other / "tiny.so").symlink_to(so)
    assert describe(other / "tiny.so").returncode == 1


TURN = """
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
char *realpath(const char *path, char *resolved)
{
	char *(*real)(const char *, char *) = dlsym(RTLD_NEXT, "realpath");
	char *at = real(path, resolved);

	rename(getenv("TURNS"), getenv("TO"));
	symlink(getenv("TO"), getenv("TURNS"));
	return at;
}
"""


def test_a_folder_that_turns_into_a_link_after_it_was_resolved_is_refused(folder):
    """Where the link leads nobody has looked at the folders above."""
    inner = folder / "inner"
    inner.mkdir()
    so = shutil.move(build(folder), inner / "tiny.so")
    turn = folder / "turn.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", turn, "-x", "c", "-"],
                   input=TURN, text=True, check=True)
    result = subprocess.run(
        [HOST, "--describe", so], capture_output=True, text=True, timeout=PATIENCE_S,
        env={**os.environ, "LD_PRELOAD": str(turn), "TURNS": str(inner), "TO": str(folder / "to")})
    assert inner.is_symlink()
    assert (result.returncode, f"cannot open {inner}: " in result.stderr) == (1, True), result


def test_the_engine_is_told_why_a_plugin_is_refused(folder):
    so = build(folder, magic="1")
    with pytest.raises(HostGone, match="plugin's mark"):
        Host(str(so))


def test_a_file_that_is_no_object_is_refused(folder):
    (folder / "tiny.so").write_text("hello")
    result = describe(folder / "tiny.so")
    assert (result.returncode, "will not load plugin" in result.stderr) == (1, True)


def test_usage():
    assert subprocess.run([HOST, "--what"], capture_output=True).returncode == 2
    assert subprocess.run([HOST], capture_output=True, close_fds=True).returncode == 2


FIRST = {"t": "hello", "run": "r", "folder": "/", "connections": {}, "secrets": {}}


@pytest.mark.parametrize("frames, why", [
    ([{"t": "ping"}], "came before hello"),
    ([FIRST, FIRST], "hello twice"),
    ([{**FIRST, "folder": "/no/such"}], "cannot enter the runbook's folder"),
    ([FIRST, {"t": "dance"}], "unknown frame dance"),
    ([FIRST, {"t": "call", "id": 1, "op": "apply", "action": "exec"}], "without id, params"),
    ([FIRST, b"\0\0\0\1x"], "a frame"),
    ([FIRST, b"\0\0\0\2[]"], "not a JSON object"),
    ([FIRST, b"\x7f\0\0\0"], "a frame of"),
])
def test_a_frame_that_is_not_understood_ends_the_link(frames, why):
    ours, theirs = socket.socketpair()
    host = subprocess.Popen([HOST], preexec_fn=lambda: os.dup2(theirs.fileno(), 3),
                            close_fds=False, stderr=subprocess.DEVNULL)
    theirs.close()
    for frame in frames:
        body = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
        ours.sendall(body if isinstance(frame, bytes) else struct.pack(">I", len(body)) + body)
    told = b""
    ours.settimeout(PATIENCE_S)
    while part := ours.recv(65536):
        told += part
    assert host.wait(PATIENCE_S) == 1
    assert why in told.decode(errors="replace")


def test_frames_may_come_in_pieces(core):
    core.start("drill", "apply", {})
    body = json.dumps({"t": "ping"}).encode()
    for byte in struct.pack(">I", len(body)) + body:
        core._link.sendall(bytes([byte]))
    assert core.finish(1).status == "ok"


def test_nobody_can_look_into_a_host():
    """What /proc shows of it is root's then, whoever it runs as."""
    other = () if os.geteuid() else ("setpriv", "--reuid=12345", "--clear-groups", "--")
    with Host(None, under=other) as host:
        limits = pathlib.Path(f"/proc/{host.pid}/limits").read_text()
        core_limit = next(line for line in limits.splitlines() if "core file" in line)
        assert core_limit.split()[4:6] == ["0", "0"]
        if not SANITIZED:
            assert os.stat(f"/proc/{host.pid}/environ").st_uid == 0


def test_secrets_are_not_in_the_hosts_arguments_or_environment(core):
    for name in ("cmdline", "environ"):
        assert b"s3cret" not in pathlib.Path(f"/proc/{core.pid}/{name}").read_bytes()


def test_a_call_whose_time_is_up_after_a_sleep_of_the_machine_ends(tmp_path):
    """Timers stand still meanwhile, the boot clock does not: here it is put forward."""
    clocks = tmp_path / "clocks"
    clocks.write_bytes(bytes(16))
    env = {"LD_PRELOAD": str(BUILD / "tests" / "lib" / "clockshift.so"),
           "CUT_TEST_CLOCKS": str(clocks)}
    with Host(None, folder=tmp_path, env=env) as host:
        numbers = {timeout: host.start("exec", "apply", {"argv": ["sleep", "100"]}, timeout=timeout)
                   for timeout in (50, 500)}
        host.ping()
        with open(clocks, "r+b", buffering=0) as file:
            file.write(struct.pack("qq", 0, 60000))
        host.ping()
        done = host.finish(numbers[50])
        assert done.status == "fail" and done.seconds < SOON_S, done
        host.cancel(numbers[500], grace=0)
        assert host.finish(numbers[500]).status != "ok"


def test_nothing_piles_up(core, web):  # noqa: F811
    """Descriptors and zombies after many calls are those after ten."""

    def use(times):
        for _ in range(times):
            core.call("exec", "apply", {"argv": ["sh", "-c", "echo x; sleep 0.01 &"]})
            assert core.call("http", "apply", {"url": web.url + "/"}).status == "ok"
            assert core.call("http", "apply", {"url": web.url + "/", "method": "PUT"}).status == "ok"
        wait_until(lambda: core.ping() or not held()[1], "all children are reaped")

    def held():
        children = pathlib.Path(f"/proc/{core.pid}/task/{core.pid}/children").read_text().split()
        return len(os.listdir(f"/proc/{core.pid}/fd")), len(children)

    use(10)
    before = held()
    use(60)
    wait_until(lambda: core.ping() or held()[0] <= before[0] + 5,
               "kept connections apart, no descriptor is left")


LARGE = """
#include "cutover/plugin.h"
#include <stdlib.h>
#include <string.h>
static void work(struct cut_call *call)
{
	char *text = calloc(1, (2 << 20) + 1);
	json_t *data;
	memset(text, 'x', 2 << 20);
	data = json_pack("{s:s}", "text", text);
	free(text);
	call->api->done(call, CUT_OK, NULL, data);
}
static const struct cut_param none[] = {{0}};
static const struct cut_action large = {
	.name = "large", .help = "h", .params = none, .outputs = none, .effects = %s,
	.apply = work, .observe = work,
};
static const struct cut_action *const actions[] = {&large, NULL};
static const struct cut_plugin p = {
	.magic = CUT_PLUGIN_MAGIC, .major = 1, .name = "tiny", .actions = actions,
};
const struct cut_plugin *cut_plugin_v1(void) { return &p; }
"""


@pytest.mark.parametrize("effects, op, status", [
    ("CUT_WRITE", "apply", "unknown"), ("CUT_WRITE", "observe", "unknown"),
    ("CUT_READ", "apply", "fail")])
def test_an_answer_that_is_too_large_says_nothing_of_the_effect(folder, effects, op, status):
    so = build(folder, LARGE % effects)
    with Host(str(so)) as host:
        done = host.call("large", op, {})
        assert done.status == status and "over 1 MiB" in done.text


def test_a_state_that_is_too_large_to_save_is_refused_as_that(folder):
    source = LARGE % "CUT_WRITE | CUT_SAVES"
    source = source.replace("call->api->done(call, CUT_OK, NULL, data)",
                            "call->api->done(call, CUT_FAIL, "
                            "strerror(-call->api->save(call, data, work)), NULL)")
    with Host(str(build(folder, source))) as host:
        done = host.call("large", "apply", {})
    assert done.text == "Message too long"


def test_a_killed_engine_takes_its_host_along(tmp_path):
    """The host of a process that is gone ends, even when it had just been started."""
    script = f"""
import sys, time
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
from hostdrive import Host
host = Host(None)
print(host.pid, flush=True)
time.sleep(1000)
"""
    engine = subprocess.Popen(["/usr/bin/python3", "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(engine.stdout.readline())
    engine.kill()
    engine.wait()
    wait_until(lambda: not is_running(pid), "the host is gone")
