"""A supervisor of one's own, for commands that run a job or look at the host without a service."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from cellblock.app import children, places
from cellblock.config import Settings
from cellblock.errors import HostError
from cellblock.supervisor.client import SupervisorClient

_START_PATIENCE_S = 60.0
_END_PATIENCE_S = 10.0
_PREFIX = "private-"


@asynccontextmanager
async def private_supervisor(settings: Settings) -> AsyncIterator[SupervisorClient]:
    """Start a supervisor, yield a client that has its status, and end it.

    Its log is kept back, and part of the ``HostError`` that is raised where it cannot start.
    """
    runtime_dir = places.make_runtime_dir(settings)
    _sweep(runtime_dir)
    directory = runtime_dir / f"{_PREFIX}{os.getpid()}"
    directory.mkdir(mode=0o700)
    try:
        path = directory / "supervisor.sock"
        with children.listen(path) as listening, tempfile.TemporaryFile() as log:
            process = children.start_supervisor(settings, listening, log=log)
            client = SupervisorClient(path)
            try:
                await client.start()
                await _ready(client, process, log)
                yield client
            finally:
                await client.close()
                await children.end(process, _END_PATIENCE_S)
    finally:
        shutil.rmtree(directory)


async def _ready(client: SupervisorClient, process: children.Process, log: IO[bytes]) -> None:
    ready = asyncio.create_task(client.wait_ready())
    ended = asyncio.create_task(children.exit_of(process))
    try:
        await asyncio.wait([ready, ended], timeout=_START_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            return
        how = (
            children.describe_exit(ended.result())
            if ended.done()
            else f"silent for {_START_PATIENCE_S:.0f} s"
        )
        log.seek(0)
        said = log.read(64 * 1024).decode("utf-8", "replace").strip()
        raise HostError(f"the supervisor could not start ({how})" + (f":\n{said}" if said else ""))
    finally:
        ready.cancel()
        ended.cancel()
        await asyncio.wait([ready, ended])


def _sweep(runtime_dir: Path) -> None:
    """Remove what commands left that could not end properly."""
    for directory in runtime_dir.glob(f"{_PREFIX}*"):
        pid = directory.name.removeprefix(_PREFIX)
        if not (pid.isascii() and pid.isdigit() and Path("/proc", pid).exists()) or int(pid) == os.getpid():
            shutil.rmtree(directory, ignore_errors=True)
