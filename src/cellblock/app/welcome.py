"""What ``cellblock serve`` prints once it is of use: where it answers, and a request to try."""

from __future__ import annotations

import asyncio
import json

from cellblock import __version__
from cellblock.config import Settings
from cellblock.model import EnforcementMode, SupervisorStatus
from cellblock.supervisor.client import SupervisorClient

_SELF_TEST_PATIENCE_S = 20.0
_OPEN = (
    "There are no API keys: whoever is on this machine may run programs here. "
    "`cellblock keys create --name NAME` closes it at once."
)
_ASKS_FOR_A_KEY = "Every request needs an API key: `cellblock keys list`."


async def first_settled_status(settings: Settings) -> SupervisorStatus | None:
    """Wait until a program could run, or until it is clear that none can; returns the status then.

    Self-tests that take longer are not waited for; ``None`` where no supervisor came up at all.
    """
    client = SupervisorClient(settings.supervisor_socket)
    changed = asyncio.Event()
    client.on_change(changed.set)
    await client.start()
    try:
        async with asyncio.timeout(_SELF_TEST_PATIENCE_S):
            while not _is_settled(client.status):
                await changed.wait()
                changed.clear()
    except TimeoutError:
        pass
    finally:
        status = client.status
        await client.close()
    return status


def text(settings: Settings, status: SupervisorStatus | None, *, needs_key: bool) -> str:
    """Return the lines to print."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base_url = f"http://{host}:{settings.port}"
    body = json.dumps({"language": "python", "code": "print(2 + 2)"})
    who, key = (_ASKS_FOR_A_KEY, " -H 'x-api-key: cb_live_...'") if needs_key else (_OPEN, "")
    return (
        f"cellblock {__version__} answers on {base_url} ({_mode(settings, status)})\n"
        "Try it:\n"
        f"  curl -sS '{base_url}/api/submit?wait=true'{key} -H 'content-type: application/json' -d '{body}'\n"
        f"{who}\n"
    )


def _mode(settings: Settings, status: SupervisorStatus | None) -> str:
    if status is None or status.enforcement_mode is EnforcementMode.NONE:
        return "programs are NOT run: isolation cannot be enforced; `cellblock doctor` says why"
    if settings.permissive:
        return "PERMISSIVE: programs run although controls may be missing"
    if status.enforcement_mode is EnforcementMode.DEGRADED:
        return f"strict but for what was accepted as missing: {', '.join(settings.accept_missing)}"
    return "strict"


def _is_settled(status: SupervisorStatus | None) -> bool:
    if status is None:
        return False
    if status.enforcement_mode is EnforcementMode.NONE:
        return True
    languages = status.languages
    return any(language.available for language in languages) or not any(
        language.pending for language in languages
    )
