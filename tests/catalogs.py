"""Language files and toolchain directories made for a test."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from cellblock.languages.catalog_file import StatedLimits
from cellblock.languages.installed import TreeManifest
from cellblock.languages.needs import component_hash
from cellblock.toolchains import tree
from cellblock.toolchains.wanted import Wanted, read_catalog

_LIMITS = "\n".join(f"{field} = 1" for field in StatedLimits.__struct_fields__)


def runtime_file(
    runtime_id: str,
    *,
    language: str = "",
    executable: str = "/usr/bin/thing",
    root: str = "tree",
    needs: str = "",
) -> tuple[str, str]:
    """Name and text of a language file that needs ``needs`` and is plausible otherwise."""
    version = 'version = "1"' if root == "tree" else ""
    return (
        f"{runtime_id}.toml",
        f"""
id = "{runtime_id}"
language = "{language or runtime_id}"
title = "{runtime_id.title()}"
aliases = ["{runtime_id}-alias"]
root = "{root}"
{version}
executable = "{executable}"
version_argv = ["{{executable}}", "--version"]
{needs}
[source]
name = "main"
suffixes = [".{runtime_id}"]
[run]
argv = ["{{executable}}", "{{main}}"]
[limits.judge]
{_LIMITS}
[limits.executor]
{_LIMITS}
[self_test]
code = "print"
stdout = "ok"
""",
    )


def packages(*names: str) -> str:
    return f"[[needs]]\ndebian = {json.dumps(names)}\n"


def wheel_component(name: str, *, version: str = "1.0", sha256: str = "0" * 64, more: str = "") -> str:
    return (
        f'[[needs]]\ncomponent = "{name}"\npypi = ["{name}-wheel=={version}"]\nsha256 = ["{sha256}"]\n'
        f'download_mb = 5\ndisk_mb = 7\n{more}\n[needs.keep]\n"bin/{name}" = "inside/{name}"\n'
    )


def made_component(name: str, *, optional: bool = True, more: str = "") -> str:
    return (
        f'[[needs]]\ncomponent = "{name}"\noptional = {str(optional).lower()}\ndisk_mb = 11\n'
        f'prepare = [["/bin/sh", "-c", "cd /opt/{name} && tr a-z A-Z < note > made"]]\n{more}\n'
        '[needs.prepare_environment]\nPATH = "/usr/bin:/bin"\n[needs.files]\n"note" = "a note"\n'
    )


def named_component(name: str) -> str:
    return f'[[needs]]\ncomponent = "{name}"\n'


def small_catalog() -> Wanted:
    """Two runtimes in the tree, one of the host, two that share a component."""
    return read_catalog(
        [
            runtime_file("alpha", executable="/usr/bin/alpha", needs=packages("alpha")),
            runtime_file("beta", executable="/usr/bin/beta", needs=packages("beta", "beta-dev")),
            runtime_file("gamma", executable="/opt/gamma/bin/gamma", needs=wheel_component("gamma")),
            runtime_file("delta", executable="/opt/gamma/bin/gamma", needs=named_component("gamma")),
            runtime_file("own", executable="/bin/sh", root="host"),
        ],
        "x86_64",
    )


def pretend_installed(directory: Path, wanted: Wanted, requested: list[str], components: list[str]) -> None:
    """Fill a toolchain directory as an installation leaves it, with empty executables."""
    made = directory / "trees" / "feed" / "root" / "usr" / "bin"
    made.mkdir(parents=True, exist_ok=True)
    for name in requested:
        (made / name).write_text("")
    manifest = TreeManifest(
        hash="feed",
        suite=tree.SUITE,
        requested=tuple(requested),
        packages={},
        recipe=tree.RECIPE,
        disk_bytes=1_000_000,
        built_at="2026-01-01T00:00:00+00:00",
    )
    (directory / "trees" / "feed" / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    hashes = {}
    for name in components:
        hashes[name] = component_hash(wanted.components[name], "feed")
        place = directory / "components" / f"{name}-{hashes[name]}"
        (place / "files" / "bin").mkdir(parents=True, exist_ok=True)
        (place / "files" / "bin" / name).write_text("")
        component = {"name": name, "hash": hashes[name], "packages": [], "disk_bytes": 1, "built_at": "now"}
        (place / "manifest.json").write_text(json.dumps(component))
    (directory / "installed.json").write_text(json.dumps({"tree": "feed", "components": hashes}))
