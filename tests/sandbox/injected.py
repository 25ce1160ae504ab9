"""A test build of the helper in which any one call can be made to go wrong, and what it told of its calls."""

from __future__ import annotations

import errno
import gc
import mmap
import re
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

NATIVE = Path(__file__).parents[2] / "native"
SOURCE = Path(__file__).parent / "native" / "inject.c"
SPAWNER, INIT, PROGRAM, RUNTIME = range(4)
ROLES = ("spawner", "init", "program", "runtime")
FAILS, LIES, WAITS = range(3)

NOTHING_LOST = {"close", "fclose", "munmap", "signal", "syscall 13"}
"""Calls after whose failure a cell is as good as before (13: rt_sigaction, which two signals refuse)."""
SPEAKING = {"poll", "recvmsg", "sendmsg", "recv", "send"}
"""Calls without which a process cannot say what is wrong: it ends, the run is lost and may be run again."""
ERRORS = [errno.EPERM, errno.ENOMEM, errno.EINVAL, errno.EINTR, errno.EAGAIN, errno.ENOSPC, errno.EEXIST]
FILTERED = "syscall 317"
"""The last of init's own confinement, after it the job goes through the gate."""
FIRST_PDEATHSIG = (INIT, 2, "prctl")
"""Set again after the change of user, which clears it; there its failure is named."""
CONTROLLING = {"write", "unshare", "setresgid", "setresuid", "syscall 317"}
"""What the program-to-be does that a control rests on: cgroup, its namespace, user, filter (317: seccomp)."""

_CELLS_KEPT, _CALLS_KEPT, _NAME_BYTES = 2, 4096, 24
_HEAD = struct.Struct("=7I")
_COUNTS = struct.Struct(f"={_CELLS_KEPT * len(ROLES)}I")
_NAMES_AT = _HEAD.size + _COUNTS.size
_PAGE_BYTES = _NAMES_AT + _CELLS_KEPT * len(ROLES) * _CALLS_KEPT * _NAME_BYTES
_MOST_BITS_FOR_ASAN = 28  # with more random bits, gcc's own finds its place taken now and then


class Call(Struct, frozen=True):
    """One call of one process: which cell's, by whom, the how-manieth, by what name."""

    cell: int
    role: int
    number: int
    name: str

    def __str__(self) -> str:
        return f"cell {self.cell}, {ROLES[self.role]}'s call {self.number}: {self.name}"


@contextmanager
def injecting(helper: Path) -> Iterator[Injector]:
    """Lend an injector, in a process where no collector closes what earlier tests have left to it."""
    gc.collect()
    injector = Injector(helper)
    try:
        yield injector
    finally:
        injector.close()


class Injector:
    """The page that the helper's processes share with us."""

    def __init__(self, helper: Path) -> None:
        self.helper = helper
        page = helper.with_name(f"{helper.name}.page")
        page.write_bytes(bytes(_PAGE_BYTES))
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _PAGE_BYTES)

    def close(self) -> None:
        """Let go of the page, and of its descriptor: ``counted`` counts those."""
        self._page.close()

    @contextmanager
    def going_wrong(self, call: Call | None, error: int = errno.EPERM, mode: int = FAILS) -> Iterator[None]:
        """Let that call go wrong, once; without one, only note what is called."""
        self._arm(call, error, mode)
        try:
            yield
        finally:
            self._page[: 4 * 3] = bytes(4 * 3)

    def _arm(self, call: Call | None, error: int, mode: int) -> None:
        which = (call.cell, call.role, call.number) if call else (0, 0, 0)
        self._page[:_NAMES_AT] = _HEAD.pack(*which, error, mode, 0, 0) + bytes(_COUNTS.size)

    @property
    def hits(self) -> int:
        return _HEAD.unpack(self._page[: _HEAD.size])[5]

    def calls(self, cell: int, role: int) -> list[Call]:
        """Return what that process has called since ``going_wrong`` began."""
        place = cell * len(ROLES) + role
        count = min(_COUNTS.unpack(self._page[_HEAD.size : _NAMES_AT])[place], _CALLS_KEPT)
        start = _NAMES_AT + place * _CALLS_KEPT * _NAME_BYTES
        names = (self._page[at : at + _NAME_BYTES] for at in range(start, len(self._page), _NAME_BYTES))
        return [
            Call(cell, role, number, name.split(b"\0")[0].decode())
            for number, name in zip(range(1, count + 1), names, strict=False)
        ]


