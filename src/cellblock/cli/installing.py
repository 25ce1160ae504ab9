"""How ``cellblock languages install`` shows what it does: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cellblock.toolchains.reporting import Advance, Reporter, Sizes

_LINE_EVERY_S = 10.0


class _Lines(Reporter):
    """One line a step and, in long ones, now and then how far it is."""

    def say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def agree(self, sizes: Sizes) -> None:
        self.say(f"installing takes {sizes}")

    @contextmanager
    def step(self, title: str) -> Iterator[Advance]:
        started_s = said_s = time.monotonic()

        def advance(share: float) -> None:
            nonlocal said_s
            if time.monotonic() - said_s >= _LINE_EVERY_S:
                said_s = time.monotonic()
                self.say(f"{title}: {share:.0%}")

        self.say(f"{title} …")
        yield advance
        self.say(f"{title}: done in {time.monotonic() - started_s:.1f} s")

    def ready(self, what: str) -> None:
        """Nothing more to say than the end of the step."""


class _Bar(_Lines):
    """The same on a terminal, where the user is also asked."""

    def __init__(self, *, ask: bool) -> None:
        self._console = Console(highlight=False)
        self._ask = ask

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def agree(self, sizes: Sizes) -> None:
        super().agree(sizes)
        if self._ask:
            click.confirm("Go on?", default=True, abort=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Advance]:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=1.0)
            yield lambda share: progress.update(task, completed=share)
            progress.update(task, completed=1.0)


def reporter(*, ask: bool, in_background: bool = False) -> Reporter:
    """Return what fits where stdout goes; with ``ask`` a user at a terminal may say no."""
    if in_background or not sys.stdout.isatty():
        return _Lines()
    return _Bar(ask=ask and sys.stdin.isatty())
