"""Requests that learn from a program's own numbers how many others ran meanwhile."""

from __future__ import annotations

from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.ground import Ground

_WHO = "import os; print(os.getuid())"
_PAIRS = 64
"""A cell has two users of the 128 of its service."""
_BETWEEN = (0, 3, 6) * 4
_FEWER, _MORE = 1, 4
"""How far off a count may be: cells are made ahead of programs, and need not be taken in that order."""
_TELLS = 9
"""Of all gaps so many are right by chance once in half a million times."""


def uids_in_a_row(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Count by its uid how many programs ran since an earlier one; it must not be told so often."""

    def uid() -> int:
        answers.append(caller.submit("python", _WHO))
        said = str(answers[-1].json().get("stdout")).strip()
        return int(said) if said.isdecimal() else -1

    uids, seen = [uid()], []
    for others in _BETWEEN:
        for _other in range(others):
            caller.submit("python", _WHO)
        uids.append(uid())
        seen.append((others + 1, (uids[-1] - uids[-2]) // 2 % _PAIRS))
    if -1 in uids:
        return [f"a program did not say who it is: {answers[uids.index(-1)].text[-200:]}"]
    told = [counted for ran, counted in seen if ran - _FEWER <= counted <= ran + _MORE]
    return [f"uids told how many ran, and what was counted: {seen}"] if len(told) >= _TELLS else []
