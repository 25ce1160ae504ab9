"""Every answer has a name, which is in its error body and in the log, too."""

from __future__ import annotations

import uuid

import pytest

pytestmark = pytest.mark.anyio

ROUTES = [
    ("POST", "/api/submit"),
    ("POST", "/v1/execute"),
    ("POST", "/api/v2/execute"),
    ("GET", "/v1/runtimes"),
    ("GET", "/api/health"),
    ("GET", "/no/such/route"),
    ("PUT", "/api/submit"),
    ("OPTIONS", "/api/submit"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_sane_id_comes_back_and_without_one_there_is_a_new_one(executor, method, path):
    sent = "order-17.try_2:a+b/c=@d"
    answer = await executor.http.request(method, path, headers={"x-request-id": sent})
    assert answer.headers.get_list("x-request-id") == [sent]
    made = {
        (await executor.http.request(method, path)).headers["x-request-id"],
        (await executor.http.request(method, path)).headers["x-request-id"],
    }
    assert len(made) == 2
    assert all(uuid.UUID(name).version == 4 for name in made)


@pytest.mark.parametrize(
    "unfit", ["", "a b", "x" * 129, '"quoted"', "<b>", "-begins", "a\tb", "ä".encode(), "a;b"]
)
async def test_id_that_is_not_sane_is_replaced(executor, unfit):
    answer = await executor.http.get("/v1/runtimes", headers={"x-request-id": unfit})
    assert uuid.UUID(answer.headers["x-request-id"]).version == 4


async def test_error_of_the_execute_api_names_the_same_id(executor):
    answer = await executor.http.post("/v1/execute", json={}, headers={"x-request-id": "mine"})
    assert answer.json()["error"]["requestId"] == answer.headers["x-request-id"] == "mine"
    answer = await executor.http.post("/v1/execute", json={})
    assert answer.json()["error"]["requestId"] == answer.headers["x-request-id"]


async def test_longest_id_that_is_sane_is_kept(executor):
    answer = await executor.http.get("/v1/runtimes", headers={"x-request-id": "x" * 128})
    assert answer.headers["x-request-id"] == "x" * 128
