"""Outputs up to the bound of both streams: whole, in every dialect, and at nobody else's expense."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc

import pytest

from doubles import make_executed, make_stage
from running import running

pytestmark = pytest.mark.anyio

BOUND = 10 * 1024 * 1024
LONGEST_TURN_CPU_S = 0.02
"""CPU time, which a busy machine does not stretch. Encoding such a record in one go takes ten times that."""
TEXT = ("é€𝄞\n" * 100_000).encode()
NOISE = bytes(range(256)) * 2000


def printing(stdout: bytes, stderr: bytes, *order: tuple[int, int]):
    """A script whose programs write this."""

    async def script(_job):
        stage = make_stage(stdout=stdout, stderr=stderr, output_order=order)
        return make_executed(stage, stdout=stdout, stderr=stderr)

    return script


async def opened(port: int, method: str, path: str, body: object = None, *, version: str = "1.1"):
    """Send a request; returns the connection, of which nothing was read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/{version}\r\nhost: localhost\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    writer.write(head.encode() + content)
    return reader, writer


async def drained(reader: asyncio.StreamReader) -> int:
    """Read to the end and keep nothing; returns how many bytes there were."""
    size = 0
    while piece := await reader.read(1 << 16):
        size += len(piece)
    return size


@pytest.mark.parametrize(
    ("stdout", "stderr"), [(TEXT, b""), (NOISE, TEXT), (b"\0" * 200_000, b'"\\' * 99_999)]
)
async def test_long_outputs_arrive_whole_in_every_dialect(tmp_path, stdout, stderr):
    shown = {"stdout": stdout.decode("utf-8", "replace"), "stderr": stderr.decode("utf-8", "replace")}
    order = ((1, 70_000), (2, 3), (1, 1))
    mixed = stdout[:70_000] + stderr[:3] + stdout[70_000:70_001] + stdout[70_001:] + stderr[3:]
    async with running(tmp_path, script=printing(stdout, stderr, *order)) as service:
        record = (await service.submit()).json()
        assert {name: record[name] for name in shown} == shown
        stored = await service.http.get(f"/api/result/{record['id']}")
        assert stored.headers["content-type"] == "application/json"
        assert stored.json() == record
        run = (await service.execute("1")).json()["run"]
        assert {name: run[name] for name in shown} == shown
        run = (await service.piston()).json()["run"]
        assert run | shown | {"output": mixed.decode("utf-8", "replace")} == run


async def test_long_answer_ends_with_the_connection_still_good(tmp_path):
    async with running(tmp_path, script=printing(TEXT, b"")) as service:
        sizes = [len((await service.submit()).content) for _ in range(3)]
        assert min(sizes) > len(TEXT)
        assert (await service.http.get("/api/health")).status_code == 200


async def test_short_answer_states_its_length_and_a_long_one_is_chunked(tmp_path):
    async with running(tmp_path) as service:
        short = await service.submit()
        assert int(short.headers["content-length"]) == len(short.content)
        service.supervisor.script = printing(TEXT, b"")
        assert (await service.submit()).headers["transfer-encoding"] == "chunked"


async def test_client_of_http_1_0_gets_no_chunks_but_a_length(tmp_path):
    async with running(tmp_path, script=printing(NOISE, TEXT)) as service:
        expected = await service.submit()
        path = f"/api/result/{expected.json()['id']}"
        reader, writer = await opened(service.port, "GET", path, version="1.0")
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert f"content-length: {len(body)}".encode() in head.lower()
        assert body == expected.content
        writer.close()


async def test_no_turn_of_the_event_loop_is_long_for_twice_the_bound_of_nuls_and_noise(tmp_path):
    loop = asyncio.get_running_loop()
    turns: list[float] = []

    def turn(began: float) -> None:
        now = time.thread_time()
        turns.append(now - began)
        handle["next"] = loop.call_soon(turn, now)

    async with running(tmp_path, script=printing(b"\0" * BOUND, b"\xff" * BOUND)) as service:
        handle = {"next": loop.call_soon(turn, time.thread_time())}
        for path in ("/api/submit?wait=true", "/v1/execute"):
            reader, writer = await opened(service.port, "POST", path, {"language": "python", "code": "1"})
            assert await drained(reader) > (6 + 3) * BOUND
            writer.close()
        handle["next"].cancel()
    assert len(turns) > 2 * 2 * BOUND / (64 * 1024)  # a turn for each piece
    assert max(turns) < LONGEST_TURN_CPU_S


async def test_clients_that_do_not_read_cost_the_bytes_that_were_written_and_no_more(tmp_path):
    readers = 4
    async with running(tmp_path, script=printing(b"\0" * BOUND, b"")) as service:
        path = f"/api/result/{(await service.submit()).json()['id']}"
        tracemalloc.start()
        try:
            stalled = [await opened(service.port, "GET", path) for _ in range(readers)]
            for reader, _ in stalled:
                assert await reader.readexactly(1 << 16)
                reader._transport.pause_reading()
            for _ in range(20):
                assert (await service.http.get("/api/health")).status_code == 200
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < readers * (BOUND + 2_000_000)
        for _, writer in stalled:
            writer.transport.abort()


async def test_client_that_goes_in_the_middle_of_its_answer_harms_nobody(tmp_path, caplog):
    async with running(tmp_path, script=printing(b"\0" * BOUND, b"")) as service:
        for path in ("/api/submit?wait=true", "/v1/execute"):
            reader, writer = await opened(service.port, "POST", path, {"language": "python", "code": "1"})
            await reader.readexactly(1 << 20)
            writer.transport.abort()
        assert (await service.http.get("/api/health")).status_code == 200
        assert (await service.submit()).status_code == 200
    assert [entry for entry in caplog.records if entry.levelname in {"ERROR", "CRITICAL"}] == []
