"""Records on their way to a client: for their owner only, held in memory only as far as there is room."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cellblock.api.answers import LONG_BYTES, AnyResponse, BrokenOffError, LongAnswers, output_response
from cellblock.api.errors import AnyRequest, json_response
from cellblock.api.judge import translate
from cellblock.api.judge.wire import NotYetBody
from cellblock.api.stopwatch import stopwatch
from cellblock.dispatch import Waiting
from cellblock.errors import RequestRefused
from cellblock.model import Record
from cellblock.store import Store

_END_OF_BEGUN_S = 10.0
"""How much longer than a client waits for a result an answer that was begun may wait for the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Reads records and waits for them."""

    store: Store
    long_answers: LongAnswers
    sync_wait_max_ms: int

    async def held(self, request: AnyRequest, scope: str, submission_id: str) -> Record | None:
        """Read a record; of a long one the memory is asked for first (503), and held until it is answered."""
        found = await self.store.find(submission_id, scope, LONG_BYTES)
        if not isinstance(found, int):
            return found
        self.long_answers.hold(request, scope, found)
        return await self.store.get(submission_id, scope)

    async def answer(self, request: AnyRequest, scope: str, waiting: Waiting) -> AnyResponse:
        """Wait for the result; the job does not notice when nobody waits any more.

        A long answer is begun while its record is being written, where nothing speaks against that, and
        ended when it is on disk: for that there is some time more.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self.sync_wait_max_ms / 1000
        finished = known = waiting.finished
        await asyncio.wait(
            [finished, waiting.ended],
            timeout=self.sync_wait_max_ms / 1000,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if waiting.ended.done() and self._may_begin(waiting.ended.result()):
            known = waiting.ended
        else:
            await asyncio.wait([finished], timeout=until_s - loop.time())

        async def be_kept() -> None:
            await asyncio.wait([finished], timeout=until_s + _END_OF_BEGUN_S - loop.time())
            if finished.cancelled() or not finished.done() or finished.exception():
                raise BrokenOffError(f"the result of {waiting.id} is not on disk yet")

        if known.cancelled():
            reason = "the service is stopping and runs the submission after its next start"
        elif not known.done():
            reason = f"no result within {self.sync_wait_max_ms / 1000:g} s, the submission goes on"
        else:
            record = known.result()
            try:
                self.long_answers.hold(request, scope, _output_bytes(record))
            except RequestRefused as refusal:
                reason = refusal.message
            else:
                stopwatch(request).answer(since_s=waiting.ended_at_s)
                body = translate.record_body(record)
                return await output_response(request, 200, body, before_end=be_kept)
        if waiting.kept is not None:
            await asyncio.wait([waiting.kept])  # what is promised below has to be there
            waiting.kept.result()
        return json_response(408, NotYetBody(waiting.id, f"{reason}; poll GET /api/result/{waiting.id}"))

    def _may_begin(self, record: Record) -> bool:
        """Say whether an answer is long and its record can be expected to be on disk when it ends."""
        outcome = record.outcome
        return outcome is not None and outcome.output_bytes > LONG_BYTES and self.store.will_keep(outcome)


def _output_bytes(record: Record) -> int:
    return record.outcome.output_bytes if record.outcome else 0


def canonical_id(request: AnyRequest) -> str:
    """Return the submission that the path names; refuses (400) what is no UUID."""
    named: str = request.path_params["submission_id"]
    submission_id = translate.parse_uuid(named)
    if submission_id is None:
        raise RequestRefused(400, f"submission id must be a UUID, got {named!r}")
    return submission_id


def not_found() -> RequestRefused:
    """Return what is said of a submission that does not exist, or that is another key's."""
    return RequestRefused(404, "submission not found")
