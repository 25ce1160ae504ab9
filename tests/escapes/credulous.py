"""A service that believes everything: whatever tells a good one from a bad one finds this one out."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
from typing import ClassVar


class Credulous(http.server.BaseHTTPRequestHandler):
    """Takes every request, makes a record of each, gives any of them to anybody, does as a path says."""

    protocol_version = "HTTP/1.1"
    records: ClassVar[list[str]] = []
    numbers: ClassVar[itertools.count] = itertools.count()

    def do_POST(self):
        body = self.rfile.read(max(0, int(self.headers.get("content-length") or 0)))
        self.records.append(body.decode(errors="replace"))
        self.reply(
            {"id": str(next(self.numbers)), "run": {"stdout": "whatever\n"}, "stdout": self.records[-1]}
        )

    def do_GET(self):
        self.reply({"job_status": "completed", "stdout": "".join(self.records)})

    def reply(self, body):
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle_one_request(self):
        with contextlib.suppress(OSError):
            super().handle_one_request()

    def log_message(self, *_):
        pass
