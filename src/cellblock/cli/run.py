"""``cellblock run``: one program in one cell, without a service."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from cellblock.api.judge.translate import record_pieces
from cellblock.app.private import private_supervisor
from cellblock.cli.options import settings_options
from cellblock.config import Settings
from cellblock.errors import HostError
from cellblock.model import (
    EnforcementMode,
    Evidence,
    Job,
    JobStatus,
    LanguageStatus,
    Outcome,
    OutputIntegrity,
    Profile,
    Record,
    SourceFile,
    Verdict,
)
from cellblock.supervisor.client import SupervisorClient

ACCEPTED = 0
OTHER_VERDICT = 1
OUR_FAILURE = 3
_SELF_TEST_PATIENCE_S = 60.0
_MIB = 1024 * 1024


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", help="Language of FILE, by name or alias. [default: by its suffix]")
@click.option(
    "--stdin",
    default="",
    metavar="TEXT|@FILE|-",
    help="The program's input: a text, @ and a file, - for ours.",
)
@click.option("--arg", "arguments", multiple=True, metavar="TEXT", help="An argument; may be repeated.")
@click.option(
    "--profile",
    type=click.Choice([profile.value for profile in Profile]),
    default=Profile.JUDGE.value,
    help="Which column of limits holds. [default: judge]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole record as JSON, nothing else.")
@settings_options(for_cells=True)
def run(
    settings: Settings,
    *,
    file: Path,
    language: str | None,
    stdin: str,
    arguments: tuple[str, ...],
    profile: str,
    as_json: bool,
) -> int:
    """Run FILE once in a cell.

    The program's output goes to stdout and stderr, a summary to stderr. Exits 0 where the verdict is
    AC, 1 where it is another, 2 for wrong usage, 3 where cellblock failed.
    """
    job = Job(
        id=str(uuid.uuid4()),
        language=language or file.suffix,
        files=(SourceFile(name="", content=_read(file)),),
        stdin=_stdin_bytes(stdin),
        args=arguments,
        profile=Profile(profile),
    )
    if not job.language:
        raise click.UsageError(f"{file} has no suffix that tells its language: add --language")
    record = asyncio.run(_run(settings, job))
    outcome = record.outcome
    assert outcome is not None  # noqa: S101  # _run returns finished records only
    if as_json:
        sys.stdout.write(msgspec.json.format(b"".join(record_pieces(record))).decode() + "\n")
    else:
        _show(outcome)
    if outcome.verdict is Verdict.IE:
        return OUR_FAILURE
    return ACCEPTED if outcome.verdict is Verdict.AC else OTHER_VERDICT


async def _run(settings: Settings, job: Job) -> Record:
    created_at_ns = time.time_ns()
    async with private_supervisor(settings) as supervisor:
        language = await _available_language(supervisor, job.language)
        started_at_ns = time.time_ns()
        outcome = await supervisor.run(msgspec.structs.replace(job, language=language))
    return Record(
        id=job.id,
        language=language,
        job_status=JobStatus.ERROR if outcome.verdict is Verdict.IE else JobStatus.COMPLETED,
        profile=job.profile,
        created_at_ns=created_at_ns,
        started_at_ns=started_at_ns,
        completed_at_ns=time.time_ns(),
        outcome=outcome,
    )


async def _available_language(supervisor: SupervisorClient, asked: str) -> str:
    """Return the canonical name for a name, an alias or a suffix, once its self-test has passed."""
    changed = asyncio.Event()
    supervisor.on_change(changed.set)
    deadline_s = time.monotonic() + _SELF_TEST_PATIENCE_S
    while True:
        changed.clear()
        status = supervisor.status
        if status and status.enforcement_mode is EnforcementMode.NONE:
            missing = ", ".join(problem.feature for problem in status.problems)
            raise HostError(
                f"isolation cannot be enforced here, so nothing is run; missing: {missing or 'not said'}; "
                "`cellblock doctor` says what to do"
            )
        languages = status.languages if status else ()
        runtimes = _find(languages, asked)
        if any(runtime.available for runtime in runtimes):
            return runtimes[0].name
        remaining_s = deadline_s - time.monotonic()
        may_come = any(runtime.pending for runtime in runtimes)
        if (languages and not may_come) or remaining_s <= 0:
            break
        try:
            await asyncio.wait_for(changed.wait(), remaining_s)
        except TimeoutError:
            break
    if runtimes:
        raise click.UsageError(f"{runtimes[0].name} cannot run here: {runtimes[0].reason}")
    known = ", ".join(dict.fromkeys(runtime.name for runtime in languages if runtime.available))
    raise click.UsageError(f"unsupported language: {asked}. available: {known}; name one with --language")


def _find(runtimes: tuple[LanguageStatus, ...], asked: str) -> list[LanguageStatus]:
    """Return the runtimes of the language that has this name, alias or suffix."""
    name = asked.lower()
    return [one for one in runtimes if name in {one.name, *one.aliases, *one.suffixes}]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from error


def _stdin_bytes(stated: str) -> bytes:
    if stated == "-":
        return sys.stdin.buffer.read()
    if stated.startswith("@"):
        return _read(Path(stated[1:]))
    return stated.encode("utf-8", "surrogateescape")


def _show(outcome: Outcome) -> None:
    """Pass the program's output on, then say in a line or three how it ended."""
    sys.stdout.buffer.write(outcome.stdout)
    sys.stdout.buffer.flush()
    sys.stderr.buffer.write(outcome.stderr)
    if outcome.stderr and not outcome.stderr.endswith(b"\n"):
        sys.stderr.buffer.write(b"\n")
    sys.stderr.buffer.flush()

    evidence = outcome.evidence
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    style = "bold green" if outcome.verdict is Verdict.AC else "bold red"
    console.print(
        Text(outcome.verdict, style), Text(_ending(outcome)), Text(_figures(outcome), "dim"), sep=" · "
    )
    if outcome.error_message:
        console.print(Text(outcome.error_message))
    if outcome.output_integrity is not OutputIntegrity.COMPLETE:
        console.print(Text(f"output: {outcome.output_integrity}", "yellow"))
    if evidence.controls_missing:
        missing = ", ".join(evidence.controls_missing)
        console.print(Text(f"{evidence.isolation_mode.upper()}, not enforced: {missing}", "bold yellow"))
    for problem in evidence.collection_errors:
        console.print(Text(f"not measured: {problem}", "yellow"))


def _ending(outcome: Outcome) -> str:
    cause = outcome.evidence.verdict_cause
    if outcome.exit_code is not None:
        return f"{cause} (exit code {outcome.exit_code})"
    return cause if outcome.signal is None else f"{cause} (signal {outcome.signal})"


def _figures(outcome: Outcome) -> str:
    evidence: Evidence = outcome.evidence
    cpu_ms, peak_bytes = evidence.timing.cpu_ms, evidence.cgroup.memory_peak_bytes
    figures = [
        f"cpu {cpu_ms} ms" if cpu_ms is not None else "cpu unknown",
        f"wall {outcome.wall_time_ns / 1e6:.0f} ms" if outcome.wall_time_ns is not None else "wall unknown",
        f"memory {peak_bytes / _MIB:.1f} MiB" if peak_bytes is not None else "memory unknown",
    ]
    return ", ".join(figures)
