"""Trying attacks one after the other, and judging each by what the host shows."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import time
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from cellblock.attacks import host_root, known, machine, outer, partners, standing, taken
from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.ground import Ground
from cellblock.attacks.hostile import REQUESTS
from cellblock.attacks.instance import Instance
from cellblock.attacks.manifest import ATTEMPT, COMPILER_LIMIT, Attack, Finding, Status, Trial, fill, unfilled
from cellblock.attacks.partners import lines
from cellblock.attacks.settling import settle
from cellblock.attacks.standing import Bystanders, Standing
from cellblock.errors import CellblockError

_GONE_WITHIN_S = 5.0
_READY_WITHIN_S = 30.0
_STARTS_TRIED = 3
"""A cell that waited may be let go at the wrong moment, where memory is short; two may miss each other."""
_LATE_MS = 2000
"""How long after a limit of time a run may end."""
_UNREFUSED_BYTES = 1 << 20
"""How far the kernel may go beyond a limit of memory, for what it cannot refuse."""
_COLD = "it started cold, where programs of this language start warm"
_HEAD_START = {
    "python": "print('attempt')",
    "c": '#include <stdio.h>\nint main(void) { puts("attempt"); }',
    "cpp": '#include <cstdio>\nint main() { std::puts("attempt"); }',
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("attempt") }',
    "java": 'class Main { public static void main(String[] a) { System.out.println("attempt"); } }',
    "javascript": "console.log('attempt')",
    "typescript": "console.log('attempt')",
    "rust": 'fn main() { println!("attempt"); }',
    "bash": "echo attempt",
    "ruby": "puts 'attempt'",
    "csharp": 'class Program { static void Main() { System.Console.WriteLine("attempt"); } }',
}
"""A language whose programs do not run contains nothing: each shows first that it runs."""
_VICTIMS = "@VICTIM_PIDS@"
"""What payloads have in their source that reach for processes."""
_COMMENTS = dict.fromkeys(("python", "ruby", "bash"), "#")


class Campaign:
    """One instance under attack."""

    def __init__(self, caller: Caller, instance: Instance, *, strict: bool = True) -> None:
        """Attack the service that ``caller`` reaches; ``strict`` where every control must hold."""
        self._caller = caller
        self._instance = instance
        self._strict = strict
        self._runs: dict[str, bool] = {}
        self._warm: dict[str, frozenset[str]] = {}
        self._health = machine.health(instance)
        self._is_filtered = outer.is_filtered(instance)
        self._secrets = [*instance.secrets, *host_root.digests_of_what_only_some_may_read(instance)]

    def attempt(self, trial: Trial, *, alone: bool = True) -> Finding:
        """Try one attack; raises ``OSError`` where the service is not there to begin with.

        Where others use the service meanwhile, it is not ``alone``: what is left of it cannot be told
        from what is theirs, and whoever tries many at once looks for that at the end.
        """
        for _ in range(_STARTS_TRIED):
            finding = self._attempt_once(trial, alone=alone)
            worth_another = finding.seen in ([_COLD], [partners.MISSED]) or taken.may_be_anybodys(
                finding.seen
            )
            if not worth_another:
                break
        return finding

    def _attempt_once(self, trial: Trial, *, alone: bool) -> Finding:
        began_s = time.monotonic()
        if why_not := self._why_not(trial):
            return _finding(trial, "not tried", [why_not], [], began_s)
        warm_ones = self.starts_warm(trial.language) if alone and trial.source else frozenset()
        if warm_ones and not self._make_ready(trial.language, warm_ones):
            return _finding(trial, "not tried", ["no cell waits for it"], [], began_s)
        clock_s = machine.clock_offset_s()
        bystanders = Bystanders(self._instance)
        users = self._instance.program_uids if _VICTIMS in trial.source else ()
        watched = trial.attack.witnesses if alone else []
        with contextlib.closing(Ground(users, self._secrets)) as ground:
            with taken.Watch(self._instance.uids, watched) as watch:
                answers, wrong = self._attack(trial, ground, bystanders.before)
            proof = fill(trial.proof, ground.values)
            reached = ground.turned()
            if any(ground.told(answer.text) for answer in answers):
                reached.append("the answer holds a secret of the host's, or of another run")
        reached += bystanders.harmed() if alone else []
        reached += self._changed(clock_s) if alone else []
        reached += taken.reached(trial.attack, watch, [answer.json() for answer in answers])
        reached += known.as_where_it_succeeds(trial.attack, answers)
        if trial.attack.twice:
            reached += [known.both_printed(line) for line in _said_by_both(answers)]
        wrong += self._next_run() if alone else []
        if reached:
            finding = _finding(trial, "not contained", reached + wrong, answers, began_s)
            return replace(
                finding, open=known.why_open(trial.attack, finding.status, finding.seen, self._instance)
            )
        if wrong:
            return _finding(trial, "dishonest", wrong, answers, began_s)
        if untold := self._why_untold(trial, answers, proof, warm_ones, alone=alone):
            return _finding(trial, "not tried", [untold], answers, began_s)
        return _finding(trial, "contained", [], answers, began_s)

    def _why_untold(
        self, trial: Trial, answers: list[Answer], proof: str, warm_ones: frozenset[str], *, alone: bool
    ) -> str:
        """Say why answers with nothing wrong in them show nothing; empty where they do."""
        unnamed = any(self._ended_unnamed(trial, answer) for answer in answers)
        if unnamed and (unknown := outer.why_unknown(self._instance, trial)):
            return unknown
        how_many = all if trial.attack.partner else any
        if trial.source and not how_many(_tried(trial.attack, answer, proof) for answer in answers):
            return _tail(answers[-1])
        if trial.attack.partner and (apart := partners.why_apart(trial, answers, alone=alone)):
            return apart
        return "" if all(_were_warm(answer, warm_ones) for answer in answers) else _COLD

    def _why_not(self, trial: Trial) -> str:
        """Say why an attack cannot be tried here; empty where it can."""
        if trial.needs and not self.language_runs(trial.needs):
            return f"{trial.needs} runs no program here"
        if trial.of_the_host and not self.version_of_the_host:
            return "the host's Python is not offered"
        return ""

    def language_runs(self, language: str) -> bool:
        """Say whether a correct program of this language runs; asked once."""
        if language not in self._runs:
            answer = self._head_start(language)
            self._runs[language] = answer.json().get("verdict") == "AC" and _proves(answer, ATTEMPT)
        return self._runs[language]

    @cached_property
    def version_of_the_host(self) -> str:
        """The version of Python that runs in the root of the host's programs; empty where none is offered."""
        return host_root.version_of_the_hosts_python(self._caller, self._instance)

    def starts_warm(self, language: str) -> frozenset[str]:
        """Say which stages of a language that was asked for lately start warm here; found out once."""
        if language not in self._warm:
            warm: set[str] = set()
            for _ in range(_STARTS_TRIED):
                if not self._any_waits():
                    break
                warm |= _warm_stages(self._head_start(language))
            self._warm[language] = frozenset(warm)
        return self._warm[language]

    def _make_ready(self, language: str, stages: frozenset[str]) -> bool:
        """Have cells wait for these stages of a program; ``False`` where none comes to wait."""
        deadline_s = time.monotonic() + _READY_WITHIN_S
        while not _were_warm(self._head_start(language), stages):
            self._any_waits()
            if time.monotonic() > deadline_s:
                return False
        return self._any_waits()

    def _any_waits(self) -> bool:
        """Wait until what is being made ahead is made, and say whether there is any."""
        settle(self._instance, within_s=_GONE_WITHIN_S)
        return bool(standing.look(self._instance).waiting)

    def _head_start(self, language: str) -> Answer:
        # Never twice the same: what was compiled before needs no compiler.
        comment = f"{_COMMENTS.get(language, '//')} {secrets.token_hex(8)}\n"
        return self._caller.submit(language, f"{_HEAD_START[language]}\n{comment}")

    # ---- one attack ----

    def _attack(self, trial: Trial, ground: Ground, there: Standing) -> tuple[list[Answer], list[str]]:
        """Return the answers that count, and what is wrong with them."""
        attack = trial.attack
        if attack.request:
            answers: list[Answer] = []
            return answers, REQUESTS[attack.request](self._caller, ground, answers)
        code = fill(trial.source, {**ground.values, **self._values(there)})
        if missing := unfilled(code):
            raise CellblockError(f"payload of {attack.name} has placeholders nobody fills: {sorted(missing)}")
        if attack.partner:
            answers = partners.run_both(self._caller, trial, code, ground.token)
        else:
            runs = 2 if attack.twice else 1
            answers = [self._run(trial, code) for _ in range(runs)]
        return answers, [fault for answer in answers for fault in self._faults(trial, answer)]

    def _run(self, trial: Trial, code: str) -> Answer:
        if not trial.executed:
            return self._caller.submit(trial.language, code, stdin=trial.attack.stdin)
        version = self.version_of_the_host if trial.of_the_host else "*"
        return self._caller.executed(trial.language, code, stdin=trial.attack.stdin, version=version)

    def _values(self, there: Standing) -> dict[str, str]:
        """Where payloads find our processes (or the supervisor) and directories; how much memory there is."""
        instance, told = self._instance, self._instance.environment
        waiting = [(cell.init, cell.program) for cell in there.waiting] or [(instance.supervisor,) * 2]
        return {
            "SPAWNER_PID": str(next(iter(there.spawners), instance.supervisor)),
            "ZYGOTE_PID": str(next((each.pid for each in there.zygotes), instance.supervisor)),
            "WAITING_INIT_PID": str(waiting[0][0]),
            "WAITING_PID": str(waiting[0][1]),
            "HELD_S": str(partners.HOLDS_S),
            "SERVICE_PORT": str(self._caller.port),
            "SERVICE_PID": str(instance.service),
            "SUPERVISOR_PID": str(instance.supervisor),
            "PARENT_PID": str(instance.parent),
            "MEMORY_BYTES": str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
            **{name: told[f"CELLBLOCK_{name}"] for name in ("DATA_DIR", "RUNTIME_DIR")},
            "SOCKET": told["CELLBLOCK_SUPERVISOR_SOCKET"],
        }

    def _faults(self, trial: Trial, answer: Answer) -> list[str]:
        """Name what is dishonest about an answer, or less than was promised."""
        record = answer.json()
        if answer.status != http.client.OK or not record.get("verdict"):
            return [f"answered {answer.status}: {_tail(answer)}"]
        wrong = []
        allowed = [str(verdict) for verdict in trial.attack.verdicts]
        evidence: dict[str, Any] = record.get("evidence") or {}
        named = (evidence.get("seccomp") or {}).get("syscall") or ""
        if self._ended_unnamed(trial, answer) and outer.may_have_refused(self._instance, trial):
            allowed.append("AC")
        elif trial.syscall and named != trial.syscall:
            wrong.append(f"the evidence names {named or 'no call'}, not {trial.syscall}")
        if record["verdict"] not in allowed and not known.succeeded(trial.attack, answer):
            wrong.append(f"verdict {record['verdict']}, allowed {' '.join(allowed)}: {_tail(answer)}")
        if self._strict and evidence.get("controls_missing"):
            wrong.append(f"ran without {', '.join(evidence['controls_missing'])}")
        if evidence.get("collection_errors"):
            wrong.append(f"evidence lacks {evidence['collection_errors']}")
        wrong += _beyond_limits(evidence) + taken.unmet(trial.attack, record)
        lifecycle = evidence.get("process_lifecycle") or {}
        if lifecycle.get("descendant_containment") not in {"ok", None}:
            wrong.append("descendants were not contained")
        return wrong

    def _ended_unnamed(self, trial: Trial, answer: Answer) -> bool:
        """Say whether a program was refused its call, and a filter around the service may have been first.

        One whose call succeeded ends otherwise.
        """
        return self._is_filtered and bool(trial.syscall) and answer.json().get("verdict") == "AC"

    # ---- afterwards ----

    def _changed(self, clock_s: float) -> list[str]:
        """Name what of machine and instance is not as before."""
        now = machine.health(self._instance)
        found = [f"{name}: {was} → {now[name]}" for name, was in self._health.items() if now[name] != was]
        self._health = now
        if machine.clock_was_set(clock_s):
            found.append("the machine's clock was set")
        left = settle(self._instance, within_s=_GONE_WITHIN_S, rests_for_s=0)
        return [*found, *([f"left behind: {left}"] if any(left.values()) else [])]

    def _next_run(self) -> list[str]:
        """Say whether a correct program still gets its right answer."""
        language = "python" if self.language_runs("python") else next(iter(self._runs))
        answer = self._head_start(language)
        if answer.json().get("verdict") == "AC" and answer.json().get("stdout") == f"{ATTEMPT}\n":
            return []
        return [f"the next run was answered {answer.status}: {_tail(answer)}"]


