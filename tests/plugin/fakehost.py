#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin host that misbehaves: `fakehost.py --plugin BEHAVIOUR` on descriptor 3, in place of
cutover-host. The unit test of hostlink names the behaviours."""

import json
import os
import signal
import struct
import subprocess
import sys
import time


def send(**frame):
    body = json.dumps(frame).encode()
    os.write(3, struct.pack(">I", len(body)) + body)


def receive():
    def exactly(n):
        data = b""
        while len(data) < n:
            part = os.read(3, n - len(data))
            if not part:
                sys.exit(0)
            data += part
        return data

    return json.loads(exactly(struct.unpack(">I", exactly(4))[0]))


def done(call, **more):
    send(**{"t": "done", "id": call["id"], "status": "ok", "text": None, "data": None, **more})


def hang():
    signal.pause()


def start_command():
    """A child as the real host starts them: leader of a group in the host's session."""
    return subprocess.Popen(["sleep", "1000"], process_group=0)


def dies(call):
    os.kill(os.getpid(), signal.SIGSEGV)


def dies_with_a_command(call):
    send(t="progress", id=call["id"], fraction=0.5, text=str(start_command().pid))
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def answers_and_dies(call):
    done(call, text="last words")
    os._exit(3)


def answers_and_stands_still(call):
    done(call)
    os.kill(os.getpid(), signal.SIGSTOP)


def sends_half_a_frame(call):
    os.write(3, struct.pack(">I", 100) + b'{"t": "done"')
    os._exit(0)


def closes_the_link(call):
    os.close(3)
    hang()


def floods(call):
    while True:
        os.write(2, b"x" * 65535 + b"\n")


def leaves_an_orphan(call):
    """A process that leads nothing, below a shell that has ended."""
    shell = subprocess.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"],
                           capture_output=True, text=True)
    send(t="progress", id=call["id"], fraction=0.5, text=shell.stdout.strip())
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


BEHAVIOURS = {
    "answers_twice": lambda call: (done(call), done(call)),
    "answers_an_unknown_id": lambda call: done(call, id=call["id"] + 1000),
    "answers_an_unknown_status": lambda call: done(call, status="fine"),
    "answers_and_dies": answers_and_dies,
    "answers_and_stands_still": answers_and_stands_still,
    "closes_the_link": closes_the_link,
    "dies": dies,
    "dies_with_a_command": dies_with_a_command,
    "floods": floods,
    "gives_up": lambda call: send(t="failed", text="out of ideas"),
    "hangs": lambda call: hang(),
    "leaves_an_orphan": leaves_an_orphan,
    "saves_twice": lambda call: [send(t="save", id=call["id"], state={}) for _ in range(2)],
    "sends_2_mib": lambda call: os.write(3, struct.pack(">I", 2 << 20)),
    "sends_an_unknown_kind": lambda call: send(t="hullo"),
    "sends_garbage": lambda call: os.write(3, b"\0\0\0\4oops"),
    "sends_half_a_frame": sends_half_a_frame,
    "sends_ready_twice": lambda call: send(t="ready", descriptor={}),
}


def main():
    behaviour = sys.argv[2]
    if behaviour == "never_ready":
        hang()
    hello = receive()
    assert hello["t"] == "hello", hello
    send(t="ready", descriptor={"name": behaviour})
    while True:
        frame = receive()
        if frame["t"] == "call":
            BEHAVIOURS[behaviour](frame)
        elif frame["t"] == "ping" and behaviour != "deaf":
            send(t="pong")


main()
