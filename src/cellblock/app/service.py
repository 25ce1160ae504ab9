"""The process that faces the network. It starts with its parent's rights and keeps none of them.

In this order: settings; the listening socket, so that a port below 1024 works and one in use is
told at once; every import; the data directory; the drop; and from there on, as the service's own
user: the database, the supervisor's socket, HTTP. On SIGTERM it accepts nothing more, lets what
runs end, leaves what waits in the store and exits 0.
"""

from __future__ import annotations

import argparse
import asyncio
import encodings.idna
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
import uvloop

from cellblock import __version__, config, webhooks
from cellblock.api import application
from cellblock.api.judge import translate
from cellblock.api.readiness import Readiness
from cellblock.app import http_server, interpreter, logs, privileges
from cellblock.app.connections import Bounds
from cellblock.app.http_server import HttpServer
from cellblock.app.watching import Watching
from cellblock.dispatch import LocalQueue
from cellblock.errors import CellblockError, ConfigError, HostError
from cellblock.store import Database, Deliveries, Keys, OldRecords, Store, preload
from cellblock.supervisor.client import SupervisorClient
from cellblock.worker import Retention, Worker

_EXIT_OWN_FAILURE = 3
_UNSENT_MAX_BYTES = 131_072
"""What the kernel takes of an answer beyond what is on its way: a client that does not read costs no more."""

_log = structlog.get_logger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run the service to its end; returns the exit code.

    ``--ready-fd N``: a byte is written to descriptor N, inherited from the parent, once HTTP answers:
    ``k`` where requests need a key, ``1`` where the service is open to this machine.
    """
    parent_pid = os.getppid()
    parser = argparse.ArgumentParser(prog="python -m cellblock.app.service")
    parser.add_argument("--ready-fd", type=int)
    ready_descriptor: int | None = parser.parse_args(arguments).ready_fd
    try:
        settings = config.load()
        lines = logs.configure(settings.log_level, settings.log_format)
        http_server.raise_descriptor_limit()
        with listening_socket(settings.host, settings.port) as listener:
            parts = assemble(settings)
            _give_up_privileges(settings, parent_pid)
            with lines.together():  # only now: a thread keeps the rights that it began with
                uvloop.run(_serve_until_signal(settings, parts, listener, ready_descriptor))
    except CellblockError as error:
        print(f"cellblock service: {error}", file=sys.stderr)  # noqa: T201  # the one line of a failed start
        return _EXIT_OWN_FAILURE
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The service, put together; nothing is opened or started yet."""

    database: Database
    store: Store
    keys: Keys
    supervisor: SupervisorClient
    queue: LocalQueue
    readiness: Readiness
    worker: Worker
    deliverer: webhooks.Deliverer
    retention: Retention
    http: uvicorn.Config
    http_bounds: Bounds


def assemble(settings: config.Settings, network: webhooks.Network | None = None) -> Parts:
    """Put the service together, importing all that it ever will: later that may be out of reach.

    ``network`` is where webhooks are delivered, the machine's own unless stated.
    """
    watching = Watching(__version__)
    database = Database(settings.data_dir, on_commit=watching.metrics.committed)
    store = Store(database)
    supervisor = SupervisorClient(settings.supervisor_socket)
    keys = Keys(database)
    queue = LocalQueue(settings.queue_capacity, keys.concurrency_of)
    readiness = Readiness(supervisor)
    worker = Worker(
        store=store,
        queue=queue,
        supervisor=supervisor,
        node_id=settings.node_id,
        on_ended=watching.run_ended,
        on_store_failed=watching.store_failed,
    )
    network = network or webhooks.public_network()
    admission = webhooks.Admission(network.resolve, allow_localhost=settings.allow_localhost_webhooks)
    deliverer = _deliverer(settings, database, admission, network)
    deliverer.observe = watching.metrics.delivery_attempted
    deliverer.on_store_failed = watching.store_failed
    watching.look_at(queue=queue, readiness=readiness, worker=worker, deliverer=deliverer)
    app = application.build(
        settings=settings,
        database=database,
        store=store,
        keys=keys,
        queue=queue,
        readiness=readiness,
        admit_webhook=admission.admit,
        watchers=application.Watchers(
            request_served=watching.request_served,
            quota_refused=watching.metrics.quota_refused,
            store_failed=watching.store_failed,
            render_metrics=watching.metrics.exposition,
        ),
    )
    http = http_server.configuration(app, settings)
    dialects = application.dialects(settings)
    http_bounds = http_server.bounds(settings, dialects, watching.metrics.client_cut_off)
    preload()
    webhooks.preload()
    encodings.idna.nameprep("")
    return Parts(
        database=database,
        store=store,
        keys=keys,
        supervisor=supervisor,
        queue=queue,
        readiness=readiness,
        worker=worker,
        deliverer=deliverer,
        retention=Retention(OldRecords(database), settings.retention_days),
        http=http,
        http_bounds=http_bounds,
    )


