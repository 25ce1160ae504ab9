"""``cellblock languages``: what there is, getting it, and whether it works."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Sequence

import click
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cellblock import config
from cellblock.app.private import private_supervisor
from cellblock.cli.installing import reporter
from cellblock.cli.language_table import as_markdown
from cellblock.cli.options import settings_options
from cellblock.config import Settings
from cellblock.errors import HostError
from cellblock.languages.catalog_file import RuntimeFile
from cellblock.languages.installed import InstalledRoot, component_manifest, installed_root, tree_manifest
from cellblock.languages.self_test_cache import SelfTestCache
from cellblock.model import Job, LanguageStatus, SourceFile, Verdict
from cellblock.supervisor.client import SupervisorClient
from cellblock.toolchains.install import Installation, missing
from cellblock.toolchains.place import Place
from cellblock.toolchains.reporting import MB
from cellblock.toolchains.rootless import install_as_root_of_a_namespace
from cellblock.toolchains.wanted import EVERYTHING, HOST, Wanted, read_catalog, required_components_of

ALL_WELL = 0
ONE_FAILED = 1
_SHOWN_CHARACTERS = 300
_WIDTH_OF_A_FILE = 200
_SELF_TEST_PATIENCE_S = 120.0


@click.group()
def languages() -> None:
    """Languages: what is installed, installing more, checking that they work."""


@languages.command("list")
@click.option("--markdown", is_flag=True, help="Print what the catalog says, as a table for documentation.")
@settings_options(only=("config_file", "toolchain_dir"))
def list_languages(settings: Settings, *, markdown: bool) -> None:
    """Show every runtime of the catalog: whether it is installed, its version, what it takes."""
    wanted = read_catalog()
    if markdown:
        click.echo(as_markdown(wanted.runtimes), nl=False)
        return
    place = Place(settings.toolchain_dir)
    root = installed_root(place.path)
    passed = SelfTestCache(place.path)
    table = _table("language", "runtime", "version", "state", "what to do")
    for runtime in wanted.runtimes:
        last = passed.last(runtime.id)
        state, advice = _state(place, wanted, runtime, root)
        table.add_row(
            Text(runtime.language), Text(runtime.id), Text(last.version if last else "-"), state, Text(advice)
        )
    _console().print(table)
    _console().print(Text(_sizes(place, root)))


@languages.command()
@click.argument("names", nargs=-1, required=True, metavar=f"NAME...|{EVERYTHING}")
@click.option("--upgrade", is_flag=True, help="Take newer versions of Debian's packages, too.")
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
@click.option("--ready-fd", type=int, hidden=True, help="Write a byte here whenever more can be used.")
@settings_options(only=("config_file", "toolchain_dir", "debian_mirror"))
def install(
    settings: Settings, *, names: tuple[str, ...], upgrade: bool, yes: bool, ready_fd: int | None
) -> int:
    """Get what languages need: from Debian, PyPI and npm, verified, below CELLBLOCK_TOOLCHAIN_DIR.

    NAME is a language, one of its aliases, or a runtime. What is there is left alone.
    """
    wanted = read_catalog()
    runtimes = wanted.select([part for name in names for part in name.split(",") if part])
    show = reporter(ask=not yes, in_background=ready_fd is not None)
    place = Place(settings.toolchain_dir)

    def on_ready() -> None:
        if ready_fd is not None:
            os.write(ready_fd, b"+")

    if (upgrade or missing(place, wanted, runtimes)) and os.geteuid() != 0:
        tied = () if ready_fd is None else ("--ready-fd", str(ready_fd))
        chosen = (*(["--upgrade"] if upgrade else []), *(["--yes"] if yes else []), *tied, "--", *names)
        install_as_root_of_a_namespace(
            ("languages", "install", *chosen),
            config.child_environment(settings),
            ends_with_parent=ready_fd is not None,
        )
    installation = Installation(place, wanted, settings.debian_mirror, show, on_ready)
    if installation.install(runtimes, upgrade=upgrade):
        show.say(f"installed: {_names(runtimes)}")
    else:
        show.say(f"nothing to do: {_names(runtimes)} are installed")
    return ALL_WELL


@languages.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@settings_options(for_cells=True)
def check(settings: Settings, *, names: tuple[str, ...]) -> int:
    """Run every self-test in a cell and show what came of it.

    Exits 1 where one fails; a runtime that is not installed fails only where NAME asks for it.
    """
    wanted = read_catalog()
    findings = asyncio.run(_check_all(settings, wanted, wanted.select(names or (EVERYTHING,))))
    table = _table("language", "runtime", "version", "result", "ms", "why")
    for finding in findings:
        table.add_row(
            Text(finding.runtime.language),
            Text(finding.runtime.id),
            Text(finding.version or "-"),
            _RESULTS[finding.result],
            Text("-" if finding.took_ms is None else str(finding.took_ms)),
            Text(finding.reason),
        )
    _console().print(table)
    bad = {_FAILED, _ABSENT} if names else {_FAILED}
    return ONE_FAILED if any(finding.result in bad for finding in findings) else ALL_WELL


_PASSED, _FAILED, _ABSENT = "ok", "failed", "not installed"
_RESULTS = {
    _PASSED: Text("ok", "green"),
    _FAILED: Text("failed", "bold red"),
    _ABSENT: Text("not installed", "yellow"),
}


class _Finding(Struct, frozen=True, kw_only=True):
    runtime: RuntimeFile
    result: str
    version: str | None = None
    took_ms: int | None = None
    """From handing the program over to its answer, its compiler included."""
    reason: str = ""


async def _check_all(settings: Settings, wanted: Wanted, runtimes: Sequence[RuntimeFile]) -> list[_Finding]:
    place = Place(settings.toolchain_dir)
    findings = []
    async with private_supervisor(settings) as supervisor:
        for runtime in runtimes:
            if _is_installed(place, wanted, runtime):
                findings.append(await _check(supervisor, runtime))
            else:
                findings.append(_Finding(runtime=runtime, result=_ABSENT))
    return findings


async def _check(supervisor: SupervisorClient, runtime: RuntimeFile) -> _Finding:
    status = await _settled(supervisor, runtime.id)
    if not status.available:
        return _Finding(runtime=runtime, result=_FAILED, version=status.version, reason=status.reason)
    test = runtime.self_test
    job = Job(
        id=str(uuid.uuid4()),
        language=runtime.language,
        runtime=runtime.id,
        files=(SourceFile("", test.code.encode()),),
        stdin=test.stdin.encode(),
    )
    started_s = time.monotonic()
    outcome = await supervisor.run(job)
    took_ms = round((time.monotonic() - started_s) * 1000)
    reason = ""
    if outcome.verdict is not Verdict.AC:
        said = (outcome.stderr or outcome.stdout)[:_SHOWN_CHARACTERS].decode("utf-8", "replace").strip()
        reason = ": ".join(part for part in (outcome.verdict, outcome.error_message, said) if part)
    elif outcome.stdout != test.stdout.encode():
        reason = f"printed {outcome.stdout[:_SHOWN_CHARACTERS]!r}, expected {test.stdout.encode()!r}"
    return _Finding(
        runtime=runtime,
        result=_FAILED if reason else _PASSED,
        version=status.version,
        took_ms=took_ms,
        reason=reason,
    )


async def _settled(supervisor: SupervisorClient, runtime_id: str) -> LanguageStatus:
    """Return a runtime's status once the supervisor has looked at it; raises ``HostError``."""
    changed = asyncio.Event()
    supervisor.on_change(changed.set)
    try:
        async with asyncio.timeout(_SELF_TEST_PATIENCE_S):
            while True:
                status = supervisor.status
                found = (
                    next((one for one in status.languages if one.runtime == runtime_id), None)
                    if status
                    else None
                )
                if found and not found.pending:
                    return found
                await changed.wait()
                changed.clear()
    except TimeoutError:
        raise HostError(
            f"the supervisor did not look at {runtime_id} in {_SELF_TEST_PATIENCE_S:.0f} s"
        ) from None