def build(target: str, directory: Path) -> Path:
    """Build for tests: ``sanitized``, or ``injected``, which is both where that is reliable.

    Returns the helper; ``library`` lies beside it.
    """
    make = ["make", "--no-print-directory", "-s", "-C", str(NATIVE), target, f"BUILD={directory}"]
    bits = int(Path("/proc/sys/vm/mmap_rnd_bits").read_text())
    if target == "injected" and bits > _MOST_BITS_FOR_ASAN:
        make.append("SANITIZING=")
    subprocess.run(make, check=True, timeout=300)
    return directory / f"cellblock-cell-{target}"


def library(helper: Path) -> Path:
    """Return the library that has runtimes wait, of the same build as ``helper``."""
    return helper.with_name(helper.name.replace("cell-", "warm-") + ".so")


def counted() -> tuple[int, list[str]]:
    """Return how many descriptors we have, and the host's mounts where a cell makes its own."""
    mounts = (line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    places = {"/", "/sys", "/tmp", "/proc", "/dev/shm", "/box", "/out"}
    return len(list(Path("/proc/self/fd").iterdir())), sorted(point for point in mounts if point in places)


def assert_named(call: Call, end: str, error: int = errno.EPERM) -> None:
    if end == "well":
        again = error == errno.EINTR and call.name in {"read", "write", *SPEAKING}
        heard_again = call.role == INIT and call.name == "recvmsg"  # what the gate said is still there
        harmless = call.name in NOTHING_LOST or (call.role, call.number, call.name) == FIRST_PDEATHSIG
        # prctl: taken for the last capability, or that was it. What init keeps in its bounding set is of no
        # use to it, what a program keeps is found by the look at it. FILTERED: tried again as older kernels
        # need it.
        meant = error == errno.EINVAL and call.name in {"prctl", FILTERED}
        harmless = harmless or heard_again or meant
        assert again or harmless, str(call)
    elif end == "lost":  # maybe gone before we had looked at it, and init's word comes later
        assert call.name in {"read", *SPEAKING}, str(call)
    else:
        assert end in steps(), (str(call), end)


def not_here(cells) -> set[str]:
    """Return what set-up does not do on this host: on cgroup v2 a program is born in its group."""
    return {"write", "cgroup_join"} if cells.host.cgroup_backend == "cgroup_v2" else set()


def steps() -> set[str]:
    """Return every step that ``steps.h`` names."""
    found = re.findall(r'X\([A-Z_]+, "([a-z_]+)"\)', (NATIVE / "steps.h").read_text())
    assert len(found) > 30
    return set(found)


def telling(calls: Sequence[Call]) -> list[Call]:
    """Leave out the middle of long rows of one call: sixty-four signals are reset alike."""
    names = ["", "", *(call.name for call in calls), ""]
    return [
        call
        for call, before, last, next_ in zip(calls, names, names[1:], names[3:], strict=False)
        if not before == last == call.name == next_
    ]


def new_pairs(calls: Sequence[Call]) -> list[Call]:
    """Return those that come after another call than before: one of each kind of entry of a long list."""
    seen: set[tuple[str, str]] = set()
    chosen = list(calls[:1])
    for before, call in pairwise(calls):
        if (before.name, call.name) not in seen:
            seen.add((before.name, call.name))
            chosen.append(call)
    return chosen
