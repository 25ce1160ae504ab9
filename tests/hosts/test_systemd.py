"""The unit files of deploy/systemd under a real systemd, whose Delegate= hands the cgroup over."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from e2e.instance import Instance, descendants, scaled_limits, wait_until_gone
from hosts import kinds
from pace import TIME_SCALE

pytestmark = pytest.mark.vm
UNITS = kinds.PROJECT / "deploy" / "systemd"


def as_the_user(line: str) -> None:
    """Run a line of shell in the user's environment, where this project is."""
    become = ("setpriv", "--reuid", str(kinds.UID), "--regid", str(kinds.UID), "--init-groups")
    environment = ("env", "-i", f"HOME={kinds.HOME}", f"XDG_RUNTIME_DIR={kinds.HOME}", "PATH=/usr/bin:/bin")
    shell = ("sh", "-euc", line)
    subprocess.run([*become, *environment, *shell], check=True, cwd=kinds.PROJECT, stdin=subprocess.DEVNULL)


@pytest.fixture
def manager(free_port, time_scale):
    """Start a manager for the user, in a cgroup that root has handed to it, as logind does."""
    kinds.make_user()
    kinds.grant_uids(65536)
    group = kinds.TOP / "of-the-manager"
    kinds.hand_over(group)
    Path("/run/systemd/system").mkdir(
        parents=True, exist_ok=True
    )  # by which it knows that systemd has booted
    copies, enables = kinds.lines_of_the_users_unit()
    as_the_user(copies)
    units = kinds.HOME / ".config" / "systemd" / "user"
    unit = units / "cellblock.service"
    text = unit.read_text().replace("%h/cellblock", str(kinds.PROJECT))
    settings = {
        "CELLBLOCK_PORT": free_port,
        "CELLBLOCK_TOOLCHAIN_DIR": kinds.TOOLCHAINS,
        "CELLBLOCK_DATA_DIR": kinds.HOME / "data",
        "CELLBLOCK_RUNTIME_DIR": kinds.HOME / "run",
        "CELLBLOCK_LIMITS": scaled_limits(time_scale),
        "CELLBLOCK_SYNC_WAIT_MAX_MS": int(30_000 * time_scale),
        "CELLBLOCK_DRAIN_TIMEOUT_MS": int(35_000 * time_scale),
    }
    text = text.replace("TimeoutStopSec=50", f"TimeoutStopSec={int(50 * time_scale)}")
    lines = "".join(f"Environment={name}={value}\n" for name, value in settings.items())
    unit.write_text(text.replace("[Service]\n", f"[Service]\n{lines}Environment=PYTHONDONTWRITEBYTECODE=1\n"))
    spoken_to = kinds.HOME / "systemd" / "private"
    spoken_to.unlink(missing_ok=True)  # that of a manager before
    with Path("/run/vm/manager.log").open("w") as log:
        process = subprocess.Popen(
            kinds.as_user(group, "/lib/systemd/systemd", "--user", "--log-target=console"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
        )
    try:
        deadline_s = time.monotonic() + 60 * time_scale
        while not spoken_to.exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        as_the_user(enables)
        assert (units / "default.target.wants" / "cellblock.service").is_symlink()
        yield Instance(process, free_port, Path("/run/vm/manager.log"), time_scale)
    finally:
        below = descendants(process.pid)
        process.send_signal(signal.SIGTERM)  # by which a manager stops its units and ends
        process.wait(60 * time_scale)
        wait_until_gone(below, 10 * time_scale)
        shutil.rmtree(kinds.HOME / ".config")
        kinds.remove(group)


@pytest.mark.parametrize(("name", "mode"), [("cellblock", "--system"), ("cellblock-user", "--user")])
def test_systemd_finds_nothing_wrong_with_the_unit_files(tmp_path, name, mode):
    unit = tmp_path / f"{name}.service"
    text = (UNITS / unit.name).read_text()
    unit.write_text(
        text.replace("%h/cellblock", str(kinds.PROJECT)).replace("/opt/cellblock", str(kinds.PROJECT))
    )
    command = ["systemd-analyze", mode, "verify", "--man=no", str(unit)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def control_group(pid: int) -> Path:
    return kinds.TOP / Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::/")


def test_a_users_unit_with_delegate_runs_programs_with_every_control(manager, time_scale):
    record = manager.submit_when_ready("print(open('/proc/self/cgroup').read())", timeout_s=120 * time_scale)
    assert record["verdict"] == "AC", record
    assert record["evidence"]["controls_missing"] == []
    assert record["evidence"]["isolation_mode"] == "strict"
    health = httpx.get(f"{manager.base_url}/api/health", timeout=60 * TIME_SCALE).json()
    assert (health["enforcement_mode"], health["cgroup_backend"]) == ("strict", "cgroup_v2")
    of_the_unit = {
        pid: control_group(pid)
        for pid in descendants(manager.process.pid)
        if "cellblock.service" in str(control_group(pid))
    }
    assert len(of_the_unit) >= 4, "parent, supervisor, service, spawner"
    (unit,) = {
        parent
        for path in of_the_unit.values()
        for parent in (path, *path.parents)
        if parent.name == "cellblock.service"
    }
    assert {"memory", "pids"} <= set((unit / "cgroup.subtree_control").read_text().split())


def test_a_users_scope_with_delegate_is_enough(manager, time_scale):
    manager.submit_when_ready("print(1)", timeout_s=120 * time_scale)
    page = (kinds.PROJECT / "docs" / "hosts.md").read_text()
    (said,) = re.findall(r"`(systemd-run --user [^`]*) \.venv/bin/cellblock serve`", page)
    # Beside the manager, as a shell that one of its units has: from there it may move a process itself.
    beside = control_group(manager.process.pid)
    command = (*shlex.split(said), *kinds.DOCTOR, "--runtime-dir", str(kinds.HOME / "run"))
    code, found = kinds.doctor(kinds.as_user(beside, *command))
    assert (code, kinds.missing(found)) == (0, set())
    assert ".scope/cellblock/" in found["cgroups"]["detail"]


@pytest.fixture
def doctor_of_a_unit(manager, time_scale):
    """Run the doctor in a unit of the user's with a property; what it finds goes by files, as to no bus."""
    manager.submit_when_ready("print(1)", timeout_s=120 * time_scale)
    beside = control_group(manager.process.pid)
    found, code = kinds.HOME / "found.json", kinds.HOME / "code"

    def run(setting: str):
        for file in (found, code):
            file.unlink(missing_ok=True)
        asking = shlex.join((*kinds.DOCTOR, "--runtime-dir", str(kinds.HOME / "run")))
        script = f"{asking} >{found}; echo $? >{code}.new; mv {code}.new {code}"
        unit = (
            "systemd-run",
            "--user",
            "--same-dir",
            "-p",
            "Delegate=yes",
            "-p",
            setting,
            "sh",
            "-c",
            script,
        )
        subprocess.run(kinds.as_user(beside, *unit), check=True, capture_output=True)
        deadline_s = time.monotonic() + 60 * time_scale
        while not code.exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        return kinds.doctor(["sh", "-c", f"cat {found}; exit $(cat {code})"])

    return run


def test_a_unit_that_restricts_namespaces_is_told_the_setting_and_without_it_all_is_well(doctor_of_a_unit):
    code, found = doctor_of_a_unit("RestrictNamespaces=yes")
    assert code == 1
    assert "without a user namespace of its own" in found["privileges"]["detail"]
    told = found["privileges"]["remedy"]
    assert told.startswith("run as root or RestrictNamespaces=no and SystemCallFilter=")
    code, found = doctor_of_a_unit("RestrictNamespaces=no")
    assert (code, kinds.missing(found)) == (0, set())


def test_stopping_the_unit_lets_a_running_program_finish(manager, time_scale):
    manager.submit_when_ready("print(1)", timeout_s=120 * time_scale)
    accepted = manager.submit("import time; time.sleep(1); print('slept')", wait=False).json()
    deadline_s = time.monotonic() + 60 * time_scale
    while httpx.get(f"{manager.base_url}/api/result/{accepted['id']}").json()["job_status"] == "pending":
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    as_the_user("systemctl --user stop cellblock")
    as_the_user("systemctl --user start cellblock")
    record = manager.submit_when_ready("print(2)", timeout_s=120 * time_scale)
    assert record["stdout"] == "2\n"
    finished = httpx.get(f"{manager.base_url}/api/result/{accepted['id']}").json()
    assert (finished["job_status"], finished["stdout"]) == ("completed", "slept\n")
