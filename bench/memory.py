"""Row 13: what the service holds in memory while it waits, by what its processes are for."""

from __future__ import annotations

import time
from pathlib import Path

from processes import Process, cells, roles
from rows import Group, Row, at_most, stated
from service import Service
from yardsticks import BenchError

_MIB = 1 << 20
_SETTLED_S = 2.0
_HELD = 4
_SLEEPS = "import time\ntime.sleep(20)\n"


def measure(directory: Path) -> Group:
    """Measure proportional set sizes: what is shared counts for each by its part."""
    with Service(directory / "memory" / "data", ("python",)) as service:
        service.run_once("print(1)")
        idle = roles(service.settle(_SETTLED_S))
        waiting = _python_cells(idle)
        python, kind = waiting, f"a waiting python cell ({cells(waiting)} wait)"
        if not waiting:
            for _ in range(_HELD):
                service.run_once(_SLEEPS, wait=False)
            time.sleep(_SETTLED_S)
            python = _python_cells(roles(service.processes()))
            kind = "a python cell whose program sleeps (none waits ahead)"
        if not python:
            raise BenchError(
                "no python cell to be measured: none waits, and programs that sleep were not seen"
            )
    by_role = {role: _pss_mib(members) for role, members in idle.items()}
    everything = sum(by_role.values())
    rows: list[Row] = [
        at_most(
            "13",
            "idle memory, PSS of service + supervisor, MiB",
            by_role["service"] + by_role["supervisor"],
            120,
        ),
        at_most("13", f"PSS of {kind}, MiB", _pss_mib(python) / cells(python), 4),
        stated("13", "PSS of everything while nothing runs, all default pools, MiB", everything),
    ]
    figures = {
        "pss_mib_by_role": by_role,
        "processes_by_role": {role: len(members) for role, members in idle.items()},
        "cells_by_role": {role: cells(members) for role, members in idle.items() if role.startswith("cell")},
    }
    return Group("memory", rows, figures)


def _python_cells(found: dict[str, list[Process]]) -> list[Process]:
    return [process for role in found if role.startswith("cell: python") for process in found[role]]


def _pss_mib(processes: list[Process]) -> float:
    return sum(process.pss_bytes for process in processes) / _MIB
