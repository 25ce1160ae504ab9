"""What the log says while the store fails: the first failure at once, then how many more there were.

Every request that is refused meanwhile fails too, and so does every result that is tried again each
second: a line for each would fill the very disk that is full.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from cellblock.events import StoreFailed

SUMMARY_AFTER_S = 60.0

_log = structlog.get_logger("cellblock.store")


@dataclass(slots=True)
class _More:
    """What was not written down since the last line about one reason."""

    times: int = 0
    last: str = ""


class StoreFailures:
    """One line for the first failure of each reason, and one for all that follow in ``summary_after_s``.

    A time without any ends the series: the next failure is a first one again.
    """

    def __init__(self, summary_after_s: float = SUMMARY_AFTER_S) -> None:
        self._summary_after_s = summary_after_s
        self._more: dict[str, _More] = {}

    def note(self, event: StoreFailed) -> None:
        """Write a failure down, or count it; on the event loop's thread."""
        more = self._more.get(event.reason)
        if more is None:
            self._more[event.reason] = _More()
            self._summarise_later(event.reason)
            _log.error("store_failed", request=event.request_id, reason=event.reason, error=event.message)
        else:
            more.times += 1
            more.last = event.message

    def _summarise_later(self, reason: str) -> None:
        asyncio.get_running_loop().call_later(self._summary_after_s, self._summarise, reason)

    def _summarise(self, reason: str) -> None:
        more = self._more.pop(reason)
        if more.times:
            self._more[reason] = _More()
            self._summarise_later(reason)
            _log.error(
                "store_failed_again",
                reason=reason,
                times=more.times,
                within_s=self._summary_after_s,
                error=more.last,
            )
