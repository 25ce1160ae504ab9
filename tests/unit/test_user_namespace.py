"""Which uids there are in a user namespace, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cellblock.sandbox import user_namespace
from cellblock.sandbox.leases import LEASES, UidBlock, lease_directory
from cellblock.sandbox.user_namespace import IdMap, read_id_map

WHOLE = IdMap(((0, 0, 2**32 - 1),))
SINGLE = IdMap(((0, 1000, 1),))
RANGES = IdMap(((0, 1000, 1), (70_016, 300_000, 1984)))


def test_the_machines_own_namespace_has_every_uid():
    assert WHOLE.is_whole
    assert WHOLE.within(70_000, 71_999) == (70_000, 71_999)


def test_a_namespace_with_ranges_has_that_part_of_the_uids_asked_for():
    assert not RANGES.is_whole
    assert RANGES.count == 1985
    assert RANGES.outer_root == 1000
    assert RANGES.within(70_000, 71_999) == (70_016, 71_999)
    assert RANGES.within(80_000, 81_999) is None


def test_a_part_too_small_for_a_lease_is_none():
    assert IdMap(((70_000, 300_000, 127),)).within(70_000, 71_999) is None
    assert IdMap(((70_000, 300_000, 128),)).within(70_000, 71_999) == (70_000, 70_127)
    assert SINGLE.within(70_000, 71_999) is None


def test_our_own_map_is_read_from_the_kernel():
    first = Path("/proc/self/uid_map").read_text().split()
    assert read_id_map().ranges[0] == tuple(map(int, first[:3]))


def test_subordinate_ranges_are_found_by_name_or_number_the_longest_first(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    file = tmp_path / "subuid"
    file.write_text("somebody:1:999999\nnobody:100000:200\n\nbroken\n65534:300000:65536\nnobody:x:1\n")
    assert user_namespace._own_range(file) == (300_000, 65_536)
    file.write_text("somebody:1:999999\n")
    assert user_namespace._own_range(file) == (0, 0)
    assert user_namespace._own_range(tmp_path / "absent") == (0, 0)


@pytest.mark.parametrize("one_uid", [False, True])
def test_a_block_of_a_namespace_with_one_uid_lends_that_one(one_uid, tmp_path):
    block = UidBlock(70_016, tmp_path, os.open(os.devnull, os.O_RDONLY), one_uid=one_uid)
    with block.lease() as uids:
        assert uids.init_uid in ([0] if one_uid else range(70_016, 70_144, 2))
        assert uids.program_uid == (0 if one_uid else uids.init_uid + 1)
    assert block.program_uids == ([] if one_uid else list(range(70_017, 70_144, 2)))
    block.close()


def test_leases_of_root_are_the_machines_and_of_a_user_his_own(tmp_path, monkeypatch):
    assert lease_directory(tmp_path) == LEASES
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert lease_directory(tmp_path) == tmp_path / "leases"


ENTERS = """
import ctypes, os
from pathlib import Path
from cellblock.sandbox.user_namespace import enter_user_namespace
# Changed only now: another user may not be able to read this tree. The change makes /proc/self root's.
os.setgroups([]), os.setresgid(*[65534] * 3), os.setresuid(*[65534] * 3)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
before = os.getuid()
enter_user_namespace((70000, 71999))
print(before, os.geteuid(), os.getegid(), Path("/proc/self/uid_map").read_text().split())
"""


def test_an_ordinary_user_without_ranges_becomes_root_of_a_namespace_with_one_uid():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", ENTERS],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "65534 0 0 ['0', '65534', '1']"
