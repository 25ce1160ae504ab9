"""Say as JSON what cells are held by on this host, and how programs end in them.

A program of its own, because being root of a user namespace cannot be undone: `report.py [SETTING=VALUE]…`;
`only=NAME,NAME` runs these programs alone, `keep=root` notes the controls for `docs/hosts.md`,
`unasked=capabilities` tries without asking first whether all capabilities are there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import msgspec

from cellblock import config
from cellblock.engine.watch import Watch
from cellblock.model import Profile
from cellblock.sandbox import features
from cellblock.sandbox.artifact import mount_copy, take_copy
from cellblock.sandbox.cell import CellSpec
from cellblock.sandbox.template import HOST_ROOT
from cellblock.supervisor.__main__ import _become_root
from hosts import kinds
from sandbox.cells import MIB, Cells
from sandbox.waiting import prepare

TIME_SCALE = 10  # emulated
PROGRAMS = {
    "ends": ("print(open('/proc/self/status').read())", {}),
    "memory": ("b'x' * (200 << 20)", {"memory_bytes": 64 * MIB}),
    "processes": ("import os\nfor _ in range(20): os.fork() or os._exit(os.WEXITSTATUS(os.wait()[1]))", {}),
    "forks": ("import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(30)", {"processes": 8}),
    "wall": ("import os, time\nos.fork()\ntime.sleep(60)", {"wall_ms": 300}),
    "steers": (
        """
import errno, os, resource

def attempt(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

print(
    attempt(resource.prlimit, 1, resource.RLIMIT_CPU, (0, 0)),
    attempt(os.sched_setaffinity, 1, {0}),
    attempt(os.sched_setscheduler, 1, os.SCHED_IDLE, os.sched_param(0)),
    attempt(os.setpriority, os.PRIO_PROCESS, 1, 19),
    attempt(open, "/proc/1/mem", "rb"),
)
""",
        {},
    ),
    "filter": ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", {}),
}


CONNECTS = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname())
"""


async def run_from_a_copy(cells: Cells) -> str:
    """Return what a program prints that is run from a copy of a file, as the compile cache does it."""
    limits = cells._runtime(Profile.JUDGE, {}).limits[Profile.JUDGE]
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        main_file = Path(name, "main")
        main_file.write_text("#!/bin/sh\necho copied\n")
        main_file.chmod(0o755)
        out_fd = os.open(name, os.O_PATH | os.O_DIRECTORY)
        copy = await take_copy(out_fd, most_bytes=MIB, work_area_bytes=MIB, work_area_inodes=64)
        os.close(out_fd)
    mount_fd = await mount_copy(copy)
    spec = CellSpec(
        argv=("/out/main",),
        environment={},
        files=(),
        stdin=b"",
        limits=limits,
        root=HOST_ROOT,
        out_fd=mount_fd,
    )
    async with cells.host.cell(spec) as cell:
        observed = await Watch(cell, spec).run()
    os.close(mount_fd)
    return observed.stdout.content.decode()


def apparmor_profile() -> str:
    """Return by which profile we are confined, with its mode; empty on a kernel without."""
    try:
        return Path("/proc/self/attr/apparmor/current").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def main() -> None:
    """Print the report."""
    changes = dict(argument.split("=", 1) for argument in sys.argv[1:])
    only = changes.pop("only", ",".join((*PROGRAMS, "loopback"))).split(",")
    kept = changes.pop("keep", "")
    if changes.pop("unasked", ""):
        features._CAPABILITIES.clear()
    settings = config.load(changes, dict(os.environ))
    _become_root(settings)
    # Resolved before, as the parent does it: defaults depend on who we are.
    changes.setdefault("runtime_dir", str(settings.runtime_dir))
    cells = Cells(TIME_SCALE, **changes)
    try:
        report = {
            "mode": cells.host.enforcement_mode,
            "backend": cells.host.cgroup_backend,
            "apparmor": apparmor_profile(),
            "features": msgspec.to_builtins(cells.call(cells.host.probe())),
            "runs": {},
        }
        for name in only:
            code, limits = PROGRAMS.get(name, (CONNECTS, {}))
            if cells.settings.warm_starts:
                prepare(cells, **limits)
            outcome = cells.run(code, loopback=name == "loopback", **limits)
            evidence = outcome.evidence
            report["runs"][name] = {
                "verdict": outcome.verdict,
                "stdout": outcome.stdout.decode(errors="replace"),
                "error": outcome.error_message,
                "applied": evidence.controls_applied,
                "missing": evidence.controls_missing,
                "warm": evidence.warm_start,
                "syscall": evidence.seccomp.syscall if evidence.seccomp else None,
                "left": len(cells.groups()) if cells.host._tree else 0,
            }
            if report["mode"] == "none":
                break
        else:
            report["copied"] = cells.call(run_from_a_copy(cells))
    finally:
        cells.close()
    if kept:
        kinds.keep(f"{report['backend'].removeprefix('cgroup_')} {kept}", report)
    json.dump(report, sys.stdout)


main()
