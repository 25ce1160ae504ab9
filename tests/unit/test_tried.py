"""What was found in a machine counts until anything that it is of is changed."""

from __future__ import annotations

import msgspec
import pytest

from cellblock.attacks.manifest import Finding, Trial, trials
from hosts import tried
from hosts.tried import Tried

FIRST, SECOND = trials(classes="I")[:2]


def found(trial: Trial, **more: object) -> Finding:
    return Finding(
        **({"trial": trial.name, "attack_class": "I", "language": "c", "status": "contained"} | more)
    )


def test_what_was_found_is_there_for_whoever_goes_on(tmp_path):
    before = Tried(tmp_path / "tried", [FIRST, SECOND])
    assert FIRST not in before
    before.note(found(FIRST))
    assert FIRST in before
    after = Tried(tmp_path / "tried", [FIRST, SECOND])
    assert (FIRST in after, SECOND in after) == (True, False)
    assert [each.trial for each in after.findings_of([FIRST, SECOND])] == [FIRST.name], "one was left out"
    after.note(found(SECOND))
    assert [each.trial for each in after.findings_of([SECOND, FIRST])] == [SECOND.name, FIRST.name]
    assert SECOND in Tried(tmp_path / "tried", [FIRST, SECOND])


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"status": "not contained", "open": "known"}, True),
        ({"status": "not contained"}, False),
        ({"status": "dishonest"}, False),
        ({"status": "not tried"}, False),
    ],
)
def test_what_is_not_as_it_must_be_is_tried_again(tmp_path, more, counts):
    Tried(tmp_path / "tried", [FIRST]).note(found(FIRST, **more))
    assert (FIRST in Tried(tmp_path / "tried", [FIRST])) == counts


def test_an_attack_that_was_changed_is_tried_again(tmp_path):
    Tried(tmp_path / "tried", [FIRST, SECOND]).note(found(FIRST))
    for changed in (
        msgspec.structs.replace(FIRST, source="another"),
        msgspec.structs.replace(FIRST, attack=msgspec.structs.replace(FIRST.attack, verdicts=[])),
    ):
        assert changed not in Tried(tmp_path / "tried", [changed])
        Tried(tmp_path / "tried", [FIRST]).note(found(FIRST))


def test_all_is_tried_again_where_what_holds_it_was_changed(tmp_path, monkeypatch):
    Tried(tmp_path / "tried", [FIRST]).note(found(FIRST))
    before = tried._digest_of_product()
    assert before == tried._digest_of_product()
    monkeypatch.setattr(tried, "_digest_of_product", lambda: b"changed")
    assert FIRST not in Tried(tmp_path / "tried", [FIRST])


def test_half_a_line_is_none(tmp_path):
    Tried(tmp_path / "tried", [FIRST, SECOND]).note(found(FIRST))
    with (tmp_path / "tried").open("ab") as file:
        file.write(b'{"of": "')
    after = Tried(tmp_path / "tried", [FIRST, SECOND])
    assert (FIRST in after, SECOND in after) == (True, False)
    after.note(found(SECOND))
    assert SECOND in Tried(tmp_path / "tried", [FIRST, SECOND])
