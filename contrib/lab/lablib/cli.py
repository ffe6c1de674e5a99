# SPDX-License-Identifier: Apache-2.0
"""What the lab's commands have in common: naming the lab, and how an error ends."""

import argparse
import os
import sys

from .world import LabError, World


def parser(doc, *, lab_option=False):
    p = argparse.ArgumentParser(description=doc,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    if lab_option:
        p.add_argument("--lab", metavar="DIR", default=os.environ.get("CUTOVER_LAB"),
                       help="folder of the running lab (default: $CUTOVER_LAB)")
    return p


def open_lab(args):
    if not args.lab:
        raise LabError("which lab? say --lab DIR or set CUTOVER_LAB")
    return World.open(args.lab)


def run(main):
    """Runs a command's main(); its answer is the exit code, an error is one line and code 1."""
    name = os.path.basename(sys.argv[0])
    try:
        sys.exit(main())
    except LabError as e:
        sys.exit(f"{name}: {e}")
    except BrokenPipeError:
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
