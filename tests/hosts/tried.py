"""What a campaign in the machine has found so far: one of hours may be ended, and goes on where it was.

A finding counts for as long as all that it is of stays the same: the attack, and what makes and judges cells.
What is not as it must be is tried again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from cellblock.attacks.manifest import Finding, Trial

_PROJECT = Path(__file__).resolve().parents[2]
_HOLDS = (
    "native",
    *(f"src/cellblock/{room}" for room in ("engine", "languages", "sandbox", "supervisor", "verdict")),
)


class _Line(msgspec.Struct, frozen=True):
    """One finding, with the digest of what it is of."""

    of: str
    finding: Finding


class Tried:
    """The findings of a file, which grows with each."""

    def __init__(self, file: Path, trials: Iterable[Trial]) -> None:
        """Take what the file has of these trials as they are now."""
        product = _digest_of_product()
        self._digests = {
            trial.name: hashlib.sha256(product + msgspec.json.encode(trial)).hexdigest() for trial in trials
        }
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
        # Whoever was ended while it wrote left half a line.
        before = [msgspec.json.decode(line, type=_Line) for line in lines if line.endswith(b"\n")]
        self._findings = {line.finding.trial: line.finding for line in before if self._holds(line)}
        # Hours of it must not be lost to whoever is ended now.
        anew = file.with_name(f"{file.name}-anew")
        self._file = anew.open("wb", buffering=0)
        for name, finding in self._findings.items():
            self._write(name, finding)
        anew.replace(file)

    def __contains__(self, trial: Trial) -> bool:
        """Whether it needs no trying any more."""
        return trial.name in self._findings

    def note(self, finding: Finding) -> None:
        """Keep a finding, in the file at once: whoever waits sees what has become of each so far."""
        self._findings[finding.trial] = finding
        self._write(finding.trial, finding)

    def findings_of(self, trials: Iterable[Trial]) -> list[Finding]:
        """Return what has become of these, but for those that a campaign leaves out where it is."""
        return [self._findings[trial.name] for trial in trials if trial in self]

    def _holds(self, line: _Line) -> bool:
        finding = line.finding
        as_it_must_be = finding.status == "contained" or (finding.open and finding.status == "not contained")
        return bool(as_it_must_be) and line.of == self._digests.get(finding.trial)

    def _write(self, name: str, finding: Finding) -> None:
        self._file.write(msgspec.json.encode(_Line(self._digests[name], finding)) + b"\n")


def _digest_of_product() -> bytes:
    files = (
        path
        for room in _HOLDS
        for path in (_PROJECT / room).rglob("*")
        if path.suffix in {".c", ".h", ".py", ".toml"}
    )
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path.relative_to(_PROJECT)).encode() + b"\0" + path.read_bytes())
    return digest.digest()
