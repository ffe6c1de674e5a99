# SPDX-License-Identifier: Apache-2.0
"""Faults on request: a share of the orders fails, every order takes longer. Used by web."""

import threading
import time


class Faults:
    def __init__(self):
        self.error_ratio = 0.0
        self.latency_s = 0.0
        self._owed = 0.0
        self._lock = threading.Lock()

    def delay(self):
        if self.latency_s:
            time.sleep(self.latency_s)

    def strikes(self):
        """True for exactly the given share, evenly spread, so that few orders show it too."""
        with self._lock:
            self._owed += self.error_ratio
            if self._owed < 1 - 1e-9:
                return False
            self._owed -= 1
            return True
