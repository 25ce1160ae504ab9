"""What is known to be open: the exact outcome, where it is known, and nothing else of such an attack."""

from __future__ import annotations

from collections.abc import Sequence

from cellblock.attacks.caller import Answer
from cellblock.attacks.instance import Instance, makes_device_nodes
from cellblock.attacks.manifest import Attack, Status

_ENDED = "it ended"
_BOTH = "both runs printed"


def succeeded(attack: Attack, answer: Answer) -> bool:
    """Say whether a program ended as it does where its attack succeeds."""
    record = answer.json()
    shown = not attack.success_code or record.get("exit_code") == attack.success_code
    return record.get("verdict") in attack.succeeds and shown


def as_where_it_succeeds(attack: Attack, answers: Sequence[Answer]) -> list[str]:
    """Name the ends by which programs tell that an attack succeeded."""
    ends = (str(answer.json().get("verdict")) for answer in answers if succeeded(attack, answer))
    return [f"{_ENDED} {verdict}, as where it succeeds" for verdict in dict.fromkeys(ends)]


def both_printed(line: str) -> str:
    """Name a line that two runs printed alike."""
    return f"{_BOTH} {line!r}"


def why_open(attack: Attack, status: Status, seen: Sequence[str], instance: Instance) -> str:
    """Return why an outcome is the known one of an open attack; empty where it is any other.

    What else was seen, or was wrong with an answer, is no part of what is known: it fails.
    """
    if not attack.open or status != "not contained":
        return ""
    if attack.open_where == "no device nodes" and makes_device_nodes(instance):
        return ""
    return attack.open if all(line.startswith((_ENDED, _BOTH)) for line in seen) else ""
