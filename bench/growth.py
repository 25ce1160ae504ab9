"""Row 12: what stored records and more clients cost."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import statistics
from collections import defaultdict
from pathlib import Path

from load import closed_loop, submission
from rows import Group, Row
from service import Service
from yardsticks import WrongAnswerError

_LANGUAGE = "bash"
_RECORDS = (0, 1_000, 100_000)
_CLIENTS = (1, 2, 4, 12, 50)
_USUAL_CLIENTS = 12
_FLAT = 0.1
_COPY = """
WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
INSERT INTO submissions SELECT
    printf('%08x-0000-4000-8000-%012x', n, n), language, profile, job_status, key_scope, NULL, starts,
    created_at_ns, started_at_ns, completed_at_ns, verdict, exit_code, signal, output_integrity,
    error_message, wall_time_ns, evidence, stdout, stderr, code, stdin, webhook_url, webhook_secret
FROM counted, (SELECT * FROM submissions LIMIT 1)
"""


def measure(directory: Path, rounds: int, round_s: float) -> Group:
    """Measure runs/s with so many records, and with so many clients, in turns."""
    request = submission("echo 1", _LANGUAGE, query="?wait=true")
    by_records: dict[int, list[float]] = defaultdict(list)
    by_clients: dict[int, list[float]] = defaultdict(list)

    def rate(service: Service, clients: int) -> float:
        tally = asyncio.run(closed_loop(service.port, clients, round_s, lambda: request, keep_bodies=True))
        if set(tally.statuses) != {200} or not all(b'"verdict":"AC"' in body for body in tally.bodies):
            raise WrongAnswerError(f"answers {dict(tally.statuses)}, or a verdict that is not AC")
        return tally.per_s

    with contextlib.ExitStack() as stack:
        services = {
            count: stack.enter_context(_service_with(directory / f"records-{count}", count, request))
            for count in _RECORDS
        }
        # Of their own, or the service without records would have the most of them soon.
        asked = stack.enter_context(_service_with(directory / "clients", 0, request))
        for service in (*services.values(), asked):
            rate(service, _USUAL_CLIENTS)  # what is used for the first time
        before = {count: service.completed() for count, service in services.items()}
        for number in range(rounds):
            turn = 1 if number % 2 == 0 else -1
            for count, service in [*services.items()][::turn]:
                by_records[count].append(rate(service, _USUAL_CLIENTS))
            for clients in _CLIENTS[::turn]:
                by_clients[clients].append(rate(asked, clients))
        held = {count: (before[count], service.completed()) for count, service in services.items()}
    records = {count: statistics.median(rates) for count, rates in by_records.items()}
    by_client_count = {clients: statistics.median(rates) for clients, rates in by_clients.items()}
    rows = [
        _flat(f"runs/s with {count} records stored ÷ with none", records[count] / records[0])
        for count in _RECORDS[1:]
    ]
    rows.append(_flat("runs/s of 50 clients ÷ of 4", by_client_count[50] / by_client_count[4]))
    figures = {
        "runs_per_s_by_records": records,
        "runs_per_s_by_clients": by_client_count,
        "records_at_begin_and_end": held,
    }
    return Group("growth", rows, figures)


def _flat(figure: str, value: float) -> Row:
    return Row("12", figure, value, "≥ 0.9", value >= 1 - _FLAT)


def _service_with(directory: Path, records: int, request: bytes) -> Service:
    """Return a service, not yet started, whose store has so many completed records of real runs."""
    directory.mkdir()
    if records:
        with Service(directory / "data", (_LANGUAGE,)) as first:
            asyncio.run(closed_loop(first.port, 1, 0.001, lambda: request))
        with contextlib.closing(sqlite3.connect(directory / "data" / "cellblock.db")) as database:
            database.execute(_COPY, (records,))
            database.commit()
    return Service(directory / "data", (_LANGUAGE,))
