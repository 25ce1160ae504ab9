"""Two faults at once: the earlier check answers, in every dialect."""

from __future__ import annotations

import ipaddress
import itertools
import json
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from cellblock.model import Profile
from cellblock.store import NewKey
from doubles import Gate, answer_executed, until
from running import running

pytestmark = pytest.mark.anyio

FRESH_ADDRESSES = map(str, ipaddress.ip_network("10.0.0.0/16").hosts())
USED_UP_ADDRESS = "198.51.100.99"
ROUTES = {"judge": "/api/submit", "execute": "/v1/execute", "piston": "/api/v2/execute"}


CHANGES = {
    "CELLBLOCK_ADDRESS_PER_MINUTE": "2",
    "CELLBLOCK_TRUSTED_PROXIES": "127.0.0.1",
    "CELLBLOCK_EXECUTE_BODY_MAX_BYTES": "1048576",
}
KNOWN = {"idempotency-key": str(uuid.uuid4())}


@asynccontextmanager
async def limited(directory, script, **changes):
    """A service with keys and every limit; what is to be used up is."""
    async with running(directory, changes=CHANGES | changes, script=script) as instance:
        judge, executor = Profile.JUDGE, Profile.EXECUTOR
        made = {
            "both": NewKey(name="both", profiles=(judge, executor)),
            "judge": NewKey(name="judge", profiles=(judge,)),
            "used up": NewKey(name="used up", profiles=(judge,), per_minute=1),
        }
        tokens = {name: (await instance.keys.create(new, 1))[1] for name, new in made.items()}
        tokens["wrong"] = "cb_live_" + "x" * 40
        for _ in range(2):
            headers = {"x-api-key": tokens["used up"], "x-forwarded-for": USED_UP_ADDRESS}
            await instance.http.post("/api/submit", json={"language": "python", "code": "1"}, headers=headers)
        yield instance, tokens


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory):
    async with limited(tmp_path_factory.mktemp("order"), answer_executed) as instance:
        yield instance


@pytest.fixture(scope="module")
async def full(tmp_path_factory):
    """One whose queue is full, and which knows one idempotency key."""
    gate = Gate()
    changes = {"CELLBLOCK_QUEUE_CAPACITY": "2", "CELLBLOCK_DRAIN_TIMEOUT_MS": "0"}
    async with limited(tmp_path_factory.mktemp("full"), gate, **changes) as (instance, tokens):
        for more in (KNOWN, {}, {}, {}):
            headers = {"x-api-key": tokens["both"], "x-forwarded-for": next(FRESH_ADDRESSES), **more}
            body = {"language": "python", "code": "1"}
            await instance.http.post("/api/submit", json=body, headers=headers)
        await until(lambda: gate.held == 2)
        await instance.queued(2)
        yield instance, tokens


@dataclass
class Asked:
    """A request in the making."""

    dialect: str
    address: str
    token: str = "both"
    content_type: str = "application/json"
    query: str = ""
    after_body: bytes = b""
    fields: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        code = {
            "judge": {"code": "print(1)"},
            "execute": {"code": "print(1)"},
            "piston": {"version": "*", "files": [{"content": "print(1)"}]},
        }
        self.fields = {"language": "python", **code[self.dialect]}

    async def send(self, guarded):
        instance, tokens = guarded
        return await instance.http.post(
            ROUTES[self.dialect] + self.query,
            content=json.dumps(self.fields).encode() + self.after_body,
            headers={
                "content-type": self.content_type,
                "x-api-key": tokens[self.token],
                "x-forwarded-for": self.address,
                **self.headers,
            },
        )


def body_too_big(asked):
    asked.fields["padding"] = "x" * 2**20


def not_json(asked):
    asked.content_type = "text/plain"


def address_used_up(asked):
    asked.address = USED_UP_ADDRESS


def wrong_key(asked):
    asked.token = "wrong"


def quota_used_up(asked):
    asked.token = "used up"


def malformed(asked):
    asked.after_body = b"}"


def language_missing(asked):
    asked.fields.pop("language", None)


def bad_wait(asked):
    asked.query = "?wait=maybe"


def profile_not_issued(asked):
    asked.token = "judge"
    if asked.dialect == "judge":
        asked.fields["profile"] = "executor"


def code_empty(asked):
    asked.fields["code"] = ""


def code_too_big(asked):
    asked.fields["code"] = "x" * 65537


def stdin_too_big(asked):
    asked.fields["stdin"] = "x" * 262145


def webhook_without_secret(asked):
    asked.fields["webhook_url"] = "https://receiver.example/"


