"""A program that eats memory runs out of memory, not out of time, however cold its interpreter is."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import os
import time

import pytest

from cellblock import config
from cellblock.engine.resident import ResidentFile
from cellblock.languages.installed import hold_installed_root
from languages.cases import PROGRAMS
from languages.conftest import ask

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def share_in_memory(path):
    """How much of a file the kernel holds in memory, 0..1."""
    size = path.stat().st_size
    pages = ctypes.create_string_buffer(-(-size // mmap.PAGESIZE))
    with path.open("rb") as file:
        address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
        assert _libc.mincore(address, size, pages) == 0
        _libc.munmap(address, size)
    return sum(page & 1 for page in pages.raw) / len(pages)


def throw_out(path):
    """Have the kernel forget a file, as it does where memory is short."""
    deadline_s = time.monotonic() + 30
    with path.open("rb") as file:
        while share_in_memory(path) > 0.1:
            assert time.monotonic() < deadline_s, f"{path.name} stays in memory: something runs it"
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.anyio
async def test_file_that_is_held_cannot_be_thrown_out_until_it_is_let_go(tmp_path):
    path = tmp_path / "interpreter"
    path.write_bytes(os.urandom(5_000_001))
    os.sync()  # what is not on disk yet is never thrown out
    throw_out(path)
    file = ResidentFile(path)
    await asyncio.gather(file.hold(), file.hold())
    with path.open("rb") as reader:
        os.posix_fadvise(reader.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert share_in_memory(path) == 1
    file.close()
    throw_out(path)
    await file.hold()
    assert share_in_memory(path) == 1
    file.close()


@pytest.mark.anyio
async def test_file_that_cannot_be_read_is_left_alone(tmp_path):
    await ResidentFile(tmp_path / "missing").hold()
    (tmp_path / "empty").touch()
    await ResidentFile(tmp_path / "empty").hold()


@pytest.mark.parametrize(
    ("language", "interpreter"),
    [("javascript", "/opt/node-26/bin/node"), ("typescript", "/opt/node-24/bin/node")],
)
def test_interpreter_in_use_cannot_be_thrown_out_and_an_eater_runs_out_of_memory(
    service, language, interpreter
):
    ask(service, "POST", "/api/submit?wait=true", {"language": language, "code": "console.log(1)"})
    root = hold_installed_root(config.load().toolchain_dir)
    executable = root.root.inside(interpreter)
    root.close()
    with executable.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert share_in_memory(executable) == 1
    code = next((PROGRAMS / language).glob("memory.*")).read_text()
    for _ in range(3):
        _, record = ask(service, "POST", "/api/submit?wait=true", {"language": language, "code": code})
        evidence = record["evidence"]
        assert (record["verdict"], evidence["verdict_cause"]) == ("MLE", "mle_kernel_oom"), record
        assert evidence["cgroup"]["oom_kill_events"] >= 1
