# SPDX-License-Identifier: Apache-2.0
"""A wall clock of its own for the programs of a test, which may set it."""

import ctypes
import datetime
import struct

from cutkit import BUILD


def nudge(microseconds):
    """Moves the machine's clock by that little, at which the kernel tells who watches it; whether we
    may."""
    step = (ctypes.c_long * 32)(0x0100)  # struct timex: ADJ_SETOFFSET …
    step[9], step[10] = divmod(microseconds, 1000000)  # … by its time
    return ctypes.CDLL(None).adjtimex(step) >= 0


class Wall:
    """The wall clock that the programs of one scene see."""

    def __init__(self, cutover):
        self.path = cutover.folder / "clocks"
        self.path.write_bytes(bytes(16))
        self.shift_s = 0
        cutover.env |= {"LD_PRELOAD": str(BUILD / "tests" / "lib" / "clockshift.so"),
                        "CUT_TEST_CLOCKS": str(self.path)}

    def drift(self, by_s):
        """Lets it run behind or ahead: nobody is told."""
        self.shift_s += by_s
        with open(self.path, "r+b", buffering=0) as file:
            file.write(struct.pack("q", int(self.shift_s * 1000)))

    def set(self, shift_s):
        """Sets it. That it was set is told by the kernel, for which its own moves to and fro."""
        self.drift(shift_s - self.shift_s)
        nudge(1)
        nudge(-1)

    def jump(self, by_s):
        self.set(self.shift_s + by_s)

    def ahead(self, s):
        """In s seconds, by this clock."""
        then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
            seconds=s + self.shift_s)
        return then.isoformat(timespec="milliseconds")
