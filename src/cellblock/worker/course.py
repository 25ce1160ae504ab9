"""One entry's way through the worker, timed for whoever watches."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from cellblock.dispatch import Errand, Waiting
from cellblock.events import RunEnded, RunEnding
from cellblock.model import Job, Outcome, Profile


@dataclass(slots=True)
class Course:
    """Begins when the entry is taken from the queue. All times are of the monotonic clock."""

    entry: Waiting | Errand
    taken_at_s: float = field(default_factory=time.monotonic)
    job: Job | None = None
    handed_over_at_s: float | None = None
    answered_at_s: float | None = None

    def hand_over(self, job: Job) -> None:
        """Note that the supervisor gets the job now."""
        self.job = job
        self.handed_over_at_s = time.monotonic()

    def answer(self) -> None:
        """Note that the supervisor said what came of it."""
        self.answered_at_s = time.monotonic()

    def ended(self, ending: RunEnding, outcome: Outcome | None) -> RunEnded:
        """Return the event: it ends now."""
        now_s = time.monotonic()
        entry = self.entry
        language, profile = _what(entry)
        return RunEnded(
            id=entry.id,
            ending=ending,
            kept=isinstance(entry, Waiting),
            language=language,
            profile=profile,
            job=self.job,
            outcome=outcome,
            queue_s=self.taken_at_s - entry.queued_at_s,
            supervisor_s=_between(self.handed_over_at_s, self.answered_at_s),
            store_s=_between(self.answered_at_s, now_s) if isinstance(entry, Waiting) else None,
            total_s=now_s - entry.queued_at_s,
        )


def _what(entry: Waiting | Errand) -> tuple[str, Profile]:
    asked = entry.record if isinstance(entry, Waiting) else entry.job
    return asked.language, asked.profile


def _between(begin_s: float | None, end_s: float | None) -> float | None:
    return None if begin_s is None or end_s is None else end_s - begin_s
