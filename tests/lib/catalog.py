#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The catalog of the unit tests against the real plugins: `catalog.py BUILD [--write]`.

Unit tests of the loader must not need built plugins, so tests/lib/catalog.json holds what
`cutover-host --describe` prints of each. This says (exit 1) where the two differ, or writes it anew."""
import json
import os
import subprocess
import sys

PLUGINS = ("core", "dns", "traffic", "sync", "metrics")
OF_A_BUILD = ("path", "digest", "version")


def describe(build, name):
    host = [os.path.join(build, "engine/host/cutover-host"), "--describe"]
    if name != "core":
        host.append(os.path.join(build, "plugins", name, name + ".so"))
    descriptor = json.loads(subprocess.check_output(host))
    return {key: value for key, value in descriptor.items() if key not in OF_A_BUILD}


def differences(have, want, where=""):
    if isinstance(have, dict) and isinstance(want, dict):
        for key in sorted(set(have) | set(want)):
            yield from differences(have.get(key), want.get(key), f"{where}/{key}")
    elif isinstance(have, list) and isinstance(want, list) and len(have) == len(want):
        for index, (a, b) in enumerate(zip(have, want)):
            yield from differences(a, b, f"{where}/{index}")
    elif have != want:
        yield f"{where}: {have!r}, the plugin says {want!r}"


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "catalog.json")
    real = [describe(sys.argv[1], name) for name in PLUGINS]
    if "--write" in sys.argv:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(real, file, indent=1, ensure_ascii=False, sort_keys=True)
            file.write("\n")
        return 0
    with open(path, encoding="utf-8") as file:
        found = list(differences(json.load(file), real))
    for line in found:
        print(line)
    if found:
        print("write it anew with: tests/lib/catalog.py BUILD --write")
    return 1 if found else 0


sys.exit(main())
