"""What a long output costs a whole instance."""

from __future__ import annotations

import os
import socket
import statistics
from pathlib import Path

import pytest

from e2e.instance import running_instance

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

TEN_MIB = 10 * 1024 * 1024
CODE = f"import sys; sys.stdout.buffer.write(bytes(range(32, 127)) * {TEN_MIB // 95 + 1})"


def memory_kb(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise AssertionError(f"/proc/{pid}/status has no {field}")


def test_ten_mebibytes_of_output_grow_the_service_by_at_most_forty_megabytes(time_scale):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_instance(port, time_scale=time_scale) as instance:
        instance.submit_when_ready("print(1)", timeout_s=60 * time_scale)
        service = instance.pid_of("service")
        grown_bytes = []
        for _ in range(3):
            Path(f"/proc/{service}/clear_refs").write_text("5")  # the peak begins anew
            before_kb = memory_kb(service, "VmRSS")
            record = instance.submit(CODE).json()
            assert len(record["stdout"]) == TEN_MIB
            assert record["output_integrity"] == "truncated_by_judge_limit"
            grown_bytes.append((memory_kb(service, "VmHWM") - before_kb) * 1024)
        assert statistics.median(grown_bytes) < 40_000_000, grown_bytes
