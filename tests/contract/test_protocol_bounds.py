"""What the protocol layer refuses, in whose words, and what it takes although it is unusual."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from attacked import attacked

pytestmark = pytest.mark.anyio

HEALTH = b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n"
BODY = json.dumps({"language": "python", "code": "print(2 + 2)"}).encode()
MIB = 1024 * 1024


def head(line: str, *fields: str) -> bytes:
    return "\r\n".join([line, "host: localhost", *fields, "", ""]).encode()


def submit(*fields: str) -> bytes:
    return head("POST /api/submit?wait=true HTTP/1.1", "content-type: application/json", *fields)


@pytest.fixture(scope="module")
async def service():
    async with attacked() as running:
        yield running
        assert "Exception in ASGI application" not in running.log.read_text()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nx: a\0b\r\n\r\n",
        b"GET /api/health HTTP/9.9\r\n\r\n",
        b"GET nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        submit("content-length: 5", "transfer-encoding: chunked") + b"0\r\n\r\n",
        submit("content-length: 5", "content-length: 6") + b"12345",
        submit("content-length: -1"),
        submit("content-length: " + "9" * 30),
        submit("transfer-encoding: chunked") + b"zz\r\n",
    ],
    ids=range(13),
)
async def test_malformed_http_is_answered_400_in_json_and_closed(service, request_bytes):
    client = await service.say(request_bytes)
    answer = await client.answer()
    assert answer.status == 400
    assert answer.headers["connection"] == "close"
    body = answer.json()
    assert list(body) == ["error"]
    assert body["error"]
    assert await client.closed() == b""


async def test_refusal_speaks_the_dialect_of_the_path_it_was_asked_at(service):
    def judge(body):
        return body["error"]

    def execute(body):
        assert body["error"]["code"] == "invalid_request"
        uuid.UUID(body["error"]["requestId"])
        return body["error"]["message"]

    def piston(body):
        return body["message"]

    for path, message_of in {
        "/api/submit": judge,
        "/v1/execute": execute,
        "/v1/execute?x=1": execute,
        "http://x/v1/execute": execute,
        "/api/v2/execute": piston,
        "/nothing": judge,
    }.items():
        answer = await (await service.say(head(f"POST {path} HTTP/1.1", "no colon"))).answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert message_of(answer.json()).startswith("malformed HTTP request: ")


async def test_request_target_beyond_8_kib_is_answered_414(service):
    fits = await (await service.say(head(f"GET /api/health?{'a' * 8000} HTTP/1.1"))).answer()
    answer = await (await service.say(head(f"GET /v1/{'a' * 8200} HTTP/1.1"))).answer()
    assert (fits.status, answer.status) == (200, 414)
    assert answer.json()["error"]["message"] == "request target too long: at most 8192 bytes are allowed"


async def test_head_up_to_its_bound_is_taken_and_beyond_it_answered_431(service):
    fits = await (await service.say(head("GET /api/health HTTP/1.1", f"x: {'a' * 32_000}"))).answer()
    over = await (await service.say(head("GET /api/health HTTP/1.1", f"x: {'a' * 33_000}"))).answer()
    many = await (await service.say(head("GET /api/health HTTP/1.1", *["x: y"] * 100))).answer()
    assert (fits.status, over.status, many.status) == (200, 431, 431)
    assert over.json() == {"error": "request head too large: at most 32768 bytes are allowed"}
    assert many.json() == {"error": "too many header fields: at most 100 are allowed"}


async def test_head_and_big_body_in_one_piece_are_told_apart(service):
    body = json.dumps({"language": "python", "code": "print(2 + 2)", "padding": "x" * 200_000}).encode()
    answer = await (await service.say(submit(f"content-length: {len(body)}") + body)).answer()
    assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "bound"), [("/api/submit", MIB), ("/v1/execute", 4 * MIB), ("/api/v2/execute", 4 * MIB)]
)
async def test_announced_body_beyond_the_bound_is_answered_413_before_any_of_it_is_sent(service, path, bound):
    request = head(f"POST {path} HTTP/1.1", f"content-length: {bound + 1}", "expect: 100-continue")
    client = await service.say(request)
    answer = await client.answer()
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert f"request body too large: at most {bound} bytes are allowed" in answer.body.decode()
    assert await client.closed() == b""


async def test_body_that_is_expected_is_asked_for(service):
    client = await service.say(submit(f"content-length: {len(BODY)}", "expect: 100-continue"))
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(BODY)
    assert (await client.answer()).json()["verdict"] == "AC"


async def test_chunked_body_is_bounded_as_any_other(service):
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    client = await service.say(submit("transfer-encoding: chunked") + chunk * 17)
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert answer.json() == {"error": f"request body too large: at most {MIB} bytes are allowed"}


@pytest.mark.parametrize(
    "tail", [b"1;" + b"e" * 200_000, b"0\r\nx: " + b"t" * 200_000, b"1\r\n \r\n" * 60_000]
)
async def test_framing_of_a_chunked_body_is_bounded_too(service, tail):
    client = await service.say(submit("transfer-encoding: chunked") + b"1\r\n{\r\n")
    await asyncio.sleep(0.05)
    sending = asyncio.create_task(client.send(tail))
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert "chunks are too small" in answer.json()["error"]
    client.close()
    await asyncio.wait([sending])
    sending.exception()


async def test_trailer_is_no_header(service):
    chunked = b"%x\r\n%b\r\n0\r\nidempotency-key: %b\r\n\r\n"
    trailer = str(uuid.uuid4()).encode()
    request = submit("transfer-encoding: chunked") + chunked % (len(BODY), BODY, trailer)
    answers = [await (await service.say(request)).answer() for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_requests_in_a_row_are_answered_in_order(service):
    missing = b"GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n"
    client = await service.say((HEALTH + missing) * 5)
    assert [(await client.answer()).status for _ in range(10)] == [200, 404] * 5


async def test_answer_to_head_has_no_body_and_does_not_wait_for_one(service):
    client = await service.say(b"HEAD /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n" + HEALTH)
    async with asyncio.timeout(5):
        first = await client.reader.readuntil(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 405 ")
    assert (await client.answer()).json()["status"]


async def test_head_and_body_of_a_short_answer_leave_in_one_piece(service):
    client = await service.connect()
    for _ in range(20):
        await client.send(HEALTH)
        received = await client.reader.read(64 * 1024)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert received.partition(b"\r\n\r\n")[2].endswith(b"}")


async def test_too_many_requests_in_a_row_are_refused_after_those_that_were_taken(service):
    peak_bytes = service.peak_memory_bytes
    client = await service.say(HEALTH * 20_000)
    statuses = []
    while not statuses or statuses[-1] == 200:
        statuses.append((await client.answer()).status)
    assert statuses == [200] * 17 + [400]
    assert await client.closed() == b""
    assert service.peak_memory_bytes - peak_bytes < 16 * MIB


async def test_malformed_request_does_not_cost_the_one_before_it_its_answer(service):
    client = await service.say(submit(f"content-length: {len(BODY)}") + BODY + b"nonsense\r\n\r\n")
    assert (await client.answer()).json()["verdict"] == "AC"
    assert (await client.answer()).status == 400
    assert await client.closed() == b""


async def test_offer_of_another_protocol_is_ignored_and_the_body_kept(service):
    offer = (
        "connection: Upgrade, HTTP2-Settings",
        "upgrade: h2c",
        "http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    )
    in_one = await service.say(submit(*offer, f"content-length: {len(BODY)}") + BODY)
    assert (await in_one.answer()).json()["verdict"] == "AC"
    in_two = await service.say(submit(*offer, f"content-length: {len(BODY)}"))
    await asyncio.sleep(0.05)
    await in_two.send(BODY + HEALTH)
    assert (await in_two.answer()).json()["verdict"] == "AC"
    assert (await in_two.answer()).status == 200
    without_body = await service.say(
        head("GET /api/health HTTP/1.1", "connection: upgrade", "upgrade: websocket")
    )
    assert (await without_body.answer()).status == 200


async def test_answer_that_needs_no_body_does_not_wait_for_it_nor_take_all_of_it(service):
    client = await service.say(head("POST /nothing HTTP/1.1", f"content-length: {MIB}"))
    assert (await client.answer()).status == 404
    async with asyncio.timeout(6):
        assert await client.closed() == b""


@pytest.mark.parametrize(
    "target", ["/%ff%fe", "/%00", "//", "/..%2f..%2f", "/api/result/%", "/v1/%zz", "/?%ff=%ff", "*"]
)
async def test_odd_targets_are_answered_in_json(service, target):
    for method in ("GET", "POST", "OPTIONS", "BREW"):
        answer = await (await service.say(head(f"{method} {target} HTTP/1.1", "connection: close"))).answer()
        assert 200 <= answer.status < 500
        assert answer.status in {200, 204} or answer.json()
