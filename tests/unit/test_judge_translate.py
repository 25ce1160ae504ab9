from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.api.judge import translate
from cellblock.errors import RequestRefused
from cellblock.model import JobStatus, Profile, Record
from doubles import make_language

LANGUAGES = (
    make_language("python", "py"),
    make_language("cpp", "c++", "cxx"),
    make_language("go", available=False),
)


def test_timestamp_keeps_every_nanosecond():
    assert translate.timestamp(1_775_203_523_540_110_054) == "2026-04-03T08:05:23.540110054+00:00"
    assert translate.timestamp(1_775_203_523_000_000_001) == "2026-04-03T08:05:23.000000001+00:00"


def test_record_without_an_outcome_has_null_for_all_that_is_unset():
    record = Record(
        id="x", language="python", job_status=JobStatus.PENDING, profile=Profile.JUDGE, created_at_ns=0
    )
    body = translate.record_body(record)
    assert body.created_at == "1970-01-01T00:00:00.000000000+00:00"
    unset = {name for name in body.__struct_fields__ if getattr(body, name) is None}
    assert unset == set(body.__struct_fields__) - {
        "id", "language", "job_status", "schema_version", "created_at",
    }  # fmt: skip


@pytest.mark.parametrize(("sent", "canonical"), [("python", "python"), ("PY", "python"), ("C++", "cpp")])
def test_languages_are_found_by_name_and_alias_in_any_case(sent, canonical):
    assert translate.choose_language(sent, LANGUAGES) == canonical


def test_unavailable_language_is_refused_like_an_unknown_one():
    with pytest.raises(RequestRefused, match=r"unsupported language: Go\. available: python, cpp") as caught:
        translate.choose_language("Go", LANGUAGES)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("550E8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("550e8400e29b41d4a716446655440000", None),
        ("{550e8400-e29b-41d4-a716-446655440000}", None),
        ("550e8400-e29b-41d4-a716-446655440000\n", None),
        ("\u0665\u0665\u0660e8400-e29b-41d4-a716-446655440000", None),
        ("", None),
    ],
)
def test_uuids_have_one_form(text, canonical):
    assert translate.parse_uuid(text) == canonical


HEX = "550e8400e29b41d4a716446655440000"


@pytest.mark.parametrize(
    "text",
    [
        str(uuid.UUID(HEX)),
        str(uuid.UUID(HEX)).upper(),
        HEX,
        HEX.upper(),
        f"{{{uuid.UUID(HEX)}}}",
        f"{{{HEX}}}",
        uuid.UUID(HEX).urn,
        uuid.UUID(HEX).urn.upper(),
    ],
)
def test_idempotency_key_is_the_same_however_its_uuid_is_written(text):
    assert translate.parse_idempotency_key(text) == str(uuid.UUID(HEX))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order-17",
        HEX[:-1],
        HEX + "0",
        f"{{{HEX}",
        f"{HEX}}}",
        HEX + "\n",
        f"{HEX[:8]}-{HEX[8:]}",
        f"{HEX[:4]}-{HEX[4:]}",
        HEX.replace("5", "\u0665"),
        HEX.replace("e", "_"),
    ],
)
def test_what_is_no_uuid_is_no_idempotency_key(text):
    assert translate.parse_idempotency_key(text) is None


def refusal_of(document: bytes) -> RequestRefused | None:
    try:
        body = translate.decode_submit(document)
        translate.check_inputs(body, code_max_bytes=65_536, stdin_max_bytes=262_144)
    except RequestRefused as refusal:
        return refusal
    return None


FIELDS = ["language", "code", "stdin", "profile", "webhook_url", "webhook_secret", "other"]
VALUES = [None, True, 7, 1.5, "", "python", "judge", "\ud800", "a\0b", ["x"], {"a": [None]}]
DOCUMENTS = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(VALUES)).map(json.dumps).map(str.encode)


@given(st.binary(max_size=200) | DOCUMENTS)
def test_every_body_is_either_read_or_refused_with_a_reason(document):
    refusal = refusal_of(document)
    assert refusal is None or (refusal.status in {400, 422} and refusal.message)
