"""Two hundred requests at once with one idempotency key: one submission, one start, one result."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
import uuid
from pathlib import Path

import httpx
import pytest

from e2e.instance import running_instance
from pace import TIME_SCALE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

REQUESTS = 200


@pytest.mark.parametrize("wait", ["true", "false"])
def test_one_of_two_hundred_runs_and_all_are_told_of_it(free_port, time_scale, wait):
    async def submit_all(base_url):
        limits = httpx.Limits(max_connections=REQUESTS)
        async with httpx.AsyncClient(base_url=base_url, limits=limits, timeout=60 * TIME_SCALE) as http:
            # A connection each before the first request, so that they really come together.
            await asyncio.gather(*(http.get("/api/health") for _ in range(REQUESTS)))
            headers = {"idempotency-key": str(uuid.uuid4())}
            return await asyncio.gather(
                *(
                    http.post(
                        "/api/submit",
                        params={"wait": wait},
                        # The body is not compared: the first one wins.
                        json={"language": "python", "code": f"print({number})"},
                        headers=headers,
                    )
                    for number in range(REQUESTS)
                )
            )

    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name:
        with running_instance(free_port, directory=Path(name), time_scale=time_scale) as instance:
            instance.submit_when_ready("pass", timeout_s=15 * time_scale)
            answers = asyncio.run(submit_all(instance.base_url))
            (submission,) = {answer.json()["id"] for answer in answers}
            record = instance.finished(submission, timeout_s=30 * time_scale)
        statuses = [answer.status_code for answer in answers]
        assert sorted(set(statuses)) == ([200, 202] if wait == "true" else [202])
        assert statuses.count(200) == (1 if wait == "true" else 0), "only the first one waits"
        assert record["verdict"] == "AC"
        assert int(record["stdout"]) in range(REQUESTS)
        for answer in answers:
            body = answer.json()
            assert body.get("stdout") in {None, record["stdout"]}
        with contextlib.closing(sqlite3.connect(Path(name) / "data" / "cellblock.db")) as database:
            query = "SELECT starts, stdout FROM submissions WHERE idempotency_key IS NOT NULL"
            assert database.execute(query).fetchall() == [(1, record["stdout"].encode())]
