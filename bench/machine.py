"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import cellblock


def facts() -> dict[str, Any]:
    """Return the machine's facts, and how busy it is with other things at this moment."""
    return {
        "cpu": _first_value(Path("/proc/cpuinfo"), "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int((_first_value(Path("/proc/meminfo"), "MemTotal") or "0 kB").split()[0]) // 1024,
        "kernel": platform.release(),
        "arch": platform.machine(),
        "cgroups": "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1",
        "virtual": "hypervisor" in (_first_value(Path("/proc/cpuinfo"), "flags") or ""),
        "versions": {
            "cellblock": cellblock.__version__,
            "commit": _said("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"),
            "service_python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "bare_python": _said("/usr/bin/python3", "--version"),
            "bubblewrap": _said("bwrap", "--version"),
        },
        "load_average": load(),
    }


def load() -> list[float]:
    """Return the load of the last 1, 5 and 15 minutes, the bench's own included."""
    return [round(value, 2) for value in os.getloadavg()]


def steal_s() -> float:
    """Return how many CPU seconds other machines on the same hardware have had of ours."""
    ticks = int(Path("/proc/stat").read_text("ascii").splitlines()[0].split()[8])
    return ticks / os.sysconf("SC_CLK_TCK")


def _first_value(file: Path, key: str) -> str | None:
    for line in file.read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _said(*command: str) -> str | None:
    """Return what a command prints; ``None`` where there is no such command or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