def _deliverer(
    settings: config.Settings, database: Database, admission: webhooks.Admission, network: webhooks.Network
) -> webhooks.Deliverer:
    return webhooks.Deliverer(
        deliveries=Deliveries(database),
        admission=admission,
        network=network,
        encode=translate.record_pieces,
        bounds=webhooks.Bounds(
            at_a_time=settings.webhook_concurrency,
            at_a_time_per_host=settings.webhook_concurrency_per_host,
            horizon_ms=settings.webhook_retry_horizon_ms,
        ),
    )


async def serve(
    settings: config.Settings,
    parts: Parts,
    listener: socket.socket,
    *,
    stop: asyncio.Event,
    on_started: Callable[[], None],
) -> None:
    """Serve on ``listener`` until ``stop`` is set, then drain; ``on_started`` is called once HTTP answers."""
    parts.database.open()
    try:
        _refuse_public_address_without_keys(settings, parts.keys)
        await parts.deliverer.start()
        parts.store.on_due(parts.deliverer.put)
        await parts.worker.start()
        parts.retention.start()
        await parts.supervisor.start()
        http = HttpServer(parts.http, parts.http_bounds, on_started)
        serving = asyncio.create_task(http.serve(sockets=[listener]), name="http")
        _log.info("service_started", host=settings.host, port=settings.port, waiting=parts.queue.depth)
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait([stopping, serving], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        parts.readiness.draining = True
        _log.info("service_draining", running=parts.worker.running, waiting=parts.queue.depth)
        await parts.worker.drain(settings.drain_timeout_ms)
        http.should_exit = True
        await serving
        await parts.deliverer.stop()
        await parts.retention.stop()
        await parts.supervisor.close()
    finally:
        parts.keys.use.flush()
        parts.database.close()
    _log.info("service_stopped")


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address; raises ``HostError`` saying what to do instead."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_MAX_BYTES)
        listener.bind((host, port))
        listener.listen(http_server.BACKLOG)
    except OSError as error:
        listener.close()
        raise HostError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; "
            "stop what listens there or choose another CELLBLOCK_HOST or CELLBLOCK_PORT"
        ) from error
    listener.setblocking(False)  # noqa: FBT003  # the socket's own signature
    return listener


async def _serve_until_signal(
    settings: config.Settings, parts: Parts, listener: socket.socket, ready_descriptor: int | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def begin() -> None:
        interpreter.settle()
        if ready_descriptor is not None:
            os.write(ready_descriptor, b"k" if parts.keys.exist() else b"1")
            os.close(ready_descriptor)

    await serve(settings, parts, listener, stop=stop, on_started=begin)


def _refuse_public_address_without_keys(settings: config.Settings, keys: Keys) -> None:
    if not ipaddress.ip_address(settings.host).is_loopback and not keys.exist():
        raise ConfigError(
            f"CELLBLOCK_HOST: there are no keys, so anyone who reaches {settings.host} could run programs: "
            "create one first with `cellblock keys create --name NAME`, or listen on a loopback address "
            "such as 127.0.0.1"
        )


def _give_up_privileges(settings: config.Settings, parent_pid: int) -> None:
    os.umask(0o077)
    if os.geteuid() == 0:
        user = privileges.find_user(settings.service_user)
        privileges.give_directory(settings.data_dir, user)
        privileges.drop_to(user)
    else:
        _make_directory(settings.data_dir)
        privileges.forbid_new_privileges()
    privileges.end_with_parent(parent_pid)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(
            f"data directory {path}: {error.strerror}; choose another CELLBLOCK_DATA_DIR"
        ) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
