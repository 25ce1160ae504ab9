"""Which attacks are seen to succeed where what holds them is off, and by which tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from cellblock.attacks.manifest import Trial, load_attacks

Test = Callable[..., None]
SEEN: defaultdict[str, list[Test]] = defaultdict(list)
"""Tests by attack, ``class/name``; filled as their modules are imported."""

_ATTACKS = {f"{attack.line}/{attack.name}": attack for attack in load_attacks()}
_BY_REQUEST = {attack.request: name for name, attack in _ATTACKS.items() if attack.request}


def sees(*what: str | Trial) -> Callable[[Test], Test]:
    """Note what a test sees succeed: attacks, trials of them, or requests; all of the manifest."""

    def note(test: Test) -> Test:
        for attack in {_attack(each) for each in what}:
            SEEN[attack].append(test)
        return test

    return note


def _attack(what: str | Trial) -> str:
    name = what.name if isinstance(what, Trial) else _BY_REQUEST.get(what, what)
    attack = "/".join(name.split("/")[:2])
    if attack not in _ATTACKS:
        raise ValueError(f"no manifest has {name}")
    return attack


def tries(test: Test, attack: str) -> bool:
    """Say whether a test is parametrized over an attack, or names it in its code or its module's data."""
    named = set(_texts(_parameters(test))) | set(_in_code(test.__code__, test.__globals__))
    named.discard(test.__doc__)  # what it says of itself proves nothing
    by_request = {request for request, name in _BY_REQUEST.items() if name == attack}
    return any(f"{attack}/" in text for text in named) or bool(by_request & named)


def _parameters(test: Test) -> list[Any]:
    marks = getattr(test, "pytestmark", [])
    return [mark.args[1] for mark in marks if mark.name == "parametrize"]


def _in_code(code: CodeType, there: dict[str, Any]) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _in_code(constant, there)
        else:
            yield from _texts(constant)
    yield from _texts([there.get(name) for name in code.co_names])


def _texts(data: Any) -> Iterator[str]:
    """Return all texts in what tests are parametrized over."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Trial):
        yield data.name
        yield data.attack.request
    elif isinstance(data, dict):
        yield from _texts([*data, *data.values()])
    elif isinstance(data, (list, tuple, set, frozenset)):
        for each in data:  # among these is what pytest.param() returns
            yield from _texts(each)
