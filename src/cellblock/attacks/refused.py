"""What requests have in common that a service must refuse, or answer as always."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from typing import Any

from cellblock.attacks.caller import Answer, Caller

HELLO = "print(2 + 2)"
OK = http.client.OK
REFUSED = (400, 413, 414, 415, 422, 431)


def run_python(caller: Caller, answers: list[Answer], **body: Any) -> Answer:
    """Execute a program in Python by the execute API."""
    answer = caller.post("/v1/execute", {"language": "python", **body})
    answers.append(answer)
    return answer


def not_in(answer: Answer, allowed: Sequence[int], what: str) -> list[str]:
    """Name an answer of another status than those allowed."""
    return [] if answer.status in allowed else [f"{what} was answered {answer.status}: {answer.text[:200]}"]
