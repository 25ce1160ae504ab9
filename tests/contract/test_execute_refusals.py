"""What POST /v1/execute refuses, in which words; nothing of it ever reaches the supervisor."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from running import running

pytestmark = pytest.mark.anyio


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    """Check the shape of an error body; returns its message."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "requestId"]
    assert body["error"]["code"] == code
    uuid.UUID(body["error"]["requestId"])
    return body["error"]["message"]


async def post(executor, body: bytes, content_type: str = "application/json") -> httpx.Response:
    return await executor.http.post("/v1/execute", content=body, headers={"content-type": content_type})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "malformed JSON"),
        (b'{"language":"python","code":"1"', "malformed JSON"),
        (b'{"language":"python","code":"\xff"}', "malformed JSON"),
        (b'{"language":"python","code":"\\ud800"}', "malformed JSON"),
        (b'{"language":"python","code":"\\ud83d and more text"}', "malformed JSON"),
        (b'\xef\xbb\xbf{"language":"python","code":"1"}', "malformed JSON"),
        (b'{"language":"python","code":"1","run_timeout":NaN}', "malformed JSON"),
        (b'{"language":"python","code":"1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep"),
        (b"[]", "request body: expected a JSON object, got array"),
        (b"{}", "field `language` is missing: expected a string"),
        (b'{"language":null,"code":"1"}', "field `language`: expected a string, got null"),
        (b'{"language":"python","code":1}', "field `code`: expected a string or null, got int"),
        (b'{"language":"python","files":{}}', "field `files`: expected an array or null, got object"),
        (b'{"language":"python","files":["x"]}', "field `files[0]`: expected a JSON object, got str"),
        (b'{"language":"python","files":[{}]}', "field `files[0].content` is missing: expected a string"),
        (b'{"language":"python","files":[{"content":"1"},{"content":2}]}', "field `files[1].content`"),
        (b'{"language":"python","files":[{"content":"1","name":2}]}', "field `files[0].name`"),
        (b'{"language":"python","code":"1","stdin":{}}', "field `stdin`: expected a string or null"),
        (b'{"language":"python","code":"1","version":3}', "field `version`: expected a string or null"),
        (b'{"language":"python","code":"1","args":"x"}', "field `args`: expected an array or null"),
        (b'{"language":"python","code":"1","args":["x",1]}', "field `args[1]`: expected a string, got int"),
        (b'{"language":"python","code":"1","run_timeout":1e999}', "field `run_timeout`: the number is out"),
    ],
)
async def test_bad_body_is_a_400_that_names_what_was_wrong(executor, body, text):
    assert text in refusal(await post(executor, body), 400, "invalid_request")
    assert executor.supervisor.jobs == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "exactly one of `code` and `files` must be given, got neither"),
        ({"code": None, "files": None}, "got neither"),
        ({"code": "1", "files": [{"content": "1"}]}, "got both"),
        ({"code": "", "files": []}, "got both"),
        ({"files": []}, "at least one file"),
        ({"files": [{"content": "aGk=", "encoding": "base64"}]}, "at least one utf8 encoded file"),
        (
            {"files": [{"content": "1", "encoding": "utf-16"}]},
            "files[0].encoding: expected utf8, base64 or hex",
        ),
        ({"files": [{"content": "1", "encoding": "BASE64"}]}, "files[0].encoding"),
        ({"files": [{"content": "x"}] * 1001}, "at most 1000"),
        ({"code": "1", "args": ["a\0b"]}, "field `args[0]`: must not contain a NUL"),
        ({"code": "1", "args": ["x"] * 1001}, "at most 1000"),
        ({"code": "1", "args": ["x" * 131_071]}, "longer than 131071 bytes"),
        ({"code": "1", "args": ["é" * 200] * 400}, "longer than 131071 bytes"),
        ({"code": "1", "stdin": "x" * 262_145}, "stdin exceeds maximum size of 256KB"),
        ({"code": "1", "version": "latest"}, "field `version`: expected a version range such as"),
        ({"code": "1", "version": "9" * 300}, "field `version`"),
    ],
)
async def test_program_that_cannot_be_run_as_asked_is_a_400(executor, fields, text):
    assert text in refusal(await executor.execute(**fields), 400, "invalid_request")
    assert executor.supervisor.jobs == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("/etc/passwd", "relative path"),
        ("//x", "relative path"),
        ("../x", "must not contain '..'"),
        ("a/../b", "must not contain '..'"),
        ("a/..", "must not contain '..'"),
        ("..", "must not contain '..'"),
        ("a\0b", "NUL"),
        (".", "names a directory"),
        ("a/", "names a directory"),
        ("a/.", "names a directory"),
        ("a" * 256, "longer than 255 bytes"),
        ("é" * 128 + "/x", "longer than 255 bytes"),
        ("/".join(["x" * 250] * 5), "longer than 1024 bytes"),
        ("/".join("a" * 33), "more than 32 levels"),
    ],
)
async def test_name_that_leaves_the_work_area_or_is_none_is_a_400(executor, name, text):
    for files in (
        [{"name": name, "content": "1"}],
        [{"content": "1"}, {"name": name, "content": "00", "encoding": "hex"}],
    ):
        message = refusal(await executor.execute(files=files), 400, "invalid_request")
        assert f"files[{len(files) - 1}].name" in message
        assert text in message


