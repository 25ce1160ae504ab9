"""What many clients of one long record may hold in memory, and what the others are told."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from cellblock.api import answers
from doubles import make_executed, make_stage
from running import running

pytestmark = pytest.mark.anyio
OUTPUT = b"x" * 3_000_000
REFUSAL = "too many long answers are on their way to this key's clients, try again later"


async def script(_job):
    return make_executed(make_stage(stdout=OUTPUT), stdout=OUTPUT)


async def slow_reader(port: int, path: str):
    """Ask and take nothing but the first bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    return (await reader.readline()).split()[1], writer


async def until_status(client, path: str, status: int) -> None:
    async with asyncio.timeout(20):
        while (await client.get(path)).status_code != status:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_readers_of_long_records_beyond_the_bound_are_answered_503_until_one_leaves(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(answers.LongAnswers.__init__, "__defaults__", (2 * len(OUTPUT),))
    async with running(tmp_path, script=script) as service:
        client, port = service.http, service.port
        key = str(uuid.uuid4())
        body = {"language": "python", "code": "1"}
        first = await client.post("/api/submit?wait=true", json=body, headers={"idempotency-key": key})
        path = f"/api/result/{first.json()['id']}"
        readers = [await slow_reader(port, path) for _ in range(2)]
        assert [status for status, _ in readers] == [b"200", b"200"]
        refused = await client.get(path)
        assert (refused.status_code, refused.json()) == (503, {"error": REFUSAL})
        assert refused.headers["retry-after"] == "1"
        replayed = await client.post("/api/submit", json=body, headers={"idempotency-key": key})
        assert (replayed.status_code, replayed.json()) == (503, {"error": REFUSAL})
        executed = await client.post("/v1/execute", json=body)
        assert (executed.status_code, executed.json()["error"]["code"]) == (503, "overloaded")
        waited = await client.post("/api/submit?wait=true", json=body)
        assert waited.status_code == 408
        assert waited.json()["error"].startswith(f"{REFUSAL}; poll GET /api/result/{waited.json()['id']}")
        log = await client.get(f"{path}/deliveries")  # which holds no output
        assert log.status_code == 200
        for _, writer in readers:
            writer.transport.abort()
        await until_status(client, path, 200)
        replayed = await client.post("/api/submit", json=body, headers={"idempotency-key": key})
        assert (replayed.status_code, len(replayed.json()["stdout"])) == (202, len(OUTPUT))
