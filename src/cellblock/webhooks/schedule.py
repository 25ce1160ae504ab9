"""When an attempt is made, and whose turn it is. Pure but for its own state; times are given."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

_NS_PER_S = 1_000_000_000
_FIRST_PAUSES_S = (1, 5)
_LONGEST_PAUSE_S = 3600
LONGEST_PAUSE_NS = _LONGEST_PAUSE_S * _NS_PER_S


def pause_ns(attempts: int) -> int:
    """Return how long to wait after so many failed attempts: 1 s, 5 s, 10 s, 20 s … at most an hour."""
    if attempts <= len(_FIRST_PAUSES_S):
        return _FIRST_PAUSES_S[attempts - 1] * _NS_PER_S
    doublings = min(attempts - len(_FIRST_PAUSES_S), _LONGEST_PAUSE_S.bit_length())
    return min(_FIRST_PAUSES_S[-1] << doublings, _LONGEST_PAUSE_S) * _NS_PER_S


@dataclass(slots=True)
class _Host:
    """What one receiver is waited for with."""

    waiting: list[tuple[int, str]] = field(default_factory=list)
    """A heap of (due at ns, submission id)."""
    running: int = 0
    offered_ns: int | None = None
    """Due time of its earliest entry among the lane's heads."""


class Lane:
    """Deliveries that share a bound on how many are under way, with another one for each host."""

    def __init__(self, *, at_a_time: int, at_a_time_per_host: int) -> None:
        self._free = at_a_time
        self._per_host = at_a_time_per_host
        self._hosts: dict[str, _Host] = {}
        self._heads: list[tuple[int, str]] = []
        """A heap of (due at ns, host); an entry counts only while it says the truth."""

    @property
    def waiting(self) -> int:
        """How many deliveries wait for their time or their turn."""
        return sum(len(host.waiting) for host in self._hosts.values())

    def put(self, due_ns: int, host: str, submission_id: str) -> None:
        """Have a delivery wait until ``due_ns``."""
        receiver = self._hosts.setdefault(host, _Host())
        heapq.heappush(receiver.waiting, (due_ns, submission_id))
        self._offer(host)

    def take(self, now_ns: int) -> tuple[str, str] | None:
        """Return (host, submission id) of what is due longest and may start; ``release`` it afterwards."""
        next_due_ns = self.next_due_ns()
        if next_due_ns is None or next_due_ns > now_ns:
            return None
        host = self._withdraw_first()
        receiver = self._hosts[host]
        _, submission_id = heapq.heappop(receiver.waiting)
        receiver.running += 1
        self._free -= 1
        self._offer(host)
        return host, submission_id

    def release(self, host: str) -> None:
        """Note that what was taken for ``host`` is over."""
        receiver = self._hosts[host]
        receiver.running -= 1
        self._free += 1
        if receiver.running or receiver.waiting:
            self._offer(host)
        else:
            del self._hosts[host]

    def next_due_ns(self) -> int | None:
        """Return when ``take`` has something next; ``None`` where only ``put`` or ``release`` change that."""
        if not self._free:
            return None
        while self._heads:
            due_ns, host = self._heads[0]
            receiver = self._hosts.get(host)
            if receiver and self._may_start(receiver) and receiver.waiting[0][0] == due_ns:
                return due_ns
            self._withdraw_first()
        return None

    def _offer(self, host: str) -> None:
        receiver = self._hosts[host]
        if not self._may_start(receiver):
            return
        due_ns = receiver.waiting[0][0]
        if receiver.offered_ns is None or due_ns < receiver.offered_ns:
            receiver.offered_ns = due_ns
            heapq.heappush(self._heads, (due_ns, host))

    def _withdraw_first(self) -> str:
        due_ns, host = heapq.heappop(self._heads)
        receiver = self._hosts.get(host)
        if receiver and receiver.offered_ns == due_ns:
            receiver.offered_ns = None
        return host

    def _may_start(self, receiver: _Host) -> bool:
        return bool(receiver.waiting) and receiver.running < self._per_host
