"""How long those parts of a request took that the worker does not see."""

from __future__ import annotations

import time

from cellblock.api.errors import AnyRequest
from cellblock.events import Part


class Stopwatch:
    """One per request, in its state; it runs from the request's beginning."""

    __slots__ = ("_answering", "_since_s", "parts_s")

    def __init__(self) -> None:
        self.parts_s: dict[Part, float] = {}
        self._since_s = time.monotonic()
        self._answering = False

    def end(self, part: Part) -> None:
        """Note that ``part`` ends here; what comes next begins."""
        now_s = time.monotonic()
        self.parts_s[part] = now_s - self._since_s
        self._since_s = now_s

    def answer(self, since_s: float | None = None) -> None:
        """Begin the answer: now, or when there was something to say, by the monotonic clock."""
        self._since_s = time.monotonic() if since_s is None else since_s
        self._answering = True

    def served(self) -> None:
        """End the answer, where one was begun."""
        if self._answering:
            self.end(Part.ANSWER)


def stopwatch(request: AnyRequest) -> Stopwatch:
    """Return the request's own."""
    watch: Stopwatch = request.scope["state"]["stopwatch"]
    return watch
