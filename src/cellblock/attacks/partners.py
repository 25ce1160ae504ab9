"""Two programs at once: the second looks for what the first holds, then once more when that has gone."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence

from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.manifest import ATTEMPT, Trial
from cellblock.errors import CellblockError

_STARTS_WITHIN_S = 20.0
_SETTLES_S = 0.4
HOLDS_S = 1.5
"""How long the first of two programs offers what the second looks for."""
MISSED = "the first of two had gone before the second began"
_OF_THE_FIRST = ("verdict", "exit_code", "evidence", "completed_at")


def run_both(caller: Caller, trial: Trial, code: str, token: str) -> list[Answer]:
    """Return the answers of the first, the second, and the one after; where the first fails, that."""
    first = caller.submit(trial.language, code, stdin=f"first\n{token}\n", wait=False).json()
    deadline_s = time.monotonic() + _STARTS_WITHIN_S
    path = f"/api/result/{first.get('id')}"
    while caller.send("GET", path).json().get("job_status") == "pending":
        if time.monotonic() > deadline_s:
            raise CellblockError("the first of two programs was not started: is the service busy?")
        time.sleep(0.02)
    time.sleep(_SETTLES_S)
    second = caller.submit(trial.language, code, stdin="second\n")
    record = caller.finished(str(first.get("id"))).json()
    if record.get("verdict") != "AC":
        return [second, Answer(http.client.OK, repr(record.get("stderr")))]
    # Its own output may hold what it was given: of that, only what was agreed on is an answer.
    said = [line for line in str(record["stdout"]).splitlines() if line in {ATTEMPT, trial.first_says}]
    shown = {**{name: record.get(name) for name in _OF_THE_FIRST}, "stdout": "\n".join(said)}
    first_ran = Answer(http.client.OK, json.dumps(shown))
    return [first_ran, second, caller.submit(trial.language, code, stdin="second\n")]


def why_apart(trial: Trial, answers: Sequence[Answer], *, alone: bool) -> str:
    """Say why two programs could not have met, so that nothing was tried; empty where they could.

    Where others use the service too, the second may have to wait for its turn until the first has gone.
    """
    first, second = answers[0], answers[1].json()
    if trial.first_says not in lines(first):
        return f"the first of two did not say {trial.first_says!r}"
    if alone and str(second.get("started_at")) >= str(first.json().get("completed_at")):
        return MISSED
    return ""


def lines(answer: Answer) -> list[str]:
    """Return what a program printed, by line."""
    return str(answer.json().get("stdout")).splitlines()
