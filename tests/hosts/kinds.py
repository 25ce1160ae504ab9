"""Ways to be on a host, each entered from root: a command that runs another one there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
TOP = Path("/sys/fs/cgroup")
TOOLCHAINS = "/var/cache/cellblock/toolchains"
"""The machine's, which every user may read."""
LEAF = "cellblock-service"
"""Where cellblock moves, because a group with processes cannot hand controllers down."""
USER, UID = "tester", 4321
FIRST_OWN_UID = 300_000
HOME = Path("/run/tester")
ENDS = {
    "ends": "AC",
    "memory": "MLE",
    "processes": "PLE",
    "forks": "PLE",
    "wall": "TLE",
    "steers": "AC",
    "filter": "SIG",
    "loopback": "AC",
}
"""How each program of `report.py` has to end."""
OUT_OF_REACH = "EPERM EPERM EPERM EPERM ENOENT\n"
"""What a program hears that steers its cell's init; see ``report.py``."""
CONTROLLERS = ("cpu", "memory", "pids")


def make_user() -> None:
    """Make an ordinary user of this machine, once."""
    if HOME.exists():
        return
    with Path("/etc/passwd").open("a", encoding="ascii") as passwd:
        passwd.write(f"{USER}:x:{UID}:{UID}::{HOME}:/bin/sh\n")
    with Path("/etc/group").open("a", encoding="ascii") as group:
        group.write(f"{USER}:x:{UID}:\n")
    own(HOME)


def own(directory: Path) -> None:
    """Make a directory of the user's."""
    directory.mkdir(mode=0o700)
    _give(directory)


def grant_uids(count: int) -> None:
    """Give the user this many uids and gids of his own, or none."""
    for name in ("subuid", "subgid"):
        Path("/etc", name).write_text(f"{USER}:{FIRST_OWN_UID}:{count}\n" if count else "", encoding="ascii")


def hand_over(group: Path, *, controllers: Sequence[str] = CONTROLLERS) -> None:
    """Hand a new cgroup to the user, as systemd does for Delegate=yes."""
    for controller in controllers:
        (group.parent / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
    group.mkdir()
    for path in (group, group / "cgroup.procs", group / "cgroup.subtree_control", group / "cgroup.threads"):
        _give(path)


def recipe(command: str) -> str:
    """Return the lines by which `docs/hosts.md` has root hand a cgroup over, to start this command in it."""
    page = (PROJECT / "docs" / "hosts.md").read_text(encoding="utf-8")
    lines = page.split("Handing one over as root")[1].split("```sh\n")[1].split("```")[0]
    for said, meant in (("user=judge", f"user={USER}"), (".venv/bin/cellblock serve", command)):
        assert lines.count(said) == 1, said
        lines = lines.replace(said, meant)
    return lines


def lines_of_the_users_unit() -> tuple[str, str]:
    """Return the line at the top of the user's unit file: what copies it, and what has systemd know it."""
    comment = (
        (PROJECT / "deploy" / "systemd" / "cellblock-user.service")
        .read_text()
        .split("[Unit]")[0]
        .replace("\n#", "")
    )
    copies, enables = comment.split("As an ordinary user: ")[1].split(";")[0].split(" && systemctl ")
    return copies, f"systemctl {enables}"


def as_user(group: Path, *command: str) -> list[str]:
    """Return how to run a command as the user, in the group, or where a cellblock before it has moved to."""
    join = f"echo 0 2>/dev/null >{group}/cgroup.procs || echo 0 >{group}/{LEAF}/cgroup.procs"
    become = f'{{ {join}; }} && exec setpriv --reuid {UID} --regid {UID} --init-groups "$@"'
    environment = ("env", "-i", f"HOME={HOME}", f"XDG_RUNTIME_DIR={HOME}", "PATH=/usr/bin:/bin")
    return ["sh", "-c", become, "sh", *environment, *command]


def _give(path: Path) -> None:
    subprocess.run(["chown", f"{UID}:{UID}", str(path)], check=True)


PYTHON = ("env", "PYTHONPATH=src:tests", "PYTHONDONTWRITEBYTECODE=1", ".venv/bin/python")
KEPT = Path(os.environ.get("HOSTS_REPORT", "/run/vm/hosts.json"))
"""Leaves the virtual machine: `docs/hosts.md` is made of it."""


def report_command(*settings: str) -> tuple[str, ...]:
    """Return the command of `report.py` with these settings."""
    return (*PYTHON, "tests/hosts/report.py", *settings)


DOCTOR = (*PYTHON, "-m", "cellblock", "doctor", "--json", "--toolchain-dir", "/nonexistent")
"""Without toolchains: the languages' self-tests are not the matter here."""


def doctor(command: Sequence[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the doctor; returns its exit code and the findings by feature."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, {finding["feature"]: finding for finding in json.loads(done.stdout)}


def missing(found: dict[str, dict[str, Any]]) -> set[str]:
    """Name what the doctor finds required and missing."""
    return {name for name, finding in found.items() if finding["required"] and not finding["ok"]}


def report(command: Sequence[str]) -> dict[str, Any]:
    """Run a report; what it says on stderr is told where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def keep(kind: str, found: dict[str, Any]) -> None:
    """Remember which controls held in a program's run, and on which kernel."""
    kept = json.loads(KEPT.read_text(encoding="ascii")) if KEPT.exists() else {}
    run = found["runs"]["ends"]
    kernel = f"Linux {os.uname().release} on {os.uname().machine}"
    kept[kind] = {"kernel": kernel, "applied": run["applied"], "missing": run["missing"]}
    KEPT.write_text(json.dumps(kept, indent=1), encoding="ascii")


def remove(group: Path) -> None:
    """Remove a group with all below it; nothing may be in it any more."""
    for path, _, _ in os.walk(group, topdown=False):
        Path(path).rmdir()


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    """Return how each program of a report ended."""
    return {name: run["verdict"] for name, run in found["runs"].items()}
