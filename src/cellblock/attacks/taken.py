"""What an attack takes while it runs: of the host, by the host's own count, and of what it says it holds.

The counters of a run's own group are what an attack on resources is after, so they are not the only witness:
the host counts tasks by their users, open files, free memory and what waits in the sockets of all networks,
and a program counts what it has written.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cellblock.attacks import proc
from cellblock.attacks.manifest import Attack, Witness

_EVERY_S = 0.02
_THREADS = 17
"""Where ``proc.stat`` has how many there are of a process."""
_OTHERS_TASKS = 128
_OTHERS_FILES = 2048
_OTHERS_BYTES = 512 << 20
_OTHERS_SOCKET_BYTES = 32 << 20
"""What else may begin meanwhile: compilers, runtimes in the next cells, whatever the machine is for.

Attacks go on to far more.
"""
_IN_ONE_MESSAGE = 253
_SOCKET_BYTES = (32 << 20) + 1024 * (128 << 10)
"""What may wait in the sockets of one run, as docs/isolation.md says; no limit of its evidence does."""
_UNREFUSED_BYTES = 1 << 20
_WORTH_TRYING_BYTES = 64 << 10
_BURNT_MS = 500
"""Less than whoever never rests gets in the seconds until a limit ends it, however busy the machine."""
_HOST = "the host"
_HELD = re.compile(r"^held ([0-9]+)$", re.MULTILINE)
_IN_SOCKETS = re.compile(r"^(?:TCP|UDP): .*\bmem ([0-9]+)$", re.MULTILINE)


class Watch:
    """How much more the host had of some things at most while an attack ran than at any time before."""

    def __init__(self, uids: range, witnesses: Sequence[Witness]) -> None:
        """Look for what ``uids`` run, and at the whole host for the rest; at nothing but ``witnesses``."""
        self._uids = uids
        self._witnesses = witnesses
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look_on, daemon=True)
        self._least = self._look()
        self.grown: dict[Witness, int] = dict.fromkeys(self._least, 0)
        """How much more there was of each at most, than there had been since this looks."""

    def __enter__(self) -> Self:
        """Begin to look."""
        if self._witnesses:
            self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look no more."""
        self._ended.set()
        if self._witnesses:
            self._looking.join()

    def beyond(self, limits: Mapping[str, int]) -> list[str]:
        """Name what the host had more of than the limits of one run explain, as far as these are told."""
        allowed: dict[Witness, int] = {"socket_bytes": _SOCKET_BYTES + _OTHERS_SOCKET_BYTES}
        if limits:
            allowed |= {
                "tasks": limits["processes"] + _OTHERS_TASKS,
                # Its table, as many again in flight, and the message that passes that number.
                "files": 2 * limits["open_files"] + _IN_ONE_MESSAGE + _OTHERS_FILES,
                "memory_bytes": limits["memory_bytes"] + _OTHERS_BYTES,
            }
        return [
            f"{_HOST} had {grown} {witness} more than before, where its limits allow {allowed[witness]}"
            for witness, grown in self.grown.items()
            if witness in allowed and grown > allowed[witness]
        ]

    def _look_on(self) -> None:
        while not self._ended.wait(_EVERY_S):
            for witness, count in self._look().items():
                # What a run before held may be given back only now: the ground is the least, not the first.
                self._least[witness] = min(self._least[witness], count)
                self.grown[witness] = max(self.grown[witness], count - self._least[witness])

    def _look(self) -> dict[Witness, int]:
        looks = {
            "tasks": self._tasks,
            "files": _files,
            "memory_bytes": _memory_bytes,
            "socket_bytes": socket_bytes,
        }
        return {witness: looks[witness]() for witness in self._witnesses}

    def _tasks(self) -> int:
        threads = 0
        for pid in proc.pids():
            try:
                if os.stat(f"/proc/{pid}").st_uid in self._uids:  # noqa: PTH116  # often done
                    threads += int(proc.stat(pid)[_THREADS])
            except (OSError, IndexError):
                continue  # it has ended
        return threads


def may_be_anybodys(seen: Sequence[str]) -> bool:
    """Whether all that turned is what others on the machine may have taken meanwhile: worth another try."""
    return bool(seen) and all(line.startswith(_HOST) and "tasks" not in line for line in seen)


def unmet(attack: Attack, record: Mapping[str, Any]) -> list[str]:
    """Name the limit that an attack is after and that saw nothing of it, or say that it reached nothing."""
    evidence = record.get("evidence") or {}
    if attack.meets == "processes" and not (evidence.get("facts") or {}).get("pids_limit_events"):
        return ["the limit of processes refused it nothing"]
    used_ms = (evidence.get("timing") or {}).get("cpu_ms") or 0
    if attack.meets == "cpu" and used_ms < _BURNT_MS:
        return [f"its group counted {used_ms} ms of CPU time, where it used all that there was"]
    if attack.holds and _held(record) < _WORTH_TRYING_BYTES:
        return [f"it held {_held(record)} bytes only, which tries nothing"]
    return []


def reached(attack: Attack, watch: Watch, records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name what the host had too much of while these ran, and what they held that was not counted."""
    found = []
    for record in records:
        found += uncounted(attack, record)
        found += watch.beyond((record.get("evidence") or {}).get("limits") or {})
    return found


def uncounted(attack: Attack, record: Mapping[str, Any]) -> list[str]:
    """Name what a program holds and its group did not count, or what is beyond the limit of its memory."""
    if not attack.holds:
        return []
    evidence = record.get("evidence") or {}
    counted = (evidence.get("cgroup") or {}).get("memory_peak_bytes") or 0
    held = _held(record)
    found = [f"it held {held} bytes, where its group counted {counted}"] if held > counted else []
    limit = (evidence.get("limits") or {}).get("memory_bytes")
    if limit and held > limit + _UNREFUSED_BYTES:
        found.append(f"it held {held} bytes, where its limit is {limit}")
    return found


def _held(record: Mapping[str, Any]) -> int:
    return int((_HELD.findall(str(record.get("stdout"))) or [0])[-1])


def _files() -> int:
    return int(proc.text(Path("/proc/sys/fs/file-nr")).split()[0])


def _memory_bytes() -> int:
    """Return what is in use and cannot be had back."""
    lines = (line.split() for line in proc.text(Path("/proc/meminfo")).splitlines())
    kib = {fields[0]: int(fields[1]) for fields in lines}
    return (kib["MemTotal:"] - kib["MemAvailable:"]) << 10


def socket_bytes() -> int:
    """Return what waits in TCP and UDP sockets: whoever asks, the kernel says it of all networks together."""
    pages = _IN_SOCKETS.findall(proc.text(Path("/proc/net/sockstat")))
    return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")
