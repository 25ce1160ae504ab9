"""How an ordinary user installs: what is started in his place, and what he is told where it cannot be."""

from __future__ import annotations

import os
import pwd

import pytest

from cellblock import cli, subids
from cellblock.errors import HostError
from cellblock.toolchains import rootless

USER = pwd.getpwuid(os.geteuid()).pw_name


class Replaced(BaseException):
    """Another program would stand here now."""


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Collect what would take our place; ranges are read from files of the test's."""
    commands = []
    ranges = tmp_path / "subuid", tmp_path / "subgid"
    for path in ranges:
        path.write_text(f"other:100000:65536\n{USER}:300000:65536\n")
    monkeypatch.setattr(subids, "TOOLS", dict(zip(ranges, ("newuidmap", "newgidmap"), strict=True)))
    monkeypatch.setattr(subids.shutil, "which", lambda tool: f"/usr/bin/{tool}")

    def take_our_place(_file, argv, environment):
        commands.append((argv, environment))
        raise Replaced

    monkeypatch.setattr(rootless.os, "execvpe", take_our_place)
    return commands, ranges


@pytest.mark.parametrize("tied", [False, True])
def test_the_same_command_is_started_as_root_of_a_namespace_with_the_users_uids(started, tied):
    commands, _ = started
    with pytest.raises(Replaced):
        rootless.install_as_root_of_a_namespace(["languages"], {"A": "b"}, ends_with_parent=tied)
    ((argv, environment),) = commands
    assert argv[:4] == ("unshare", "--user", "--map-root-user", "--map-auto")
    assert argv[-3:] == ("-m", "cellblock", "languages")
    assert ("--pdeathsig" in argv) == tied
    assert environment == {"A": "b"}


def test_the_command_keeps_directory_and_choices_that_defaults_of_root_would_change(
    started, monkeypatch, tmp_path
):
    commands, _ = started
    monkeypatch.setattr("cellblock.cli.languages.os.geteuid", lambda: 1000)
    monkeypatch.setattr(
        subids.pwd, "getpwuid", lambda _uid: pwd.struct_passwd((USER, "", 1000, 0, "", "", ""))
    )
    arguments = ["languages", "install", "--yes", "--upgrade", "--toolchain-dir", str(tmp_path), "bash", "c"]
    with pytest.raises(Replaced):
        cli.exit_code_of(arguments)
    ((argv, environment),) = commands
    assert argv[argv.index("cellblock") + 1 :] == (
        *("languages", "install", "--upgrade", "--yes", "--", "bash", "c"),
    )
    assert environment["CELLBLOCK_TOOLCHAIN_DIR"] == str(tmp_path)


@pytest.mark.parametrize("content", ["", f"{USER}:300000:1000\n", "other:1:65536\n", f"{USER}:many:lots\n"])
def test_too_few_uids_are_told_with_the_file_and_what_gives_them(started, content):
    commands, (_, subgid) = started
    subgid.write_text(content)
    with pytest.raises(
        HostError, match=rf"missing in {subgid}\): as root, usermod --add-subuids .* {USER}; or install"
    ):
        rootless.install_as_root_of_a_namespace([], {}, ends_with_parent=False)
    assert commands == []


@pytest.mark.usefixtures("started")
def test_missing_tools_are_told_with_the_package(monkeypatch):
    monkeypatch.setattr(subids.shutil, "which", lambda _tool: None)
    with pytest.raises(
        HostError, match=r"newuidmap, newgidmap\): as root, apt-get install uidmap; or install"
    ):
        rootless.install_as_root_of_a_namespace([], {}, ends_with_parent=False)
