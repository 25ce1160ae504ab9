"""Work that gives up its rights, in a process of its own, so that whoever asked for it keeps theirs.

What comes back is data of a known type and nothing more: the process has opened what others can write.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from typing import TypeVar

import msgspec

from cellblock.errors import CellblockError, HostError

T = TypeVar("T")
_DONE, _FAILED, _BROKE = b"d", b"f", b"b"


def in_own_process(work: Callable[[], T], result: type[T], *failures: type[CellblockError]) -> T:
    """Return what ``work`` returns in a fork of this process, which may have no threads.

    Of ``failures`` the same one is raised here, with its message; ``HostError`` for whatever else.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as answer:
            answer.write(_outcome(work, failures))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        kind, said = answer.read(1), answer.read()
    os.waitpid(pid, 0)
    if kind == _DONE:
        return msgspec.msgpack.decode(said, type=result)
    if kind == _FAILED:
        name, message = msgspec.msgpack.decode(said, type=tuple[str, str])
        raise next((failure for failure in failures if failure.__name__ == name), HostError)(message)
    raise HostError(
        said.decode("utf-8", "replace") or "the process that opened the data ended without a word"
    )


def _outcome(work: Callable[[], T], failures: tuple[type[CellblockError], ...]) -> bytes:
    """Return what the process has to say, in one byte and what follows; nothing escapes into our caller."""
    try:
        return _DONE + msgspec.msgpack.encode(work())
    except failures as error:
        return _FAILED + msgspec.msgpack.encode((type(error).__name__, str(error)))
    except BaseException as error:  # noqa: BLE001  # this is a fork: there is nobody above who may go on
        return _BROKE + "".join(traceback.format_exception(error)).encode()
