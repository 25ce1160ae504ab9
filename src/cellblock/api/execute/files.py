"""A request's files: decoded, named, and sure to fit beside each other. Refusals are ``RequestRefused``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from cellblock.api import bodies
from cellblock.api.execute.wire import FileBody
from cellblock.errors import RequestRefused
from cellblock.model import SourceFile

MAX_FILES = 1000
NO_TEXT_FILE = "files must include at least one utf8 encoded file"
_MAX_DEPTH = 32
_MAX_PART_BYTES = 255  # what Linux allows
_MAX_NAME_BYTES = 1024


def arrange(files: Sequence[FileBody], *, default_name: str) -> tuple[SourceFile, ...]:
    """Return the files to place, the main one first: the first that is text.

    A main file without a name keeps none, the language knows it; ``default_name`` is what it will be.
    """
    if len(files) > MAX_FILES:
        raise RequestRefused(400, f"files: at most {MAX_FILES} are allowed, got {len(files)}")
    for index, file in enumerate(files):
        _require_encoding(index, file)
    main = next((index for index, file in enumerate(files) if _is_text(file)), None)
    if main is None:
        raise RequestRefused(400, NO_TEXT_FILE)
    names = [_name(index, file, is_main=index == main) for index, file in enumerate(files)]
    _refuse_collisions([name or default_name for name in names])
    contents = [_content(index, file) for index, file in enumerate(files)]
    placed = [SourceFile(name, content) for name, content in zip(names, contents, strict=True)]
    return (placed[main], *placed[:main], *placed[main + 1 :])


def _is_text(file: FileBody) -> bool:
    """Say whether the file is sent as it is to be."""
    return file.encoding in {None, "", "utf8"}


def _name(index: int, file: FileBody, *, is_main: bool) -> str:
    """Return the file's path below the work area, in its simplest form."""
    where = f"files[{index}].name"
    name = file.name
    if not name:
        return "" if is_main else f"file{index}.code"
    if "\0" in name:
        raise RequestRefused(400, f"{where}: must not contain a NUL character")
    if len(bodies.utf8(where, name)) > _MAX_NAME_BYTES:
        raise RequestRefused(400, f"{where}: longer than {_MAX_NAME_BYTES} bytes")
    if name.startswith("/"):
        raise RequestRefused(400, f"{where}: must be a relative path, got {name!r}")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise RequestRefused(400, f"{where}: must not contain '..', got {name!r}")
    if not parts or name.endswith(("/", "/.")):
        raise RequestRefused(400, f"{where}: names a directory, not a file: {name!r}")
    if len(parts) > _MAX_DEPTH:
        raise RequestRefused(400, f"{where}: more than {_MAX_DEPTH} levels deep")
    if any(len(part.encode()) > _MAX_PART_BYTES for part in parts):
        raise RequestRefused(400, f"{where}: a part of it is longer than {_MAX_PART_BYTES} bytes")
    return "/".join(parts)


def _refuse_collisions(names: Sequence[str]) -> None:
    """Refuse two files of one name, and a file where another's directory has to be."""
    taken: set[str] = set()
    directories: set[str] = set()
    for name in names:
        if name in taken:
            raise RequestRefused(400, f"files: two are called {name!r}")
        taken.add(name)
        parts = name.split("/")
        directories.update("/".join(parts[:length]) for length in range(1, len(parts)))
    for name in names:
        if name in directories:
            raise RequestRefused(400, f"files: {name!r} is a file and also a directory of another file")


def _content(index: int, file: FileBody) -> bytes:
    where = f"files[{index}].content"
    if _is_text(file):
        return bodies.utf8(where, file.content)
    try:
        if file.encoding == "hex":
            return bytes.fromhex(file.content)
        return base64.b64decode("".join(file.content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestRefused(400, f"{where}: is no valid {file.encoding}: {error}") from error


def _require_encoding(index: int, file: FileBody) -> None:
    if not _is_text(file) and file.encoding not in {"base64", "hex"}:
        raise RequestRefused(
            400, f"files[{index}].encoding: expected utf8, base64 or hex, got {file.encoding!r}"
        )
