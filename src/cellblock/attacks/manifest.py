"""The attacks as data: what each tries, why it must fail, how it may end."""

from __future__ import annotations

import platform
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Literal

import msgspec
from msgspec import Struct

from cellblock.errors import CellblockError
from cellblock.model import Verdict

CLASSES = {
    "A": "the host follows a path of the guest's",
    "B": "while compiling",
    "C": "resources",
    "D": "kernel surface",
    "E": "one run learns of another",
    "F": "network",
    "G": "secrets",
    "H": "the API",
    "I": "our own processes",
}
"""The classes of the threat model, in its order."""

ATTEMPT = "attempt"
"""What a payload prints before it attacks: without it, nothing was tried and nothing is contained."""

HELD = "held"
"""What the first of two programs prints when it has what the second looks for, and has read it back."""

COMPILER_LIMIT = "the compiler exceeded its"
"""How the error of a record begins whose compiler met a limit of its cell."""

_PLACEHOLDER = re.compile(r"@([A-Z][A-Z0-9_]*)@")


Witness = Literal["tasks", "files", "memory_bytes", "socket_bytes"]
"""What the host counts of itself while an attack runs; ``taken`` says how."""


class Attack(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attack, in one or several languages."""

    name: str
    line: str
    """Where the threat model has it: a class, and a number where the class has numbered lines."""
    tries: str
    why: str
    """Why it must fail."""
    payloads: dict[str, str] = {}
    """File below ``payloads/`` by canonical language of the judge API."""
    request: str = ""
    """Instead of payloads: the function of ``hostile`` that makes hostile requests."""
    needs: str = ""
    """The language of these requests, where it is not Python."""
    verdicts: list[Verdict] = []
    """How a submission may end."""
    succeeds: list[Verdict] = []
    """Verdicts that show success, where the kernel shows it only to the program itself or to a second one."""
    success_code: int = 0
    """The exit code that shows it, where a mistake of the payload's own would end with such a verdict too."""
    syscall: str = ""
    """The call that the evidence must name; empty where none must be. A variant may fill it in."""
    proof: str = ATTEMPT
    """What standard output or error must contain for the attack to count as tried: of a compiler that refuses
    it, what it says of that very file or limit and of no mistake."""
    variants: list[dict[str, str]] = []
    """What is put in place of ``@NAME@`` in payload and proof, once each; ``name`` names the variant,
    ``machines`` says where there is such a call, or where it has this number, if not on every machine."""
    partner: bool = False
    """Run two at once: the first gets ``first`` as input and holds what it made, the second looks for it."""
    first_says: str = HELD
    """What the first of two says beside ``attempt``: that it holds something, or was refused everywhere."""
    twice: bool = False
    """Run it twice, one after the other: a line that both print is what one run knows of another."""
    executed: bool = False
    """Is tried by the execute API too, whose programs have a loopback of their own that is up."""
    of_the_host: bool = False
    """Is tried in Python of the host too, by the execute API: its root shows the host's own ``/usr``."""
    stdin: str = ""
    witnesses: list[Witness] = []
    """What the host must not have much more of while it runs."""
    meets: Literal["", "cpu", "processes"] = ""
    """What must have counted what it did, by the evidence: the limit of processes refused it something."""
    holds: bool = False
    """Its programs print ``held BYTES`` as they go, of memory that the run's group must have counted."""
    lacks: dict[str, str] = {}
    """Why it is not there in a language, or in one ``variant/language``: what cannot be said in it."""
    quick: bool | list[str] = False
    """Is among those that take a moment: in all its languages, or in these, where all would be too many."""
    open: str = ""
    """Why it is not contained yet; it counts as not contained."""
    open_where: Literal["everywhere", "no device nodes"] = "everywhere"
    """Where it is open: elsewhere it must be contained."""


class Trial(Struct, frozen=True):
    """One attack in one language and one variant."""

    attack: Attack
    language: str
    """Canonical name; ``http`` for requests."""
    source: str
    """The payload with placeholders; empty for requests."""
    variant: str = ""
    proof: str = ATTEMPT
    """The attack's, with what the variant puts in."""
    syscall: str = ""
    """The attack's, likewise."""
    first_says: str = HELD
    """The attack's, with what the variant puts in."""
    executed: bool = False
    """By the execute API, not by the judge's."""
    of_the_host: bool = False
    """By the host's Python, in the root of the host's programs."""

    @property
    def name(self) -> str:
        """Name it uniquely: class line, attack, variant, API or root where it is not the usual, language."""
        api = "host" if self.of_the_host else "execute" if self.executed else ""
        parts = (self.attack.line, self.attack.name, self.variant, api, self.language)
        return "/".join(part for part in parts if part)

    @property
    def needs(self) -> str:
        """The language that must run for it to be tried; empty where none must."""
        return self.language if self.source else self.attack.needs

    @property
    def quick(self) -> bool:
        """Whether it is among those that take a moment."""
        quick = self.attack.quick
        return quick if isinstance(quick, bool) else self.language in quick


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    attack: list[Attack]


@cache
def load_attacks() -> tuple[Attack, ...]:
    """Read every manifest; raises ``CellblockError`` that names the file which is wrong."""
    attacks: list[Attack] = []
    for path in sorted(
        resources.files(__package__).joinpath("manifest").iterdir(), key=lambda each: each.name
    ):
        if not path.name.endswith(".toml"):
            continue
        try:
            attacks += msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).attack
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise CellblockError(f"attacks/manifest/{path.name}: {error}") from error
    return tuple(attacks)


