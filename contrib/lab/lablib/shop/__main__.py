# SPDX-License-Identifier: Apache-2.0
"""Runs the shop as one side of a lab: python3 -m lablib.shop DIR blue|green."""

import sys
import threading

from .. import control as control_client
from ..world import WWW, World
from . import control, web
from .faults import Faults
from .gate import Gate
from .meter import Meter
from .store import Store


def main(folder, side):
    world = World.open(folder)
    # Until it is told otherwise green stores with blue: a canary that cannot split the data.
    shop = web.Shop(side, Store(world, "blue"), Gate(), Faults(), Meter())
    switches = control.Server(control_client.socket_path(world, side),
                              control.Control(world, shop))
    threading.Thread(target=switches.serve_forever, daemon=True).start()
    web.Server((WWW[side], world.ports[f"{side}_app"]), shop).serve_forever()


main(*sys.argv[1:])
