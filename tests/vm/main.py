"""`tests/vm/run [options] [-- pytest arguments]`: the parts of `make test-vm`, each in a machine of its own.

Its exit code is that of the command, 0 where all parts passed, else that of the first that did not. Its
own: 124 time is up, 125 the machine ended without a result (a kernel panic, or QEMU failed), 126 it could
not be prepared, 130 interrupted.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import shlex
import shutil
import signal
import sys
from dataclasses import dataclass

import boot
import image
from parts import PARTS, SCORES, SMOKE, Part

EXIT_NOT_PREPARED, EXIT_INTERRUPTED = 126, 130
KEPT = ("hosts.json", "score-*.md")
"""What tests leave for pages: which controls held (`docs/hosts.md`), how attacks ended (`SECURITY.md`)."""
TIME_SCALE = 10
"""An emulated processor is about this much slower."""
_CLOSING = re.compile(
    r"^=* ?((?:\d+ \w+,? ?)+ in [0-9.]+s.*?) ?=*$|^=* ?(no tests ran.*?) ?=*$", re.MULTILINE
)


@dataclass(frozen=True)
class Options:
    """The command line."""

    work: dict[str, boot.Work]
    """By the name that the summary shows."""
    at_once: int
    every_kind: bool
    keep: bool
    suite: str = ""
    """Of Debian, whose kernel boots; the host's where empty."""


def main() -> int:
    """Prepare, run one machine after another or some at once, sum up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    options = _parse(sys.argv[1:])
    try:
        image.install_host_tools(every_kind=options.every_kind)
        image.compile_modules(boot.PROJECT)
        kernel = image.kernel(boot.BUILD / f"kernel{options.suite and '-'}{options.suite}", options.suite)
        if options.every_kind:
            image.container_root(boot.BUILD / "container")
        ended = _run_all(kernel, options)
    except (image.ImageError, OSError) as error:
        print(f"vm: cannot prepare the machine: {error}", file=sys.stderr)
        return EXIT_NOT_PREPARED
    except KeyboardInterrupt:
        print(f"vm: interrupted; logs in {(boot.BUILD / 'runs').relative_to(boot.PROJECT)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    if len(ended) > 1:
        _sum_up(ended)
    return next((run.exit_code for run in ended.values() if run.exit_code != 0), 0)


def _run_all(kernel: image.Kernel, options: Options) -> dict[str, boot.Ended]:
    ended = {}
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as machines:
        runs = {machines.submit(boot.boot, kernel, work): name for name, work in options.work.items()}
        try:
            for run in concurrent.futures.as_completed(runs):
                ended[runs[run]] = run.result()
                _finish(runs[run], run.result(), options)
        except BaseException:
            machines.shutdown(wait=False, cancel_futures=True)
            boot.end_all()
            raise
    return {name: ended[name] for name in options.work}


def _finish(name: str, run: boot.Ended, options: Options) -> None:
    if len(options.work) > 1:
        boot.say(f"\nvm: end of part {name}")
    boot.report(run, options.work[name])
    if run.exit_code == 0:
        for file in (file for kept in KEPT for file in (run.directory / "share").glob(kept)):
            shutil.copyfile(file, boot.BUILD / file.name)
    if run.exit_code == 0 and not options.keep:
        shutil.rmtree(run.directory)
    else:
        boot.say(f"vm: logs in {run.directory.relative_to(boot.PROJECT)}")


def _sum_up(ended: dict[str, boot.Ended]) -> None:
    boot.say("\nvm: summary, on pure cgroup v2")
    for name, run in ended.items():
        state = "passed" if run.exit_code == 0 else f"FAILED ({run.exit_code})"
        closing = _CLOSING.findall(run.output)
        boot.say(f"vm:   {name:<10} {state:<13} {run.total_s:6.0f} s   {closing[-1] if closing else ''}")
        if run.exit_code != 0:
            boot.say(f"vm:   {'':<10} logs in {run.directory.relative_to(boot.PROJECT)}")


def _parse(argv: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="tests/vm/run", description="Run tests as root on a pure cgroup v2 kernel, in a virtual machine."
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--smoke", action="store_true", help="a short selection, for every change")
    chosen.add_argument("--part", action="append", choices=PARTS | SCORES, help="this alone; can be repeated")
    chosen.add_argument("--shell-command", metavar="TEXT", help="run this by sh, not pytest")
    parser.add_argument("--timeout-s", type=int, help="then a machine is killed (1800; parts have their own)")
    parser.add_argument("--time-scale", type=float, default=TIME_SCALE, help="tests' patience (%(default)s)")
    parser.add_argument("--memory-mb", type=int, help="the machine's memory (2048; parts have their own)")
    parser.add_argument("--at-once", type=int, help="parts that run at the same time (one a processor)")
    parser.add_argument(
        "--kernel", default="", metavar="SUITE", help="of Debian, such as trixie (the host's)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the logs of a successful run, too")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="for the command")
    parser.add_argument("tests", nargs="*", metavar="-- ARGUMENT", help="of pytest; default: every part")
    parsed = parser.parse_args(argv)
    if parsed.tests and (parsed.smoke or parsed.part or parsed.shell_command is not None):
        parser.error("--smoke, --part and --shell-command take no pytest arguments: give one or the other")
    bad = [pair for pair in parsed.env if "=" not in pair]
    if bad:
        parser.error(f"--env {bad[0]}: expected NAME=VALUE")
    if parsed.at_once is not None and parsed.at_once < 1:
        parser.error(f"--at-once {parsed.at_once}: expected 1 or more")
    environment = dict(pair.split("=", 1) for pair in parsed.env)

    def work(command: str, of: Part, prefix: str = "") -> boot.Work:
        timeout_s, memory_mb = parsed.timeout_s or of.timeout_s, parsed.memory_mb or of.memory_mb
        return boot.Work(command, timeout_s, memory_mb, environment, prefix)

    if parsed.shell_command is not None:
        command = work(parsed.shell_command, Part((), 1800))
        return Options(
            {"command": command}, at_once=1, every_kind=False, keep=parsed.keep, suite=parsed.kernel
        )
    if parsed.tests:
        names_hosts = any("tests/hosts" in argument for argument in parsed.tests)
        parts = {"tests": Part(tuple(parsed.tests), 1800, every_kind=names_hosts)}
    elif parsed.smoke:
        parts = {"smoke": SMOKE}
    else:
        parts = {name: (PARTS | SCORES)[name] for name in parsed.part or PARTS}
    at_once = min(parsed.at_once or len(os.sched_getaffinity(0)), len(parts))
    # cellblock itself refuses a variable that is no setting, so these are for pytest alone
    pytest = ("env", f"CELLBLOCK_TEST_TIME_SCALE={parsed.time_scale:g}", "FORBID_SKIPS=1")
    started = (".venv/bin/python", "-m", "pytest")
    return Options(
        {
            name: work(
                shlex.join((*pytest, *part.environment, *started, *part.tests)),
                part,
                f"{name}: " if at_once > 1 else "",
            )
            for name, part in parts.items()
        },
        at_once,
        any(part.every_kind for part in parts.values()),
        parsed.keep,
        parsed.kernel,
    )


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
