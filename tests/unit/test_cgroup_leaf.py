"""How a group that was handed over is emptied, on a small stand-in for the kernel's cgroup v2."""

from __future__ import annotations

import errno
import os

import pytest

from cellblock.errors import SandboxError
from cellblock.sandbox import cgroup_v2
from cellblock.sandbox.cgroups import OWN_LEAF, Mount
from cellblock.sandbox.leases import lease_uid_block

MOUNT = Mount("/", "/sys/fs/cgroup", "cgroup2", frozenset())
FIRST_UID = 300_032  # a multiple of a block's size
OTHER = f"u{FIRST_UID + 128}"


class Kernel:
    """The group with its processes; refuses what the kernel refuses."""

    def __init__(self, base):
        self.base = base
        self.pids: list[str] = []
        self.controllers: set[str] = set()
        self.moved: list[str] = []
        self.ended: set[str] = set()
        self.born_at_a_move: list[str] = []
        self.born_at_a_controller: list[str] = []
        self.is_threaded = False
        """Processes are in it although it hands down what threads can have."""
        self._tell()

    def write(self, directory, name, value):
        if name == "cgroup.procs":
            self._move(value)
        elif directory == self.base:
            self._hand_down(value)
        self._tell()

    def _move(self, pid):
        if self.is_threaded and self.controllers:
            self._refuse(errno.EOPNOTSUPP)
        self.pids += [self.born_at_a_move.pop()] if self.born_at_a_move else []
        self.pids.remove(pid)
        if pid in self.ended:
            self._tell()
            self._refuse(errno.ESRCH)
        self.moved.append(pid)

    def _hand_down(self, value):
        controller = value[1:]
        if value[0] == "-":
            if (self.base / "cellblock").exists():
                self._refuse(errno.EBUSY)
            self.controllers.remove(controller)
            return
        if self.born_at_a_controller:
            self.pids.append(self.born_at_a_controller.pop())
            self._tell()
        if self.pids:
            self._refuse(errno.EBUSY)
        self.controllers.add(controller)

    def _tell(self):
        (self.base / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in self.pids))
        (self.base / "cgroup.subtree_control").write_text(" ".join(sorted(self.controllers)))

    def _refuse(self, number):
        raise SandboxError("cgroup_limit", number)


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    base = tmp_path / "handed"
    base.mkdir()
    kernel = Kernel(base)
    monkeypatch.setattr(cgroup_v2, "write_control", kernel.write)
    monkeypatch.setattr(cgroup_v2, "_find_base", lambda _mount: (base, True))
    return kernel


@pytest.fixture
def open_tree(kernel, tmp_path):
    def do(*pids):
        kernel.pids = list(pids)
        kernel._tell()
        return cgroup_v2.CgroupTreeV2(MOUNT, f"u{FIRST_UID}", tmp_path / "leases")

    (tmp_path / "leases").mkdir()
    return do


def test_all_processes_go_to_the_leaf_and_the_controllers_are_handed_down(kernel, open_tree):
    assert open_tree("10", "11").missing == {}
    assert kernel.moved == ["10", "11"]
    assert kernel.controllers == {"cpu", "memory", "pids"}
    assert (kernel.base / OWN_LEAF).is_dir()


def test_one_that_ends_meanwhile_is_no_failure(kernel, open_tree):
    kernel.ended = {"10"}
    assert open_tree("10", "11").missing == {}
    assert kernel.moved == ["11"]


def test_one_that_is_started_meanwhile_is_moved_too(kernel, open_tree):
    kernel.born_at_a_move = ["12"]
    assert open_tree("10", "11").missing == {}
    assert kernel.moved == ["10", "11", "12"]


def test_one_that_comes_when_the_group_was_empty_is_moved_and_the_controller_asked_for_again(
    kernel, open_tree
):
    kernel.born_at_a_controller = ["13", "12"]
    assert open_tree("10").missing == {}
    assert kernel.moved == ["10", "12", "13"]


def test_a_group_that_does_not_become_empty_is_told_in_the_end(kernel, open_tree, monkeypatch):
    monkeypatch.setattr(cgroup_v2, "_EMPTYING_S", 0.01)
    monkeypatch.setattr(kernel, "_move", lambda _pid: None)
    missing = open_tree("10").missing
    assert set(missing) == {"memory", "pids"}
    assert os.strerror(errno.EBUSY) in missing["pids"]


def test_one_that_is_in_no_pid_namespace_of_ours_is_not_waited_for(kernel, open_tree, monkeypatch):
    monkeypatch.setattr(kernel, "_hand_down", lambda _value: None)
    assert open_tree("0", "10").missing == {}
    assert kernel.moved == ["10"]


@pytest.mark.parametrize("lives", [False, True])
def test_what_a_dead_instance_holds_is_taken_back_and_what_a_living_one_holds_is_not(
    kernel, open_tree, tmp_path, lives
):
    """It found no memory controller, and handed the others down."""
    (kernel.base / "cellblock" / OTHER / "c1").mkdir(parents=True)
    kernel.is_threaded, kernel.controllers = True, {"cpu", "pids"}
    if lives:
        block = lease_uid_block(FIRST_UID + 128, FIRST_UID + 255, tmp_path / "leases")
        assert block.instance == OTHER
    missing = open_tree("10").missing
    assert (kernel.base / "cellblock" / OTHER).exists() == lives
    if lives:
        assert set(missing) == {"memory", "pids"}
        assert kernel.controllers == {"cpu", "pids"}
        block.close()
    else:
        assert missing == {}
        assert kernel.controllers == {"cpu", "memory", "pids"}
