"""When an attempt is made, and whose turn it is. Pure but for its own state; times are given."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable
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
    """What one API key waits for one receiver with."""

    waiting: list[tuple[int, str]] = field(default_factory=list)
    """A heap of (due at ns, submission id)."""
    offered_ns: int | None = None
    """Due time of its earliest entry among the line's heads."""


class Lane:
    """Deliveries that share a bound on how many are under way, with another one for each host.

    They stand in one line for each API key (a *scope*), and the lines take turns: a key whose thousand
    receivers never answer holds up its own deliveries, and nobody else's by more than a turn.
    """

    def __init__(self, *, at_a_time: int, at_a_time_per_host: int) -> None:
        self._free = at_a_time
        self._per_host = at_a_time_per_host
        self._running: Counter[str] = Counter()
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        """Scopes with something that waits, the next one first."""

    @property
    def waiting(self) -> int:
        """How many deliveries wait for their time or their turn."""
        return sum(line.waiting for line in self._lines.values())

    def put(self, due_ns: int, host: str, submission_id: str, scope: str = "") -> None:
        """Have a delivery of ``scope`` wait until ``due_ns``."""
        if scope not in self._lines:
            self._lines[scope] = _Line(self._may_start)
        self._lines[scope].put(due_ns, host, submission_id)

    def take(self, now_ns: int) -> tuple[str, str] | None:
        """Return (host, submission id) of what may start; ``release`` it afterwards.

        Of the scope whose turn it is, that is what is due longest.
        """
        if not self._free:
            return None
        for scope, line in self._lines.items():
            next_due_ns = line.next_due_ns()
            if next_due_ns is not None and next_due_ns <= now_ns:
                host, submission_id = line.take()
                self._running[host] += 1
                self._free -= 1
                if line.waiting:
                    line.offer(host)
                    self._lines.move_to_end(scope)
                else:
                    del self._lines[scope]
                return host, submission_id
        return None

    def release(self, host: str) -> None:
        """Note that what was taken for ``host`` is over."""
        self._free += 1
        self._running[host] -= 1
        if not self._running[host]:
            del self._running[host]
        for line in self._lines.values():
            line.offer(host)

    def next_due_ns(self) -> int | None:
        """Return when ``take`` has something next; ``None`` where only ``put`` or ``release`` change that."""
        if not self._free:
            return None
        dues_ns = (line.next_due_ns() for line in self._lines.values())
        return min((due_ns for due_ns in dues_ns if due_ns is not None), default=None)

    def _may_start(self, host: str) -> bool:
        return self._running[host] < self._per_host


class _Line:
    """What waits of one scope."""

    def __init__(self, may_start: Callable[[str], bool]) -> None:
        self._may_start = may_start
        self._hosts: dict[str, _Host] = {}
        self._heads: list[tuple[int, str]] = []
        """A heap of (due at ns, host); an entry counts only while it says the truth."""
        self.waiting = 0

    def put(self, due_ns: int, host: str, submission_id: str) -> None:
        receiver = self._hosts.setdefault(host, _Host())
        heapq.heappush(receiver.waiting, (due_ns, submission_id))
        self.waiting += 1
        self.offer(host)

    def take(self) -> tuple[str, str]:
        """Return (host, submission id) of what ``next_due_ns`` has just told of."""
        host = self._withdraw_first()
        receiver = self._hosts[host]
        _, submission_id = heapq.heappop(receiver.waiting)
        self.waiting -= 1
        if not receiver.waiting:
            del self._hosts[host]
        return host, submission_id

    def next_due_ns(self) -> int | None:
        """Return when something is due whose host has room."""
        while self._heads:
            due_ns, host = self._heads[0]
            receiver = self._hosts.get(host)
            if receiver and self._may_start(host) and receiver.waiting[0][0] == due_ns:
                return due_ns
            self._withdraw_first()
        return None

    def offer(self, host: str) -> None:
        """Have the host's earliest delivery stand among the heads, where there is one that may start."""
        receiver = self._hosts.get(host)
        if receiver is None or not self._may_start(host):
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
