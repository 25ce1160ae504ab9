"""Disks of a test's own below a service, and what the service is asked meanwhile."""

from __future__ import annotations

import subprocess
import time

import httpx

from e2e.instance import Instance
from pace import TIME_SCALE


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def ready(instance: Instance) -> httpx.Response:
    return httpx.get(f"{instance.base_url}/api/health/ready", timeout=60 * TIME_SCALE)


def wait_until_ready(instance: Instance, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            answer = ready(instance)
            languages = httpx.get(f"{instance.base_url}/api/languages").json()
            if answer.status_code == 200 and "python" in languages:
                return
            said = answer.text
        except httpx.TransportError as error:
            said = str(error)
        assert time.monotonic() < deadline_s, f"not ready in {timeout_s} s: {said}"
        time.sleep(0.05)


def assert_all_came_out(instance: Instance, accepted: dict[str, str], timeout_s: float) -> None:
    for submission, printed in accepted.items():
        record = instance.finished(submission, timeout_s=timeout_s)
        assert (record["job_status"], record["verdict"]) == ("completed", "AC"), record
        assert record["stdout"] == printed
