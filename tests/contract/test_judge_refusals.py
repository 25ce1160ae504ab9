"""What POST /api/submit refuses, in which order and in which words."""

from __future__ import annotations

import json

import pytest

from running import running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("query", ["wait=yes", "wait=1", "wait=", "wait=True", "wait=true&wait=false"])
async def test_other_values_of_wait_are_400(service, query):
    response = await service.http.post(f"/api/submit?{query}", json={"language": "python", "code": "1"})
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert "wait" in response.json()["error"]


async def test_unknown_language_is_named_as_sent_with_those_available(service):
    response = await service.submit(language="BrainFuck")
    assert response.status_code == 400
    assert response.json() == {"error": "unsupported language: BrainFuck. available: python, c"}


async def test_language_whose_toolchain_is_missing_is_unsupported(service):
    response = await service.submit(language="go")
    assert response.json() == {"error": "unsupported language: go. available: python, c"}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "malformed JSON"),
        (b'{"language": "python", "code"', 400, "malformed JSON"),
        (b'{"language":"python","code":"1"} x', 400, "malformed JSON"),
        (b'{"language":"python","code":"\xff"}', 400, "malformed JSON"),
        (b'{"language":"python","code":"\\ud800"}', 400, "malformed JSON"),
        (b'{"language":"python","code":"\\ud800 and more text"}', 400, "malformed JSON"),
        (b'{"language":"python","code":"\\udc00 and more text"}', 400, ""),
        (b'{"language":"python","code":"1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "deep"),
        (b"[" * 500_000, 400, "malformed JSON"),
        (b"[]", 422, "request body: expected a JSON object, got array"),
        (b"null", 422, "JSON object"),
        (b"{}", 422, "field `language` is missing: expected a string"),
        (b'{"language":"python"}', 422, "field `code` is missing"),
        (b'{"language":1,"code":"1"}', 422, "field `language`: expected a string, got int"),
        (b'{"language":"python","code":null}', 422, "field `code`: expected a string, got null"),
        (b'{"language":"python","code":["1"]}', 422, "field `code`: expected a string, got array"),
        (
            b'{"language":"python","code":"1","stdin":5}',
            422,
            "field `stdin`: expected a string or null, got int",
        ),
        (b'{"language":"python","code":"1","profile":7}', 422, "field `profile`"),
        (b'{"language":"python","code":"1","profile":"root"}', 422, "expected judge or executor, got 'root'"),
        (b'{"language":"python","code":"1","webhook_url":{}}', 422, "field `webhook_url`"),
        (b'{"language":"python","code":""}', 400, "code must not be empty"),
        (
            b'{"language":"python","code":"1","webhook_url":"https://x.test/"}',
            400,
            "webhook_secret",
        ),
        (
            b'{"language":"py\\u0000thon","code":"1"}',
            400,
            "unsupported language: py\x00thon. available: python, c",
        ),
    ],
)
async def test_bad_body_is_refused_naming_what_was_wrong(service, body, status, text):
    response = await service.http.post(
        "/api/submit", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert text in response.json()["error"]
    assert service.supervisor.jobs == []


async def test_code_and_stdin_may_fill_their_limits_counted_in_utf8_bytes(service):
    exact = await service.submit("é" * 32_768, stdin="x" * 262_144)
    assert exact.status_code == 200
    assert len(service.supervisor.jobs[0].files[0].content) == 65_536
    assert len(service.supervisor.jobs[0].stdin) == 262_144

    code = await service.submit("é" * 32_768 + "x")
    assert (code.status_code, code.json()) == (400, {"error": "code exceeds maximum size of 64KB"})
    stdin = await service.submit("1", stdin="x" * 262_145)
    assert (stdin.status_code, stdin.json()) == (400, {"error": "stdin exceeds maximum size of 256KB"})


async def test_size_errors_name_the_configured_limit(tmp_path):
    changes = {"CELLBLOCK_CODE_MAX_BYTES": "2048", "CELLBLOCK_STDIN_MAX_BYTES": "1000"}
    async with running(tmp_path, changes=changes) as service:
        assert (await service.submit("x" * 2049)).json() == {"error": "code exceeds maximum size of 2KB"}
        too_big = await service.submit("1", stdin="x" * 1001)
        assert too_big.json() == {"error": "stdin exceeds maximum size of 1000 bytes"}


async def test_checks_answer_in_the_documented_order(service):
    everything_wrong = {"language": "no", "code": "", "stdin": "x" * 262_145, "webhook_url": "ftp://x"}
    oversized = await service.http.post("/api/submit?wait=maybe", content=b"{" + b" " * 1_048_576)
    assert oversized.status_code == 413  # before its missing content type
    unlabelled = await service.http.post("/api/submit?wait=maybe", content=b"{")
    assert unlabelled.status_code == 415

    async def text(query: str, **changes: object) -> str:
        body = {**everything_wrong, **changes}
        return (await service.http.post(f"/api/submit{query}", json=body)).json()["error"]

    assert "field `code`" in await text("?wait=maybe", code=1)
    assert "wait" in await text("?wait=maybe", profile="root")
    assert "field `profile`" in await text("", profile="root")
    assert await text("") == "code must not be empty"
    assert "stdin exceeds" in await text("", code="1")
    assert "webhook" in await text("", code="1", stdin="")
    assert "unsupported language" in await text("", code="1", stdin="", webhook_url=None)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
async def test_other_content_types_are_415(service, content_type):
    response = await service.http.post("/api/submit", content=b"{}", headers={"content-type": content_type})
    assert response.status_code == 415
    assert "application/json" in response.json()["error"]


async def test_content_type_parameters_and_case_do_not_matter(service):
    response = await service.http.post(
        "/api/submit",
        content=json.dumps({"language": "python", "code": "1"}),
        headers={"content-type": "Application/JSON; charset=utf-8"},
    )
    assert response.status_code == 202


async def test_oversized_body_is_413_when_announced_and_when_chunked(service):
    announced = await service.http.post(
        "/api/submit", content=b"x" * 1_048_577, headers={"content-type": "application/json"}
    )
    assert announced.status_code == 413
    assert announced.json() == {"error": "request body too large: at most 1048576 bytes are allowed"}

    async def endless():
        for _ in range(3000):
            yield b"x" * 1024

    chunked = await service.http.post(
        "/api/submit", content=endless(), headers={"content-type": "application/json"}
    )
    assert chunked.status_code == 413
    assert chunked.json() == announced.json()
