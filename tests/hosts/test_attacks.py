"""The attacks against an ordinary user's service: `tests/vm/run -- -m slow tests/hosts/test_attacks.py`."""

from __future__ import annotations

import sys

import pytest

import escapes.patience  # noqa: F401  # for what it does
from cellblock.attacks import front
from cellblock.attacks.manifest import trials
from cellblock.attacks.scorecard import as_markdown
from hosts import kinds

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(14_400)]


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "every"])
def test_attacks_on_a_users_service_are_contained_but_what_is_known_to_be_open(serve, time_scale, quick):
    kinds.grant_uids(65536)
    with serve() as instance:
        instance.submit_when_ready("print(1)", timeout_s=60 * time_scale)
        port = int(instance.base_url.rpartition(":")[2])
        card = front.attack("127.0.0.1", port, trials(quick=quick))
    sys.stderr.write(as_markdown(card))
    assert [f"{each.trial}: {each.status} {each.verdict} {each.seen}" for each in card.failed] == []
    assert card.growth == []
