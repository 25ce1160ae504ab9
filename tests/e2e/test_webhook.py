"""A whole instance: a program in a cell, its record answered and posted to a receiver, both the same."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import standardwebhooks

from e2e.instance import running_instance

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        length_bytes = int(self.headers["content-length"])
        self.server.received = (dict(self.headers), self.rfile.read(length_bytes))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object):
        pass


def test_program_that_ran_in_a_cell_is_told_of_by_webhook(free_port, time_scale):
    flag = "--allow-localhost-webhooks"
    with (
        running_instance(free_port, flag, time_scale=time_scale) as instance,
        HTTPServer(("127.0.0.1", 0), Receiver) as server,
        ThreadPoolExecutor() as threads,
    ):
        server.timeout = 30
        handled = threads.submit(server.handle_request)
        url = f"http://127.0.0.1:{server.server_port}/hook"
        instance.submit_when_ready("print(1)", timeout_s=30 * time_scale)
        answer = instance.submit("print(2 + 2)", webhook_url=url, webhook_secret="of the test")
        handled.result()
        headers, body = server.received
    assert answer.json()["stdout"] == "4\n"
    assert body == answer.content
    standardwebhooks.Webhook(b"of the test").verify(body, headers)
