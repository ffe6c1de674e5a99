# SPDX-License-Identifier: Apache-2.0
"""The edge: HAProxy in front of both applications, steered through its runtime socket.

It listens on blue's and on green's public address alike, so that the record www may move while
the weights say who serves. Started by `up`; `runtime` is also for tests.
"""

import socket

from . import process
from .world import BACKEND, LOOPBACK, SIDES, WWW, LabError

# Both servers have a configured weight: HAProxy's percentages are relative to it.
CONF = """\
global
  nbthread 1
  maxconn 2000
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout connect 5s
  timeout check 10s
  timeout client 30s
  timeout server 15s
  timeout http-keep-alive 30s
  retries 2
  option redispatch
frontend www
  bind {blue}:{port}
  bind {green}:{port}
  default_backend {backend}
frontend exporter
  bind {loopback}:{metrics}
  http-request use-service prometheus-exporter if {{ path /metrics }}
backend {backend}
  balance roundrobin
  option httpchk GET /health
  default-server check inter 500ms fall 2 rise 1 weight 100
  server blue {blue}:{blue_app}
  server green {green}:{green_app}
"""


def start(world):
    conf = world.path("edge", "haproxy.cfg")
    conf.write_text(CONF.format(
        socket=world.path("haproxy.sock"), backend=BACKEND, loopback=LOOPBACK, **WWW,
        port=world.ports["edge"], metrics=world.ports["edge_metrics"],
        blue_app=world.ports["blue_app"], green_app=world.ports["green_app"]))
    haproxy = process.start(world, "haproxy", [process.program("haproxy"), "-db", "-f", conf])
    haproxy.wait_ready(lambda: runtime(world, "show info"))
    set_weight(world, "green", 0)
    return haproxy


def both_up(world):
    stats = server_stats(world)
    return all(stats[side]["status"] == "UP" for side in SIDES)


def set_weight(world, side, weight):
    """HAProxy gives no status for commands: success is an empty reply."""
    reply = runtime(world, f"set server {BACKEND}/{side} weight {weight}").strip()
    if reply:
        raise LabError(f"the edge refused weight {weight} for {side}: {reply}")


def server_stats(world):
    """{side: {column: text}} of the statistics page's CSV."""
    head, *rows = runtime(world, f"show stat {BACKEND} 4 -1").lstrip("# ").strip().splitlines()
    columns = head.split(",")
    stats = (dict(zip(columns, row.split(","))) for row in rows)
    return {row["svname"]: row for row in stats}


def runtime(world, command, seconds=10):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(seconds)
        s.connect(str(world.path("haproxy.sock")))
        s.sendall(command.encode() + b"\n")
        reply = b""
        while chunk := s.recv(65536):
            reply += chunk
    return reply.decode()
