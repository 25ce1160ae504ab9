"""The verification shown in docs/webhooks.md verifies what the service sends, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import standardwebhooks

from doubles import until
from receivers import receiving, status
from running import running

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
OWN, BY_LIBRARY = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])


def function(code: str, name: str):
    namespace: dict[str, object] = {}
    exec(compile(code, "docs/webhooks.md", "exec"), namespace)  # noqa: S102  # the page's own example
    return namespace[name]


async def test_examples_verify_what_is_sent_and_refuse_what_was_changed(tmp_path):
    verify, verified_record = function(OWN, "verify"), function(BY_LIBRARY, "verified_record")
    secret = EXAMPLE["webhook_secret"]
    changes = {"CELLBLOCK_ALLOW_LOCALHOST_WEBHOOKS": "true"}
    async with running(tmp_path, changes=changes) as service, receiving(status(200)) as receiver:
        answer = await service.http.post(
            "/api/submit?wait=true", json={**EXAMPLE, "webhook_url": receiver.url}
        )
        await until(lambda: bool(receiver.calls))
    (call,) = receiver.calls
    assert verify(secret, call.headers, call.body)
    assert verified_record(secret, call.headers, call.body) == answer.json()

    late = {**call.headers, "webhook-timestamp": str(int(call.headers["webhook-timestamp"]) - 301)}
    for changed in (
        (secret + "x", call.headers, call.body),
        (secret, call.headers, call.body + b" "),
        (secret, {**call.headers, "webhook-id": "other"}, call.body),
        (secret, late, call.body),
    ):
        assert not verify(*changed)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified_record(secret, call.headers, call.body + b" ")
