"""What is around us and may forbid a step, and which setting of an engine, a unit or the kernel lifts it."""

from __future__ import annotations

from pathlib import Path

from cellblock.sandbox.kernel_files import read_kernel_file
from cellblock.sandbox.user_namespace import is_our_own, read_id_map, refusing_switch

LOOK_CLOSER = (
    "dmesg says why, where it says more; if doctor, run again, finds the same, report it with this line"
)
"""What is said where nothing that is known is in the way."""

_OF_THE_MACHINE = {"pid": 0xEFFFFFFC, "cgroup": 0xEFFFFFFB}
"""The numbers that the kernel gives to the namespaces it boots with; an engine gives a container others."""

_EMPTY_BY_NATURE = {"/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd"}
"""Made by the kernel to be mounted over: nothing is hidden by that."""

_IN_A_CONTAINER = (
    "a seccomp filter or AppArmor profile around us forbids this step: give the container "
    "security_opt [seccomp:seccomp.json, apparmor:unconfined] as deploy/compose.yaml does, or docker run "
    "--security-opt seccomp=deploy/seccomp.json --security-opt apparmor=unconfined (docs/deploy.md)"
)
_UNMASKED = "security_opt [systempaths=unconfined], --security-opt systempaths=unconfined; Podman: unmask=ALL"


def in_container() -> bool:
    """Say whether an engine made what we run in: a pid or cgroup namespace, or one of users not our own."""
    if not is_our_own() and not read_id_map().is_whole:
        return True
    paths = ((Path("/proc/self/ns", kind), number) for kind, number in _OF_THE_MACHINE.items())
    return any(path.exists() and path.stat().st_ino != number for path, number in paths)


def what_lifts_it() -> str:
    """Name what lets us do what the kernel has refused; empty where nothing is known to be around us.

    A namespace that a user made is there, and can do nothing, where AppArmor keeps its rights from it.
    """
    if is_our_own() and (switch := refusing_switch()):
        return f"as root: {switch}"
    return _IN_A_CONTAINER if in_container() else _of_a_unit()


def what_allows_user_namespaces() -> str:
    """Name what lets an ordinary user make one."""
    if switch := refusing_switch():
        return f"{switch} allows it, or run as root"
    return " or ".join(filter(None, ("run as root", what_lifts_it())))


def _of_a_unit() -> str:
    steps = []
    if _is_filtered():
        steps.append(
            "RestrictNamespaces=no and SystemCallFilter= with nothing behind it in the unit that starts us: "
            "a seccomp filter around us"
        )
    if profile := _apparmor_profile():
        steps.append(
            f"AppArmorProfile=unconfined in the unit that starts us, or aa-complain {profile}: "
            f"the AppArmor profile {profile} around us"
        )
    return f"{' or '.join(steps)} forbids this step" if steps else ""


def _is_filtered() -> bool:
    return "\nSeccomp:\t2" in read_kernel_file("/proc/thread-self/status")


def _apparmor_profile() -> str:
    """Return by which profile we are confined; empty where by none."""
    try:
        label = read_kernel_file("/proc/thread-self/attr/apparmor/current").strip("\0\n")
    except OSError:  # a kernel without AppArmor, or where it is off
        return ""
    profile, _, mode = label.rpartition(" ")
    return profile if mode == "(enforce)" else ""


def what_uncovers_proc() -> str:
    """Name what lets a new ``/proc`` be mounted in a user namespace; empty where nothing is over the old one.

    There the kernel shows no more of it than was to be seen before (``mount_too_revealing``): what was
    mounted over parts of it from outside of the namespace has to go. What the namespace's own root has put
    there does not matter, so that of a container that is a user namespace masked paths may stay.
    """
    covered = covers_of_proc()
    if read_id_map().is_whole or not covered:
        return ""
    why = f"where parts of /proc are covered ({', '.join(covered)}) no user namespace gets a new one"
    if not in_container():
        return (
            "ProtectKernelTunables=no and ProtectKernelLogs=no in the unit that starts us, and nothing of "
            f"/proc in its InaccessiblePaths= and ReadOnlyPaths=: {why}"
        )
    own = "start cellblock as the container's root, or " if is_our_own() else ""
    return f"{own}give the container {_UNMASKED}: {why}"


def what_opens_switches() -> str:
    """Name what lets us write to ``/proc/sys``."""
    if in_container():
        return f"give the container {_UNMASKED}; and AppArmor's profile for it as deploy/compose.yaml says"
    return "ProtectKernelTunables=no in the unit that starts us"


def covers_of_proc() -> list[str]:
    """Name the paths below ``/proc`` that something is mounted over."""
    lines = read_kernel_file("/proc/self/mountinfo").splitlines()
    paths = {line.split(" ")[4] for line in lines}
    return sorted(path for path in paths - _EMPTY_BY_NATURE if path.startswith("/proc/"))
