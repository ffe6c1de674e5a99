# SPDX-License-Identifier: Apache-2.0
"""The action exec in the real host."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

from hostdrive import KEPT, Host
from servers import wait_until
from steady import SOON_S, steadily


def sh(script, **more):
    return {"argv": ["/bin/sh", "-c", script], **more}


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_file(path):
    wait_until(lambda: path.read_text().endswith("\n"), f"{path} is written")
    return path.read_text()


def test_standard_output_and_exit_code_are_outputs(core):
    done = core.call("exec", "apply", sh("echo one; echo two >&2; exit 3", expect_exit=[0, 3]))
    assert done.status == "ok"
    assert done.data == {"stdout": "one\n", "exit_code": 3}


def test_an_unexpected_exit_code_fails_with_the_last_words(core):
    done = core.call("exec", "apply", sh("echo out; echo 'no such\ntable' >&2; exit 4"))
    assert done.status == "fail"
    assert done.text == "/bin/sh exited with 4: no such table"


def test_of_many_last_words_the_end_is_told(core):
    done = core.call("exec", "apply", {"argv": ["sh", "-c", 'printf %s "$0" >&2; exit 1',
                                                "ä" * 300 + "b"]})
    assert done.text == "sh exited with 1: …" + "ä" * 199 + "b"


@pytest.mark.parametrize("argv, why", [
    (["/no/such/program"], "/no/such/program could not be started: No such file or directory"),
    (["no-such-program"], "no-such-program could not be started: No such file or directory"),
    (["/etc/passwd"], "/etc/passwd could not be started: Permission denied"),
    ([""], " could not be started: No such file or directory"),
])
def test_a_program_that_cannot_start_fails(core, argv, why):
    done = core.call("exec", "apply", {"argv": argv})
    assert (done.status, done.text) == ("fail", why)


def script(path, text, mode=0o755):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_a_name_is_looked_for_in_path(tmp_path):
    """Past what is a folder or may not be run; and from the runbook's folder, wherever it runs."""
    (tmp_path / "one" / "tool").mkdir(parents=True)
    script(tmp_path / "two" / "tool", "#!/bin/sh\necho two\n", 0o644)
    script(tmp_path / "three" / "tool", "#!/bin/sh\necho $0\n")
    script(tmp_path / "bare" / "bare", "echo no shell reads this\n")
    path = f"{tmp_path}/one:{tmp_path}/two:three:bare:/bin:/usr/bin"
    with Host(None, folder=tmp_path, env={"PATH": path}) as host:
        done = host.call("exec", "apply", {"argv": ["tool"], "cwd": "/"})
        assert done.data["stdout"] == f"{tmp_path}/three/tool\n"
        done = host.call("exec", "apply", {"argv": ["bare"]})
        assert done.text == "bare could not be started: Exec format error"
    with Host(None, folder=tmp_path, env={"PATH": f"{tmp_path}/two:{tmp_path}/none"}) as host:
        done = host.call("exec", "apply", {"argv": ["tool"]})
        assert done.text == "tool could not be started: Permission denied"


