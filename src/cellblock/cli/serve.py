"""``cellblock serve``: the service, until it is told to end."""

from __future__ import annotations

import click

from cellblock.app import parent
from cellblock.cli.options import settings_options
from cellblock.config import Settings


@click.command()
@settings_options()
def serve(settings: Settings) -> None:
    """Answer over HTTP, and run what is submitted.

    Ends on SIGTERM or Ctrl-C, after the programs that run then have ended.
    """
    parent.serve(settings)
