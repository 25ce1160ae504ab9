"""Which runtimes passed their self-test here, so that a second start need not ask again.

Only what passed is remembered, and only for as long as nothing changes that the test rests on: the tree or
the host's executable, the components, the language file, the limits, the cell helper, the kernel.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

log = logging.getLogger(__name__)


class Passed(Struct, frozen=True, kw_only=True):
    """A self-test that passed."""

    fingerprint: str
    """Of everything that it rests on."""
    version: str
    """What the version probe found in the same cell."""
    took_ms: int


class SelfTestCache:
    """The remembered self-tests of one toolchain directory; a file, written as a whole."""

    def __init__(self, toolchain_dir: Path) -> None:
        """Remember in ``toolchain_dir``; what cannot be read there counts as not remembered."""
        self._path = toolchain_dir / "self-tests.json"
        self._passed = self._read()

    def get(self, runtime_id: str, fingerprint: str) -> Passed | None:
        """Return the runtime's result where it still holds."""
        passed = self._passed.get(runtime_id)
        return passed if passed and passed.fingerprint == fingerprint else None

    def last(self, runtime_id: str) -> Passed | None:
        """Return the runtime's latest result, whether or not it still holds."""
        return self._passed.get(runtime_id)

    def remember(self, runtime_id: str, passed: Passed) -> None:
        """Keep a result; a directory that cannot be written costs a warning and the next start's time."""
        self._passed[runtime_id] = passed
        self._write()

    def forget(self, runtime_id: str) -> None:
        """Drop a runtime's result: it failed just now."""
        if self._passed.pop(runtime_id, None):
            self._write()

    def _read(self) -> dict[str, Passed]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Passed])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:  # garbage may not even be text
            log.warning("self-tests are run again: %s cannot be read: %s", self._path, error)
            return {}

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._path.parent, prefix=".self-tests-", delete=False
            ) as file:
                file.write(msgspec.json.encode(self._passed))
            Path(file.name).replace(self._path)
        except OSError as error:
            log.warning("self-tests are not remembered: %s cannot be written: %s", self._path, error)


def fingerprint(parts: Iterable[str]) -> str:
    """Identify what a self-test rests on by the texts that state it, in order."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def surroundings(helper: Path) -> list[str]:
    """State what every self-test of this host rests on: the cell helper and the kernel."""
    kernel = os.uname()
    return [hashlib.sha256(helper.read_bytes()).hexdigest(), kernel.release, kernel.version, kernel.machine]


def host_executable(path: Path) -> str:
    """State which file of the host a runtime is; an update of the package changes it."""
    try:
        found = path.resolve(strict=True)
        stat = found.stat()
    except OSError:
        return f"{path} is missing"
    return f"{found} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
