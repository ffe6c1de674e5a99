# SPDX-License-Identifier: Apache-2.0
"""Measuring seconds on a machine that others use, too.

    def attempt(seconds):
        done = core.call("exec", "apply", sh("sleep 1000"), timeout=seconds)
        assert done.status == "fail" and done.seconds < seconds + 1

    steadily(attempt, 0.5)

What ends by itself needs no limit but SOON_S, if what it must not wait for takes much longer."""

import threading
import time

SOON_S = 20
BEAT_S = 0.02
STILL_S = 0.1
MOST_S = 40


class Pulse:
    """A thread that does nothing but look at the clock, and so notices when it was not let."""

    def __init__(self):
        self._last = time.monotonic()
        self._still = -1.0
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self):
        while True:
            time.sleep(BEAT_S)
            if time.monotonic() - self._last > STILL_S:
                self._still = time.monotonic()
            self._last = time.monotonic()

    def stood_still(self, since):
        return self._still >= since or time.monotonic() - self._last > STILL_S


pulse = Pulse()


def steadily(attempt, seconds):
    """What attempt(seconds) gives. Where the machine stood still meanwhile, which makes late what
    is in time, an attempt that fails says nothing: it is made again, with twice the time."""
    while True:
        began = time.monotonic()
        try:
            return attempt(seconds)
        except AssertionError:
            if seconds > MOST_S or not pulse.stood_still(began):
                raise
            seconds *= 2