def _is_installed(place: Place, wanted: Wanted, runtime: RuntimeFile) -> bool:
    if runtime.root == HOST:
        return os.access(runtime.executable, os.X_OK)
    return not missing(place, wanted, [runtime]).is_required


def _state(
    place: Place, wanted: Wanted, runtime: RuntimeFile, root: InstalledRoot | None
) -> tuple[Text, str]:
    """Say whether a runtime is installed and, where it is not, what would mend that."""
    install = f"cellblock languages install {runtime.id}"
    if runtime.root == HOST:
        if _is_installed(place, wanted, runtime):
            return Text("of the host", "green"), ""
        return Text("not on the host", "yellow"), f"{runtime.executable} does not exist"
    todo = missing(place, wanted, [runtime])
    if todo.is_required:
        download_mb = sum(need.download_mb for need in todo.components)
        return Text("not installed", "yellow"), install + (f" ({download_mb} MB)" if download_mb else "")
    if root is None or root.inside(runtime.executable) is None:
        return Text("broken", "bold red"), f"{runtime.executable} is missing: {install} --upgrade"
    if failed_with := sorted(required_components_of([runtime]) - set(root.components)):
        return Text("broken", "bold red"), f"{', '.join(failed_with)} is missing: {install}"
    if todo:
        slower_without = ", ".join(need.name for need in todo.components)
        return Text("installed", "green"), f"slower without {slower_without}: {install}"
    return Text("installed", "green"), ""


def _sizes(place: Place, root: InstalledRoot | None) -> str:
    if root is None:
        return (
            f"Nothing is installed in {place.path}; get everything: cellblock languages install {EVERYTHING}"
        )
    tree = tree_manifest(place.path, root.state.tree)
    parts = [f"Debian tree {tree.disk_bytes / MB:,.0f} MB ({len(tree.packages)} packages)"] if tree else []
    for name, found in root.state.components.items():
        if component := component_manifest(place.path, name, found):
            parts.append(f"{name} {component.disk_bytes / MB:,.0f} MB")
    return f"In {place.path}: {', '.join(parts)}."


def _names(runtimes: tuple[RuntimeFile, ...]) -> str:
    return ", ".join(runtime.id for runtime in runtimes)


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)
