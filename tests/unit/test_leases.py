"""Leases of uid blocks: one holder at a time, whoever else takes and gives back; and no file is left."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from cellblock.errors import HostError
from cellblock.sandbox.leases import BLOCK_SIZE, lease_of_the_dead, lease_uid_block

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
