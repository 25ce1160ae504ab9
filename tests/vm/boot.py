"""Boot a pure cgroup v2 machine on the host's own files, run a command in it as root, return its exit code.

`tests/vm/run [options] [-- pytest arguments]`. Exit codes of its own: 124 time is up, 125 the machine ended
without a result (a kernel panic, or QEMU failed), 126 it could not be prepared, 130 interrupted.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import contextlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import image

PROJECT = image.HERE.parents[1]
BUILD = PROJECT / "build" / "vm"
DEFAULT_SELECTION = ("tests/vm/guest_checks.py", "tests/hosts", "tests/unit/test_verdict.py", "tests/sandbox")
SMOKE_SELECTION = ("tests/vm/guest_checks.py", "tests/hosts", "-k", "guest_checks or every_control_holds")
TIME_SCALE = 10  # an emulated processor is about this much slower
EXIT_TIMEOUT, EXIT_NO_RESULT, EXIT_NOT_PREPARED, EXIT_INTERRUPTED = 124, 125, 126, 130
KERNEL_ARGUMENTS = (
    "console=ttyS0 loglevel=4",
    "cgroup_no_v1=all",
    "panic=-1 oops=panic",  # with -no-reboot, a panic ends QEMU at once
    "tsc=reliable",  # else every look at the clock is a call into the emulator
    "mitigations=off no5lvl",  # slow in an emulator, and nothing that is tested depends on them
)
GUEST_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PYTHONPATH": "src",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_ADDOPTS": "-p no:faker -p no:hypothesispytest",  # not needed here, and 15 s to import
}


@dataclass(frozen=True)
class Options:
    """The command line."""

    command: str
    timeout_s: int
    memory_mb: int
    keep: bool
    environment: dict[str, str]


def main() -> int:
    """Prepare, boot, report."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    options = _parse(sys.argv[1:])
    try:
        image.install_host_tools()
        kernel = image.kernel(BUILD / "kernel")
        image.container_root(BUILD / "container")
        run = _prepare(kernel, options)
    except (image.ImageError, OSError) as error:
        print(f"vm: cannot prepare the machine: {error}", file=sys.stderr)
        return EXIT_NOT_PREPARED
    started_s = time.monotonic()
    try:
        in_time = _boot(kernel, run, options)
    except KeyboardInterrupt:
        print(f"vm: interrupted; logs in {run.relative_to(PROJECT)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    exit_code = _exit_code(run, in_time=in_time)
    if exit_code == 0 and (run / "share" / "hosts.json").exists():
        shutil.copyfile(run / "share" / "hosts.json", BUILD / "hosts.json")
    _report(run, options, exit_code, time.monotonic() - started_s)
    if exit_code == 0 and not options.keep:
        shutil.rmtree(run)
    return exit_code


def _parse(argv: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="tests/vm/run", description="Run tests as root on a pure cgroup v2 kernel, in a virtual machine."
    )
    parser.add_argument("--timeout-s", type=int, default=1800, help="then it is killed (%(default)s)")
    parser.add_argument("--memory-mb", type=int, default=2048, help="the machine's memory (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the logs of a successful run, too")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="for the command")
    parser.add_argument("--shell-command", metavar="TEXT", help="run this by sh, not pytest")
    default = " ".join(DEFAULT_SELECTION)
    parser.add_argument("--smoke", action="store_true", help="a short selection, for every change")
    parser.add_argument("pytest_arguments", nargs="*", metavar="-- ARGUMENT", help=f"default: {default}")
    parsed = parser.parse_args(argv)
    if parsed.shell_command is not None and parsed.pytest_arguments:
        parser.error("--shell-command takes no pytest arguments: give one or the other")
    bad = [pair for pair in parsed.env if "=" not in pair]
    if bad:
        parser.error(f"--env {bad[0]}: expected NAME=VALUE")
    # cellblock itself refuses a variable that is no setting, so this one is for the tests alone
    pytest = ["env", f"CELLBLOCK_TEST_TIME_SCALE={TIME_SCALE}", ".venv/bin/python", "-m", "pytest"]
    pytest += parsed.pytest_arguments or (SMOKE_SELECTION if parsed.smoke else DEFAULT_SELECTION)
    return Options(
        command=shlex.join(pytest) if parsed.shell_command is None else parsed.shell_command,
        timeout_s=parsed.timeout_s,
        memory_mb=parsed.memory_mb,
        keep=parsed.keep,
        environment=dict(pair.split("=", 1) for pair in parsed.env),
    )


def _prepare(kernel: image.Kernel, options: Options) -> Path:
    """Return a fresh directory with the initramfs, and with `share`, which the guest sees as /run/vm."""
    runs = BUILD / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=runs))
    image.write_initramfs(kernel, run / "initramfs")
    share = run / "share"
    share.mkdir()
    shutil.copyfile(image.HERE / "guest", share / "guest")
    (share / "modules").symlink_to(kernel.modules)
    environment = GUEST_ENVIRONMENT | options.environment
    assignments = (f"{name}={shlex.quote(value)}" for name, value in environment.items())
    (share / "command").write_text(
        f"cd {shlex.quote(str(PROJECT))} || exit\n"
        f"exec env -i {' '.join(assignments)} sh -c {shlex.quote(options.command)}\n"
    )
    return run


def _boot(kernel: image.Kernel, run: Path, options: Options) -> bool:
    """Run the machine to its end, showing and keeping the command's output; False when its time was up."""
    timed_out = threading.Event()
    with (
        (run / "output.log").open("wb") as log,
        (run / "qemu.log").open("wb") as errors,
        subprocess.Popen(
            _qemu_argv(kernel, run, options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for this process, which then ends QEMU
        ) as qemu,
        _killed_at_the_end(qemu),
        _deadline(qemu, options.timeout_s, timed_out),
    ):
        assert qemu.stdout is not None
        while chunk := qemu.stdout.read1():  # type: ignore[attr-defined]
            log.write(chunk)
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
        qemu.wait()
    return not timed_out.is_set()


def _qemu_argv(kernel: image.Kernel, run: Path, options: Options) -> list[str]:
    """Two processors, no network, the host's root read-only, and one writable directory for the results."""
    arguments = (
        "-nodefaults -no-user-config -no-reboot -display none -nic none",
        f"-accel tcg,thread=multi,tb-size=512 -cpu max -smp 2 -m {options.memory_mb}",
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


@contextlib.contextmanager
def _killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()


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


def _report(run: Path, options: Options, exit_code: int, total_s: float) -> None:
    """Say what ran and how it ended; where there is no result, also the last that the kernel said."""
    release, boot_s = (_first_line(run / "share" / name) or "?" for name in ("kernel", "boot-seconds"))
    print(f"vm: kernel {release}, cgroup v2, emulated; boot {boot_s} s, in all {total_s:.1f} s")
    if exit_code == EXIT_TIMEOUT:
        print(f"vm: not done after {options.timeout_s} s: --timeout-s allows more")
    if exit_code in (EXIT_NO_RESULT, EXIT_TIMEOUT):
        print("vm: the machine left no exit code; the end of its console, and what QEMU said:")
        for log in (run / "console.log", run / "qemu.log"):
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            print("\n".join(f"    {line}" for line in lines[-40:]))
    if exit_code != 0 or options.keep:
        print(f"vm: logs in {run.relative_to(PROJECT)}")
    print(f"vm: exit code {exit_code}")


def _first_line(path: Path) -> str | None:
    lines = path.read_text().splitlines() if path.exists() else []
    return lines[0] if lines else None


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
