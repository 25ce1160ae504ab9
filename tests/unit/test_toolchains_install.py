"""The order of an installation: what is missing, in which order it comes, when it can be used."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest
from msgspec import structs

from catalogs import packages, pretend_installed, runtime_file, small_catalog
from cellblock.errors import HostError
from cellblock.languages.installed import (
    ComponentManifest,
    TreeManifest,
    hold_installed_root,
    installed_root,
    tree_manifest,
)
from cellblock.toolchains import components, install, mirrors, tree
from cellblock.toolchains.install import Installation, missing
from cellblock.toolchains.packages import PackageSource, Resolution
from cellblock.toolchains.place import Place
from cellblock.toolchains.wanted import read_catalog


class Told:
    """A reporter that keeps what it was told."""

    def __init__(self):
        self.lines = []
        self.sizes = None

    def say(self, text):
        self.lines.append(text)

    def agree(self, sizes):
        self.sizes = sizes

    @contextmanager
    def step(self, title):
        self.lines.append(title)
        yield lambda _share: None

    def ready(self, what):
        self.lines.append(f"ready: {what}")


class World:
    """What apt, mmdebstrap, pip and npm would do, written down instead of done."""

    def __init__(self, monkeypatch):
        self.version = "1"
        self.built = []
        self.fails_at = ""
        monkeypatch.setattr(mirrors, "sources_for", lambda _suite, _mirror: ["deb nowhere"])
        monkeypatch.setattr(install, "PackageSource", lambda _directory, _sources: self)
        monkeypatch.setattr(tree, "build", self._build_tree)
        monkeypatch.setattr(
            components.ComponentBuilder,
            "build",
            lambda _builder, *arguments: self._build_component(*arguments),
        )

    def resolve(self, names):
        found = dict.fromkeys([*sorted(names), "base"], self.version)
        return Resolution(packages=found, download_bytes=3_000_000, disk_bytes=9_000_000)

    def download(self, _names, _status, advance):
        advance(1.0)

    def _build_tree(self, directory, requested, resolution, _source, _advance):
        self._note(f"tree {' '.join(sorted(requested))}")
        programs = directory / "root" / "usr" / "bin"
        programs.mkdir(parents=True)
        for name in requested:
            (programs / name).write_text("")
        return TreeManifest(
            hash=tree.tree_hash(requested, resolution),
            suite=tree.SUITE,
            requested=tuple(sorted(requested)),
            packages=resolution.packages,
            recipe=tree.RECIPE,
            disk_bytes=1,
            built_at="",
        )

    def _build_component(self, directory, need, found, root, _advance):
        assert root.is_dir()
        self._note(need.name)
        (directory / "files" / "bin").mkdir(parents=True)
        (directory / "files" / "bin" / need.name).write_text("")
        return ComponentManifest(name=need.name, hash=found, packages=need.pypi, disk_bytes=1, built_at="")

    def _note(self, what):
        if what == self.fails_at:
            raise HostError(f"no luck with {what}")
        self.built.append(what)


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "toolchains")


def run(place, *names, wanted=None, upgrade=False, on_ready=lambda: None):
    wanted = wanted or small_catalog()
    told = Told()
    done = Installation(place, wanted, "", told, on_ready).install(wanted.select(names), upgrade=upgrade)
    return done, told


def test_everything_comes_tree_first_and_can_be_used_step_by_step(world, place):
    seen = []

    def on_ready():
        root = installed_root(place.path)
        seen.append((root.inside("/usr/bin/beta") is not None, "gamma" in root.components))

    done, told = run(place, "all", on_ready=on_ready)
    assert done
    assert world.built == ["tree alpha beta beta-dev", "gamma"]
    assert seen == [(True, False), (True, True)]
    assert told.sizes.download_bytes == 8_000_000
    assert told.sizes.disk_bytes == 16_000_000


def test_a_second_time_nothing_is_done_and_no_mirror_is_asked(world, place, monkeypatch):
    run(place, "all")
    monkeypatch.setattr(mirrors, "sources_for", lambda *_: pytest.fail("asked for a mirror"))
    assert run(place, "all")[0] is False
    assert len(world.built) == 2


def test_what_comes_later_joins_what_is_there(world, place):
    run(place, "alpha")
    before = installed_root(place.path)
    run(place, "beta")
    run(place, "delta")
    assert world.built == ["tree alpha", "tree alpha beta beta-dev", "gamma"]
    after = installed_root(place.path)
    assert after.inside("/usr/bin/alpha")
    assert after.inside("/opt/gamma/bin/gamma")
    assert not before.tree.exists(), "the tree before is not used any more"


@pytest.mark.usefixtures("world")
def test_a_tree_that_a_supervisor_uses_stays_until_it_lets_go(place):
    run(place, "alpha")
    with hold_installed_root(place.path) as held:
        run(place, "beta")
        assert held.root.inside("/usr/bin/alpha")
    run(place, "delta")
    assert not held.root.tree.exists()


def test_a_runtime_of_the_host_asks_for_nothing(world, place):
    assert run(place, "own")[0] is False
    assert world.built == []
    assert not place.path.exists()


def test_a_component_alone_still_gets_a_tree_to_stand_in(world, place):
    run(place, "gamma")
    assert world.built == ["tree ", "gamma"]


@pytest.mark.parametrize("fails_at", ["tree alpha beta beta-dev", "gamma"])
def test_an_installation_that_failed_is_taken_up_where_it_stopped(world, place, fails_at):
    world.fails_at = fails_at
    with pytest.raises(HostError, match=r"no luck|not installed: gamma; the reasons stand above"):
        run(place, "all")
    assert not place.work.exists()
    assert (installed_root(place.path) is None) == (fails_at != "gamma")
    world.fails_at = ""
    assert run(place, "all")[0]
    assert world.built == ["tree alpha beta beta-dev", "gamma"]
    assert not missing(place, small_catalog(), small_catalog().runtimes)


def test_a_component_that_cannot_be_had_keeps_no_other_from_coming(world, place):
    wanted = small_catalog()
    gamma = wanted.components["gamma"]
    wanted.components["epsilon"] = structs.replace(gamma, component="epsilon")
    one = structs.replace(wanted.runtimes[2], needs=[gamma, structs.replace(gamma, component="epsilon")])
    wanted = structs.replace(wanted, runtimes=(one,))
    world.fails_at = "gamma"
    told = Told()
    with pytest.raises(HostError, match="not installed: gamma"):
        Installation(place, wanted, "", told, lambda: None).install(wanted.runtimes)
    assert "no luck with gamma" in told.lines
    assert "epsilon" in installed_root(place.path).components


def test_upgrade_takes_newer_packages_and_keeps_the_rest(world, place):
    run(place, "all")
    world.version = "2"
    done, _ = run(place, "alpha", upgrade=True)
    assert done
    assert world.built[2:] == ["tree alpha beta beta-dev"]
    root = installed_root(place.path)
    assert tree_manifest(place.path, root.state.tree).packages["alpha"] == "2"
    assert root.inside("/opt/gamma/bin/gamma")


def test_upgrade_without_anything_newer_builds_nothing(world, place):
    run(place, "alpha")
    _, told = run(place, "alpha", upgrade=True)
    assert world.built == ["tree alpha"]
    assert "Debian has nothing newer" in told.lines


def test_another_recipe_builds_the_tree_again_for_all_that_was_there(world, place, monkeypatch):
    run(place, "alpha", "beta")
    monkeypatch.setattr(tree, "RECIPE", {**tree.RECIPE, "edition": "next"})
    run(place, "alpha")
    assert world.built[1:] == ["tree alpha beta beta-dev"]


def test_a_component_described_anew_is_brought_anew(world, place):
    run(place, "all")
    changed = small_catalog()
    changed.components["gamma"] = structs.replace(changed.components["gamma"], pypi=("gamma-wheel==1.1",))
    run(place, "gamma", wanted=changed)
    assert world.built == ["tree alpha beta beta-dev", "gamma", "gamma"]
    assert len(list((place.path / "components").iterdir())) == 1


def test_too_little_room_is_said_before_anything_is_fetched(world, place, monkeypatch):
    monkeypatch.setattr(Place, "free_bytes", lambda _self: 1_000_000)
    with pytest.raises(HostError, match=r"not enough room .* 8 MB to download, 16 MB on disk .*1 MB free"):
        run(place, "all")
    assert world.built == []


def test_a_full_disk_is_said_as_such(world, place, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(tree, "build", full)
    with pytest.raises(HostError, match="is full: free some room and install again"):
        run(place, "alpha")
    assert world.built == []


def test_an_executable_that_is_not_in_the_packages_is_said_with_its_language(world, place):
    wanted = read_catalog(
        [runtime_file("odd", executable="/usr/bin/strange", needs=packages("alpha"))], "x86_64"
    )
    with pytest.raises(HostError, match=r"/usr/bin/strange is not among it: mend the file of odd"):
        run(place, "odd", wanted=wanted)
    assert world.built == ["tree alpha"]


def test_a_mirror_that_does_not_answer_is_named_with_what_to_do(tmp_path):
    source = PackageSource(tmp_path, ["deb [trusted=yes] file:/nonexistent/debian trixie main"])
    with pytest.raises(
        HostError, match=r"(?s)could not read the lists of Debian packages.*CELLBLOCK_DEBIAN_MIRROR"
    ):
        source.resolve(["gcc"])


def test_missing_compares_with_what_is_there(tmp_path):
    wanted = small_catalog()
    pretend_installed(tmp_path, wanted, ["alpha"], ["gamma"])
    place = Place(tmp_path)
    assert not missing(place, wanted, wanted.select(["alpha", "gamma", "own"]))
    todo = missing(place, wanted, wanted.runtimes)
    assert (todo.tree, todo.packages, todo.components) == (True, {"beta", "beta-dev"}, ())


def test_the_build_itself_has_no_network_and_ends_with_us(tmp_path):
    command = tree._command(tmp_path / "root", ["gcc"], PackageSource(tmp_path, []))
    assert {"--net", "--pid", "--mount", "--kill-child"} <= set(command[: command.index("mmdebstrap")])
