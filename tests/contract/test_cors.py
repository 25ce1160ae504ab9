"""What a browser is told about pages of other origins."""

from __future__ import annotations

import pytest

from running import running

pytestmark = pytest.mark.anyio

PAGE, OTHER = "https://judge.example", "https://judge.example.evil.test"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,x-api-key",
}


def allowing(answer) -> dict[str, str]:
    return {name: text for name, text in answer.headers.items() if name.startswith("access-control-")}


@pytest.fixture
async def open_to_page(tmp_path):
    origins = f"{PAGE}, http://localhost:5173"
    async with running(tmp_path, changes={"CELLBLOCK_CORS_ORIGINS": origins}) as instance:
        yield instance


async def test_by_default_no_answer_allows_any_origin(service):
    preflight = await service.http.options("/api/submit", headers={"origin": PAGE, **PREFLIGHT})
    answer = await service.http.get("/api/languages", headers={"origin": PAGE})
    assert allowing(preflight) == allowing(answer) == {}


@pytest.mark.parametrize("path", ["/api/submit", "/v1/execute", "/api/v2/execute", "/api/result/x"])
async def test_preflight_lets_the_key_through_before_anything_asks_for_it(open_to_page, path):
    answer = await open_to_page.http.options(path, headers={"origin": PAGE, **PREFLIGHT})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert {"authorization", "x-api-key", "content-type", "idempotency-key"} <= allowed
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    assert "x-request-id" in answer.headers


async def test_answers_and_errors_alike_are_shown_with_the_headers_a_client_needs(open_to_page):
    answered = await open_to_page.http.get("/api/languages", headers={"origin": PAGE})
    refused = await open_to_page.http.post("/api/submit", headers={"origin": PAGE})
    assert (answered.status_code, refused.status_code) == (200, 415)
    for answer in (answered, refused):
        assert answer.headers["access-control-allow-origin"] == PAGE
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert {"retry-after", "x-request-id", "x-ratelimit-limit", "x-ratelimit-reset"} <= exposed
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", [OTHER, "null", "http://judge.example", "https://judge.example:8443", ""])
async def test_other_origins_are_allowed_nothing(open_to_page, origin):
    preflight = await open_to_page.http.options("/api/submit", headers={"origin": origin, **PREFLIGHT})
    answer = await open_to_page.http.get("/api/languages", headers={"origin": origin})
    assert (preflight.status_code, answer.status_code) == (204, 200)
    assert allowing(preflight) == allowing(answer) == {}
    assert preflight.headers["vary"] == answer.headers["vary"] == "Origin"


async def test_star_is_everybody_without_credentials(tmp_path):
    async with running(tmp_path, changes={"CELLBLOCK_CORS_ORIGINS": "*"}) as service:
        preflight = await service.http.options("/api/submit", headers={"origin": OTHER, **PREFLIGHT})
        answer = await service.http.get("/api/languages", headers={"origin": OTHER, "cookie": "a=b"})
        for each in (preflight, answer):
            assert each.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in each.headers


async def test_options_that_is_no_preflight_is_answered_by_the_route(open_to_page):
    answer = await open_to_page.http.options("/api/submit")
    assert (answer.status_code, answer.headers["allow"]) == (204, "OPTIONS, POST")
