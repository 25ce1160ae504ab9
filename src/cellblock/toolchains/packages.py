"""Debian packages: which ones a tree is made of, how big they are, and getting them.

apt does the work with lists and a cache of its own below the toolchain directory, so the host's packages
play no part and an interrupted download goes on where it stopped. What was downloaded stays until the tree
is complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from cellblock.errors import HostError
from cellblock.toolchains import commands
from cellblock.toolchains.reporting import Advance

_BASE = ("?essential", "?priority(required)", "apt")
"""What mmdebstrap's minbase variant always installs."""
_URI_LINE = re.compile(r"'[^']*' (?P<file>\S+_\S+_\S+\.deb) (?P<size>[0-9]+) ")
_ADVICE = (
    "Is the mirror of /etc/apt reachable from here (try apt-get update), and is there room on the disk? "
    "CELLBLOCK_DEBIAN_MIRROR names another mirror."
)


class Resolution(Struct, frozen=True, kw_only=True):
    """Everything that a tree is made of."""

    packages: dict[str, str]
    """Version by package, in order of name."""
    download_bytes: int
    """What has not come yet."""
    disk_bytes: int


class PackageSource:
    """apt over the given ``sources.list`` lines, with its state in ``directory``."""

    def __init__(self, directory: Path, sources: Sequence[str]) -> None:
        """Make what apt wants to find; nothing is fetched yet."""
        self.lists = directory / "state" / "lists"
        self.archives = directory / "cache" / "archives"
        self.sources_list = directory / "sources.list"
        self._configuration = directory / "apt.conf"
        self._nowhere = directory / "nowhere"
        for path in (self.lists, self.archives, self._nowhere):
            (path / "partial").mkdir(mode=0o755, parents=True, exist_ok=True)
        status = directory / "state" / "status"
        status.write_bytes(b"")
        self.sources_list.write_text("".join(f"{line}\n" for line in sources), "utf-8")
        places = {
            "Dir::State": status.parent,
            "Dir::State::status": status,
            "Dir::Cache": self.archives.parent,
            "Dir::Etc::sourcelist": self.sources_list,
            # The machine's proxies and credentials hold; its other sources and preferences do not.
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Log": directory,
            "APT::Install-Recommends": "false",
            "APT::Get::Assume-Yes": "true",
            "APT::Update::Error-Mode": "any",
            "Debug::NoLocking": "true",
        }
        self._configuration.write_text(
            "".join(f'{key} "{value}";\n' for key, value in places.items()), "utf-8"
        )

    def resolve(self, packages: Iterable[str]) -> Resolution:
        """Find out from the mirror what a tree with ``packages`` is made of; raises ``HostError``."""
        names = sorted(packages)
        self._apt("apt-get", "update", purpose="read the lists of Debian packages")
        listed = self._apt(
            # What lies in the cache already would not be listed.
            "apt-get", "install", "--print-uris", "-o", f"Dir::Cache::archives={self._nowhere}",
            *_BASE, *names,
            purpose=f"find the Debian packages {', '.join(names) or 'of a minimal system'}",
        )  # fmt: skip
        found: dict[str, str] = {}
        download_bytes = 0
        for line in listed.splitlines():
            if match := _URI_LINE.match(line):
                name, version, _ = match["file"].removesuffix(".deb").split("_")
                found[name] = unquote(version)
                if not (self.archives / match["file"]).exists():
                    download_bytes += int(match["size"])
        if not found:
            raise HostError(
                f"apt named no packages to install; it said: {listed.strip()[-500:] or 'nothing'}"
            )
        exact = [f"{name}={version}" for name, version in sorted(found.items())]
        details = self._apt("apt-cache", "show", *exact, purpose="read the sizes of Debian packages")
        sizes_kib = (int(size) for size in re.findall(r"^Installed-Size: ([0-9]+)$", details, re.MULTILINE))
        return Resolution(
            packages=dict(sorted(found.items())),
            download_bytes=download_bytes,
            disk_bytes=sum(sizes_kib) * 1024,
        )

    def download(self, packages: Iterable[str], status_file: Path, advance: Advance) -> None:
        """Fetch what was resolved into ``archives``; apt verifies it. Raises ``HostError``."""
        with status_file.open("w+b") as status:

            def on_tick() -> None:
                said = status_file.read_text("utf-8", "replace")
                if percents := re.findall(r"^dlstatus:[0-9]+:([0-9.]+):", said, re.MULTILINE):
                    advance(float(percents[-1]) / 100)

            self._apt(
                "apt-get", "install", "--download-only", "-o", f"APT::Status-Fd={status.fileno()}",
                *_BASE, *sorted(packages),
                purpose="download Debian packages", on_tick=on_tick, descriptors=[status.fileno()],
            )  # fmt: skip

    def _apt(self, program: str, *arguments: str, purpose: str, **more: object) -> str:
        argv = ["env", f"APT_CONFIG={self._configuration}", "LC_ALL=C.UTF-8", program, "-qq", *arguments]
        return commands.run(argv, purpose, advice=_ADVICE, **more).decode()  # type: ignore[arg-type]
