"""The Debian tree that cells see as their root, built by mmdebstrap.

The packages are there already (see ``packages``), so the build itself has no network: what a package's
scripts do, they do offline, in namespaces that end with them. The same packages by the same recipe are the
same tree, known by its hash.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cellblock.errors import HostError
from cellblock.languages.installed import TreeManifest
from cellblock.toolchains import commands
from cellblock.toolchains.packages import PackageSource, Resolution
from cellblock.toolchains.place import measure_and_close
from cellblock.toolchains.reporting import Advance
from cellblock.toolchains.rootless import give_to_root

SUITE = "trixie"
"""Debian 13."""
_LEFT_OUT = ("doc", "info", "locale", "man")
"""Directories of ``/usr/share`` that no program reads."""
RECIPE = {"variant": "minbase", "suite": SUITE, "without": " ".join(_LEFT_OUT), "edition": "1"}
"""What else decides what is in a tree; the edition is raised by hand when ``_tidy`` changes."""

_OF_THE_HOST = ("etc/apt/sources.list", "etc/resolv.conf", "etc/hostname")
_ADVICE = "Is there room on the disk? What was downloaded is kept, so the next try goes on from here."


def tree_hash(requested: Iterable[str], resolution: Resolution) -> str:
    """Identify the tree that would be built."""
    encoded = msgspec.json.encode([RECIPE, sorted(requested), resolution.packages], order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]


def build(
    directory: Path, requested: Iterable[str], resolution: Resolution, source: PackageSource, advance: Advance
) -> TreeManifest:
    """Build ``directory/root`` from the downloaded packages of ``source``; raises ``HostError``."""
    root = directory / "root"
    log = root / "var" / "log" / "dpkg.log"
    steps = 2 * len(resolution.packages)

    def on_tick() -> None:
        if log.exists():
            done = re.findall(r" status (?:unpacked|installed) (\S+)", log.read_text("utf-8", "replace"))
            advance(min(len(done) / steps, 1.0))

    requested = sorted(requested)
    commands.run(_command(root, requested, source), "build the Debian tree", advice=_ADVICE, on_tick=on_tick)
    _tidy(root)
    _verify(root, resolution)
    give_to_root(root)
    return TreeManifest(
        hash=tree_hash(requested, resolution),
        suite=SUITE,
        requested=tuple(requested),
        packages=resolution.packages,
        recipe=RECIPE,
        disk_bytes=measure_and_close(root),
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _command(root: Path, requested: Iterable[str], source: PackageSource) -> list[str]:
    lists, archives = shlex.quote(str(source.lists)), shlex.quote(str(source.archives))
    hooks = [
        # Without this directory the JDK's own set-up fails.
        'mkdir -p "$1/usr/share/man/man1" "$1/var/lib/apt/lists" "$1/var/cache/apt/archives"',
        f'cp {lists}/*_* "$1/var/lib/apt/lists/"',
        f'cp --link {archives}/*.deb "$1/var/cache/apt/archives/"',
    ]
    return [
        *commands.ISOLATED,
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        "--skip=update,check/signed-by,check/qemu",
        f"--include={','.join(requested)}",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        # A build that is interrupted is thrown away whole, so single files need not be synced.
        "--dpkgopt=force-unsafe-io",
        *(f"--setup-hook={hook}" for hook in hooks),
        SUITE,
        str(root),
        str(source.sources_list),
    ]


def _tidy(root: Path) -> None:
    """Remove what tells about the machine that built the tree."""
    for name in _OF_THE_HOST:
        (root / name).unlink(missing_ok=True)
    for path in (root / "var" / "log").rglob("*"):
        if path.is_file():
            path.unlink()


def _verify(root: Path, resolution: Resolution) -> None:
    """Check that every package is fully installed in the version that was chosen."""
    installed = {}
    for paragraph in (root / "var/lib/dpkg/status").read_text("utf-8").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            installed[fields["Package"]] = fields["Version"]
    wrong = sorted(set(installed.items()) ^ set(resolution.packages.items()))
    if wrong:
        names = ", ".join(f"{name} {version}" for name, version in wrong[:5])
        raise HostError(
            f"the Debian tree did not become what was asked for; it differs in: {names}. Install again: "
            "the mirror may have changed meanwhile"
        )
