"""A program without a cell: the same tree, argv, environment and directory, and none of the walls.

The root is put together from the installed toolchains by itself, in a mount namespace that ends with
the program, and entered by ``chroot``. It has an ``/etc``, a ``/proc`` and a ``/dev`` as a machine has
them. No other namespace, no cgroup, no seccomp filter; of limits only those that a shell's ``ulimit``
sets, so that a program which asks for its limits hears the same.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from cellblock.languages.registry import Command, Runtime
from cellblock.model import Profile, SourceFile, StageLimits, Verdict
from cellblock.sandbox.template import Root
from corpus.programs import Program
from corpus.ran import Ran

_NOBODY = 65534
_TIMEOUT_S = 300


def run_bare(program: Program, runtime: Runtime, root: Root) -> Ran:
    """Compile, where the language does, and run; each in an area of its own, as cells have them."""
    plan = runtime.plan(program.files, program.args, Profile.JUDGE, run=StageLimits(), compile=StageLimits())
    with tempfile.TemporaryDirectory(prefix="cellblock-bare-") as name:
        out = _directory(Path(name, "out"))
        if plan.compile is not None:
            compiled = _run(plan.compile, plan.files, b"", root, out, "rw")
            if compiled.exit_code != 0:
                return Ran(
                    exit_code=compiled.exit_code,
                    signal=compiled.signal,
                    stdout=b"",
                    stderr=compiled.stdout + compiled.stderr,
                    stage="compile",
                    verdict=Verdict.RE,
                )
        return _run(plan.run, plan.files, program.stdin, root, out, "ro")


def _run(
    command: Command, files: tuple[SourceFile, ...], stdin: bytes, root: Root, out: Path, access: str
) -> Ran:
    with tempfile.TemporaryDirectory(prefix="cellblock-bare-") as name:
        place = Path(name)
        box = _directory(place / "box")
        for file in files:
            _put(box, file)
        script = _script(command, root, place / "root", box, out, access)
        # Runtimes tell a pipe from a device, so it is a pipe, as in a cell, also with nothing to read.
        done = subprocess.run(
            [
                *("env", "--default-signal"),  # what our own starter ignores is not the program's to find
                *("unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", script),
            ],
            capture_output=True, timeout=_TIMEOUT_S, check=False, start_new_session=True, input=stdin,
        )  # fmt: skip
    ended_by = -done.returncode if done.returncode < 0 else None
    exit_code = None if ended_by else done.returncode
    verdict = Verdict.SIG if ended_by else Verdict.RE if exit_code else Verdict.AC
    return Ran(exit_code=exit_code, signal=ended_by, stdout=done.stdout, stderr=done.stderr, verdict=verdict)


def _script(command: Command, root: Root, at: Path, box: Path, out: Path, access: str) -> str:
    """Write the shell script that puts the root together and becomes the program."""
    top = [path for path in root.base.iterdir() if path.is_symlink()]
    binds = [(str(root.base / "usr"), "/usr"), (str(root.base / "etc"), "/etc"), *root.binds]
    binds += [(str(box), "/box"), ("/dev", "/dev")]
    limits = command.limits
    environment = [f"{name}={value}" for name, value in command.environment.items()]
    lines = [
        f"mkdir {at}; mount -t tmpfs none {at}; cd {at}",
        *(f"ln -s {shlex.quote(str(path.readlink()))} {path.name}" for path in top),
        *(f"mkdir -p .{target}; mount --bind {shlex.quote(source)} .{target}" for source, target in binds),
        f"mkdir out tmp proc; mount --bind {out} out; mount -o remount,bind,{access} out",
        "mount -t proc proc proc; mount -t tmpfs none dev/shm; chmod 1777 tmp dev/shm",
        f"ulimit -n {limits.open_files}; ulimit -f {limits.file_size_bytes // 512}",
        f"ulimit -s {limits.stack_bytes // 1024}; ulimit -c 0; ulimit -l 0; umask 022",
        f"exec chroot --userspec={_NOBODY}:{_NOBODY} --groups= . "
        + shlex.join(["/usr/bin/env", "-i", "-C", "/box", *environment, *command.argv]),
    ]
    return "\n".join(lines)


def _directory(path: Path) -> Path:
    path.mkdir()
    os.chown(path, _NOBODY, _NOBODY)
    return path


def _put(box: Path, file: SourceFile) -> None:
    path = box / file.name
    for parent in reversed(path.relative_to(box).parents):
        if parent != Path() and not (box / parent).exists():
            _directory(box / parent)
    path.write_bytes(file.content)
    os.chown(path, _NOBODY, _NOBODY)
