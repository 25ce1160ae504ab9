"""What a soak does at random: one attack, judged by its witnesses, or one correct program, by its answer."""

from __future__ import annotations

import http.client
import signal
import threading
from collections import Counter
from collections.abc import Sequence

import msgspec

from cellblock.attacks.caller import Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.manifest import Trial
from cellblock.model import Verdict
from corpus.programs import Program
from corpus.ran import Ran, differences

_RUN_TIMEOUT_MS = 30_000


class Work:
    """Everything that can be done to one service, by any number of threads."""

    def __init__(
        self, caller: Caller, campaign: Campaign, trials: Sequence[Trial], programs: Sequence[Program]
    ):
        self.items: list[Trial | Program] = [*trials, *programs]
        self._caller = caller
        self._campaign = campaign
        self.started_warm: Counter[str] = Counter()
        """Submissions by language whose runtime had booted before."""
        self._first_said: dict[str, Ran] = {}
        self._lock = threading.Lock()

    def do(self, item: Trial | Program) -> list[str]:
        """Do it; returns what was wrong with what came of it."""
        if isinstance(item, Program):
            return [f"{item.id}: {fault}" for fault in self._answered_rightly(item)]
        finding = self._campaign.attempt(item, alone=False)
        self.started_warm[item.language] += finding.warm
        if finding.status == "contained" or (finding.status == "not contained" and finding.open):
            return []
        return [f"{finding.trial}: {finding.status} {finding.verdict}: {'; '.join(finding.seen)}"]

    def _answered_rightly(self, program: Program) -> list[str]:
        ran, fault = self._executed(program) if program.args else self._judged(program)
        if ran is None:
            return [fault]
        if (ran.exit_code, ran.signal) != (program.exit_code, program.signal):
            return [f"ended {ran.exit_code} {ran.signal}: {ran.stdout[-300:]!r} {ran.stderr[-300:]!r}"]
        if program.says not in ran.stdout + ran.stderr:
            return [f"did not say {program.says!r}: {ran.stdout[-300:]!r} {ran.stderr[-300:]!r}"]
        with self._lock:
            first = self._first_said.setdefault(program.id, ran)
        return differences(first, ran, names=("first", "now"), mask=program.mask)

    def _judged(self, program: Program) -> tuple[Ran | None, str]:
        (file,) = program.files
        answer = self._caller.submit(program.language, file.content.decode(), stdin=program.stdin.decode())
        record = answer.json()
        evidence = record.get("evidence") or {}
        if answer.status != http.client.OK or record.get("verdict") not in {"AC", "RE", "SIG"}:
            return None, f"answered {answer.status}: {answer.text[-1000:]}"
        if evidence.get("controls_missing") or evidence.get("collection_errors"):
            return None, f"controls or evidence missing: {evidence}"
        self.started_warm[program.language] += evidence["warm_start"]
        ran = _ran(record["exit_code"], record["signal"], record)
        return msgspec.structs.replace(ran, verdict=Verdict(record["verdict"])), ""

    def _executed(self, program: Program) -> tuple[Ran | None, str]:
        answer = self._caller.post(
            "/v1/execute",
            {
                "language": program.language,
                "code": program.files[0].content.decode(),
                "stdin": program.stdin.decode(),
                "args": program.args,
                "run_timeout": _RUN_TIMEOUT_MS,
                "compile_timeout": _RUN_TIMEOUT_MS,
            },
        )
        if answer.status != http.client.OK:
            return None, f"answered {answer.status}: {answer.text[-1000:]}"
        run = answer.json()["run"]
        number = signal.Signals[run["signal"]].value if run["signal"] else None
        return _ran(run["code"], number, run), ""


def _ran(exit_code: int | None, number: int | None, said: dict[str, str]) -> Ran:
    return Ran(
        exit_code=exit_code, signal=number, stdout=said["stdout"].encode(), stderr=said["stderr"].encode()
    )