def _beyond_limits(evidence: dict[str, Any]) -> list[str]:
    """Name the limits that the run's own group and clocks say were passed."""
    limits, group, timing = (evidence.get(name) or {} for name in ("limits", "cgroup", "timing"))
    measured = {
        "memory": (group.get("memory_peak_bytes"), group.get("memory_limit_bytes"), _UNREFUSED_BYTES),
        "CPU time": (timing.get("cpu_ms"), limits.get("cpu_ms"), _LATE_MS),
        "wall time": (timing.get("wall_ms"), limits.get("wall_ms"), _LATE_MS),
    }
    return [
        f"{name} reached {used} with a limit of {limit}"
        for name, (used, limit, late) in measured.items()
        if used and limit and used > limit + late
    ]


def _stages(answer: Answer) -> dict[str, bool]:
    """Return whether each stage that was executed started warm; what does not compile has no run."""
    evidence = answer.json().get("evidence") or {}
    compiled = evidence.get("compile") or {}
    stages = {}
    if compiled and compiled.get("cache") != "hit":
        stages["compile"] = compiled.get("warm_start") is True
    if (evidence.get("facts") or {}).get("stage") == "run":
        stages["run"] = evidence.get("warm_start") is True
    return stages


def _warm_stages(answer: Answer) -> set[str]:
    return {stage for stage, warm in _stages(answer).items() if warm}


