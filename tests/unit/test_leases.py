"""Leases of uid blocks: one holder at a time, whoever else takes and gives back; and no file is left."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise

import pytest

from cellblock.errors import HostError
from cellblock.sandbox.leases import _RESTING, BLOCK_SIZE, UidBlock, lease_of_the_dead, lease_uid_block

FIRST = 1_000_064 // BLOCK_SIZE * BLOCK_SIZE
BLOCKS = 2
LAST = FIRST + BLOCKS * BLOCK_SIZE - 1


def test_a_block_that_was_given_back_leaves_no_file(tmp_path):
    block = lease_uid_block(FIRST, LAST, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"uids-{FIRST}"]
    block.close()
    assert list(tmp_path.iterdir()) == []


def test_looking_whether_an_instance_is_dead_leaves_no_file(tmp_path):
    with lease_of_the_dead(f"u{FIRST}", tmp_path) as is_dead:
        assert is_dead
        with pytest.raises(HostError):
            lease_uid_block(FIRST, FIRST + BLOCK_SIZE - 1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_instance_that_lives_is_not_taken_for_dead(tmp_path):
    block = lease_uid_block(FIRST, LAST, tmp_path)
    with lease_of_the_dead(block.instance, tmp_path) as is_dead:
        assert not is_dead
    assert [path.name for path in tmp_path.iterdir()] == [f"uids-{FIRST}"]
    block.close()


def test_a_file_that_a_killed_holder_left_is_taken_over(tmp_path):
    (tmp_path / f"uids-{FIRST}").touch()
    block = lease_uid_block(FIRST, LAST, tmp_path)
    assert block.first_uid == FIRST
    block.close()
    assert list(tmp_path.iterdir()) == []


def test_no_block_ever_has_two_holders_while_many_take_and_give_back(tmp_path):
    holders: Counter[int] = Counter()
    most, refused, taken = [], [], []

    def take_and_give_back() -> None:
        for _ in range(500):
            try:
                block = lease_uid_block(FIRST, LAST, tmp_path)
            except HostError:
                refused.append(1)
                continue
            holders[block.first_uid] += 1
            most.append(holders[block.first_uid])
            taken.append(block.first_uid)
            holders[block.first_uid] -= 1
            block.close()

    threads = [threading.Thread(target=take_and_give_back) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert set(taken) == {FIRST, FIRST + BLOCK_SIZE}
    assert list(tmp_path.iterdir()) == []


PAIRS = BLOCK_SIZE // 2


@pytest.fixture
def block(tmp_path):
    leased = lease_uid_block(FIRST, LAST, tmp_path)
    yield leased
    leased.close()


def lent_in_a_row(block: UidBlock, count: int) -> list[int]:
    lent = []
    for _ in range(count):
        with block.lease() as uids:
            assert uids.program_uid == uids.init_uid + 1
            lent.append(uids.program_uid)
    return lent


def test_uids_come_in_no_order_that_tells_how_many_cells_were_made_between(block):
    lent = lent_in_a_row(block, 40 * PAIRS)
    assert set(lent) == set(block.program_uids)
    steps = Counter((after - before) % BLOCK_SIZE for before, after in pairwise(lent))
    assert len(steps) == PAIRS - 1  # all but the same again
    assert max(steps.values()) < 3 * len(lent) / PAIRS


def test_a_uid_rests_while_others_are_given_back(block):
    lent = lent_in_a_row(block, 40 * PAIRS)
    last, apart = {}, set()
    for at, uid in enumerate(lent):
        apart.add(at - last.get(uid, at - PAIRS))
        last[uid] = at
    assert min(apart) == _RESTING + 1 > 10


def test_uids_come_in_no_order_where_most_of_them_are_lent_either(block):
    with ExitStack() as held:
        for _ in range(PAIRS - 8):
            held.enter_context(block.lease())
        lent = lent_in_a_row(block, 400)
    assert len(set(lent)) == 8
    assert len(set(pairwise(lent))) == 8 * 7  # whoever has one uid may next see any other


def test_every_pair_can_be_lent_at_once_and_none_twice(block):
    lent_in_a_row(block, 3 * PAIRS)  # so that some rest
    for _ in range(3):
        with ExitStack() as held:
            uids = {held.enter_context(block.lease()).program_uid for _ in range(PAIRS)}
            assert uids == set(block.program_uids)
            with pytest.raises(HostError, match="all 64 uid pairs"):
                held.enter_context(block.lease())
