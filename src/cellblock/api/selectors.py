"""Which runtime a request means: a language by name or alias, a version by a range as npm writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from semantic_version import NpmSpec, Version

from cellblock.model import LanguageStatus

NEWEST = "*"
_LONGEST_RANGE = 256
_SPACED_OPERATOR = re.compile(r"(>=|<=|[<>=^~])[ \t]+")


class UnknownLanguageError(LookupError):
    """No runtime of that language can be run here."""


class UnknownVersionError(LookupError):
    """The language is there, but in no version of that range."""

    def __init__(self, versions: Sequence[str]) -> None:
        """Carry the ``versions`` that there are, newest first."""
        self.versions = tuple(versions)
        super().__init__(", ".join(versions))


class BadRangeError(ValueError):
    """The text is no version range."""


def execute_name(language: LanguageStatus) -> str:
    """Return the language's canonical name in the execute API."""
    return language.execute_name or language.name


def goes_by(language: LanguageStatus, name: str) -> bool:
    """Say whether the language is called ``name``, in any case, in either dialect."""
    wanted = name.lower()
    return wanted in {language.name, execute_name(language), *language.aliases}


def choose(name: str, version_range: str, languages: Sequence[LanguageStatus]) -> LanguageStatus:
    """Return the newest available runtime of language ``name`` within ``version_range``.

    Raises ``UnknownLanguageError``, ``BadRangeError`` or ``UnknownVersionError``.
    """
    runtimes = [language for language in languages if language.available and goes_by(language, name)]
    if not runtimes:
        raise UnknownLanguageError(name)
    runtimes.sort(key=_version, reverse=True)  # stable: of equal versions the catalog's first
    if version_range.strip() == NEWEST:
        return runtimes[0]
    spec = _parse_range(version_range)
    for runtime in runtimes:
        if spec.match(_version(runtime)):
            return runtime
    raise UnknownVersionError([runtime.version or "unknown" for runtime in runtimes])


def _parse_range(text: str) -> NpmSpec:
    if len(text) > _LONGEST_RANGE:
        raise BadRangeError(f"longer than {_LONGEST_RANGE} characters")
    try:
        return NpmSpec(_SPACED_OPERATOR.sub(r"\1", text))
    except ValueError as error:
        raise BadRangeError(str(error)) from error


def _version(language: LanguageStatus) -> Version:
    """Return what the runtime says of itself; one that says nothing of use is older than any."""
    try:
        return Version.coerce(language.version or "0")
    except ValueError:
        return Version("0.0.0")
