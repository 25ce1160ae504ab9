"""Reading what toolchains are installed, and keeping it while it is used."""

from __future__ import annotations

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


def test_a_passed_self_test_is_remembered_for_its_fingerprint_only(tmp_path):
    SelfTestCache(tmp_path).remember("one", Passed(fingerprint="f", version="1.2.3", took_ms=5))
    again = SelfTestCache(tmp_path)
    assert again.get("one", "f").version == "1.2.3"
    assert again.get("one", "g") is None
    assert again.get("two", "f") is None
    again.forget("one")
    assert SelfTestCache(tmp_path).last("one") is None
    (tmp_path / "self-tests.json").write_bytes(b'{"one": "\xff"}')
    assert SelfTestCache(tmp_path).last("one") is None


def test_a_broken_memory_only_costs_the_tests_again(tmp_path, caplog):
    (tmp_path / "self-tests.json").write_text("[]")
    cache = SelfTestCache(tmp_path)
    assert cache.last("one") is None
    assert "self-tests are run again" in caplog.text
    cache.remember("one", Passed(fingerprint="f", version="1.0.0", took_ms=1))
    assert SelfTestCache(tmp_path).get("one", "f")


def test_a_memory_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = SelfTestCache(tmp_path / "file" / "below")
    cache.remember("one", Passed(fingerprint="f", version="1.0.0", took_ms=1))
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
