from __future__ import annotations

import pytest

from running import running


@pytest.fixture
def anyio_backend():
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture
async def service(tmp_path):
    async with running(tmp_path) as instance:
        yield instance
