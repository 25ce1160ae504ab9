"""Which uids there are in a user namespace, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cellblock import subids
from cellblock.sandbox import user_namespace
from cellblock.sandbox.leases import LEASES, UidBlock, lease_directory
from cellblock.sandbox.user_namespace import IdMap, read_id_map, what_gives_uids

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


@pytest.fixture
def made(monkeypatch):
    """Pretend that user 4321 has made our namespace, with these tools and files lacking."""

    def pretend(*lacking: str):
        monkeypatch.setattr(user_namespace, "_made_by", [4321])
        monkeypatch.setattr(subids, "lacking", lambda *_: list(lacking))

    return pretend


def test_a_user_without_uids_is_told_roots_command(made):
    made("newuidmap", "/etc/subuid")
    remedy = what_gives_uids(SINGLE, (70_000, 71_999))
    assert remedy.startswith("as root: apt-get install uidmap && echo 4321:")


def test_a_user_whose_uids_are_there_is_told_what_keeps_the_tool_from_its_rights(made):
    made()
    assert "--reinstall uidmap" in what_gives_uids(SINGLE, (70_000, 71_999))
    says = "from cellblock.sandbox import user_namespace as it; it._made_by.append(0)"
    says += "; it.subids.lacking = lambda *_: []; print(it.what_gives_uids(it.read_id_map(), (70000, 71999)))"
    command = ["setpriv", "--no-new-privs", sys.executable, "-c", says]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.startswith("start cellblock without no_new_privs")


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        (((0, 1000, 1), (1, 100_000, 65_536)), "CELLBLOCK_UID_RANGE=58000-59999, if nothing else"),
        (((0, 100_000, 40_000),), "CELLBLOCK_UID_RANGE=38000-39999, if nothing else"),
        (
            ((0, 1000, 1), (1, 100_000, 2_500)),
            "start the container, or the namespace that we were started in",
        ),
        (((0, 1000, 1),), "start the container, or the namespace that we were started in"),
    ],
)
def test_root_of_a_namespace_that_others_made_is_told_no_tool_that_cannot_help(ranges, expected):
    remedy = what_gives_uids(IdMap(ranges), (70_000, 71_999))
    assert remedy.startswith(expected)
    assert "up to 71999" in remedy
    assert "uidmap " not in remedy


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
from cellblock.sandbox import user_namespace
assert user_namespace._made_by == [before]
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
