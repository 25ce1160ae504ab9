"""The ASGI application, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from litestar import Litestar
from litestar.types import ASGIApp

from cellblock.api import exposition, health, reference
from cellblock.api.access import Gate
from cellblock.api.answers import LongAnswers
from cellblock.api.cors import CrossOrigin
from cellblock.api.errors import Dialect, exception_handlers
from cellblock.api.execute import routes as execute
from cellblock.api.intake import Intake
from cellblock.api.judge import deliveries
from cellblock.api.judge import routes as judge
from cellblock.api.observed import Observed
from cellblock.api.piston import routes as piston
from cellblock.api.quotas import Quotas
from cellblock.api.readiness import Readiness
from cellblock.config import Settings
from cellblock.dispatch import LocalQueue
from cellblock.events import RequestServed, StoreFailed
from cellblock.store import Database, Deliveries, Keys, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """Who is told what happens here, and who shows it."""

    request_served: Callable[[RequestServed], None]
    quota_refused: Callable[[str], None]
    store_failed: Callable[[StoreFailed], None]
    render_metrics: Callable[[], bytes]


def dialects(settings: Settings) -> Sequence[Dialect]:
    """Return the dialects that are spoken; the first whose prefix a path has speaks for it."""
    return (
        execute.dialect(settings.execute_body_max_bytes),
        piston.dialect(settings.execute_body_max_bytes),
        judge.dialect(settings.body_max_bytes),
    )


def build(
    *,
    settings: Settings,
    database: Database,
    store: Store,
    keys: Keys,
    queue: LocalQueue,
    readiness: Readiness,
    admit_webhook: judge.AdmitWebhook,
    watchers: Watchers,
) -> ASGIApp:
    """Return the application that serves every route."""
    gate = Gate(
        keys=keys,
        quotas=Quotas(
            address_per_minute=settings.address_per_minute,
            note_use=keys.use.note,
            on_refused=watchers.quota_refused,
        ),
        trusted_proxies=settings.trusted_proxies,
        listens_on=settings.host,
    )
    routed = _routed(settings, gate, database, store, queue, readiness, admit_webhook, watchers)
    reachable = CrossOrigin(routed, settings.cors_origins) if settings.cors_origins else routed
    return Observed(reachable, watchers.request_served)


def _routed(
    settings: Settings,
    gate: Gate,
    database: Database,
    store: Store,
    queue: LocalQueue,
    readiness: Readiness,
    admit_webhook: judge.AdmitWebhook,
    watchers: Watchers,
) -> Litestar:
    bounds = judge.Bounds(
        code_max_bytes=settings.code_max_bytes,
        stdin_max_bytes=settings.stdin_max_bytes,
        sync_wait_max_ms=settings.sync_wait_max_ms,
    )
    body_max_bytes, execute_body_max_bytes = settings.body_max_bytes, settings.execute_body_max_bytes
    long_answers = LongAnswers()
    return Litestar(
        route_handlers=[
            *judge.routes(
                gate=gate,
                intake=Intake(store, queue),
                store=store,
                readiness=readiness,
                bounds=bounds,
                admit_webhook=admit_webhook,
                long_answers=long_answers,
            ),
            deliveries.route(gate=gate, store=store, deliveries=Deliveries(database)),
            *health.routes(readiness=readiness, database=database, queue=queue, node_id=settings.node_id),
            *reference.routes(),
            *exposition.routes(render=watchers.render_metrics, token=settings.metrics_token),
            *(
                handler
                for dialect in (execute, piston)
                for handler in dialect.routes(
                    gate=gate,
                    queue=queue,
                    readiness=readiness,
                    long_answers=long_answers,
                    body_max_bytes=execute_body_max_bytes,
                    stdin_max_bytes=settings.stdin_max_bytes,
                )
            ),
        ],
        exception_handlers=exception_handlers(dialects(settings), watchers.store_failed),
        request_max_body_size=body_max_bytes,
        openapi_config=None,
        logging_config=None,
    )
