"""Rows 1 to 3: one client that waits, and twelve, against bare runs in the same loop."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, Self

from client import Client, own_cpu_s
from rows import Group, at_least, at_most, percentile
from service import Service
from yardsticks import HELLO, SIEVE, Yardstick


class Runner(Protocol):
    """Runs a yardstick and checks its answer."""

    def __enter__(self) -> Self:
        """Connect."""

    def __exit__(self, *error: object) -> None:
        """Disconnect."""

    def run(self, yardstick: Yardstick) -> None:
        """Run it once; raises ``WrongAnswerError``."""


class Bare:
    """Runs a yardstick without any service, in the shape of a client."""

    def __init__(self, directory: Path) -> None:
        """Put the programs into ``directory``."""
        self._directory = directory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, yardstick: Yardstick) -> None:
        """Run it once and check its answer."""
        yardstick.run_bare(self._directory)


def measure(directory: Path, pairs: int, rounds: int, round_s: float) -> Group:
    """Measure rows 1, 2 and 3."""
    with Service(directory / "interactive" / "data", ("python",)) as service:
        hello = _latency(service, pairs, directory)
        sieve = _throughput(service, rounds, round_s, 12, directory)
    rows = [
        at_most(
            "1", "python hello over HTTP, p50 ÷ bare p50", hello["http_p50_ms"] / hello["bare_p50_ms"], 0.5
        ),
        at_most("2", "the same, p95 ÷ p50", hello["http_p95_ms"] / hello["http_p50_ms"], 2.5),
        at_least(
            "3",
            "sieve runs/s over HTTP at concurrency 12 ÷ bare starts/s on the same cores",
            sieve["http_runs_per_s"] / sieve["bare_runs_per_s"],
            1.3,
        ),
    ]
    return Group("interactive", rows, {"hello": hello, "sieve": sieve})


def closed_loop(
    workers: int, duration_s: float, connect: Callable[[], Runner], yardstick: Yardstick
) -> tuple[int, float]:
    """Have ``workers`` run the yardstick one after another; returns runs done and seconds taken."""
    start = time.perf_counter()

    def work() -> int:
        done = 0
        with connect() as runner:
            while time.perf_counter() - start < duration_s:
                runner.run(yardstick)
                done += 1
        return done

    with ThreadPoolExecutor(workers) as pool:
        counts = [future.result() for future in [pool.submit(work) for _ in range(workers)]]
    return sum(counts), time.perf_counter() - start


def timed(action: Callable[[], object]) -> float:
    """Return how many ms ``action`` took."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def _latency(service: Service, pairs: int, directory: Path) -> dict[str, float]:
    """Return p50 and p95 in ms of hello over HTTP and bare, taken in turns."""
    over_http: list[float] = []
    bare: list[float] = []
    with Client(service.port) as client:
        client.run(HELLO)
        for _ in range(pairs):
            over_http.append(timed(lambda: client.run(HELLO)))
            bare.append(timed(lambda: HELLO.run_bare(directory)))
    return {
        "http_p50_ms": statistics.median(over_http),
        "http_p95_ms": percentile(over_http, 95),
        "bare_p50_ms": statistics.median(bare),
        "bare_p95_ms": percentile(bare, 95),
    }


def _throughput(
    service: Service, rounds: int, round_s: float, clients: int, directory: Path
) -> dict[str, float]:
    """Return runs per second of the sieve over HTTP and bare on all cores, in alternating rounds."""
    cores = len(service.cores)
    http_rates, bare_rates, client_shares = [], [], []
    for _ in range(rounds):
        cpu_before = own_cpu_s()
        count, elapsed_s = closed_loop(clients, round_s, lambda: Client(service.port), SIEVE)
        http_rates.append(count / elapsed_s)
        client_shares.append((own_cpu_s() - cpu_before) / elapsed_s / cores)
        count, elapsed_s = closed_loop(cores, round_s, lambda: Bare(directory), SIEVE)
        bare_rates.append(count / elapsed_s)
    return {
        "http_runs_per_s": statistics.median(http_rates),
        "bare_runs_per_s": statistics.median(bare_rates),
        "load_generator_cpu_share": statistics.median(client_shares),
    }
