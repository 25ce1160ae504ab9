"""``make bench``: how fast the service is, against bare runs in the same loop on the same machine.

Starts the service as a user would, checks every single answer, prints one table and writes it with
the machine's facts to ``bench/results/``. Ratios are the result: machines are shared and noisy.
Exit code 1 where an answer was wrong or a row is missing.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from client import Client, own_cpu_s
from service import Service
from yardsticks import HELLO, SIEVE, Yardstick

RESULTS = Path(__file__).parent / "results"


def latency(service: Service, pairs: int, directory: Path) -> dict[str, float]:
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


def throughput(
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


class Bare:
    """Runs a yardstick without any service, in the shape of a client."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, yardstick: Yardstick) -> None:
        """Run it once and check its answer."""
        yardstick.run_bare(self._directory)


def closed_loop(workers: int, duration_s: float, connect, yardstick: Yardstick) -> tuple[int, float]:  # noqa: ANN001
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


def timed(action) -> float:  # noqa: ANN001
    """Return how many ms ``action`` took."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def percentile(values: list[float], percent: int) -> float:
    """Return the value that ``percent`` % of the others do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def rows(hello: dict[str, float], sieve: dict[str, float]) -> list[tuple[str, str, float, str]]:
    """Return number, figure, value and target of each row."""
    return [
        ("1", "python hello over HTTP, p50 ÷ bare p50", hello["http_p50_ms"] / hello["bare_p50_ms"], "≤ 0.5"),
        ("2", "the same, p95 ÷ p50", hello["http_p95_ms"] / hello["http_p50_ms"], "≤ 2.5"),
        (
            "3",
            "sieve runs/s over HTTP at concurrency 12 ÷ bare starts/s on the same cores",
            sieve["http_runs_per_s"] / sieve["bare_runs_per_s"],
            "≥ 1.3",
        ),
    ]


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200, help="pairs of hello, HTTP and bare in turns")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of the sieve, HTTP and bare in turns")
    parser.add_argument("--round-s", type=float, default=8, help="seconds a round")
    parser.add_argument("--clients", type=int, default=12, help="concurrent clients of the sieve")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        Service(Path(directory) / "data", ("python",)) as service,
    ):
        hello = latency(service, arguments.pairs, Path(directory))
        sieve = throughput(service, arguments.rounds, arguments.round_s, arguments.clients, Path(directory))
        facts = service.facts()
    table = rows(hello, sieve)
    for number, figure, value, target in table:
        print(f"{number:>2}  {figure:<75} {value:6.2f}  target {target}")
    print(f"    hello ms: {hello}\n    sieve: {sieve}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    measured = {
        "machine": {
            "kernel": platform.release(),
            "arch": platform.machine(),
            "python": platform.python_version(),
            **facts,
        },
        "rows": [
            {"row": number, "figure": figure, "value": value, "target": target}
            for number, figure, value, target in table
        ],
        "hello": hello,
        "sieve": sieve,
    }
    path.write_text(json.dumps(measured, indent=1), encoding="utf-8")
    print(f"written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
