"""Rows 4 and 5: what a run of C costs that was compiled before, in CPU and against bubblewrap."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import stages
from client import Client
from pairs import Effort, in_turns, ratio, timed
from processes import CpuAccount
from rows import Group, at_most
from service import Service
from yardsticks import BenchError, C

_RUNS = 300
_NUMBER = 4
_BUBBLEWRAP = ("bwrap", "--unshare-all", "--ro-bind", "/", "/", "/bin/true")


def measure(directory: Path, effort: Effort) -> Group:
    """Measure rows 4 and 5."""
    if shutil.which(_BUBBLEWRAP[0]) is None:
        raise BenchError("bwrap is missing: run scripts/prepare-bench, or `make bench`, which does")
    hello = C.with_number(_NUMBER)
    account = CpuAccount(f"cellblock-bench-{os.getpid()}")
    try:
        with (
            Service(directory / "cost" / "data", ("c",), account=account) as service,
            Client(service.port) as client,
        ):
            client.run(hello)
            runs, start, used_s = min(_RUNS, 2 * effort.pairs), service.stages(), account.used_s()
            for _ in range(runs):
                client.run(hello)
            cpu_ms = (account.used_s() - used_s) * 1000 / runs
            parts = stages.between(start, service.stages())
            latency = in_turns(
                "C hello, and bwrap with true",
                effort,
                lambda _: timed(lambda: client.run(hello)),
                lambda _: timed(lambda: subprocess.run(_BUBBLEWRAP, check=True)),
            )
    finally:
        account.remove()
    rows = [
        at_most(
            "4", "CPU of all our processes per C hello run, compiled before, HTTP included, ms", cpu_ms, 4
        ),
        at_most(
            "5", "C hello, compiled before, over HTTP, p50 ÷ p50 of bwrap with true", ratio(latency), 0.9
        ),
    ]
    figures = {"cpu_ms_per_run": cpu_ms, "cpu_runs": runs, "hello_and_bubblewrap": latency}
    return Group("cost", rows, figures, {"C hello, compiled before": parts})
