"""How many requests a key or an address may make in a minute and in a day.

A window begins with its first request and ends a minute or a day later. The rules are those of the
``limits`` library; what it counts with is here, since its own storage in memory starts a thread for
every few requests and forgets with the process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from cellblock.errors import RequestRefused
from cellblock.store import ApiKey

_SWEEP_FROM = 4096
_KEY_QUOTA_USED_UP = "API key quota exceeded"
_ADDRESS_LIMIT_REACHED = "rate limit exceeded, try again later"

NoteUse = Callable[[str, int, int], None]
"""Takes a key's id, its requests in the present day, and when that ends in seconds since the epoch."""


@dataclass(slots=True)
class _Window:
    used: int
    resets_at_s: float
    length_s: float


class _Windows(Storage):
    """Counts by name, each until its time is over. For one thread."""

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._sweep_at = _SWEEP_FROM

    def begin(self, key: str, used: int, resets_at_s: float, length_s: float) -> None:
        """Go on with a window that an earlier process began; does nothing where there is one."""
        if used and resets_at_s > self._clock() and self._present(key) is None:
            self._windows[key] = _Window(used, resets_at_s, length_s)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        window = self._present(key)
        if window is None:
            self._sweep()
            window = self._windows[key] = _Window(0, self._clock() + expiry, expiry)
        window.used += amount
        return window.used

    def get(self, key: str) -> int:
        window = self._present(key)
        return window.used if window else 0

    def get_expiry(self, key: str) -> float:
        window = self._present(key)
        return window.resets_at_s if window else self._clock()

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _present(self, key: str) -> _Window | None:
        window = self._windows.get(key)
        if window is None:
            return None
        now_s = self._clock()
        # A clock that is set back makes no window longer than it was to be.
        window.resets_at_s = min(window.resets_at_s, now_s + window.length_s)
        return window if window.resets_at_s > now_s else None

    def _sweep(self) -> None:
        """Now and then drop what is over, so that memory follows those who come, not those who came."""
        if len(self._windows) >= self._sweep_at:
            now_s = self._clock()
            self._windows = {key: kept for key, kept in self._windows.items() if kept.resets_at_s > now_s}
            self._sweep_at = max(_SWEEP_FROM, 2 * len(self._windows))


class Quotas:
    """Counts requests, and refuses (429) those above what is allowed; what is refused does not count."""

    def __init__(
        self,
        *,
        address_per_minute: int,
        note_use: NoteUse,
        clock: Callable[[], float] = time.time,
        on_refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Allow every address ``address_per_minute`` requests; 0 is no limit.

        ``on_refused`` is told whose limit was reached: ``address``, ``key_minute`` or ``key_day``.
        """
        self._on_refused = on_refused
        self._clock = clock
        self._windows = _Windows(clock)
        self._limiter = FixedWindowRateLimiter(self._windows)
        self._note_use = note_use
        self._address_limit = RateLimitItemPerMinute(address_per_minute) if address_per_minute else None

    @property
    def limits_addresses(self) -> bool:
        """Say whether requests of addresses are counted at all."""
        return self._address_limit is not None

    def count_address(self, address: str) -> None:
        """Count a request from an address."""
        if self._address_limit is not None:
            if not self._limiter.test(self._address_limit, "address", address):
                raise self._refusal(self._address_limit, "address", address, _ADDRESS_LIMIT_REACHED)
            self._limiter.hit(self._address_limit, "address", address)

    def count_run(self, key: ApiKey) -> None:
        """Count a key's request for a run."""
        limits: list[RateLimitItem] = []
        if key.per_minute is not None:
            limits.append(RateLimitItemPerMinute(key.per_minute))
        if key.per_day is not None:
            day = RateLimitItemPerDay(key.per_day)
            name = day.key_for("key", key.id)
            self._windows.begin(name, key.day_used, key.day_resets_at_s, day.get_expiry())
            limits.append(day)
        for limit in reversed(limits):  # the day first: who has used it up is not told to wait a minute
            if not self._limiter.test(limit, "key", key.id):
                raise self._refusal(limit, "key", key.id, _KEY_QUOTA_USED_UP)
        for limit in limits:
            self._limiter.hit(limit, "key", key.id)
        if key.per_day is not None:
            stats = self._limiter.get_window_stats(day, "key", key.id)
            self._note_use(key.id, key.per_day - stats.remaining, math.ceil(stats.reset_time))

    def _refusal(self, limit: RateLimitItem, kind: str, who: str, message: str) -> RequestRefused:
        self._on_refused(kind if kind == "address" else f"{kind}_{limit.GRANULARITY.name}")
        resets_at_s = self._limiter.get_window_stats(limit, kind, who).reset_time
        return RequestRefused(
            429,
            message,
            retry_after_s=max(1, math.ceil(resets_at_s - self._clock())),
            headers={
                "x-ratelimit-limit": str(limit.amount),
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": str(math.ceil(resets_at_s)),
            },
        )
