"""The score of a campaign: dated, by class and by language, for people and for programs."""

from __future__ import annotations

import datetime as dt
import platform
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from cellblock import __version__
from cellblock.attacks.manifest import CLASSES, Finding

_COLUMNS = ("tried", "contained", "not contained", "dishonest", "not tried")
_WARM = "started warm"
"""How many of all went on from a runtime that had booted before."""


class Scorecard(Struct, frozen=True, kw_only=True):
    """What was attacked, when, and what became of it."""

    at: str
    """RFC 3339, UTC."""
    version: str
    kernel: str
    cgroups: str
    as_root: bool
    """Whether the service makes its cells as root."""
    mode: str
    findings: list[Finding]
    growth: list[str] = []
    """What there is more of than before: a leak."""

    @property
    def failed(self) -> list[Finding]:
        """Whatever was not contained, answered dishonestly or not tried, but for what is known to be open."""
        return [each for each in self.findings if each.status != "contained" and not _is_open(each)]


def draw_up(
    findings: Iterable[Finding], *, cgroups: str, as_root: bool, mode: str, growth: Iterable[str] = ()
) -> Scorecard:
    """Date a card and say what machine it is of."""
    return Scorecard(
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        version=__version__,
        kernel=platform.release(),
        cgroups=cgroups,
        as_root=as_root,
        mode=mode,
        findings=list(findings),
        growth=list(growth),
    )


def as_markdown(card: Scorecard) -> str:
    """Write the tables that SECURITY.md shows."""
    user = "root" if card.as_root else "not root"
    lines = [
        f"{card.at} · cellblock {card.version} · Linux {card.kernel} · {card.cgroups} · {user} · {card.mode}",
        "",
        *_table("class", {f"{key} {about}": _of(card, key) for key, about in CLASSES.items()}, total=True),
        "",
        *_table("language", _by_language(card)),
    ]
    known = (f"- open: `{each.trial}`: {each.open}" for each in card.findings if _is_open(each))
    lines += ["", *dict.fromkeys(known)]  # what was tried warm and cold stands here once
    lines += [
        f"- {each.status}: `{each.trial}` ({each.verdict}): {'; '.join(each.seen)}" for each in card.failed
    ]
    lines += [f"- grew: {each}" for each in card.growth]
    return "\n".join(lines).rstrip() + "\n"


def _is_open(finding: Finding) -> bool:
    return bool(finding.open) and finding.status == "not contained"


def _of(card: Scorecard, key: str) -> list[Finding]:
    return [each for each in card.findings if each.attack_class == key]


def _by_language(card: Scorecard) -> dict[str, list[Finding]]:
    languages = sorted({each.language for each in card.findings})
    return {language: [each for each in card.findings if each.language == language] for language in languages}


def _table(first: str, rows: dict[str, list[Finding]], *, total: bool = False) -> list[str]:
    if total:
        rows = {**rows, "all": [each for row in rows.values() for each in row]}
    columns = (*_COLUMNS, _WARM)
    lines = [f"| {first} | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name, findings in rows.items():
        counts = Counter(each.status for each in findings)
        figures = [len(findings) - counts["not tried"], *(counts[column] for column in _COLUMNS[1:])]  # type: ignore[index]
        figures.append(sum(each.warm for each in findings))
        lines.append(f"| {name} | {' | '.join(map(str, figures))} |")
    return lines
