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
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

log = logging.getLogger(__name__)

_KEPT_OF_A_RUNTIME = 16
"""Results of so many installations and settings that share a directory; those not used for longest go."""
_SUFFIX = ".json"


class Passed(Struct, frozen=True, kw_only=True):
    """A self-test that passed."""

    fingerprint: str
    """Of everything that it rests on."""
    version: str
    """What the version probe found in the same cell."""
    took_ms: int


class SelfTestCache:
    """The remembered self-tests of one toolchain directory, which several installations may share.

    Each is a file of its own, named by its fingerprint: who shares the directory but not what a self-test
    rests on (another release, other limits) neither finds nor replaces another's.
    """

    def __init__(self, toolchain_dir: Path) -> None:
        """Remember below ``toolchain_dir``; what cannot be read there counts as not remembered."""
        self._directory = toolchain_dir / "self-tests"

    def get(self, runtime_id: str, fingerprint: str) -> Passed | None:
        """Return the runtime's result where it still holds."""
        path = self._path(runtime_id, fingerprint)
        passed = _read(path)
        if passed is None or passed.fingerprint != fingerprint:
            return None
        with suppress(OSError):
            os.utime(path)  # what is used is not what goes when there are too many
        return passed

    def last(self, runtime_id: str) -> Passed | None:
        """Return the runtime's latest result, whether or not it still holds."""
        return next((passed for path in self._latest_first(runtime_id) if (passed := _read(path))), None)

    def remember(self, runtime_id: str, passed: Passed) -> None:
        """Keep a result; a directory that cannot be written costs a warning and the next start's time."""
        path = self._path(runtime_id, passed.fingerprint)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(msgspec.json.encode(passed))
            Path(file.name).replace(path)
            for old in self._latest_first(runtime_id)[_KEPT_OF_A_RUNTIME:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("self-tests are not remembered: %s cannot be written: %s", path, error)

    def forget(self, runtime_id: str, fingerprint: str) -> None:
        """Drop a runtime's result: it failed just now."""
        with suppress(OSError):  # as above: no directory, or one that others write
            self._path(runtime_id, fingerprint).unlink(missing_ok=True)

    def _path(self, runtime_id: str, fingerprint: str) -> Path:
        return self._directory / runtime_id / f"{fingerprint}{_SUFFIX}"

    def _latest_first(self, runtime_id: str) -> list[Path]:
        """Return the runtime's files; another process may be removing some of them."""
        dated = []
        for path in (self._directory / runtime_id).glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):
                dated.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(dated, reverse=True)]


def _read(path: Path) -> Passed | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Passed)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # garbage may not even be text
        log.warning("a self-test is run again: %s cannot be read: %s", path, error)
        return None


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
