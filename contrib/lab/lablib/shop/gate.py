# SPDX-License-Identifier: Apache-2.0
"""Lets writes in while it is open, and knows how many are inside. Used by web and control."""

import threading
import time
from contextlib import contextmanager


class Gate:
    def __init__(self):
        self._changed = threading.Condition()
        self._open = True
        self._inside = 0

    @contextmanager
    def write(self):
        """Yields whether the write may go on."""
        with self._changed:
            admitted = self._open
            self._inside += admitted
        try:
            yield admitted
        finally:
            if admitted:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify_all()

    def close(self, deadline):
        """Lets nothing more in at once, then waits for those inside; true when none is left."""
        with self._changed:
            self._open = False
            return self._changed.wait_for(lambda: self._inside == 0,
                                          timeout=max(deadline - time.monotonic(), 0))

    def open(self):
        with self._changed:
            self._open = True

    @property
    def is_open(self):
        return self._open

    @property
    def inside(self):
        return self._inside
