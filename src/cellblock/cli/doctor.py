"""``cellblock doctor``: what this host can enforce, and what mends the rest."""

from __future__ import annotations

import asyncio
import sys

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cellblock.app.private import private_supervisor
from cellblock.cli.options import settings_options
from cellblock.config import Settings
from cellblock.model import Remedy

ALL_WELL = 0
REQUIRED_MISSING = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON array.")
@settings_options(for_cells=True)
def doctor(settings: Settings, *, as_json: bool) -> int:
    """Look at each kernel feature and control: ok, missing, and what to do.

    Exits 0 where everything that is required holds, 1 where something does not, 3 where cellblock failed.
    """
    findings = asyncio.run(_probe(settings))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(findings)).decode() + "\n")
    else:
        _show(findings)
    return ALL_WELL if all(finding.ok for finding in findings if finding.required) else REQUIRED_MISSING


async def _probe(settings: Settings) -> tuple[Remedy, ...]:
    async with private_supervisor(settings) as supervisor:
        return await supervisor.probe()


def _show(findings: tuple[Remedy, ...]) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("feature", "state", "seen", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(Text(finding.feature), _state(finding), Text(finding.detail), Text(finding.remedy))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(table)
    missing = [finding.feature for finding in findings if finding.required and not finding.ok]
    if missing:
        console.print(
            Text(f"Programs are not run here in strict mode; missing: {', '.join(missing)}", "bold red")
        )
    else:
        console.print(Text("Everything that is required holds.", "bold green"))


def _state(finding: Remedy) -> Text:
    if finding.ok:
        return Text("ok", "green")
    return Text("missing", "bold red") if finding.required else Text("missing (optional)", "yellow")
