"""Rows 1 to 3: one client that waits, and many, against bare runs in the same loop."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import stages
from client import Client, own_cpu_s
from load import Tally, closed_loop, open_loop, submission
from pairs import Effort, in_turns, ratio, timed
from processes import roles
from rows import Group, at_least, at_most, stated
from service import Service
from yardsticks import HELLO, SIEVE, WrongAnswerError

_CLIENTS = (1, 2, 4, 12, 50)
_USUAL_CLIENTS = 12
_SATURATED = 0.7
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def measure(directory: Path, effort: Effort, rounds: int, round_s: float) -> Group:
    """Measure rows 1, 2 and 3."""
    with Service(directory / "interactive" / "data", ("python",)) as service:
        start = service.stages()
        hello = _latency(service, effort, directory)
        middle = service.stages()
        sieve = _throughput(service, rounds, round_s, directory)
        end = service.stages()
        open_loop_figures = _open_loop(service, max(sieve["http_runs_per_s"].values()), 2 * round_s)
    ceilings = sieve["cores_at_ceiling"]
    usual_runs_per_s = sieve["http_runs_per_s"][_USUAL_CLIENTS]
    rows = [
        at_most("1", "python hello over HTTP, p50 ÷ bare p50", ratio(hello), 0.5),
        at_most("2", "the same, p95 ÷ p50", hello["http_p95_ms"] / hello["http_p50_ms"], 2.5),
        at_least(
            "3",
            "sieve runs/s over HTTP at concurrency 12 ÷ bare starts/s on the same cores",
            usual_runs_per_s / sieve["bare_runs_per_s"],
            1.3,
        ),
        stated("3", "the same, runs/s and core", usual_runs_per_s / len(service.cores)),
        *(
            stated("3", f"cores at which one {role} process has none left", cores)
            for role, cores in ceilings.items()
        ),
        stated("3", "sieve at 70 % of saturation, open loop, p99 ms", open_loop_figures["p99_ms"]),
    ]
    figures = {"hello": hello, "sieve": sieve, "open_loop": open_loop_figures}
    parts = {
        "python hello": stages.between(start, middle),
        "sieve at all concurrencies": stages.between(middle, end),
    }
    return Group("interactive", rows, figures, parts)


def _latency(service: Service, effort: Effort, directory: Path) -> dict[str, Any]:
    """Measure hello over HTTP and bare, taken in turns."""
    with Client(service.port) as client:
        client.run(HELLO)
        return in_turns(
            "python hello",
            effort,
            lambda _: timed(lambda: client.run(HELLO)),
            lambda _: timed(lambda: HELLO.run_bare(directory)),
        )


def _throughput(service: Service, rounds: int, round_s: float, directory: Path) -> dict[str, Any]:
    """Measure runs per second of the sieve over HTTP and bare on all cores, in alternating rounds."""
    cores = len(service.cores)
    http_rates: dict[int, list[float]] = defaultdict(list)
    latencies: dict[int, list[float]] = defaultdict(list)
    bare_rates, client_shares = [], []
    ceilings: dict[str, list[float]] = defaultdict(list)
    request = _sieve()
    for _ in range(rounds):
        for clients in _CLIENTS:
            cpu_before, begun_s, used_before = own_cpu_s(), time.perf_counter(), _used_s(service)
            tally = asyncio.run(
                closed_loop(service.port, clients, round_s, lambda: request, keep_bodies=True)
            )
            elapsed_s = time.perf_counter() - begun_s
            client_shares.append((own_cpu_s() - cpu_before) / elapsed_s / cores)
            if clients == _USUAL_CLIENTS:
                for role, used_s in _used_s(service).items():
                    own_s = max(used_s - used_before[role], _TICK_S)
                    ceilings[role].append(cores * elapsed_s / own_s)
            _require_sieved(tally)
            http_rates[clients].append(len(tally.times_s) / elapsed_s)
            latencies[clients].append(tally.percentile_ms(50))
        bare_rates.append(_bare_rate(cores, round_s, directory))
    return {
        "http_runs_per_s": {clients: statistics.median(rates) for clients, rates in http_rates.items()},
        "http_p50_ms": {clients: statistics.median(times) for clients, times in latencies.items()},
        "bare_runs_per_s": statistics.median(bare_rates),
        "load_generator_cpu_share": statistics.median(client_shares),
        "cores_at_ceiling": {role: statistics.median(found) for role, found in ceilings.items()},
    }


def _used_s(service: Service) -> dict[str, float]:
    """Return the CPU seconds of the processes of which there is one, however many cores there are.

    Of saturated cores such a process has its share; the machine that is that many times larger leaves it
    one core, and no more.
    """
    by_role = roles(service.processes())
    return {role: by_role[role][0].cpu_s for role in ("service", "supervisor")}


def _open_loop(service: Service, saturated_per_s: float, duration_s: float) -> dict[str, Any]:
    """Measure the sieve, sent at fixed moments, at a part of what can be run."""
    request, per_s = _sieve(), _SATURATED * saturated_per_s
    tally = asyncio.run(
        open_loop(service.port, per_s, duration_s, lambda: request, connections=50, keep_bodies=True)
    )
    _require_sieved(tally)
    percentiles = {f"p{percent}_ms": tally.percentile_ms(percent) for percent in (50, 95, 99)}
    return {"sent_per_s": per_s, "runs": len(tally.times_s), **percentiles}


def _sieve() -> bytes:
    return submission(SIEVE.code, SIEVE.language, query="?wait=true")


def _require_sieved(tally: Tally) -> None:
    """Check every answer."""
    if set(tally.statuses) != {200}:
        raise WrongAnswerError(f"answers {dict(tally.statuses)}, expected only 200")
    for body in tally.bodies:
        SIEVE.check(json.loads(body)["stdout"])


def _bare_rate(workers: int, duration_s: float, directory: Path) -> float:
    """Have ``workers`` run the sieve bare one after another; returns runs per second."""
    start = time.perf_counter()

    def work() -> int:
        done = 0
        while time.perf_counter() - start < duration_s:
            SIEVE.run_bare(directory)
            done += 1
        return done

    with ThreadPoolExecutor(workers) as pool:
        counts = [future.result() for future in [pool.submit(work) for _ in range(workers)]]
    return sum(counts) / (time.perf_counter() - start)
