"""The whole service on a real port, in the test's own event loop, with a scripted supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cellblock import config
from cellblock.app import service
from cellblock.model import SupervisorStatus
from cellblock.store import Database, Keys, Store, Unfinished
from cellblock.webhooks import Network
from doubles import Script, ScriptedSupervisor, answer_four, until


@dataclass(frozen=True)
class Running:
    http: httpx.AsyncClient
    supervisor: ScriptedSupervisor
    store: Store
    keys: Keys
    port: int
    stop: asyncio.Event
    task: asyncio.Task[None]
    application: object

    async def submit(
        self, code: str = "print(2 + 2)", *, wait: bool = True, **more: object
    ) -> httpx.Response:
        body = {"language": "python", "code": code, **more}
        return await self.http.post("/api/submit", params={"wait": str(wait).lower()}, json=body)

    async def execute(self, code: str | None = None, **more: object) -> httpx.Response:
        """Send a program to the execute API; without ``code``, ``more`` has the files."""
        body = {"language": "python"} | ({} if code is None else {"code": code}) | more
        return await self.http.post("/v1/execute", json=body)

    async def piston(self, **changes: object) -> httpx.Response:
        body = {"language": "python", "version": "*", "files": [{"content": "print(2 + 2)"}], **changes}
        return await self.http.post("/api/v2/execute", json=body)

    async def finished(self, submission_id: str) -> dict[str, object]:
        """Poll, as a client does, until there is a result."""
        async with asyncio.timeout(5):
            while True:
                record = (await self.http.get(f"/api/result/{submission_id}")).json()
                if record["job_status"] in {"completed", "error"}:
                    return record
                await asyncio.sleep(0.005)

    async def queued(self, depth: int) -> None:
        async with asyncio.timeout(5):
            while (await self.http.get("/api/health")).json()["queue_depth"] != depth:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def gone(self) -> None:
        """Wait until the service has noticed that no supervisor is there."""
        async with asyncio.timeout(5):
            while (await self.http.get("/api/health")).json()["workers"]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def ready(self) -> None:
        async with asyncio.timeout(5):
            while (await self.http.get("/api/health/ready")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


def settings_for(directory: Path, changes: Mapping[str, str] | None = None) -> config.Settings:
    return config.load(
        {},
        {
            "CELLBLOCK_DATA_DIR": str(directory),
            "CELLBLOCK_RUNTIME_DIR": str(directory),
            "CELLBLOCK_SUPERVISOR_SOCKET": str(directory / "supervisor.sock"),
            "CELLBLOCK_NODE_ID": "node-under-test",
            **(changes or {}),
        },
    )


@asynccontextmanager
async def running(
    directory: Path,
    *,
    changes: Mapping[str, str] | None = None,
    script: Script = answer_four,
    connected: bool = True,
    status: SupervisorStatus | None = None,
    network: Network | None = None,
) -> AsyncIterator[Running]:
    """Serve from ``directory`` until the block ends; with ``connected`` the supervisor is there first."""
    settings = settings_for(directory, changes)
    supervisor = ScriptedSupervisor(settings.supervisor_socket, script)
    supervisor.status = status or supervisor.status
    if connected:
        await supervisor.start()
    parts = service.assemble(settings, network)
    listener = service.listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    stop, started = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(service.serve(settings, parts, listener, stop=stop, on_started=started.set))
    try:
        await started.wait()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            instance = Running(
                http, supervisor, Store(parts.database), parts.keys, port, stop, task, parts.http.app
            )
            if connected:
                await until(lambda: bool(supervisor.connections))
                await instance.ready()
            yield instance
            stop.set()
            await task
    finally:
        stop.set()
        await asyncio.wait([task])
        await supervisor.die()


async def left_unfinished(directory: Path) -> list[Unfinished]:
    """What a service that ended left without a result."""
    database = Database(directory)
    database.open()
    try:
        return await Store(database).unfinished()
    finally:
        database.close()
