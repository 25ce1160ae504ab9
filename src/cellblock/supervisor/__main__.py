"""``python -m cellblock.supervisor --listen-fd N``: the supervisor process, started by the parent."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import sys

import uvloop

from cellblock import config
from cellblock.engine.installation import Installation
from cellblock.errors import CellblockError, HostError
from cellblock.languages.registry import load_catalog
from cellblock.sandbox.host import Host
from cellblock.sandbox.user_namespace import enter_user_namespace
from cellblock.supervisor.server import SupervisorServer

EXIT_OWN_FAILURE = 3
_CLONE_NEWNET = 0x40000000


def main() -> int:
    """Serve jobs until SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog="cellblock.supervisor")
    parser.add_argument("--listen-fd", type=int, required=True, help="a listening unix socket")
    arguments = parser.parse_args()
    try:
        settings = config.load()
        logging.basicConfig(format="cellblock supervisor: %(message)s", level=settings.log_level.upper())
        _become_root(settings)
        _leave_network()
        with socket.socket(fileno=arguments.listen_fd) as listener:
            uvloop.run(_serve(settings, listener))
    except (CellblockError, OSError) as error:
        sys.stderr.write(f"cellblock supervisor: {error}\n")
        return EXIT_OWN_FAILURE
    return 0


async def _serve(settings: config.Settings, listener: socket.socket) -> None:
    registry = load_catalog(settings.output_max_bytes, settings.limits)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    host = await Host.open(settings)
    installation = Installation(settings.toolchain_dir)
    server = SupervisorServer(settings, host, registry, installation)
    loop.add_signal_handler(signal.SIGHUP, server.look_again)
    try:
        await server.start(listener)
        gc.collect()
        gc.freeze()  # what the start made stays: to look at all of it again takes longer than a run
        await stop.wait()
    finally:
        await server.close()
        await host.close()
        installation.close()


def _become_root(settings: config.Settings) -> None:
    """Be root of a user namespace where we are an ordinary user; if the kernel refuses, the probe says so."""
    if os.geteuid() == 0:
        return
    try:
        enter_user_namespace(settings.uid_range)
    except HostError as error:
        logging.getLogger(__name__).warning("%s", error)


def _leave_network() -> None:
    """Take a network namespace of our own: the privileged side has nothing to say to any network.

    A unix socket is found by its path and works all the same. Where the kernel refuses, the
    host probe says what else is missing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        logging.getLogger(__name__).warning("no own network namespace: %s", os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    sys.exit(main())
