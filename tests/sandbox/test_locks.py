"""Locks on files of a root, which the kernel keeps by inode: nobody meets those of a program in another cell.

The witness is the host's ``/proc/locks``, and locks of its own. Watches are forbidden (``test_seccomp``).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cellblock.model import Outcome, Verdict
from cellblock.sandbox.template import DEVICES
from sandbox.cells import Cells, opened
from sandbox.waiting import prepare

LOCK = """
import fcntl, os, stat, struct, sys, time

def found(place, depth):
    yield place
    if depth and stat.S_ISDIR(os.lstat(place).st_mode):
        for name in os.listdir(place):
            yield from found(os.path.join(place, name), depth - 1)

places = ["/proc/self/exe", "/proc/self/root", "/proc/self/cwd", sys.executable, os.__file__,
          *found("/", 1), *found("/etc", 3), *found("/dev", 1), *found("/usr", 2)]
places += [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
asked = struct.pack("hhqqi", fcntl.F_RDLCK, 0, 0, 0, 0)
writing = struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0)
held, refused = {}, []
for place in places:
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        continue
    file = os.fstat(fd)
    if (file.st_dev, file.st_ino) in held:
        os.close(fd)
        continue
    held[file.st_dev, file.st_ino] = fd
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        refused.append(f"flock {place}")
    if stat.S_ISDIR(file.st_mode):
        continue
    if struct.unpack("hhqqi", fcntl.fcntl(fd, fcntl.F_GETLK, writing))[0] != fcntl.F_UNLCK:
        refused.append(f"record {place}")
    fcntl.fcntl(fd, fcntl.F_SETLK, asked)
print(len(held), *refused, sep="\\n", flush=True)
time.sleep(1.5)
"""
SOME = 250
"""How many files at least are locked, so that a program that locks none is noticed."""


@pytest.fixture(scope="module")
def warm(time_scale) -> Iterator[Cells]:
    with opened(time_scale, warm_starts="true", pool_cells_max="4") as cells:
        yield cells


def locks() -> dict[int, set[str]]:
    """Return what is locked on this machine now, device and inode by process."""
    held: dict[int, set[str]] = {}
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        fields = line.replace("->", "").split()
        held.setdefault(int(fields[4]), set()).add(fields[5])
    return held


def places(cells: Cells) -> list[str]:
    """Return what of the host is seen in a cell, or has a stand-in of its own there."""
    devices = ["/dev", *(f"/dev/{name}" for name in DEVICES)] if cells.host._features.makes_nodes else []
    return ["/", "/etc", "/etc/passwd", "/usr", "/usr/bin", "/usr/bin/env", "/usr/bin/python3", *devices]


@contextmanager
def locked_by_the_host(cells: Cells) -> Iterator[None]:
    """Hold a lock on each place that lets others share it, and nobody have it alone."""
    with ExitStack() as held:
        for place in places(cells):
            fd = os.open(place, os.O_RDONLY)
            held.callback(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


async def meet(cells: Cells) -> tuple[list[set[str]], list[Outcome]]:
    """Run two at once until both hold their locks; returns what each held, and how they ended."""
    runs = [asyncio.create_task(cells.running(LOCK, open_files=4096)) for _ in range(2)]
    deadline_s = time.monotonic() + 10 * cells.time_scale
    while True:
        now = locks()
        seen = [now[pid] for pid in cells.processes() if len(now.get(pid, ())) > SOME]
        if len(seen) == len(runs):
            break
        assert not any(run.done() for run in runs), await asyncio.gather(*runs)
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.02)
    with locked_by_the_host(cells):  # nor does the host meet theirs
        return seen, await asyncio.gather(*runs)


def assert_apart(cells: Cells) -> list[Outcome]:
    with locked_by_the_host(cells):
        seen, outcomes = cells.call(meet(cells))
    assert not seen[0] & seen[1]
    for outcome in outcomes:
        assert outcome.verdict is Verdict.AC, outcome.stderr
        count, *refused = outcome.stdout.decode().splitlines()
        assert int(count) > SOME
        assert refused == []
    return outcomes


def test_two_programs_and_the_host_lock_the_same_files_and_meet_no_lock_of_each_other(cells):
    assert_apart(cells)


def test_so_do_two_programs_of_one_zygote(warm):
    for _ in range(2):
        prepare(warm, open_files=4096)
    assert all(outcome.evidence.warm_start for outcome in assert_apart(warm))


def test_no_program_gets_a_lease(cells):
    seen = cells.observe(
        """
        import errno, fcntl, json, os
        found = []
        for place in ("/usr/bin/env", "/etc/passwd", "/dev/null", "/proc/self/exe"):
            for lease in (fcntl.F_RDLCK, fcntl.F_WRLCK):
                try:
                    fcntl.fcntl(os.open(place, os.O_RDONLY), fcntl.F_SETLEASE, lease)
                except OSError as error:
                    found.append(errno.errorcode[error.errno])
        print(json.dumps(found if os.getuid() else ["EACCES"] * 8))
        """
    )
    assert seen == ["EACCES"] * 8  # but for who owns the files, where there is one uid
