"""Row 11 and the overload: how many submissions are accepted, and what more than can be run does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sqlite3
import time
from pathlib import Path

from load import Tally, closed_loop, open_loop, submission
from rows import Group, Row, at_least, at_most
from service import Service
from yardsticks import WrongAnswerError

_LANGUAGE = "bash"
_ACCEPT_CONNECTIONS = 32
_ROUND_S = 5.0
_WAITING = 100_000
_CAPACITY_CLIENTS = 12
_CAPACITY_S = 10.0
_OVERLOAD_FACTOR = 3
_RECOVERY_S = 10.0
_MIB = 1 << 20


def measure(directory: Path, overload_s: float) -> list[Group]:
    """Measure row 11, then the overload."""
    return [
        _accepting(directory / "accepting" / "data"),
        _overload(directory / "overload" / "data", overload_s),
    ]


def _accepting(data_dir: Path) -> Group:
    """Submit until 100 000 wait; every id that was answered has to be a row of the store."""
    data_dir.parent.mkdir(parents=True)
    numbers = itertools.count()
    rounds: list[dict[str, float]] = []
    accepted: set[str] = set()
    with Service(data_dir, (_LANGUAGE,), "--queue-capacity", str(2 * _WAITING)) as service:
        before = service.memory_bytes()
        while len(accepted) < _WAITING:
            tally = asyncio.run(
                closed_loop(
                    service.port,
                    _ACCEPT_CONNECTIONS,
                    _ROUND_S,
                    lambda: submission(f"echo {next(numbers)}", _LANGUAGE),
                    keep_bodies=True,
                )
            )
            _require_only(tally, {202})
            accepted |= {json.loads(body)["id"] for body in tally.bodies}
            rounds.append(
                {
                    "accepted": len(accepted),
                    "per_s": tally.per_s,
                    "p50_ms": tally.percentile_ms(50),
                    "p99_ms": tally.percentile_ms(99),
                    "service_rss_mib": service.memory_bytes() / _MIB,
                }
            )
        grown = service.memory_bytes() - before
        service.kill()
    with contextlib.closing(sqlite3.connect(data_dir / "cellblock.db")) as database:
        kept = {row[0] for row in database.execute("SELECT id FROM submissions")}
    if missing := len(accepted - kept):
        raise WrongAnswerError(f"{missing} of {len(accepted)} accepted submissions are not in the store")
    rates, slowest = sorted(one["per_s"] for one in rounds), [one["p99_ms"] for one in rounds]
    rows = [
        at_least(
            "11", f"accepted submissions/s until {_WAITING} wait, median round", rates[len(rates) // 2], 1500
        ),
        at_most("11", "p99 of these, ms, worst round", max(slowest), 50),
        Row(
            "11",
            "service memory for each that waits, bytes",
            grown / len(accepted),
            "flat",
            grown <= 50 * _MIB,
        ),
    ]
    return Group("accepting", rows, {"rounds": rounds, "killed_and_all_kept": len(accepted)})


def _overload(data_dir: Path, duration_s: float) -> Group:
    """Submit at three times what can be run, then see whether all is as before ten seconds later."""
    data_dir.parent.mkdir(parents=True)
    request = submission("echo 1", _LANGUAGE)
    held = submission("echo 1", _LANGUAGE, query="?wait=true")
    with Service(data_dir, (_LANGUAGE,)) as service:
        capacity = asyncio.run(closed_loop(service.port, _CAPACITY_CLIENTS, _CAPACITY_S, lambda: held))
        _require_only(capacity, {200})
        runs_per_s = capacity.per_s
        before = service.memory_bytes()
        tally = asyncio.run(
            open_loop(
                service.port, _OVERLOAD_FACTOR * runs_per_s, duration_s, lambda: request, keep_bodies=True
            )
        )
        _require_only(tally, {202, 503})
        if tally.without_retry_after:
            raise WrongAnswerError(f"{tally.without_retry_after} answers 503 without Retry-After")
        grown = service.memory_bytes() - before
        time.sleep(_RECOVERY_S)
        completed, start_s = service.completed(), time.perf_counter()
        time.sleep(_CAPACITY_S)
        after_per_s = (service.completed() - completed) / (time.perf_counter() - start_s)
        if service.waiting() == 0:  # it has caught up, so ask for more
            again = asyncio.run(closed_loop(service.port, _CAPACITY_CLIENTS, _CAPACITY_S, lambda: held))
            after_per_s = again.per_s
        ids = [json.loads(body)["id"] for body in tally.bodies if b'"id"' in body]
        wrong = service.wrong_results(ids, b"1\n")
    if wrong:
        raise WrongAnswerError(f"{wrong} of {len(ids)} accepted submissions ended with another result")
    rows = [
        at_most(
            "overload",
            f"p99 of all answers at three times the capacity for {duration_s:g} s, ms",
            tally.percentile_ms(99),
            100,
        ),
        at_most("overload", "growth of the service's memory meanwhile, MiB", grown / _MIB, 20),
        at_least("overload", "runs/s ten seconds after ÷ before", after_per_s / runs_per_s, 0.9),
    ]
    figures = {
        "capacity_runs_per_s": runs_per_s,
        "statuses": dict(tally.statuses),
        "p50_ms": tally.percentile_ms(50),
        "p99_ms": tally.percentile_ms(99),
        "after_runs_per_s": after_per_s,
        "accepted_and_right": len(ids),
    }
    return Group("overload", rows, figures)


def _require_only(tally: Tally, statuses: set[int]) -> None:
    if not set(tally.statuses) <= statuses:
        raise WrongAnswerError(f"answers {dict(tally.statuses)}, expected only {sorted(statuses)}")
