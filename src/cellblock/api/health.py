"""How the service is: for people, dashboards and load balancers."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from cellblock import __version__
from cellblock.api.errors import json_response
from cellblock.api.readiness import Readiness
from cellblock.dispatch import LocalQueue
from cellblock.errors import RequestRefused, StoreError
from cellblock.model import EnforcementMode
from cellblock.store import Database

_log = structlog.get_logger(__name__)


class HealthBody(Struct, frozen=True, kw_only=True):
    """Answer of ``GET /api/health``."""

    status: str
    """``ok``, or ``degraded`` where ``/api/health/ready`` would refuse."""
    enforcement_mode: EnforcementMode
    cgroup_backend: str | None
    namespace_support: bool
    workers: int
    """Programs that may run at the same time; 0 while no supervisor is connected."""
    queue_depth: int
    node_id: str
    version: str


class ReadyBody(Struct, frozen=True):
    """Answer of ``GET /api/health/ready`` where programs can be run."""

    status: str = "ready"


def routes(
    *, readiness: Readiness, database: Database, queue: LocalQueue, node_id: str
) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of health and readiness."""

    async def obstacle() -> str | None:
        """Return why the service is not ready."""
        try:
            readiness.require()
            await database.ping()
        except RequestRefused as refusal:
            return refusal.message
        except StoreError as error:
            _log.error("store_unreachable", error=str(error))
            return error.reason
        return None

    @get("/api/health")
    async def health() -> Response[bytes]:
        status = readiness.supervisor.status
        return json_response(
            200,
            HealthBody(
                status="ok" if await obstacle() is None else "degraded",
                enforcement_mode=status.enforcement_mode if status else EnforcementMode.NONE,
                cgroup_backend=status.cgroup_backend if status else None,
                namespace_support=status is not None and status.namespace_support,
                workers=status.slots if status else 0,
                queue_depth=queue.depth,
                node_id=node_id,
                version=__version__,
            ),
        )

    @get("/api/health/ready")
    async def ready() -> Response[bytes]:
        reason = await obstacle()
        if reason is not None:
            return json_response(503, {"error": reason}, {"retry-after": "1"})
        return json_response(200, ReadyBody())

    return [health, ready]
