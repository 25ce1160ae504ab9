"""The rendered reference, as a browser has it."""

from __future__ import annotations

import json

import pytest

from browser.browsing import alone, browse, page
from running import running

pytestmark = [pytest.mark.browser, pytest.mark.anyio]


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_page_is_drawn_by_its_own_style_and_asks_for_nothing_else(tmp_path, own_log):
    with alone():
        async with running(tmp_path) as service:
            dom, console = await browse(f"http://127.0.0.1:{service.port}/docs", tmp_path, "--dump-dom")
    assert console == []  # a style that the policy refuses would stand here
    assert "POST /api/submit" in dom
    lines = [json.loads(line) for line in own_log().splitlines()]
    asked = {line["route"] for line in lines if line["event"] == "request"} - {"/api/health/ready"}
    assert asked <= {"/docs", None}  # a browser asks for a site's icon by itself
    assert "/docs" in asked


async def test_console_is_seen(tmp_path):
    with alone():
        async with page("console.log('said'); return 1") as origin:
            _, console = await browse(f"{origin}/", tmp_path, "--dump-dom")
    assert len(console) == 1
    assert "said" in console[0]
