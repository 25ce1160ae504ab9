"""The toolchain directory: nothing half made is ever used, nothing that is used goes away."""

from __future__ import annotations

import os
import stat
import threading
import time

import pytest
from msgspec import Struct

from cellblock.errors import HostError
from cellblock.languages.installed import State
from cellblock.toolchains.place import Place, measure_and_close


class Manifest(Struct):
    name: str


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "toolchains")


def never(pid):
    raise AssertionError(f"waited for {pid}")


def test_what_is_published_appears_whole_and_with_its_manifest(place, tmp_path):
    with place.locked(never):
        made = place.fresh("thing")
        (made / "file").write_text("x")
        final = tmp_path / "toolchains" / "components" / "thing-1"
        place.publish(made, Manifest("thing"), final)
        place.switch(State(tree="none", components={"thing": "1"}))
    assert (final / "file").read_text() == "x"
    assert '"thing"' in (final / "manifest.json").read_text()
    assert not place.work.exists()


def test_what_an_interrupted_installation_left_is_removed(place):
    with place.locked(never):
        pass
    (place.work / "tree" / "root" / "usr").mkdir(parents=True)
    (place.path / "trees" / "old").mkdir(parents=True)
    place.downloads.mkdir()
    with place.locked(never):
        assert not place.work.exists()
        assert not (place.path / "trees" / "old").exists()
        assert place.downloads.exists(), "what was downloaded is worth keeping"


def test_a_failure_inside_leaves_no_work_behind(place):
    def fail():
        (place.fresh("tree") / "file").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError), place.locked(never):
        fail()
    assert not place.work.exists()


def test_a_second_installation_waits_and_says_for_whom(place):
    entered, waited_for = threading.Event(), []

    def install_too():
        with place.locked(waited_for.append):
            entered.set()

    with place.locked(never):
        other = threading.Thread(target=install_too)
        other.start()
        while not waited_for:
            time.sleep(0.01)
        assert not entered.wait(0.1)
    assert entered.wait(5)
    other.join()
    assert waited_for == [str(os.getpid())]


def test_a_directory_that_cannot_be_made_is_an_error_that_names_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(HostError, match="CELLBLOCK_TOOLCHAIN_DIR"),
        Place(tmp_path / "file" / "x").locked(never),
    ):
        pass


def test_set_uid_bits_are_taken_off_and_bytes_counted(tmp_path):
    program = tmp_path / "su"
    program.write_bytes(b"x" * 10_000)
    program.chmod(0o4755)
    (tmp_path / "hard").hardlink_to(program)
    (tmp_path / "link").symlink_to("su")
    counted_bytes = measure_and_close(tmp_path)
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    assert 10_000 <= counted_bytes <= 20_000