@pytest.mark.parametrize(
    "names",
    [
        ["a", "a"],
        ["a", "./a"],
        ["a/b", "a//b"],
        ["a", "a/b"],
        ["a/b/c", "a/b"],
        [None, "main.python"],
        [None, "main.python/x"],
        [None, None, "file1.code"],
    ],
)
async def test_names_that_collide_are_a_400(executor, names):
    files = [{"name": name, "content": "1"} for name in names]
    assert "files: " in refusal(await executor.execute(files=files), 400, "invalid_request")


async def test_names_that_only_look_alike_do_not_collide(executor):
    files = [{"name": name, "content": "1"} for name in ("a", "A", "a.b", "ab/c", "b/a")]
    assert (await executor.execute(files=files)).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", "a"),
        ("base64", "aGk"),
        ("base64", "aGk=="[:3] + "*"),
        ("base64", "aG-_"),
        ("base64", "é"),
        ("base64", "aGk=aGk="),
        ("hex", "0"),
        ("hex", "0x00"),
        ("hex", "zz"),
    ],
)
async def test_broken_encodings_are_a_400(executor, encoding, content):
    files = [{"content": "1"}, {"name": "d", "content": content, "encoding": encoding}]
    message = refusal(await executor.execute(files=files), 400, "invalid_request")
    assert f"files[1].content: is no valid {encoding}" in message


@pytest.mark.parametrize(
    "field", ["run_timeout", "compile_timeout", "run_memory_limit", "compile_memory_limit"]
)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "expected "),
        (-2, "expected "),
        (-5000, "expected "),
        (5000.5, "whole number"),
        ("5000", "expected a number or null, got str"),
        (True, "expected a number or null, got bool"),
        ([1], "expected a number or null, got array"),
    ],
)
async def test_limit_that_is_no_positive_whole_number_is_a_400(executor, field, value, text):
    message = refusal(await executor.execute("1", language="c++", **{field: value}), 400, "invalid_request")
    assert f"field `{field}`" in message
    assert text in message


@pytest.mark.parametrize("field", ["run_memory_limit", "compile_memory_limit"])
async def test_memory_that_no_program_could_begin_in_is_a_400(executor, field):
    answer = await executor.execute("1", language="c++", **{field: 999_999})
    message = refusal(answer, 400, "invalid_request")
    assert message == f"field `{field}`: expected -1 or at least 1000000 bytes, got 999999"
    assert (await executor.execute("1", language="c++", **{field: 1_000_000})).status_code == 200


@pytest.mark.parametrize(
    ("field", "ceiling", "unit"),
    [
        ("run_timeout", 60_000, "milliseconds"),
        ("compile_timeout", 30_000, "milliseconds"),
        ("run_memory_limit", 2_147_483_648, "bytes"),
        ("compile_memory_limit", 536_870_912, "bytes"),
    ],
)
async def test_limit_above_the_ceiling_is_a_400_that_says_the_ceiling(executor, field, ceiling, unit):
    for value in (ceiling + 1, 10**30):
        answer = await executor.execute("1", language="c++", **{field: value})
        message = refusal(answer, 400, "invalid_request")
        assert message == f"field `{field}`: {value} exceeds the ceiling of {ceiling} {unit}"


async def test_unknown_language_lists_what_there_is_in_this_dialects_names(executor):
    for name in ("brainfuck", "go", ""):
        message = refusal(await executor.execute("1", language=name), 400, "unknown_language")
        assert message == (f"unknown language {name!r}; available: python, javascript, typescript, c++, java")


async def test_unknown_version_lists_what_there_is(executor):
    message = refusal(await executor.execute("1", version="2.x"), 400, "unknown_version")
    assert message == "python has no version '2.x'; available: 3.13.5, 3.11.2"


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "application/jsonp"])
async def test_other_content_types_are_415(executor, content_type):
    message = refusal(await post(executor, b"{}", content_type), 415, "unsupported_media_type")
    assert "application/json" in message


async def test_oversized_body_is_413_with_the_configured_limit(tmp_path):
    async with running(tmp_path, changes={"CELLBLOCK_EXECUTE_BODY_MAX_BYTES": "2000000"}) as service:
        body = json.dumps({"language": "python", "code": "x" * 2_000_000}).encode()
        message = refusal(await post(service, body), 413, "payload_too_large")
        assert message == "request body too large: at most 2000000 bytes are allowed"
        judge = await service.http.post("/api/submit", content=body[:1_500_000])
        assert "at most 1048576 bytes" in judge.json()["error"]


async def test_unknown_routes_and_methods_below_v1_answer_in_this_dialect(executor):
    refusal(await executor.http.get("/v1/nothing"), 404, "not_found")
    refusal(await executor.http.get("/v1/execute"), 405, "method_not_allowed")
    refusal(await executor.http.post("/v1/runtimes"), 405, "method_not_allowed")
    assert list((await executor.http.get("/nothing")).json()) == ["error"]
    assert isinstance((await executor.http.get("/nothing")).json()["error"], str)


async def test_every_request_has_an_id_of_its_own(executor):
    ids = {(await executor.execute()).json()["error"]["requestId"] for _ in range(3)}
    assert len(ids) == 3
