# SPDX-License-Identifier: Apache-2.0
"""Faults on request: a share of the orders fails, every order takes longer. Used by web."""

import threading
import time


class Faults:
    def __init__(self):
        self.error_ratio = 0.0
        self._latency_s = 0.0
        self._owed = 0.0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    @property
    def latency_s(self):
        return self._latency_s

    @latency_s.setter
    def latency_s(self, seconds):
        with self._changed:
            self._latency_s = seconds
            self._changed.notify_all()

    def delay(self):
        """Waits, for as long as it is told now: also a shorter latency is in force at once."""
        began = time.monotonic()
        with self._changed:
            while (left := began + self._latency_s - time.monotonic()) > 0:
                self._changed.wait(left)

    def strikes(self):
        """True for exactly the given share, evenly spread, so that few orders show it too."""
        with self._lock:
            self._owed += self.error_ratio
            if self._owed < 1 - 1e-9:
                return False
            self._owed -= 1
            return True