def _were_warm(answer: Answer, stages: frozenset[str]) -> bool:
    return stages & _stages(answer).keys() <= _warm_stages(answer)


def _said_by_both(answers: list[Answer]) -> list[str]:
    """Return what two runs printed alike, but for what shows that they tried."""
    first, second = map(lines, answers)
    return [line for line in first if line in second and line != ATTEMPT]


def _proves(answer: Answer, proof: str) -> bool:
    record = answer.json()
    return proof in f"{record.get('stdout')}\n{record.get('stderr')}\n{record.get('error_message')}"


def _tried(attack: Attack, answer: Answer, proof: str) -> bool:
    """Say whether there is the proof; where the compiler is attacked, its limit is one, too.

    No mistake in a payload has it meet that. What attacks when it runs has not run then.
    """
    limited = str(answer.json().get("error_message")).startswith(COMPILER_LIMIT)
    return _proves(answer, proof) or (attack.line == "B" and limited)


def _tail(answer: Answer) -> str:
    """Return the end of what a program said, for whoever looks into it."""
    record = answer.json()
    said = [str(record.get(name) or "")[-300:] for name in ("error_message", "error", "stdout", "stderr")]
    return " | ".join(part.strip() for part in said if part) or answer.text[-300:]


def _finding(trial: Trial, status: Status, seen: list[str], answers: list[Answer], began_s: float) -> Finding:
    ran = [answer for answer in answers if _stages(answer)]
    return Finding(
        trial=trial.name,
        attack_class=trial.attack.line[0],
        language=trial.language,
        status=status,
        seen=seen,
        verdict=str(answers[-1].json().get("verdict") or answers[-1].status) if answers else "",
        warm=bool(ran) and all(_warm_stages(answer) for answer in ran),
        took_ms=round((time.monotonic() - began_s) * 1000),
    )
