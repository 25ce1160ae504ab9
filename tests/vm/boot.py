"""Boot a pure cgroup v2 machine on the host's own files, run a command in it as root, say how it ended."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import image

PROJECT = image.HERE.parents[1]
BUILD = PROJECT / "build" / "vm"
EXIT_TIMEOUT, EXIT_NO_RESULT = 124, 125
KERNEL_ARGUMENTS = (
    "console=ttyS0 loglevel=4",
    "cgroup_no_v1=all",
    "panic=-1 oops=panic",  # with -no-reboot, a panic ends QEMU at once
    "tsc=reliable",  # else every look at the clock is a call into the emulator
    "mitigations=off no5lvl",  # slow in an emulator, and nothing that is tested depends on them
)
GOES_ON = "tried-*.jsonl"
"""What a machine has of the one before, however that ended."""
GUEST_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PYTHONPATH": "src",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_ADDOPTS": "-p no:faker -p no:hypothesispytest",  # not needed here, and 15 s to import
}


@dataclass(frozen=True)
class Work:
    """What a machine is booted for."""

    command: str
    """For `sh -c`, in the project's directory."""
    timeout_s: int
    memory_mb: int
    environment: dict[str, str]
    prefix: str = ""
    """Before each line that is shown of it, where other machines run at the same time."""


@dataclass(frozen=True)
class Ended:
    """A machine that was."""

    directory: Path
    """With its logs."""
    exit_code: int
    total_s: float
    output: str
    """What the command printed."""


