"""The programs that are timed, with the only answer that counts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

SIEVE_CODE = """\
def primes(limit):
    sieve = bytearray([1]) * (limit + 1)
    sieve[0:2] = b"\\0\\0"
    for number in range(2, int(limit ** 0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
    return sum(sieve)

print(primes(500_000))
"""


class WrongAnswerError(Exception):
    """A run did not print what it must print; no figure counts then."""


class Yardstick(NamedTuple):
    """One program, its language and its answer."""

    name: str
    language: str
    command: tuple[str, ...]
    suffix: str
    code: str
    answer: str

    def run_bare(self, directory: Path) -> None:
        """Start it as a shell would and check the answer; raises ``WrongAnswerError``."""
        path = directory / f"{self.name}{self.suffix}"
        if not path.exists():
            path.write_text(self.code, encoding="utf-8")
        done = subprocess.run([*self.command, path], capture_output=True, text=True, check=False)
        self.check(done.stdout)

    def check(self, stdout: str) -> None:
        """Compare with the only right answer."""
        if stdout != self.answer:
            raise WrongAnswerError(f"{self.name} printed {stdout!r} instead of {self.answer!r}")


HELLO = Yardstick("hello", "python", ("/usr/bin/python3",), ".py", "print(2 + 2)\n", "4\n")
SIEVE = Yardstick("sieve", "python", ("/usr/bin/python3",), ".py", SIEVE_CODE, "41538\n")