def language_unknown(asked):
    asked.fields["language"] = "brainfuck"


# In the documented order, with status and a part of the text.
JUDGE = [
    (body_too_big, 413, "too large"),
    (not_json, 415, "content-type must be application/json"),
    (address_used_up, 429, "rate limit exceeded, try again later"),
    (wrong_key, 401, "invalid or missing API key"),
    (quota_used_up, 429, "API key quota exceeded"),
    (malformed, 400, "malformed JSON"),
    (language_missing, 422, "field `language` is missing"),
    (bad_wait, 400, "query parameter wait"),
    (profile_not_issued, 403, "not issued for profile executor"),
    (code_empty, 400, "code must not be empty"),
    (code_too_big, 400, "code exceeds maximum size of 64KB"),
    (stdin_too_big, 400, "stdin exceeds maximum size of 256KB"),
    (webhook_without_secret, 400, "webhook"),
    (language_unknown, 400, "unsupported language: brainfuck"),
]
EXECUTE = [
    (body_too_big, 413, "too large"),
    (not_json, 415, "application/json"),
    (address_used_up, 429, "rate limit exceeded, try again later"),
    (wrong_key, 401, "invalid or missing API key"),
    (quota_used_up, 429, "API key quota exceeded"),
    (malformed, 400, "malformed JSON"),
    (language_missing, 400, "language"),
    (profile_not_issued, 403, "not issued for profile executor"),
    (language_unknown, 400, "brainfuck"),
]
PIECES = {"judge": JUDGE, "execute": EXECUTE, "piston": EXECUTE}
EXCLUSIVE = {(wrong_key, quota_used_up), (code_empty, code_too_big), (language_missing, language_unknown)}


def message_of(answer, dialect: str) -> str:
    body = answer.json()
    if dialect == "judge":
        assert list(body) == ["error"]
        return body["error"]
    if dialect == "piston":
        assert list(body) == ["message"]
        return body["message"]
    assert list(body["error"]) == ["code", "message", "requestId"]
    return body["error"]["message"]


PAIRS = [
    pytest.param(dialect, earlier, later, id=f"{dialect}-{earlier[0].__name__}-{later[0].__name__}")
    for dialect, faults in PIECES.items()
    for earlier, later in itertools.combinations(faults, 2)
    if (earlier[0], later[0]) not in EXCLUSIVE
]


@pytest.mark.parametrize(("dialect", "earlier", "later"), PAIRS)
async def test_earlier_check_answers(guarded, dialect, earlier, later):
    asked = Asked(dialect, next(FRESH_ADDRESSES))
    fault, status, text = earlier
    later[0](asked)
    fault(asked)
    answer = await asked.send(guarded)
    assert (answer.status_code, text in message_of(answer, dialect)) == (status, True), answer.text


@pytest.mark.parametrize("fault", JUDGE, ids=lambda fault: fault[0].__name__)
async def test_every_check_comes_before_a_known_idempotency_key_and_a_full_queue(full, fault):
    spoil, status, text = fault
    for headers in ({}, KNOWN):
        asked = Asked("judge", next(FRESH_ADDRESSES), headers=headers)
        spoil(asked)
        answer = await asked.send(full)
        assert (answer.status_code, text in message_of(answer, "judge")) == (status, True), answer.text


async def test_known_idempotency_key_comes_before_a_full_queue(full):
    answer = await Asked("judge", next(FRESH_ADDRESSES), headers=KNOWN).send(full)
    assert (answer.status_code, answer.json()["language"]) == (202, "python")
    refused = await Asked("judge", next(FRESH_ADDRESSES)).send(full)
    assert (refused.status_code, refused.json()) == (503, {"error": "queue full, try again later"})


@pytest.mark.parametrize("dialect", ROUTES)
async def test_request_without_a_fault_is_served(guarded, dialect):
    answer = await Asked(dialect, next(FRESH_ADDRESSES)).send(guarded)
    assert answer.status_code in {200, 202}, answer.text


async def test_codes_of_the_execute_api_name_the_check(guarded):
    codes = {}
    for fault in (address_used_up, wrong_key, quota_used_up, profile_not_issued):
        asked = Asked("execute", next(FRESH_ADDRESSES))
        fault(asked)
        codes[fault.__name__] = (await asked.send(guarded)).json()["error"]["code"]
    assert codes == {
        "address_used_up": "rate_limited",
        "wrong_key": "unauthorized",
        "quota_used_up": "rate_limited",
        "profile_not_issued": "forbidden",
    }
