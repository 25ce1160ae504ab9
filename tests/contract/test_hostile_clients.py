"""Clients that are slow, greedy or many: each is cut off, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest

from attacked import MIB, RawClient, attacked
from doubles import Gate, make_outcome, until

pytestmark = pytest.mark.anyio

PATIENT_S = 1.0
"""What a well-behaved client may have to wait while others attack, on a busy machine."""
QUICK = {
    "CELLBLOCK_HEAD_TIMEOUT_MS": "600",
    "CELLBLOCK_BODY_TIMEOUT_MS": "800",
    "CELLBLOCK_ANSWER_TIMEOUT_MS": "1000",
    "CELLBLOCK_KEEP_ALIVE_TIMEOUT_MS": "1000",
}
HEALTH = b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n"
JSON = {"content-type": "application/json"}
BODY = json.dumps({"language": "python", "code": "print(2 + 2)"}).encode()


def post(path: str, *fields: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


def submission() -> bytes:
    return post("/api/submit?wait=true", f"content-length: {len(BODY)}") + BODY


async def drip(client: RawClient, data: bytes, every_s: float) -> None:
    """Send byte after byte until the service has had enough."""
    for byte in data:
        try:
            await client.send(bytes([byte]))
        except ConnectionError:
            return
        await asyncio.sleep(every_s)


async def test_endless_header_is_refused_at_once_and_holds_nobody_up():
    async with attacked() as service:
        peak_bytes = service.peak_memory_bytes
        async with service.well_behaved() as latencies_s:
            client = await service.say(b"GET /api/health HTTP/1.1\r\nx: ")
            flood = asyncio.create_task(client.send(b"a" * (100 * MIB)))
            answer = await client.answer()
            await client.closed()
            flood.cancel()
            await asyncio.wait([flood])
        assert answer.status == 431
        assert answer.headers["connection"] == "close"
        assert answer.json() == {"error": "request head too large: at most 32768 bytes are allowed"}
        assert max(latencies_s) < PATIENT_S
        assert service.peak_memory_bytes - peak_bytes < 16 * MIB


async def test_heads_that_drip_are_answered_408_and_give_their_descriptors_back():
    async with attacked(QUICK) as service:
        before = service.sockets
        clients = [await service.connect() for _ in range(50)]
        async with service.well_behaved() as latencies_s:
            drips = [
                asyncio.create_task(drip(client, HEALTH[:-2] + b"x: y\r\n" * 99, 0.1)) for client in clients
            ]
            answers = await asyncio.gather(*(client.answer() for client in clients))
            for each in drips:
                each.cancel()
            await asyncio.wait(drips)
        assert {answer.status for answer in answers} == {408}
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        assert answers[0].json() == {"error": "the request's head did not arrive in time"}
        assert max(latencies_s) < PATIENT_S
        await until(lambda: service.sockets <= before, timeout_s=10)


async def test_client_that_says_nothing_is_closed_without_a_word():
    async with attacked(QUICK) as service:
        silent, between = await service.connect(), await service.say(HEALTH)
        assert (await between.answer()).status == 200
        began_s = time.monotonic()
        assert await silent.closed() == b""
        assert await between.closed() == b""
        assert time.monotonic() - began_s < 4


async def test_bodies_that_drip_are_answered_408_in_the_words_of_their_dialect():
    async with attacked(QUICK) as service:
        before = service.sockets
        paths = ["/api/submit?wait=true", "/v1/execute", "/api/v2/execute"]
        async with service.well_behaved() as latencies_s:
            clients = [await service.say(post(path, "content-length: 900000")) for path in paths]
            drips = [asyncio.create_task(drip(client, b" " * 200, 0.05)) for client in clients]
            answers = await asyncio.gather(*(client.answer() for client in clients))
            for each in drips:
                each.cancel()
            await asyncio.wait(drips)
        said = "the request's body did not arrive in time"
        judge, execute, piston = (answer.json() for answer in answers)
        assert {answer.status for answer in answers} == {408}
        assert len({answer.headers["x-request-id"] for answer in answers}) == 3
        assert answers[1].headers["x-request-id"] == execute["error"]["requestId"]
        assert judge == {"error": said}
        assert execute["error"].keys() == {"code", "message", "requestId"}
        assert (execute["error"]["code"], execute["error"]["message"]) == ("request_timeout", said)
        assert piston == {"message": said}
        assert max(latencies_s) < PATIENT_S
        await until(lambda: service.sockets <= before, timeout_s=10)


async def test_body_that_comes_slowly_but_steadily_is_taken():
    async with attacked(QUICK) as service:
        code = "#" * 60_000
        body = json.dumps({"language": "python", "code": code, "padding": "x" * 200_000}).encode()
        client = await service.say(post("/api/submit?wait=true", f"content-length: {len(body)}"))
        began_s = time.monotonic()
        for start in range(0, len(body), 10_000):
            await client.send(body[start : start + 10_000])
            await asyncio.sleep(0.06)
        assert time.monotonic() - began_s > 1.5  # longer than a body may take that does not move
        assert (await client.answer()).status == 200


async def test_unfinished_bodies_are_bounded_in_all_and_the_oldest_makes_room():
    bounds = {"CELLBLOCK_EXECUTE_BODY_MAX_BYTES": str(MIB)}
    async with attacked(bounds) as service, httpx.AsyncClient(base_url=service.url, timeout=20) as http:
        peak_bytes = service.peak_memory_bytes
        clients = []
        for _ in range(64):
            client = await service.say(post("/api/submit", f"content-length: {MIB}"))
            await client.send(b" " * (MIB - 1))
            clients.append(client)
        answer = await http.post("/api/submit?wait=true", content=BODY, headers=JSON)
        assert answer.json()["verdict"] == "AC"
        oldest = await clients[0].answer()
        assert oldest.status == 503
        assert oldest.headers["retry-after"] == "1"
        assert oldest.json() == {"error": "too many request bodies are on their way, try again later"}
        await clients[-1].send(b" ")
        assert (await clients[-1].answer()).status == 400  # it was kept, and is no JSON
        assert service.peak_memory_bytes - peak_bytes < 48 * MIB


@pytest.mark.parametrize("limited", ["by the setting", "by the descriptors that the process may have"])
async def test_flood_of_idle_connections_shuts_nobody_out(limited):
    by_setting = limited == "by the setting"
    changes = {"CELLBLOCK_CONNECTIONS_MAX": "64"} if by_setting else {}
    prefix = [] if by_setting else ["prlimit", "--nofile=192:192"]
    gate = Gate()
    async with attacked(changes, script=gate, prefix=prefix) as service:
        before = service.sockets
        working = await service.say(submission())
        await until(lambda: gate.held == 1)
        async with service.well_behaved() as latencies_s:
            for _ in range(10):
                for _ in range(50):
                    await service.say(b"GET /api/hea")
                await asyncio.sleep(0.05)
            assert service.sockets <= before + 70
        assert max(latencies_s) < PATIENT_S
        gate.open()
        answer = await working.answer()
        assert answer.json()["verdict"] == "AC"
        for client in service.clients:
            client.close()
        await until(lambda: service.sockets <= before)


async def test_connection_beyond_those_whose_requests_are_in_work_is_answered_503():
    gate = Gate()
    async with attacked({"CELLBLOCK_CONNECTIONS_MAX": "16"}, script=gate) as service:
        working = [await service.say(submission()) for _ in range(15)]
        async with httpx.AsyncClient(base_url=service.url) as http:
            async with asyncio.timeout(5):
                while (await http.get("/api/health")).json()["queue_depth"] != 13:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        working.append(await service.say(submission()))
        late = await service.connect()
        while not (refused := await asyncio.wait_for(_status_or_none(late), 5)):
            late = await service.connect()
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json() == {"error": "too many requests are in work, try again later"}
        gate.open()
        assert {(await client.answer()).status for client in working} == {200}


async def _status_or_none(client: RawClient):
    """The refusal, or ``None`` for a connection that was let in and then closed for another."""
    try:
        return await asyncio.wait_for(client.answer(), 0.5)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        return None


async def _big_outcome(_job):
    return make_outcome(stdout=b"\0" * (2 * MIB))


async def test_clients_that_do_not_take_their_answer_are_disconnected():
    async with attacked(QUICK, script=_big_outcome) as service:
        before = service.sockets
        async with httpx.AsyncClient(base_url=service.url, timeout=20) as http:
            record = (await http.post("/api/submit?wait=true", content=BODY, headers=JSON)).json()
        ask = f"GET /api/result/{record['id']} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
        stalled = [await service.connect(receive_buffer_bytes=4096) for _ in range(5)]
        async with service.well_behaved() as latencies_s:
            for client in stalled:
                await client.send(ask)
            for client in stalled:
                assert await client.reader.readexactly(9) == b"HTTP/1.1 "
            await until(lambda: service.sockets <= before, timeout_s=15)
        assert max(latencies_s) < PATIENT_S
        for client in stalled:
            assert len(await client.closed()) < MIB


async def test_client_that_takes_its_answer_slowly_but_steadily_gets_all_of_it():
    async with (
        attacked(QUICK, script=_big_outcome) as service,
        httpx.AsyncClient(base_url=service.url, timeout=20) as http,
    ):
        whole = await http.post("/api/submit?wait=true", content=BODY, headers=JSON)
        client = await service.connect(receive_buffer_bytes=65536)
        await client.send(
            f"GET /api/result/{whole.json()['id']} HTTP/1.1\r\n".encode()
            + b"host: localhost\r\nconnection: close\r\n\r\n"
        )
        taken, began_s = b"", time.monotonic()
        while part := await client.reader.read(128 * 1024):
            taken += part
            await asyncio.sleep(0.025)
        assert time.monotonic() - began_s > 2
        assert taken.endswith(whole.content[-200:] + b"\r\n0\r\n\r\n")
        assert len(taken) > len(whole.content)


async def test_clients_that_leave_in_the_middle_of_a_body_do_not_fill_the_log():
    async with attacked() as service:
        await until(lambda: "service_started" in service.log.read_text())  # lines of 50 ms come together
        before, lines = service.sockets, service.log.read_text().count("\n")
        for _ in range(50):
            await service.say(post("/api/submit", "content-length: 100") + b"{")
        await until(lambda: service.sockets > before + 40)
        for client in service.clients:
            client.close()
        await until(lambda: service.sockets <= before)
        assert service.log.read_text().count("\n") == lines


async def test_log_says_how_many_were_cut_off_in_one_line():
    async with attacked({**QUICK, "CELLBLOCK_CONNECTIONS_MAX": "16"}) as service:
        for _ in range(100):
            await service.say(b"nonsense\r\n\r\n")
        await until(lambda: "clients_cut_off" in service.log.read_text())
        lines = service.log.read_text().splitlines()
        assert len(lines) < 20
        told = json.loads(next(line for line in lines if "clients_cut_off" in line))
        assert told["400"] > 0
        async with httpx.AsyncClient(base_url=service.url) as http:
            figures = (await http.get("/metrics")).text
        assert 'cellblock_clients_cut_off_total{reason="400"} ' in figures
