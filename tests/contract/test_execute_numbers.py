"""Numbers that no stage is for: they reach nobody, however large they are."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.anyio

LARGE = [2**63, 2**64, 10**30]


@pytest.mark.parametrize("number", LARGE)
@pytest.mark.parametrize("field", ["compile_timeout", "compile_memory_limit"])
async def test_limit_of_a_stage_that_there_is_not_is_never_a_500(executor, field, number):
    bodies = {
        "/v1/execute": {"language": "python", "code": "print(1)", field: number},
        "/api/v2/execute": {
            "language": "python",
            "version": "*",
            "files": [{"content": "print(1)"}],
            field: number,
        },
    }
    for path, body in bodies.items():
        headers = {"content-type": "application/json"}
        answer = await executor.http.post(path, content=json.dumps(body).encode(), headers=headers)
        assert answer.status_code in {200, 400}, answer.text
