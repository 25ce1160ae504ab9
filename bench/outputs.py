"""Row 14: an output of 10 MiB, in time and in the service's memory."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import time
from pathlib import Path

from rows import Group, at_most
from service import Service
from yardsticks import WrongAnswerError

_BYTES = 10 << 20
_MIB = 1 << 20
_CODE = f"import sys\nfor _ in range({_BYTES} // 1024):\n    sys.stdout.write('x' * 1023 + '\\n')\n"


def measure(directory: Path, pairs: int) -> Group:
    """Measure against the same program writing to a pipe that is read."""
    program = directory / "ten_mib.py"
    program.write_text(_CODE, encoding="utf-8")
    body = json.dumps({"language": "python", "code": _CODE}).encode()

    def bare() -> float:
        start_s = time.perf_counter()
        done = subprocess.run(["/usr/bin/python3", program], capture_output=True, check=True)
        took_ms = (time.perf_counter() - start_s) * 1000
        _require(len(done.stdout) == _BYTES)
        return took_ms

    with Service(directory / "outputs" / "data", ("python",)) as service:

        def over_http() -> float:
            start_s = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
            connection.request("POST", "/api/submit?wait=true", body, {"content-type": "application/json"})
            answer = connection.getresponse().read()
            connection.close()
            took_ms = (time.perf_counter() - start_s) * 1000
            _require(answer.count(b"x" * 1023) == _BYTES // 1024 and b'"verdict":"AC"' in answer)
            return took_ms

        service.run_once("print(1)")
        before = service.memory_bytes()
        service.forget_peak()
        over_http()
        grown = service.memory_bytes(peak=True) - before
        times = [(over_http(), bare()) for _ in range(pairs)]
    http_ms = statistics.median(pair[0] for pair in times)
    bare_ms = statistics.median(pair[1] for pair in times)
    rows = [
        at_most("14", "10 MiB of output over HTTP, p50 ÷ bare p50", http_ms / bare_ms, 3),
        at_most("14", "growth of the service's memory for it, MiB at its peak", grown / _MIB, 40),
    ]
    return Group("outputs", rows, {"http_p50_ms": http_ms, "bare_p50_ms": bare_ms})


def _require(right: bool) -> None:  # noqa: FBT001  # what has to be so
    if not right:
        raise WrongAnswerError("10 MiB were written and something else arrived")
