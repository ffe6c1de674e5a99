# SPDX-License-Identifier: Apache-2.0
"""One HTTP connection to the shop, as a shopper or the smoke test uses it."""

import http.client
import json

TIMEOUT_SECONDS = 5


class ShopError(OSError):
    """The shop did not do as asked; code is its HTTP status, or None without an answer."""

    def __init__(self, text, code=None):
        super().__init__(text)
        self.code = code


class Shop:
    def __init__(self, address, port, host="www.shop.test", seconds=TIMEOUT_SECONDS):
        self.address = address
        self._host = host
        self._http = http.client.HTTPConnection(address, port, timeout=seconds)

    def place(self, order):
        """The order as the shop keeps it, and the side that answered."""
        return self._exchange("POST", "/orders", json.dumps(order), good=(200, 201))

    def find(self, number):
        return self._exchange("GET", f"/orders/{number}", None, good=(200,))

    def _exchange(self, method, path, body, good):
        try:
            self._http.request(method, path, body, {"Host": self._host})
            reply = self._http.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException) as e:
            self.close()
            raise ShopError(f"{method} {path}: {e or type(e).__name__}") from None
        side = reply.headers.get("X-Served-By", "the edge")
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {"error": content.decode(errors="replace").strip()[:200]}
        if reply.status not in good:
            raise ShopError(f"{side} answered {reply.status}: {answer.get('error')}", reply.status)
        return answer, side

    def close(self):
        self._http.close()
