from __future__ import annotations

import uuid

from cellblock.api.names import new_name


def test_names_are_random_uuids_in_canonical_form_and_all_different():
    names = [new_name() for _ in range(2000)]
    assert len(set(names)) == 2000
    for name in names:
        parsed = uuid.UUID(name)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, uuid.RFC_4122, name)
    # Every digit but that of the version takes every value that it may have.
    values = [set(digits) for digits in zip(*(name.replace("-", "") for name in names), strict=True)]
    assert [len(found) for found in values] == [16] * 12 + [1] + [16] * 3 + [4] + [16] * 15
