"""A server with one fault, for the tests of the conformance kit: `wrong_server.py FAULT UPSTREAM`.

It passes requests to the server `UPSTREAM` and falsifies one kind of answer. It prints its URL.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


def accepts_stale_ends(path: str, status: int, body: Body) -> tuple[int, Body]:
    """It says that a stale write took effect."""
    if status == 409 and path.endswith(("/succeed", "/fail", "/release")):
        return 200, {"executionId": "00000000-0000-0000-0000-000000000000"}
    return status, body


def hides_cancels(path: str, status: int, body: Body) -> tuple[int, Body]:
    """It does not tell workers of interrupts."""
    if status == 200 and path.endswith("/heartbeat"):
        return status, {**body, "interrupt": None}
    return status, body


def shares_tokens(path: str, status: int, body: Body) -> tuple[int, Body]:
    """It gives the token of the first lease with every lease."""
    if path.endswith("/leases"):
        for lease in body.get("leases", []):
            lease["token"] = FIRST.setdefault("token", lease["token"])
    return status, body


FIRST: dict[str, str] = {}
FAULTS = {
    "accepts-stale-ends": accepts_stale_ends,
    "hides-cancels": hides_cancels,
    "shares-tokens": shares_tokens,
}


class Handler(BaseHTTPRequestHandler):
    """Passes a request on."""

    def do_GET(self) -> None:
        """Passes a read on."""
        self.pass_on(None)

    def do_POST(self) -> None:
        """Passes a write on."""
        self.pass_on(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def pass_on(self, data: bytes | None) -> None:
        """Falsifies the answer."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(UPSTREAM + self.path, data, headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        status, body = FAULT(self.path, status, json.loads(text or b"{}"))
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


if __name__ == "__main__":
    FAULT, UPSTREAM = FAULTS[sys.argv[1]], sys.argv[2]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
