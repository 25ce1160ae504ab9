"""The attacks against services on cgroup v2: one of root's, and one of an ordinary user's.

The quick ones are a part of `make test-vm`; `make vm-score` runs every one, and goes on where it was ended.
Some, of which no score is left:
`tests/vm/run --env ATTACKS=E/sibling -- -m slow tests/hosts/test_attacks.py -k roots_service`.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import msgspec
import pytest

import escapes.patience  # noqa: F401  # for what it does
from cellblock.attacks import front
from cellblock.attacks.manifest import trials
from cellblock.attacks.scorecard import as_markdown
from e2e.instance import NOTHING_READY, running_instance
from hosts import kinds
from hosts.tried import Tried

pytestmark = [pytest.mark.vm, pytest.mark.timeout(3600)]


@pytest.fixture
def of_root(free_port, time_scale):
    """Start a service as root, with these flags; its log stays after a failure."""
    return lambda *flags: running_instance(
        free_port, *flags, time_scale=time_scale, log=Path("/run/vm/service.log")
    )


def assert_contained_and_keep_the_score(instance, time_scale, kind, *, quick):
    instance.submit_when_ready("print(1)", timeout_s=60 * time_scale)
    wanted = os.environ.get("ATTACKS", "")
    chosen = [trial for trial in trials(quick=quick) if re.search(wanted, trial.name)]
    assert chosen, f"ATTACKS={wanted}: no such attack"
    tried = Tried(Path(f"/run/vm/{'quick' if quick else 'tried'}-{kind}.jsonl"), trials(quick=quick))
    left = [trial for trial in chosen if trial not in tried] or chosen[:1]
    instance.wait_for_languages({trial.language for trial in left} - {"http"}, timeout_s=600 * time_scale)
    port = int(instance.base_url.rpartition(":")[2])
    card = front.attack("127.0.0.1", port, left, note=tried.note)
    card = msgspec.structs.replace(card, findings=tried.findings_of(chosen))
    sys.stderr.write(as_markdown(card))
    if not wanted:
        Path(f"/run/vm/score-{kind}.md").write_text(as_markdown(card))
    assert [f"{each.trial}: {each.status} {each.verdict} {each.seen}" for each in card.failed] == []
    assert card.growth == []
    assert (card.cgroups, card.as_root, card.mode) == ("cgroup_v2", kind != "v2-rootless", "strict")
    return card


EVERY_TOO = pytest.mark.parametrize(
    "quick", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["quick", "every"]
)


@EVERY_TOO
def test_attacks_on_roots_service_are_contained_but_what_is_known_to_be_open(of_root, time_scale, quick):
    with of_root(*NOTHING_READY) as instance:
        assert_contained_and_keep_the_score(instance, time_scale, "v2-root", quick=quick)


@EVERY_TOO
def test_attacks_on_a_service_that_keeps_cells_ready_are_contained_too(of_root, time_scale, quick):
    with of_root() as instance:
        card = assert_contained_and_keep_the_score(instance, time_scale, "v2-root-warm", quick=quick)
    assert sum(finding.warm for finding in card.findings) > len(card.findings) / 4


@EVERY_TOO
def test_attacks_on_a_users_service_are_contained_but_what_is_known_to_be_open(serve, time_scale, quick):
    kinds.grant_uids(65536)
    with serve() as instance:
        assert_contained_and_keep_the_score(instance, time_scale, "v2-rootless", quick=quick)