class _Running:
    """The machines there are, so that none outlives this command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._machines: set[subprocess.Popen[bytes]] = set()
        self._may_run = True

    @contextlib.contextmanager
    def holding(self, machine: subprocess.Popen[bytes]) -> Iterator[None]:
        with self._lock:
            self._machines.add(machine)
            if not self._may_run:
                machine.kill()
        try:
            yield
        finally:
            machine.kill()
            with self._lock:
                self._machines.discard(machine)

    def end(self) -> None:
        with self._lock:
            self._may_run = False
            for machine in self._machines:
                machine.kill()


_running = _Running()
end_all = _running.end
"""Kill all machines, and each that is booted from now on."""


def boot(kernel: image.Kernel, work: Work) -> Ended:
    """Run one machine to its end, or to the end of its time."""
    directory = _prepare(kernel, work)
    given = {file.name: file.read_bytes() for file in (directory / "share").glob(GOES_ON)}
    started_s = time.monotonic()
    in_time = _run(kernel, directory, work)
    for file in (directory / "share").glob(GOES_ON):
        # What it was given and has left alone another machine may have gone on with meanwhile.
        if file.read_bytes() != given.get(file.name):
            shutil.copyfile(file, BUILD / file.name)
    output = (directory / "output.log").read_text(encoding="utf-8", errors="replace")
    return Ended(directory, _exit_code(directory, in_time=in_time), time.monotonic() - started_s, output)


def say(lines: str) -> None:
    """Print lines whole, whatever machines that still run have to say meanwhile."""
    _show(f"{lines}\n".encode())


def report(ended: Ended, work: Work) -> None:
    """Say how it ended; where there is no result, also the last that the kernel said."""
    share = ended.directory / "share"
    release, boot_s = (_first_line(share / name) or "?" for name in ("kernel", "boot-seconds"))
    say(f"vm: kernel {release}, cgroup v2, emulated; boot {boot_s} s, in all {ended.total_s:.1f} s")
    if ended.exit_code == EXIT_TIMEOUT:
        say(f"vm: not done after {work.timeout_s} s: --timeout-s allows more")
    if ended.exit_code in (EXIT_NO_RESULT, EXIT_TIMEOUT):
        say("vm: the machine left no exit code; the end of its console, and what QEMU said:")
        for log in (ended.directory / "console.log", ended.directory / "qemu.log"):
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            say("\n".join(f"    {line}" for line in lines[-40:]))
    say(f"vm: exit code {ended.exit_code}")


def _prepare(kernel: image.Kernel, work: Work) -> Path:
    """Return a fresh directory with the initramfs, and with `share`, which the guest sees as /run/vm."""
    runs = BUILD / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=runs))
    image.write_initramfs(kernel, run / "initramfs")
    share = run / "share"
    share.mkdir()
    shutil.copyfile(image.HERE / "guest", share / "guest")
    for file in BUILD.glob(GOES_ON):
        shutil.copyfile(file, share / file.name)
    (share / "modules").symlink_to(kernel.modules)
    environment = GUEST_ENVIRONMENT | work.environment
    assignments = (f"{name}={shlex.quote(value)}" for name, value in environment.items())
    (share / "command").write_text(
        f"cd {shlex.quote(str(PROJECT))} || exit\n"
        f"exec env -i {' '.join(assignments)} sh -c {shlex.quote(work.command)}\n"
    )
    return run


def _run(kernel: image.Kernel, run: Path, work: Work) -> bool:
    """Run the machine to its end, showing and keeping the command's output; False when its time was up."""
    timed_out = threading.Event()
    with (
        (run / "output.log").open("wb") as log,
        (run / "qemu.log").open("wb") as errors,
        subprocess.Popen(
            _qemu_argv(kernel, run, work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for this process, which then ends QEMU
        ) as qemu,
        _running.holding(qemu),
        _deadline(qemu, work.timeout_s, timed_out),
    ):
        assert qemu.stdout is not None
        for chunk in _said(qemu.stdout, whole_lines=bool(work.prefix)):
            log.write(chunk)
            # another machine's line must not follow on half a one
            whole = b"\n" if work.prefix and not chunk.endswith(b"\n") else b""
            _show(work.prefix.encode() + chunk + whole)
        qemu.wait()
    return not timed_out.is_set()


def _qemu_argv(kernel: image.Kernel, run: Path, work: Work) -> list[str]:
    """Two processors, no network, the host's root read-only, and one writable directory for the results."""
    arguments = (
        "-nodefaults -no-user-config -no-reboot -display none -nic none",
        f"-accel tcg,thread=multi,tb-size=512 -cpu max -smp 2 -m {work.memory_mb}",
        "-device virtio-serial -device virtserialport,chardev=output",
        "-device virtio-9p-pci,fsdev=host,mount_tag=host -device virtio-9p-pci,fsdev=share,mount_tag=share",
    )
    return [
        *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"),
        *" ".join(arguments).split(),
        *("-kernel", str(kernel.vmlinuz), "-initrd", str(run / "initramfs")),
        *("-append", " ".join((*KERNEL_ARGUMENTS, f"cellblock.project={PROJECT}"))),
        *("-serial", f"file:{run / 'console.log'}"),
        *("-chardev", "file,id=output,path=/dev/stdout"),
        *("-fsdev", "local,id=host,path=/,security_model=none,multidevs=remap,readonly=on"),
        *("-fsdev", f"local,id=share,path={run / 'share'},security_model=none"),
    ]


def _show(said: bytes) -> None:
    sys.stdout.buffer.write(said)  # one piece: print would write a line and its end apart
    sys.stdout.flush()


def _said(stream: IO[bytes], *, whole_lines: bool) -> Iterator[bytes]:
    """Yield a command's words as they come."""
    return iter(stream.readline if whole_lines else stream.read1, b"")  # type: ignore[attr-defined]


@contextlib.contextmanager
def _deadline(process: subprocess.Popen[bytes], timeout_s: int, timed_out: threading.Event) -> Iterator[None]:
    def end() -> None:
        timed_out.set()
        process.kill()

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _exit_code(run: Path, *, in_time: bool) -> int:
    written = _first_line(run / "share" / "exit-code")
    if written is not None:
        return int(written)
    return EXIT_NO_RESULT if in_time else EXIT_TIMEOUT


def _first_line(path: Path) -> str | None:
    lines = path.read_text().splitlines() if path.exists() else []
    return lines[0] if lines else None
