"""Whether programs can be run here and now and, if not, why."""

from __future__ import annotations

from dataclasses import dataclass

from cellblock.errors import RequestRefused
from cellblock.model import EnforcementMode, SupervisorStatus
from cellblock.supervisor.client import SupervisorClient

_SOON_S = 1
_AFTER_REPAIR_S = 30


@dataclass(slots=True)
class Readiness:
    """One per service; ``draining`` is set when it begins to stop."""

    supervisor: SupervisorClient
    draining: bool = False

    def require(self) -> SupervisorStatus:
        """Return the supervisor's status; raises ``RequestRefused`` (503) where nothing can be run."""
        if self.draining:
            raise RequestRefused(
                503, "the service is stopping; try again when it is back", retry_after_s=_SOON_S
            )
        status = self.supervisor.status
        if status is None:
            raise RequestRefused(
                503, "no supervisor is connected, it is being started; try again", retry_after_s=_SOON_S
            )
        if status.enforcement_mode is EnforcementMode.NONE:
            raise RequestRefused(503, isolation_problem(status), retry_after_s=_AFTER_REPAIR_S)
        return status


def isolation_problem(status: SupervisorStatus) -> str:
    """Return which required controls do not hold, and what mends each."""
    problems = [
        f"{problem.feature}: {problem.detail}" + (f" (remedy: {problem.remedy})" if problem.remedy else "")
        for problem in status.problems
    ]
    found = "; ".join(problems) or "the supervisor names no reason"
    return f"isolation cannot be enforced on this host, so no program is run: {found}"
