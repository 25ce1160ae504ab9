"""The command line: one file a command, and what every command has in common.

Exit codes: 0 done (``run``: accepted, ``doctor``: all well), 1 the program or the host was found
wanting, 2 used wrongly, 3 cellblock itself failed.
"""

from __future__ import annotations

import sys
import traceback

import click

from cellblock import __version__
from cellblock.cli import doctor, keys, languages, run, serve, settings
from cellblock.errors import CellblockError, ConfigError, RequestRefused

USED_WRONGLY = 2
OUR_FAILURE = 3
INTERRUPTED = 130
NOBODY_READS = 141


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cellblock() -> None:
    """Run untrusted programs in kernel-isolated cells and say truthfully what happened."""


for command in (
    serve.serve,
    run.run,
    keys.keys,
    languages.languages,
    doctor.doctor,
    settings.settings,
):
    cellblock.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code; one line on stderr says what went wrong."""
    sys.exit(exit_code_of(arguments))


def exit_code_of(arguments: list[str] | None) -> int:
    """Run a command; returns the exit code."""
    try:
        code = cellblock.main(arguments, prog_name="cellblock", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return USED_WRONGLY
    except (ConfigError, RequestRefused) as error:
        click.echo(f"cellblock: {error}", err=True)
        return USED_WRONGLY
    except CellblockError as error:
        click.echo(f"cellblock: {error}", err=True)
        return OUR_FAILURE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit:  # what click makes of a closed stdout, with Python's exit code for it: 1
        return NOBODY_READS
    except Exception:  # noqa: BLE001  # Python would exit with 1, which here is a program's verdict
        traceback.print_exc()
        return OUR_FAILURE
    return code if isinstance(code, int) else 0
