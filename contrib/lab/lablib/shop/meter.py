# SPDX-License-Identifier: Apache-2.0
"""Counts orders and their duration, and shows them in Prometheus' text format. Used by web."""

import threading

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

# What became of a request. `refused` (read-only, by order) is neither good nor an error.
OUTCOMES = ("ok", "error", "refused")


class Meter:
    def __init__(self):
        self._lock = threading.Lock()
        # Series that begin at zero: a counter that first appears at 1 has no rate yet.
        self._requests = {("201", "ok"): 0, ("500", "error"): 0, ("503", "refused"): 0}
        self._buckets = dict.fromkeys([*BUCKETS_S, float("inf")], 0)
        self._seconds = 0.0
        self._orders = 0

    def request(self, code, seconds):
        outcome = "refused" if code == 503 else "error" if code >= 500 else "ok"
        with self._lock:
            key = (str(code), outcome)
            self._requests[key] = self._requests.get(key, 0) + 1
            self._seconds += seconds
            for limit in self._buckets:
                self._buckets[limit] += seconds <= limit

    def order_accepted(self):
        with self._lock:
            self._orders += 1

    def text(self, gauges):
        with self._lock:
            lines = ["# TYPE shop_requests_total counter"]
            lines += [f'shop_requests_total{{code="{code}",outcome="{outcome}"}} {n}'
                      for (code, outcome), n in self._requests.items()]
            lines += ["# TYPE shop_orders_total counter", f"shop_orders_total {self._orders}",
                      "# TYPE shop_request_seconds histogram"]
            lines += [f'shop_request_seconds_bucket{{le="{limit:g}"}} {n}'.replace("inf", "+Inf")
                      for limit, n in self._buckets.items()]
            lines += [f"shop_request_seconds_sum {self._seconds}",
                      f"shop_request_seconds_count {self._buckets[float('inf')]}"]
        for name, value in gauges.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value}"]
        return "\n".join(lines) + "\n"