def trials(*, quick: bool = False, classes: str = "".join(CLASSES), machine: str = "") -> list[Trial]:
    """Return what to try: each attack in each of its languages, and variants that this machine can express.

    ``machine`` is another than this one, by its name in ``uname``.
    """
    machine = machine or platform.machine()
    chosen = [attack for attack in load_attacks() if attack.line[0] in classes]
    every = [trial for attack in chosen for trial in _trials_of(attack, machine)]
    return [trial for trial in every if trial.quick] if quick else every


def _trials_of(attack: Attack, machine: str) -> list[Trial]:
    if attack.request:
        return [Trial(attack, "http", "")]
    return [
        Trial(
            attack,
            language,
            fill(_payload(file), variant),
            variant.get("name", ""),
            fill(attack.proof, variant),
            fill(attack.syscall, variant),
            fill(attack.first_says, variant),
            executed,
            of_the_host,
        )
        for executed, of_the_host in _ways(attack)
        for language, file in attack.payloads.items()
        for variant in attack.variants or [{}]
        if machine in variant.get("machines", machine).split()
        if f"{variant.get('name')}/{language}" not in attack.lacks
        if not of_the_host or language == "python"
    ]


def _ways(attack: Attack) -> Iterator[tuple[bool, bool]]:
    """Say in which ways it is tried: by the execute API or the judge's, in the host's root or the usual."""
    yield False, False
    if attack.executed:
        yield True, False
    if attack.of_the_host:
        yield True, True


def _payload(file: str) -> str:
    return resources.files(__package__).joinpath("payloads").joinpath(file).read_text(encoding="utf-8")


def fill(text: str, values: dict[str, str]) -> str:
    """Put values in place of ``@NAME@``; names that are not among them stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def unfilled(text: str) -> set[str]:
    """Name the placeholders that a text still has."""
    return set(_PLACEHOLDER.findall(text))


Status = Literal["contained", "not contained", "dishonest", "not tried"]


class Finding(Struct, frozen=True, kw_only=True):
    """What became of one trial."""

    trial: str
    attack_class: str
    language: str
    status: Status
    seen: list[str] = []
    """Witnesses that turned, or what was wrong with the answer."""
    verdict: str = ""
    warm: bool = False
    """Whether each program of it had a runtime, or a compiler, that had been started before."""
    took_ms: int = 0
    open: str = ""
    """Why just this outcome is the known one; empty for any other, of an open attack too."""
