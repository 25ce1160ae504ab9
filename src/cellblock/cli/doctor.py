"""``cellblock doctor``: what this host can enforce, and what mends the rest."""

from __future__ import annotations

import asyncio
import sys
from typing import TextIO

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cellblock.app.private import private_supervisor
from cellblock.attacks.front import attack as attack_service
from cellblock.attacks.manifest import CLASSES, Finding, trials
from cellblock.attacks.scorecard import as_markdown
from cellblock.cli.options import settings_options
from cellblock.config import Settings
from cellblock.model import Remedy

ALL_WELL = 0
REQUIRED_MISSING = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON array.")
@click.option(
    "--attack",
    is_flag=True,
    help="Attack the running service of --host and --port, as root, while nobody else uses it; "
    "prints a dated scorecard.",
)
@click.option(
    "--classes", default="".join(CLASSES), show_default=True, help="With --attack: the classes to try."
)
@click.option("--quick", is_flag=True, help="With --attack: only those that take a moment.")
@click.option(
    "--key-file",
    type=click.File("r"),
    help="With --attack: file that holds an API key, - for standard input.",
)
@settings_options()
def doctor(
    settings: Settings, *, as_json: bool, attack: bool, classes: str, quick: bool, key_file: TextIO | None
) -> int:
    """Look at each kernel feature and control: ok, missing, and what to do.

    Exits 0 where everything that is required holds, 1 where something does not, 3 where cellblock failed.
    With --attack: 0 where everything was contained but what is known to be open, else 1.
    """
    if attack:
        key = key_file.read().strip() if key_file else ""
        return _attack(settings, as_json=as_json, classes=_checked(classes), quick=quick, key=key)
    findings = asyncio.run(_probe(settings))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(findings)).decode() + "\n")
    else:
        _show(findings)
    return ALL_WELL if all(finding.ok for finding in findings if finding.required) else REQUIRED_MISSING


def _checked(classes: str) -> str:
    if not classes or set(classes.upper()) - set(CLASSES):
        raise click.UsageError(f"--classes: expected letters of {''.join(CLASSES)}, got {classes!r}")
    return classes.upper()


def _attack(settings: Settings, *, as_json: bool, classes: str, quick: bool, key: str) -> int:
    chosen = trials(quick=quick, classes=classes)
    console = Console(stderr=True, highlight=False)

    def note(finding: Finding) -> None:
        colour = "green" if finding.status == "contained" else "yellow" if finding.open else "bold red"
        console.print(
            Text(f"{finding.status:>13}  ", colour), Text(f"{finding.trial}  {finding.verdict}"), sep=""
        )

    card = attack_service(settings.host, settings.port, chosen, key=key, note=note)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(card)).decode() + "\n")
    else:
        sys.stdout.write(as_markdown(card))
    return REQUIRED_MISSING if card.failed or card.growth else ALL_WELL


async def _probe(settings: Settings) -> tuple[Remedy, ...]:
    async with private_supervisor(settings) as supervisor:
        return await supervisor.probe()


def _show(findings: tuple[Remedy, ...]) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("feature", "state", "seen"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(Text(finding.feature), _state(finding), Text(finding.detail))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(table)
    _show_remedies(console, findings)
    missing = [finding.feature for finding in findings if finding.required and not finding.ok]
    if missing:
        console.print(
            Text(f"Programs are not run here in strict mode; missing: {', '.join(missing)}", "bold red")
        )
    else:
        console.print(Text("Everything that is required holds.", "bold green"))


def _show_remedies(console: Console, findings: tuple[Remedy, ...]) -> None:
    """Print what to do, each in one line that can be copied: a command in a column of the table could not."""
    todo = [finding for finding in findings if finding.remedy]
    if not todo:
        return
    console.print(Text("\nwhat to do", "bold"))
    for finding in todo:
        console.print(Text.assemble((f"{finding.feature}: ", "bold"), finding.remedy), soft_wrap=True)
    console.print()


def _state(finding: Remedy) -> Text:
    if finding.ok:
        return Text("ok", "green")
    return Text("missing", "bold red") if finding.required else Text("missing (optional)", "yellow")
