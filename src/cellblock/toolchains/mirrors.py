"""Where Debian packages come from: the machine's own apt configuration, or a setting. Never a constant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from cellblock.errors import HostError

_APT = Path("/etc/apt")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SUITES = "buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable"
_USABLE = re.compile(r"(https?|file):")


class Source(Struct, frozen=True, kw_only=True):
    """One line of an apt configuration that names a place, in whichever format it was written."""

    uri: str
    suite: str
    signed_by: str = ""
    is_trusted: bool = False

    def line(self, suite: str) -> str:
        """Return a ``sources.list`` line for another suite of the same place."""
        options = []
        if self.is_trusted:
            options.append("trusted=yes")
        else:
            keyring = self.signed_by if Path(self.signed_by).is_file() else str(_KEYRING)
            if not Path(keyring).is_file():
                raise HostError(
                    f"{keyring} is missing, so packages could not be verified: "
                    "apt-get install debian-archive-keyring"
                )
            options.append(f"signed-by={keyring}")
        return f"deb [{' '.join(options)}] {self.uri} {suite} main"


def sources_for(suite: str, mirror: str, apt: Path = _APT) -> list[str]:
    """Return the ``sources.list`` lines of a Debian suite and, where it is configured, of its security fixes.

    ``mirror`` is the setting; empty means what the machine uses itself. Raises ``HostError`` where there is
    neither.
    """
    configured = [source for source in _configured(apt) if _USABLE.match(source.uri)]
    main = next((found for found in configured if re.fullmatch(_SUITES, found.suite)), None)
    security = next(
        (found for found in configured if re.fullmatch(rf"({_SUITES})(-security|/updates)", found.suite)),
        None,
    )
    if mirror:
        main = Source(uri=mirror, suite=suite)
    if main is None:
        raise HostError(
            f"no Debian mirror is configured below {apt}: set CELLBLOCK_DEBIAN_MIRROR to one, "
            "such as the URL that a sources.list names"
        )
    lines = [main.line(suite)]
    if security:
        lines.append(security.line(f"{suite}-security"))
    return lines


def _configured(apt: Path) -> Iterator[Source]:
    """Yield every place of binary packages that the configuration names, in apt's order."""
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        if path.suffix not in {".list", ".sources"} or not path.is_file():
            continue
        lines = path.read_text("utf-8", "replace").splitlines()
        yield from _one_line_format(lines) if path.suffix == ".list" else _deb822(lines)


def _one_line_format(lines: Sequence[str]) -> Iterator[Source]:
    for line in lines:
        found = re.match(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)", line)
        if found:
            options = dict(part.partition("=")[::2] for part in (found["options"] or "").split())
            yield Source(
                uri=found["uri"],
                suite=found["suite"],
                signed_by=options.get("signed-by", ""),
                is_trusted=options.get("trusted") == "yes",
            )


def _deb822(lines: Sequence[str]) -> Iterator[Source]:
    paragraph: dict[str, str] = {}
    name = ""
    for line in (*lines, ""):
        if line.startswith("#"):
            continue
        if not line.strip():
            yield from _paragraph_sources(paragraph)
            paragraph = {}
        elif line[0].isspace():
            paragraph[name] = f"{paragraph.get(name, '')} {line.strip()}".strip()
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            paragraph[name] = value.strip()


def _paragraph_sources(paragraph: dict[str, str]) -> Iterator[Source]:
    if "deb" not in paragraph.get("types", "").split() or paragraph.get("enabled", "yes").lower() in {
        "no",
        "false",
    }:
        return
    for uri in paragraph.get("uris", "").split():
        for suite in paragraph.get("suites", "").split():
            yield Source(
                uri=uri,
                suite=suite,
                signed_by=paragraph.get("signed-by", ""),
                is_trusted=paragraph.get("trusted", "").lower() == "yes",
            )