def test_a_command_heeds_signals_and_has_a_group_of_its_own(core):
    """The host itself ignores SIGPIPE."""
    done = core.call("exec", "apply", sh("grep -E 'SigIgn|SigBlk' /proc/self/status; "
                                         "ps -o pgid= -p $$; echo $$"))
    _, blocked, _, ignored, group, pid = done.data["stdout"].split()
    assert int(blocked, 16) == 0 and group == pid
    for heeded in (signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        assert not int(ignored, 16) >> (heeded - 1) & 1, heeded


def test_a_signal_is_named(core):
    done = core.call("exec", "apply", sh("kill -SEGV $$"))
    assert (done.status, done.text) == ("fail", "/bin/sh ended with 139 (SIGSEGV)")


def test_arguments_arrive_as_they_are(core):
    words = ["", "a b", "$HOME", "*", "'\"", "-n", "ä\n"]
    done = core.call("exec", "apply", {"argv": ["printf", "[%s]", *words]})
    assert done.data["stdout"] == "".join(f"[{w}]" for w in words)


def test_a_shell_gets_a_script_and_its_arguments(core):
    done = core.call("exec", "apply", {"argv": ["echo $0 $1", "x y"], "shell": True})
    assert done.data["stdout"] == "sh x y\n"


def test_the_environment_is_short_and_has_the_calls_names(core):
    done = core.call("exec", "apply", {"argv": ["env"], "env": {"A": "1", "B": {"secret": "token"}}})
    lines = dict(line.split("=", 1) for line in done.data["stdout"].splitlines())
    assert set(lines) <= {*(f"CUTOVER_{n}" for n in ("RUN", "STEP", "ATTEMPT", "KEY", "OP")),
                          *KEPT, "A", "B"}
    ours = {k: v for k, v in lines.items() if k.startswith("CUTOVER_")}
    assert ours == {"CUTOVER_RUN": "test", "CUTOVER_STEP": "step", "CUTOVER_ATTEMPT": "1",
                    "CUTOVER_KEY": "key", "CUTOVER_OP": "apply"}
    assert lines["A"] == "1"
    assert lines["B"] == "***", "a secret must not leave the host"


def test_a_given_variable_replaces_the_hosts(core):
    done = core.call("exec", "apply", {"argv": ["env"], "env": {"HOME": "/elsewhere"}})
    assert re.findall("^HOME=(.*)$", done.data["stdout"], re.M) == ["/elsewhere"]


def test_a_missing_secret_fails_before_anything_runs(core, tmp_path):
    done = core.call("exec", "apply", sh("touch ran", env={"P": {"secret": "none"}}))
    assert (done.status, done.text) == ("fail", "there is no secret none")
    assert not (tmp_path / "ran").exists()


def test_commands_start_in_the_runbooks_folder(core, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "where").write_text("#!/bin/sh\npwd\n")
    (tmp_path / "where").chmod(0o755)
    assert core.call("exec", "apply", {"argv": ["./where"]}).data["stdout"] == f"{tmp_path}\n"
    done = core.call("exec", "apply", {"argv": ["./where"], "cwd": "sub"})
    assert done.data["stdout"] == f"{tmp_path}/sub\n"


def test_standard_input_is_given_or_empty(core):
    text = "line\n" * 100_000
    done = core.call("exec", "apply", {"argv": ["md5sum"], "stdin": text})
    import hashlib
    assert done.data["stdout"].split()[0] == hashlib.md5(text.encode()).hexdigest()
    assert core.call("exec", "apply", {"argv": ["cat"]}).data["stdout"] == ""


def test_a_command_need_not_read_its_input(core):
    done = core.call("exec", "apply", {"argv": ["true"], "stdin": "x" * 500_000})
    assert done.status == "ok"


def test_the_last_64_kib_of_output_are_kept(core):
    done = core.call("exec", "apply", sh("yes 0123456789 | head -c 1000000; echo end"))
    assert len(done.data["stdout"]) == 65536
    assert done.data["stdout"].endswith("89\n0end\n")


def test_output_that_is_not_text_is_made_so(core):
    done = core.call("exec", "apply", sh(r"printf 'a\000b\377c\303\244'"))
    assert done.data["stdout"] == "a\ufffdb\ufffdcä"


def test_nothing_is_inherited_but_the_standard_descriptors(core):
    done = core.call("exec", "apply", {"argv": ["ls", "/proc/self/fd"]})
    assert done.data["stdout"].split() == ["0", "1", "2", "3"]  # 3: the listing itself


def test_declared_outputs_are_read_from_json(core):
    outputs = {"n": "int", "share": "percent", "lag": "duration", "on": "bool", "all": "json"}
    done = core.call("exec", "apply", sh(
        """echo '{"n": 3, "share": "5%", "lag": "1m30s", "on": true, "all": [1], "more": 0}'""",
        outputs=outputs))
    assert done.data == {"n": 3, "share": 0.05, "lag": 90, "on": True, "all": [1]}


@pytest.mark.parametrize("kind, good, bad", [
    ("int", [3], [3.5, "3", True, None]),
    ("size", [1048576], [0.5, "1MiB"]),
    ("number", [3, 0.5], ["3", True]),
    ("duration", [90, 1.5], ["soon", True, [1]]),
    ("percent", [0.05], ["5", "%", "5 %", True]),
    ("bool", [True], [1, "true"]),
    ("list", [[1]], [{}, "[1]"]),
    ("map", [{"a": 1}], [[], "{}"]),
    *((text, ["x"], [1, True, None]) for text in ("string", "time", "url", "fqdn", "ip", "choice")),
])
def test_an_output_is_of_its_type(core, kind, good, bad):
    def ended(value):
        return core.call("exec", "apply", {"argv": ["echo", json.dumps({"v": value})],
                                           "outputs": {"v": kind}})

    for value in good:
        assert ended(value).data == {"v": value}
    for value in bad:
        assert (ended(value).status, ended(value).text) == (
            "fail", f"its standard output has no {kind} v"), value


@pytest.mark.parametrize("printed, why", [
    ("", "as JSON"),
    ("hello", "as JSON"),
    ("{}", "has no int n"),
    ('{"n": "3"}', "has no int n"),
    ('{"n": 1, "n": 2}', "duplicate"),
])
def test_a_command_that_does_not_print_its_outputs_fails(core, printed, why):
    done = core.call("exec", "apply", sh(f"printf '%s' '{printed}'", outputs={"n": "int"}))
    assert done.status == "fail"
    assert why in done.text


@pytest.mark.parametrize("code, status", [(0, "ok"), (1, "retry"), (2, "unknown")])
def test_observe_tells_by_its_exit_code(core, code, status):
    done = core.call("exec", "observe", sh("exit 9", observe=["/bin/sh", "-c", f"exit {code}"]))
    assert done.status == status


@pytest.mark.parametrize("observe", [["/no/such/program"], ["true"]])
def test_an_observe_that_does_not_tell_leaves_it_unknown(core, observe):
    """It cannot start, or it does not print the outputs."""
    done = core.call("exec", "observe", sh("true", observe=observe, outputs={"n": "int"}))
    assert done.status == "unknown"


def test_without_observe_it_cannot_tell(core):
    assert core.call("exec", "observe", sh("true")).status == "unknown"


def test_plan_reports_what_its_command_prints(core):
    plan = ["printf", "ttl of www: 300 -> 2\nweights: 100/0 → 0/100\nrestarts nginx\n"]
    done = core.call("exec", "plan", sh("true", plan=plan))
    assert done.data["changes"] == [
        {"what": "ttl of www", "before": "300", "after": "2"},
        {"what": "weights", "before": "100/0", "after": "0/100"},
        {"what": "restarts nginx", "before": None, "after": None}]


def test_plan_without_a_command_runs_nothing(core, tmp_path):
    done = core.call("exec", "plan", sh("touch ran"))
    assert (done.status, done.text) == ("ok", "would run, effect not known")
    assert not (tmp_path / "ran").exists()


def test_at_the_deadline_the_whole_group_is_killed(core, tmp_path):
    child = tmp_path / "child"

    def attempt(seconds):
        child.write_text("")
        done = core.call("exec", "apply", timeout=seconds, params=sh(
            "trap '' TERM; sleep 1000 & echo $! > child; echo $$ >> child; wait",
            expect_exit=[0, 128 + signal.SIGKILL]))
        assert done.status == "fail"
        assert "killed" in done.text
        assert done.seconds < seconds + 0.7
        pids = [int(p) for p in child.read_text().split()]
        assert len(pids) == 2
        assert not any(is_running(pid) for pid in pids)

    steadily(attempt, 0.5)


def test_a_descendant_in_a_session_of_its_own_is_killed_too(core, tmp_path):
    child = tmp_path / "child"

    def attempt(seconds):
        child.write_text("")
        done = core.call("exec", "apply", timeout=seconds, params=sh(
            "setsid -w sleep 1000 & echo $! > child; wait"))
        assert done.status == "fail" and child.read_text()
        wait_until(lambda: not is_running(int(child.read_text())), "the descendant is gone")

    steadily(attempt, 0.5)


def test_cancel_asks_first_and_kills_after_the_grace(core, tmp_path):
    up = tmp_path / "up"

    def attempt(grace):
        up.unlink(missing_ok=True)
        call = core.start("exec", "apply", sh(
            "trap 'echo told >&2' TERM; echo > up; while :; do sleep 0.02; done"))
        wait_for_file(up)
        began = time.monotonic()
        core.cancel(call, grace=grace)
        done = core.finish(call)
        seconds = time.monotonic() - began
        assert done.status == "canceled"
        assert "sh was canceled; its process group was killed: " in done.text
        assert "told" in done.text
        assert grace * 0.85 < seconds < grace + 0.7

    steadily(attempt, 0.4)


def test_a_canceled_group_has_the_grace_although_its_leader_went(core, tmp_path):
    call = core.start("exec", "apply", sh(
        "sh -c 'trap \"sleep 0.3; echo done > cleaned; exit\" TERM; echo > up;"
        " while :; do sleep 0.02; done' & wait"))
    wait_for_file(tmp_path / "up")
    core.cancel(call, grace=60)
    done = core.finish(call)
    assert done.status == "canceled"
    assert (tmp_path / "cleaned").read_text() == "done\n"


def test_a_daemon_that_keeps_the_pipe_does_not_hold_the_step(core, tmp_path):
    done = core.call("exec", "apply", sh("sleep 1000 & echo $! > pid; echo started"))
    assert done.data["stdout"] == "started\n"
    assert done.seconds < SOON_S
    pid = int((tmp_path / "pid").read_text())
    assert is_running(pid), "what a finished step left running is its own business"
    os.kill(pid, 9)


def test_orphans_are_reaped(core, tmp_path):
    core.call("exec", "apply", sh("sleep 0.1 & echo $! > pid"))
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: core.ping() or not pathlib.Path(f"/proc/{pid}").exists(), "it is reaped")


def test_commands_end_with_the_link(core, tmp_path):
    core.start("exec", "apply", sh("echo $$ > pid; sleep 1000"))
    pid = int(wait_for_file(tmp_path / "pid"))
    assert core.close() == 0
    assert not is_running(pid)
