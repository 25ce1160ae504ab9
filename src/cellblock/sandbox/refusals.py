"""What mends a step by which no cell could be made, as the command or setting."""

from __future__ import annotations

import errno

from cellblock.errors import CellblockError, SandboxError
from cellblock.sandbox.cgroup_remedies import more_groups, start_in
from cellblock.sandbox.cgroups import CgroupTree
from cellblock.sandbox.surroundings import in_container, what_lifts_it, what_uncovers_proc
from cellblock.sandbox.user_namespace import KINDS, is_our_own, namespace_limit

_RAISE_THE_LIMITS = (
    "raise our own hard limits, which cells cannot exceed: LimitCPU=infinity LimitFSIZE=infinity "
    "LimitSTACK=infinity LimitNOFILE=524288 in the unit that starts us; ulimits: {cpu: -1, fsize: -1, "
    "stack: -1, nofile: 524288} in the container; in the shell that starts us, as root: "
    "prlimit --pid $$ --cpu=unlimited --fsize=unlimited --stack=unlimited --nofile=524288"
)
_MENDING = {
    errno.EAGAIN: "TasksMax=infinity and LimitNPROC=infinity in the unit that starts us; pids_limit: -1 "
    "(--pids-limit=-1) and ulimits: {nproc: -1} in the container; in the shell that starts us, as root: "
    "prlimit --pid $$ --nproc=unlimited",
    errno.ENOMEM: "MemoryMax=infinity in the unit that starts us; mem_limit: 0 in the container; "
    "free --human says what the machine itself has left",
    errno.ENOSPC: "as root: sysctl fs.mount-max=1000000",
    errno.EMFILE: _RAISE_THE_LIMITS,
    errno.ENFILE: "as root: sysctl fs.file-max=9223372036854775807",
}
"""What mends a step that the kernel refused so."""

_FORBIDDING = {errno.EPERM, errno.EACCES, errno.ENOSYS}
"""Filters answer so; ``ENOSYS`` for ``clone3``, as they cannot look at what it is asked for."""

_MAKES_NAMESPACES = {"template_namespaces", "clone_init", "cgroup_namespace"}
_ENOUGH = 10_000
_MOST = 2**31 - 1


def what_mends(error: CellblockError, tree: CgroupTree | None) -> str:
    """Return what mends the step that failed for a cell with its group in ``tree``; empty if unknown."""
    if not isinstance(error, SandboxError):
        return str(error).partition("; ")[2]  # what the host lacks and, behind it, what to do
    if error.step == "rlimits":
        return _RAISE_THE_LIMITS
    if tree and _is_kept_out(error, tree):
        starting = start_in(tree.bases["memory"])
        return f"start cellblock inside its group; as root, from its own directory: {starting}"
    if error.step == "proc_mount" and error.errno == errno.EPERM and (uncovering := what_uncovers_proc()):
        return uncovering
    # libseccomp builds nothing where it may not ask.
    if error.errno in _FORBIDDING or error.step == "seccomp_build":
        return what_lifts_it()
    if error.errno == errno.ENOSPC and error.step in _MAKES_NAMESPACES:
        return _more_namespaces()
    if tree and tree.backend == "cgroup_v2" and (error.step, error.errno) == ("cgroup_create", errno.EAGAIN):
        return more_groups(tree.bases["memory"])
    return _MENDING.get(error.errno, "")


def _is_kept_out(error: SandboxError, tree: CgroupTree) -> bool:
    """Say whether a user's cells cannot be born in his group because he himself is outside of it.

    Whoever moves from one group to another has to be let write to what is above both.
    """
    born = (error.step, error.errno) == ("fork_program", errno.EACCES)
    return born and is_our_own() and tree.backend == "cgroup_v2"


def _more_namespaces() -> str:
    """Return the command that allows more namespaces: of the kinds with few, or else of all."""
    limits = {kind: namespace_limit(kind) for kind in KINDS}
    few = {kind: _ENOUGH for kind, limit in limits.items() if limit < _ENOUGH}
    wanted = few or {kind: min(2 * limit, _MOST) for kind, limit in limits.items()}
    if not few and in_container() and min(limits.values()) == _MOST:  # the machine's own are not to be seen
        wanted = dict.fromkeys(KINDS, 10 * _ENOUGH)
    values = " ".join(f"user.max_{kind}_namespaces={value}" for kind, value in wanted.items())
    return f"as root{' of the machine' if in_container() else ''}: sysctl {values}"
