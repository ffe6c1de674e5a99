# SPDX-License-Identifier: Apache-2.0
"""Starts the shop twice, as blue and as green, each on its own address. Called by `up`."""

import os
import sys
import urllib.request
from pathlib import Path

from . import process
from .world import SIDES, WWW

HOME = Path(__file__).resolve().parents[1]


def start(world):
    env = {**os.environ, "PYTHONPATH": str(HOME), "PYTHONDONTWRITEBYTECODE": "1"}
    started = {side: process.start(world, side, [sys.executable, "-m", "lablib.shop",
                                                 world.folder, side], env=env)
               for side in SIDES}
    for side, server in started.items():
        server.wait_ready(lambda side=side: health(world, side))


def health(world, side):
    url = f"http://{WWW[side]}:{world.ports[f'{side}_app']}/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=1) as reply:
        return reply.status == 200
