"""Reading what toolchains are installed, and keeping it while it is used."""

from __future__ import annotations

import os
import stat

import pytest

from catalogs import pretend_installed, small_catalog
from cellblock.errors import HostError
from cellblock.languages import installed
from cellblock.languages.self_test_cache import (
    Passed,
    SelfTestCache,
    fingerprint,
    host_executable,
    surroundings,
)
from cellblock.toolchains.place import Place


@pytest.fixture
def root(tmp_path):
    pretend_installed(tmp_path, small_catalog(), ["alpha"], ["gamma"])
    return installed.installed_root(tmp_path)


def test_nothing_installed_is_none(tmp_path):
    assert installed.installed_root(tmp_path) is None
    assert installed.hold_installed_root(tmp_path) is None


def test_tree_and_components_are_where_cells_want_them(root, tmp_path):
    assert root.tree == tmp_path / "trees" / "feed" / "root"
    assert (root.components["gamma"] / "bin" / "gamma").is_file()


def test_paths_of_the_cell_are_found_on_the_host(root):
    assert root.inside("/usr/bin/alpha") == root.tree / "usr/bin/alpha"
    assert root.inside("/opt/gamma/bin/gamma") == root.components["gamma"] / "bin/gamma"
    assert root.inside("/usr/bin/absent") is None
    assert root.inside("/opt/absent/bin/gamma") is None


def test_links_are_followed_as_in_the_cell_and_never_out_of_it(root):
    links = root.tree / "usr" / "bin"
    (links / "absolute").symlink_to("/usr/bin/alpha")
    (links / "upward").symlink_to("../../../../../../usr/bin/alpha")
    (links / "component").symlink_to("/opt/gamma/bin/gamma")
    (links / "hosts").symlink_to("/bin/sh")
    (links / "loop").symlink_to("loop")
    (root.tree / "bin").symlink_to("usr/bin")
    assert root.inside("/bin/absolute") == root.tree / "usr/bin/alpha"
    assert root.inside("/usr/bin/upward") == root.tree / "usr/bin/alpha"
    assert root.inside("/bin/component") == root.components["gamma"] / "bin/gamma"
    assert root.inside("/bin/hosts") is None, "the tree of this test has no sh"
    assert root.inside("/bin/loop") is None


def test_fingerprint_of_some_components_ignores_the_others(root, tmp_path):
    pretend_installed(tmp_path, small_catalog(), ["alpha"], [])
    without = installed.installed_root(tmp_path)
    assert without.fingerprint_of([]) == root.fingerprint_of([])
    assert without.fingerprint_of(["gamma"]) != root.fingerprint_of(["gamma"])
    assert without.fingerprint != root.fingerprint


def test_a_held_root_is_not_swept_until_it_is_closed(root, tmp_path):
    place = Place(tmp_path)
    with installed.hold_installed_root(tmp_path) as held:
        (tmp_path / "installed.json").write_text('{"tree": "other"}')
        place.sweep()
        assert held.root.inside("/usr/bin/alpha") is not None
        assert held.root.components["gamma"].is_dir()
    place.sweep()
    assert not root.tree.exists()
    assert not root.components["gamma"].exists()


@pytest.mark.usefixtures("root")
def test_a_root_that_vanished_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "trees" / "feed").rename(tmp_path / "elsewhere")
    with pytest.raises(HostError, match=r"is missing or closed although it is installed .* install again"):
        installed.hold_installed_root(tmp_path)


@pytest.mark.parametrize("content", [b"{", b'{"tree": "\xff"}', b"\0" * 100])
def test_a_broken_state_file_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "installed.json").write_bytes(content)
    with pytest.raises(HostError, match=r"installed\.json cannot be read: .* remove it"):
        installed.installed_root(tmp_path)


def passed(fingerprint: str, version: str = "1.2.3") -> Passed:
    return Passed(fingerprint=fingerprint, version=version, took_ms=5)


def test_a_passed_self_test_is_remembered_for_its_fingerprint_only(tmp_path):
    SelfTestCache(tmp_path).remember("one", passed("f"))
    again = SelfTestCache(tmp_path)
    assert again.get("one", "f").version == "1.2.3"
    assert again.get("one", "g") is None
    assert again.get("two", "f") is None
    again.forget("one", "f")
    assert SelfTestCache(tmp_path).last("one") is None


def test_installations_that_share_a_directory_keep_each_others_self_tests(tmp_path):
    ours, theirs = SelfTestCache(tmp_path), SelfTestCache(tmp_path)
    ours.remember("one", passed("ours", "1.0.0"))
    theirs.remember("one", passed("theirs", "2.0.0"))
    theirs.remember("two", passed("theirs"))
    ours.remember("two", passed("ours"))
    assert SelfTestCache(tmp_path).last("one").version == "2.0.0"
    theirs.forget("one", "theirs")
    assert SelfTestCache(tmp_path).get("one", "ours").version == "1.0.0"
    assert SelfTestCache(tmp_path).get("two", "theirs")
    assert SelfTestCache(tmp_path).get("two", "ours")


def test_self_tests_that_nobody_uses_any_more_go_when_there_are_many(tmp_path):
    cache = SelfTestCache(tmp_path)
    cache.remember("other", passed("f"))
    for number in range(20):
        cache.remember("one", passed(f"f{number}"))
        os.utime(tmp_path / "self-tests" / "one" / f"f{number}.json", (number, number))
        assert cache.get("one", "f0"), "it is used each time"
    kept = {number for number in range(20) if cache.get("one", f"f{number}")}
    assert kept == {0, *range(5, 20)}
    assert cache.get("other", "f")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 16 + 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}, "for whoever lists languages"


@pytest.mark.parametrize("garbage", [b'{"version": "\xff"}', b"[]", b""])
def test_a_broken_memory_only_costs_the_test_again(tmp_path, caplog, garbage):
    cache = SelfTestCache(tmp_path)
    cache.remember("one", passed("f"))
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(garbage)
    assert cache.get("one", "f") is None
    assert "a self-test is run again" in caplog.text
    assert cache.last("one") is None
    cache.remember("one", passed("f"))
    assert SelfTestCache(tmp_path).get("one", "f")


def test_a_memory_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = SelfTestCache(tmp_path / "file" / "below")
    cache.remember("one", passed("f"))
    cache.forget("one", "f")
    assert "not remembered" in caplog.text


def test_fingerprints_tell_apart_what_a_self_test_rests_on(tmp_path):
    helper = tmp_path / "helper"
    helper.write_bytes(b"one")
    first = fingerprint(surroundings(helper))
    assert first == fingerprint(surroundings(helper))
    helper.write_bytes(b"two")
    assert first != fingerprint(surroundings(helper))
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"])
    before = host_executable(helper)
    helper.write_bytes(b"three")
    assert host_executable(helper) != before
    assert "missing" in host_executable(tmp_path / "absent")
