#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runbooks, ninja files and makefiles of the same graphs, in the shapes that benchmarks use.

    gen.py --shape layered --steps 100000 --kind check > layered.yaml
"""
import argparse

WIDTH = 100  # steps side by side in a layer


def needs(shape, i):
    """Indices of the steps that step i waits for."""
    if shape == "layered":
        layer = i // WIDTH
        if layer == 0:
            return []
        return sorted({(layer - 1) * WIDTH + (i * 7 + k * 13) % WIDTH for k in range(4)})
    if shape == "chain":
        return [i - 1] if i else []
    if shape == "fan":
        return [0] if i else []
    if shape == "wide":
        return []
    raise ValueError(shape)


BODY = {
    "check": '        uses: check\n        with: {that: "true"}\n',
    "true": "        run: [/bin/true]\n        class: declarative\n        rollback: not_needed\n",
}


def runbook(shape, steps, kind, parallel):
    yield "cutover: v1\nname: bench\n"
    yield f"defaults: {{max_parallel: {parallel}}}\n"
    if shape == "phases":
        yield "phases:\n"
        for i in range(steps):
            yield f"  - id: p{i}\n    steps:\n      - id: s{i}\n{BODY[kind]}"
        return
    yield "phases:\n  - id: main\n    order: parallel\n    steps:\n"
    for i in range(steps):
        listed = ", ".join(f"s{n}" for n in needs(shape, i))
        yield f"      - id: s{i}\n        needs: [{listed}]\n{BODY[kind]}"


def ninja(shape, steps, kind):
    rule = "phony" if kind == "check" else "t"
    if rule == "t":
        yield "rule t\n  command = /bin/true\n"
    for i in range(steps):
        yield f"build s{i}: {rule} {' '.join(f's{n}' for n in needs(shape, i))}\n"


def make(shape, steps, kind):
    yield "all: " + " ".join(f"s{i}" for i in range(steps)) + "\n"
    yield ".PHONY: all " + " ".join(f"s{i}" for i in range(steps)) + "\n"
    for i in range(steps):
        yield f"s{i}: {' '.join(f's{n}' for n in needs(shape, i))}\n"
        if kind == "true":
            yield "\t@/bin/true\n"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--shape", default="layered", choices=["layered", "chain", "fan", "wide", "phases"])
    p.add_argument("--steps", type=int, default=1000)
    p.add_argument("--kind", default="check", choices=sorted(BODY))
    p.add_argument("--parallel", type=int, default=16)
    p.add_argument("--format", default="yaml", choices=["yaml", "ninja", "make"])
    a = p.parse_args()
    if a.format == "yaml":
        lines = runbook(a.shape, a.steps, a.kind, a.parallel)
    else:
        lines = (ninja if a.format == "ninja" else make)(a.shape, a.steps, a.kind)
    for line in lines:
        print(line, end="")


if __name__ == "__main__":
    main()
