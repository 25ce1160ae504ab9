"""What of a root's ``/etc`` its cells get: copies that every program may read, of what everybody may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellblock.sandbox import wire
from cellblock.sandbox.template import Root, build_template

SECRET = b"controlRole R&D"


def records(template: bytes) -> dict[str, tuple[int, bytes]]:
    """Read a template as the helper does: kind and content by path."""
    found, at = {}, 0
    while at < len(template):
        kind, _, path_bytes, data_bytes = wire.TEMPLATE_OP.unpack_from(template, at)
        at += wire.TEMPLATE_OP.size
        path = template[at : at + path_bytes].decode()
        at += path_bytes + 1
        found[path] = (kind, template[at : at + data_bytes])
        at += data_bytes + 1
    return found


def template_of(base: Path) -> dict[str, tuple[int, bytes]]:
    template = build_template(Root(base=base), [], "cell", b"", makes_nodes=True)
    assert SECRET not in template
    return records(template)


@pytest.fixture
def base(tmp_path) -> Path:
    """A system whose owner lets nobody pass to it, as where toolchains are in somebody's home."""
    (tmp_path / "home").mkdir(mode=0o700)
    base = tmp_path / "home" / "system"
    (base / "usr").mkdir(parents=True)
    tree = base / "etc" / "java-25" / "management"
    tree.mkdir(parents=True)
    (tree / "management.properties").write_text("for everybody")
    return base


def write(path: Path, mode: int, content: bytes = SECRET) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_what_everybody_may_read_is_copied(base):
    write(base / "etc" / "ld.so.cache", 0o644, b"where libraries are")
    write(base / "etc" / "java-25" / "first", 0o444, b"1")
    found = template_of(base)
    assert found["etc/java-25/management/management.properties"][1] == b"for everybody"
    assert found["etc/java-25/first"][1] == b"1"
    assert found["etc/ld.so.cache"][1] == b"where libraries are"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o000])
@pytest.mark.parametrize("tree", ["java-25/management", "mono", "alternatives", "java-25"])
def test_a_file_that_only_root_or_its_group_may_read_is_not_copied(base, tree, mode):
    (base / "etc" / tree).mkdir(exist_ok=True)
    write(base / "etc" / tree / "jmxremote.password", mode)
    found = template_of(base)
    assert f"etc/{tree}" in found
    assert f"etc/{tree}/jmxremote.password" not in found


@pytest.mark.parametrize("name", ["ld.so.cache", "localtime", "debian_version"])
def test_nor_is_one_of_those_that_are_copied_by_name(base, name):
    write(base / "etc" / name, 0o600)
    assert f"etc/{name}" not in template_of(base)


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o701, 0o704])
@pytest.mark.parametrize("tree", ["java-25/management", "mono"])
def test_a_directory_that_others_may_not_list_and_enter_is_not_copied(base, tree, mode):
    write(base / "etc" / tree / "open", 0o644)
    (base / "etc" / tree).chmod(mode)
    found = template_of(base)
    assert not [path for path in found if path.startswith(f"etc/{tree}")]


@pytest.mark.parametrize("way", ["file", "directory", "way"])
def test_a_link_is_what_it_leads_to(base, tmp_path, way):
    """Within a tree it stays one, which leads nowhere; what is copied by name or as a whole is followed."""
    private = tmp_path / "private"
    secret = write(private / "secret", 0o600 if way == "file" else 0o644)
    private.chmod({"file": 0o755, "directory": 0o700, "way": 0o710}[way])
    (base / "etc" / "localtime").symlink_to(secret)
    (base / "etc" / "mono").symlink_to(private)
    (base / "etc" / "java-25" / "link").symlink_to(secret)
    found = template_of(base)
    assert "etc/localtime" not in found
    assert "etc/mono/secret" not in found
    assert found["etc/java-25/link"] == (wire.TEMPLATE_SYMLINK, str(secret).encode())


def test_a_link_to_what_everybody_may_read_is_followed(base):
    write(base / "usr" / "zone", 0o644, b"UTC")
    (base / "etc" / "localtime").symlink_to("../usr/zone")
    (base / "etc" / "mono").symlink_to("java-25")
    found = template_of(base)
    assert found["etc/localtime"][1] == b"UTC"
    assert found["etc/mono/management/management.properties"][1] == b"for everybody"
