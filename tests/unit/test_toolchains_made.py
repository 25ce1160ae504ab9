"""What a tree's own programs make for it: precompiled headers, archives of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogs import made_component, packages, pretend_installed, runtime_file
from cellblock import cli
from cellblock.cli import languages as command
from cellblock.engine.installation import Installation as ServedFrom
from cellblock.errors import HostError
from cellblock.languages.installed import installed_root
from cellblock.languages.registry import make_runtime
from cellblock.toolchains.components import ComponentBuilder
from cellblock.toolchains.install import missing
from cellblock.toolchains.place import Place
from cellblock.toolchains.wanted import read_catalog
from unit.test_toolchains_install import World, run


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "toolchains")


def catalog(*, optional=True):
    needs = packages("alpha") + made_component("alpha-made", optional=optional)
    return read_catalog(
        [
            runtime_file("alpha", executable="/usr/bin/alpha", needs=needs),
            runtime_file("beta", executable="/usr/bin/beta", needs=packages("beta")),
        ],
        "x86_64",
    )


def test_it_is_made_after_the_tree_and_its_size_is_said_before(world, place):
    _, told = run(place, "alpha", wanted=catalog())
    assert world.built == ["tree alpha", "alpha-made"]
    assert told.sizes.disk_bytes == 20_000_000
    assert run(place, "alpha", wanted=catalog())[0] is False


def test_another_tree_has_it_made_again_in_the_same_installation(world, place):
    run(place, "alpha", wanted=catalog())
    before = installed_root(place.path).state.components["alpha-made"]
    _, told = run(place, "beta", wanted=catalog())
    assert world.built[2:] == ["tree alpha beta", "alpha-made"]
    assert told.sizes.disk_bytes == 20_000_000
    assert installed_root(place.path).state.components["alpha-made"] != before
    assert len(list((place.path / "components").iterdir())) == 1


def test_an_upgrade_has_it_made_again_only_where_there_is_something_newer(world, place):
    run(place, "alpha", wanted=catalog())
    run(place, "alpha", wanted=catalog(), upgrade=True)
    assert world.built == ["tree alpha", "alpha-made"]
    world.version = "2"
    run(place, "alpha", wanted=catalog(), upgrade=True)
    assert world.built[2:] == ["tree alpha", "alpha-made"]


def test_what_was_made_for_another_tree_never_stands_beside_this_one(world, place):
    run(place, "alpha", wanted=catalog())
    world.fails_at = "alpha-made"
    run(place, "beta", wanted=catalog())
    assert installed_root(place.path).components == {}


def test_failing_to_make_what_is_optional_is_said_and_tried_again(world, place):
    world.fails_at = "alpha-made"
    _, told = run(place, "alpha", wanted=catalog())
    assert "no luck with alpha-made" in told.lines
    assert "what it is for works without alpha-made, only slower" in told.lines
    assert not missing(place, catalog(), catalog().runtimes[:1]).is_required
    world.fails_at = ""
    run(place, "alpha", wanted=catalog())
    assert "alpha-made" in installed_root(place.path).components


def test_failing_to_make_what_is_required_fails_the_installation(world, place):
    world.fails_at = "alpha-made"
    with pytest.raises(HostError, match="not installed: alpha-made"):
        run(place, "alpha", wanted=catalog(optional=False))
    assert missing(place, catalog(), catalog(optional=False).runtimes[:1])


@pytest.mark.parametrize("optional", [True, False])
def test_a_runtime_is_served_without_what_is_optional_and_only_that(tmp_path, optional):
    wanted = catalog(optional=optional)
    pretend_installed(tmp_path, wanted, ["alpha"], [])
    served = ServedFrom(tmp_path)
    served.reload()
    try:
        assert served.has(make_runtime(wanted.runtimes[0], "", 1, {})) is optional
    finally:
        served.close()


def test_a_self_test_is_run_again_once_it_is_there(tmp_path):
    wanted = catalog()
    runtime = make_runtime(wanted.runtimes[0], "", 1, {})
    fingerprints = []
    for made in ([], ["alpha-made"]):
        pretend_installed(tmp_path, wanted, ["alpha"], made)
        served = ServedFrom(tmp_path)
        served.reload()
        fingerprints.append(served.fingerprint(runtime))
        served.close()
    assert fingerprints[0] != fingerprints[1]


def test_list_says_what_makes_an_installed_language_faster(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CELLBLOCK_TOOLCHAIN_DIR", str(tmp_path))
    monkeypatch.setattr(command, "read_catalog", catalog)
    pretend_installed(tmp_path, catalog(), ["alpha"], [])
    assert cli.exit_code_of(["languages", "list"]) == 0
    shown = next(line for line in capsys.readouterr().out.splitlines() if " alpha " in line)
    assert "not installed" not in shown
    assert "slower without alpha-made: cellblock languages install alpha" in shown
    pretend_installed(tmp_path, catalog(), ["alpha"], ["alpha-made"])
    assert cli.exit_code_of(["languages", "list"]) == 0
    assert "slower without" not in capsys.readouterr().out


def test_it_is_made_of_the_texts_that_the_file_brings(place):
    place.path.mkdir()
    made = place.fresh("component")
    need = catalog().components["alpha-made"]
    # The host's own file system stands for the tree.
    manifest = ComponentBuilder(place, None).build(made, need, "hash", Path("/"), lambda _: None)
    assert (made / "files" / "made").read_text() == "A NOTE"
    assert (manifest.hash, manifest.packages) == ("hash", ())
    assert manifest.disk_bytes > 0
