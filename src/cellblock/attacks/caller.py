"""The service as any client sees it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

_TIMEOUT_S = 150.0
_POLL_S = 0.05
_ENDED = {"completed", "error"}
_MOST_TIME_MS = {"compile_timeout": 30_000, "run_timeout": 60_000}
"""What a client may ask for, as delivered: by default a slow host ends what it would have refused."""


class Answer(Struct, frozen=True):
    """What came back."""

    status: int
    """0 where the service closed the connection without an answer."""
    text: str

    def json(self) -> dict[str, Any]:
        """Return the body as an object, an empty one where it is none."""
        try:
            body = json.loads(self.text)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}


class Caller:
    """Sends requests to one service on this machine; each on a connection of its own."""

    def __init__(self, host: str, port: int, key: str = "") -> None:
        """Speak to ``host`` and ``port`` with an API key where there are keys."""
        self.host = host
        self.port = port
        self._headers = {"content-type": "application/json", **({"x-api-key": key} if key else {})}

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; raises ``OSError`` where nobody answers."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body=body, headers={**self._headers, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode("utf-8", "replace"))
        except (http.client.HTTPException, BrokenPipeError, ConnectionResetError):
            return Answer(0, "")
        finally:
            connection.close()

    def post(self, path: str, body: object) -> Answer:
        """Send an object as JSON."""
        return self.send("POST", path, json.dumps(body).encode())

    def execute(self, language: str, **program: object) -> Answer:
        """Run a program's ``code`` or ``files`` by the execute API, with time where the service grants it."""
        body = {"language": language, **program}
        answer = self.post("/v1/execute", {**body, **_MOST_TIME_MS})
        return self.post("/v1/execute", body) if answer.status == http.client.BAD_REQUEST else answer

    def executed(self, language: str, code: str, *, stdin: str = "", version: str = "*") -> Answer:
        """Run a program by the execute API; returns what a record would say of it, as far as that is told."""
        answer = self.execute(language, code=code, stdin=stdin, version=version)
        run = answer.json().get("run") or {}
        if answer.status != http.client.OK or run.get("code") is run.get("signal") is None:
            return answer
        failed = "SIG" if run["code"] is None else "RE"  # whom a limit ended, a signal did
        record = {
            "verdict": "AC" if run["code"] == 0 else failed,
            "exit_code": run["code"],
            "stdout": run["stdout"],
            "stderr": run["stderr"],
        }
        return Answer(answer.status, json.dumps(record))

    def submit(self, language: str, code: str, *, stdin: str = "", wait: bool = True) -> Answer:
        """Submit a program to the judge API; with ``wait`` returns its record, however long it takes."""
        path = f"/api/submit?wait={str(wait).lower()}"
        answer = self.post(path, {"language": language, "code": code, "stdin": stdin})
        if wait and answer.status == http.client.REQUEST_TIMEOUT:
            return self.finished(str(answer.json()["id"]))
        return answer

    def finished(self, submission_id: str) -> Answer:
        """Poll a submission until it has its record, for as long as any program may take."""
        deadline_s = time.monotonic() + _TIMEOUT_S
        while True:
            answer = self.send("GET", f"/api/result/{submission_id}")
            if answer.status != http.client.OK or answer.json().get("job_status") in _ENDED:
                return answer
            if time.monotonic() > deadline_s:
                return Answer(0, answer.text)
            time.sleep(_POLL_S)
