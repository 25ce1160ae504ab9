"""A load generator that is light: one kept connection, one request written, one answer read."""

from __future__ import annotations

import http.client
import json
import resource
from typing import Any, Self

from yardsticks import WrongAnswerError, Yardstick


class Client:
    """One connection to the judge API."""

    def __init__(self, port: int) -> None:
        """Connect to the service on ``port`` of this machine."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=150)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def run(self, yardstick: Yardstick) -> dict[str, Any]:
        """Run it over HTTP, check status, verdict and answer; returns the record.

        Raises ``WrongAnswerError``.
        """
        body = json.dumps({"language": yardstick.language, "code": yardstick.code}).encode()
        headers = {"content-type": "application/json"}
        self._connection.request("POST", "/api/submit?wait=true", body, headers)
        response = self._connection.getresponse()
        record: dict[str, Any] = json.loads(response.read())
        if response.status != http.client.OK or record["verdict"] != "AC":
            raise WrongAnswerError(f"{yardstick.name}: {response.status} {record}")
        yardstick.check(record["stdout"])
        return record


def own_cpu_s() -> float:
    """CPU seconds that this process itself has used, its children left out."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
