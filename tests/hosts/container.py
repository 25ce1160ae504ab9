"""A container made by crun on a root of Debian's, with no more than `deploy/compose.yaml` gives it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
ROOT = PROJECT / "build" / "vm" / "container"
"""Made on the host by `tests/vm/image.py`."""
COMPOSE = PROJECT / "deploy" / "compose.yaml"
ENTRYPOINT = PROJECT / "deploy" / "entrypoint"
SECCOMP = PROJECT / "deploy" / "seccomp.json"
SERVICE = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["cellblock"]
CAPABILITIES = tuple(SERVICE["cap_add"])
DOCKERFILE = PROJECT / "deploy" / "Dockerfile"
_DOCKER_DEFAULT_PATHS = {
    "maskedPaths": [
        *(f"/proc/{name}" for name in ("acpi", "asound", "interrupts", "kcore", "keys", "latency_stats")),
        *(f"/proc/{name}" for name in ("sched_debug", "scsi", "timer_list", "timer_stats")),
        *("/sys/devices/virtual/powercap", "/sys/firmware"),
    ],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
}


def command_of_the_image() -> list[str]:
    """Return what a container of the image runs."""
    (line,) = (line for line in DOCKERFILE.read_text().splitlines() if line.startswith("CMD "))
    found: list[str] = json.loads(line.removeprefix("CMD "))
    return found


def bundle(
    directory: Path,
    command: Sequence[str],
    *,
    without: Iterable[str] = (),
    volumes: Mapping[str, Path] | None = None,
    seccomp: Path | None = SECCOMP,
    apparmor: str = "",
    entrypoint: Sequence[str] = (str(ENTRYPOINT),),
    uid: int = 0,
    first_uid: int = 0,
    masked: bool = True,
) -> list[str]:
    """Write an OCI bundle for ``command`` and return how to run it.

    ``without`` takes capabilities away; ``volumes`` are writable, by where the container has them;
    ``apparmor`` names a profile that is loaded; ``first_uid`` is who root of a user namespace is outside;
    ``uid`` runs the command, without capabilities if not root. Not ``masked`` is what engines call
    systempaths=unconfined or unmask=ALL.
    """
    capabilities = [] if uid else [f"CAP_{name}" for name in CAPABILITIES if name not in without]
    flags = ["nosuid", "noexec", "nodev"]
    config: dict[str, Any] = {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": uid, "gid": uid},
            "args": [*entrypoint, *command],
            "env": [
                f"PATH={PROJECT}/.venv/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "PYTHONPATH=src:tests",
                "PYTHONDONTWRITEBYTECODE=1",
            ],
            "cwd": str(PROJECT),
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            **({"apparmorProfile": apparmor} if apparmor else {}),
            "noNewPrivileges": "no-new-privileges:true" in SERVICE["security_opt"],
        },
        "root": {"path": str(ROOT), "readonly": True},
        "hostname": "container",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": flags},
            *(
                {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": flags}
                for path in SERVICE["tmpfs"]
            ),
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*flags, "ro"]},
            {
                "destination": "/sys/fs/cgroup",
                "type": "cgroup",
                "source": "cgroup",
                "options": [*flags, "ro"],
            },
            {"destination": str(PROJECT), "type": "none", "source": str(PROJECT), "options": ["rbind", "ro"]},
            *(
                {"destination": path, "type": "none", "source": str(source), "options": ["rbind", "rw"]}
                for path, source in (volumes or {}).items()
            ),
        ],
        "linux": {
            "cgroupsPath": f"/containers/{directory.name}",
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "resources": {
                "devices": [{"allow": False, "access": "rwm"}],
                "pids": {"limit": SERVICE["pids_limit"]},
            },
            **(_DOCKER_DEFAULT_PATHS if masked else {}),
        },
    }
    if first_uid:
        config["linux"]["namespaces"].append({"type": "user"})
        mapping = {"containerID": 0, "hostID": first_uid, "size": 165_536}
        config["linux"] |= {"uidMappings": [mapping], "gidMappings": [mapping]}
        del config["linux"]["resources"]["devices"]  # not for it to say
    if seccomp is not None:
        config["linux"]["seccomp"] = json.loads(seccomp.read_text(encoding="utf-8"))
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return ["crun", "--cgroup-manager=cgroupfs", "run", "--bundle", str(directory), directory.name]


def load_apparmor(profile: Path) -> None:
    """Load a profile into this machine's kernel."""
    _have_securityfs()
    subprocess.run(["apparmor_parser", "--replace", "--skip-cache", str(profile)], check=True)


def load_our_apparmor() -> None:
    """Load `deploy/apparmor` by the line of `docs/deploy.md`."""
    _have_securityfs()
    page = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if "apparmor_parser" in line)
    subprocess.run(["sh", "-euc", line], check=True, cwd=PROJECT)


def _have_securityfs() -> None:
    security = Path("/sys/kernel/security")
    if not (security / "apparmor").exists():
        subprocess.run(["mount", "-t", "securityfs", "securityfs", str(security)], check=True)


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a container to its end."""
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
