"""Which pages may call the API and read its answers, as a browser has it; `make test-browser` brings one."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest

from browser.browsing import alone, page, visit
from cellblock.model import Profile
from cellblock.store import NewKey
from running import running
from sent import sent

pytestmark = [pytest.mark.browser, pytest.mark.anyio]

CALLS = """
const {service, key} = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const program = {method: 'POST', body: JSON.stringify({language: 'python', code: 'print(2 + 2)'})};
const json = {'content-type': 'application/json'};
const submit = headers => [service + '/api/submit?wait=true', {...program, headers: {...json, ...headers}}];
const calls = {
    'X-API-Key': submit({'X-API-Key': key, 'Idempotency-Key': crypto.randomUUID(), 'X-Request-Id': 'page-1'}),
    'Authorization': submit({'Authorization': 'Bearer ' + key}),
    'used up': submit({'X-API-Key': key}),
    'wrong key': submit({'X-API-Key': 'wrong'}),
    'languages': [service + '/api/languages', {headers: {'X-API-Key': key}}],
    'without a preflight': [service + '/api/health', {}],
    'with cookies': [service + '/api/health', {credentials: 'include'}],
    'another header': submit({'X-API-Key': key, 'X-Other': '1'}),
    'another method': [service + '/api/languages', {method: 'DELETE', headers: {'X-API-Key': key}}],
};
const said = {};
for (const [name, [url, options]] of Object.entries(calls)) {
    try {
        const answer = await fetch(url, options);
        const headers = Object.fromEntries(answer.headers);
        said[name] = {status: answer.status, body: await answer.json(), headers};
    } catch (error) {
        said[name] = error.name;
    }
}
return said;
"""
REFUSED = "TypeError"
"""What ``fetch`` throws, saying no more, where the browser withholds an answer or never asks."""


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def pages(directory, allowed):
    """Show a page of an allowed origin and one of another; yields the service and what each page was told."""
    with alone():
        async with page(CALLS) as ours, page(CALLS) as other:
            origins = {"CELLBLOCK_CORS_ORIGINS": ours} if allowed else {}
            async with running(directory, changes=origins) as service:
                new = NewKey(name="page", profiles=(Profile.JUDGE,), per_minute=2)
                _, token = await service.keys.create(new, 1)
                sent.add("key", token)
                given = {"service": f"http://127.0.0.1:{service.port}", "key": token}
                said = {
                    name: await visit(origin, directory, given)
                    for name, origin in (("ours", ours), ("other", other))
                }
                yield service, said


def requests(log: str, method: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.splitlines()]
    return [line for line in lines if line["event"] == "request" and line["method"] == method]


async def test_page_of_an_allowed_origin_sends_keys_and_reads_answers_and_others_do_neither(
    tmp_path, own_log
):
    async with pages(tmp_path, allowed=True) as (service, said):
        ours = said["ours"]
        for header in ("X-API-Key", "Authorization"):
            assert (ours[header]["status"], ours[header]["body"]["stdout"]) == (200, "4\n")
        assert ours["X-API-Key"]["headers"]["x-request-id"] == "page-1"

        used_up = ours["used up"]
        assert (used_up["status"], used_up["body"]) == (429, {"error": "API key quota exceeded"})
        readable = {
            "retry-after",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "x-request-id",
        }
        assert readable <= set(used_up["headers"])
        assert used_up["headers"]["x-ratelimit-limit"] == "2"
        # What no specification lets pages read, and no list of ours names.
        assert not {"date", "www-authenticate", "vary"} & set(ours["wrong key"]["headers"])

        assert (ours["wrong key"]["status"], ours["wrong key"]["body"]) == (
            401,
            {"error": "invalid or missing API key"},
        )
        assert (ours["languages"]["status"], ours["languages"]["body"]) == (200, ["python", "c"])
        assert ours["without a preflight"]["status"] == 200
        for refused in ("with cookies", "another header", "another method"):
            assert ours[refused] == REFUSED

        assert set(said["other"].values()) == {REFUSED}
        assert len(service.supervisor.jobs) == 2  # both of them ours
    log = own_log()
    assert len(requests(log, "OPTIONS")) >= 4
    assert len(requests(log, "POST")) == 4  # the other page's never left the browser
    assert not requests(log, "DELETE")


async def test_by_default_no_page_of_another_origin_gets_through(tmp_path, own_log):
    async with pages(tmp_path, allowed=False) as (service, said):
        for each in said.values():
            assert set(each.values()) == {REFUSED}
        assert service.supervisor.jobs == []
    assert requests(own_log(), "OPTIONS")
    assert not requests(own_log(), "POST")
