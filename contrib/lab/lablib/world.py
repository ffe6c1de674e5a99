# SPDX-License-Identifier: Apache-2.0
"""Where everything of one lab is: its folder, addresses and ports.

`up` makes a world and writes it down in the lab's folder; every other command opens it.
"""

import json
import re
import shutil
from pathlib import Path

from .ports import free_port

SIDES = ("blue", "green")
OTHER = {"blue": "green", "green": "blue"}
LOOPBACK = "127.0.0.1"
WWW = {"blue": "127.0.0.2", "green": "127.0.0.3"}
ZONE = "shop.test"
KEY_NAME = "cutover"
BACKEND = "shop"
CUSTOMERS, PRODUCTS = 5000, 2000

PORT_ADDRESSES = {
    "dns_primary": (LOOPBACK,),
    "dns_secondary": (LOOPBACK,),
    "edge": tuple(WWW.values()),
    "edge_metrics": (LOOPBACK,),
    "blue_app": (WWW["blue"],),
    "green_app": (WWW["green"],),
    "blue_db": (LOOPBACK,),
    "green_db": (LOOPBACK,),
    "prom": (LOOPBACK,),
}

# HAProxy's limit for a socket's path is 97 bytes, and it first binds a longer, temporary name.
FOLDER_NAME = re.compile(r"[A-Za-z0-9/._+-]{1,70}")
OWN_FOLDERS = ("edge", "log", "metrics", "postgres", "run", "zone")


class LabError(Exception):
    """What happened, why, what next: one line for the person who ran a command."""


class World:
    def __init__(self, folder, ports, ttl_s):
        self.folder = Path(folder)
        self.ports = ports
        self.ttl_s = ttl_s

    @classmethod
    def create(cls, folder, ttl_s):
        """Empties the folder of an earlier lab, picks ports, and writes everything down."""
        folder = Path(folder).absolute()
        if not FOLDER_NAME.fullmatch(str(folder)):
            raise LabError(f"{folder}: sockets and configuration files want a folder's name of "
                           "at most 70 letters, digits and /._+-")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "lab.json").exists():
            raise LabError(f"{folder} is not empty and not a lab; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name in OWN_FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        world = cls(folder, free_ports(), ttl_s)
        world.save()
        for name in OWN_FOLDERS:
            (folder / name).mkdir()
        return world

    @classmethod
    def open(cls, folder):
        folder = Path(folder).absolute()
        try:
            saved = json.loads((folder / "lab.json").read_text())
        except FileNotFoundError:
            raise LabError(f"no lab in {folder}; start one with contrib/lab/up {folder}") from None
        return cls(folder, saved["ports"], saved["ttl_s"])

    def path(self, *names):
        return self.folder.joinpath(*names)

    def params(self):
        """The runbook parameters that this lab has a value for."""
        return {
            "lab": str(self.folder),
            **{f"{name}_port": port for name, port in self.ports.items() if name != "prom"},
            "prom_url": f"http://{LOOPBACK}:{self.ports['prom']}",
        }

    def save(self):
        params = self.params()
        env = {"CUTOVER_LAB": params["lab"]}
        env.update((f"LAB_{name.upper()}", value) for name, value in params.items()
                   if name != "lab")
        self.path("lab.json").write_text(json.dumps({"ports": self.ports, "ttl_s": self.ttl_s}))
        self.path("params.yaml").write_text(
            "".join(f"{name}: {json.dumps(value)}\n" for name, value in params.items()))
        self.path("lab.env").write_text(
            "".join(f"export {name}={value}\n" for name, value in env.items()))


def free_ports():
    """A free port for each name, on each address that will use it."""
    try:
        return {name: free_port(*addresses) for name, addresses in PORT_ADDRESSES.items()}
    except OSError as e:
        raise LabError(str(e)) from None
