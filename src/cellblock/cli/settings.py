"""``cellblock settings``: every setting with its present value, or the documentation's table."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cellblock import config
from cellblock.cli.options import default_text, settings_options
from cellblock.config import SETTINGS, Settings
from cellblock.model import Limits

_INTRODUCTION = """\
# Settings

<!-- Written by `make docs` from the settings table; edit that instead. -->

Every setting can be given as a flag of `cellblock serve`, as an environment variable, or as a key of a
TOML file that `--config` or `CELLBLOCK_CONFIG` names. Where several speak, the flag wins over the
variable, the variable over the file, the file over the default. Limits are merged number by number.
A name that is unknown and a value that cannot be read stop the start with a message that says why.
Relative paths count from the working directory. `cellblock settings` shows what holds here and now.

| flag | variable | TOML key | default | unit | meaning |
|---|---|---|---|---|---|
"""

_EXAMPLE = """
## A file

```toml
port = 4096
data_dir = "/srv/cellblock"
queue_capacity = 5000

[limits.python.judge]
memory_bytes = 536870912
cpu_ms = 8000
```

The same limits as a variable:

```sh
CELLBLOCK_LIMITS=python.judge.memory_bytes=536870912,python.judge.cpu_ms=8000
```

A limit is one of `{limits}`.
"""


@click.command()
@click.option("--markdown", is_flag=True, help="Print the documentation's page instead.")
@settings_options()
def settings(settings: Settings, *, markdown: bool) -> None:
    """Show every setting: its value here, its variable, its meaning."""
    if markdown:
        sys.stdout.write(as_markdown())
        return
    environment = config.as_environment(settings)
    table = Table(box=None, header_style="bold")
    for column in ("setting", "value", "meaning"):
        table.add_column(column, overflow="fold")
    for setting in SETTINGS:
        value = environment.get(setting.variable, str(settings.config_file or "")) or "-"
        if setting.secret and value != "-":
            value = "(set, not shown)"
        table.add_row(Text(setting.variable), Text(value), Text(setting.help))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def as_markdown() -> str:
    """Return ``docs/settings.md``."""
    rows = "".join(
        f"| `{setting.flag}` | `{setting.variable}` | {f'`{setting.name}`' if setting.in_file else ''} "
        f"| {default_text(setting) or '-'} | {setting.unit} | {setting.help} |\n"
        for setting in SETTINGS
    )
    limits = "`, `".join(Limits.__struct_fields__)
    return _INTRODUCTION + rows + _EXAMPLE.format(limits=limits)
