"""The verdict against the contract: every combination of facts, and an oracle written from its text."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import msgspec
import pytest

from cellblock.model import CellFacts, Verdict, VerdictActor, VerdictCause
from cellblock.verdict.judge import judge, missing_evidence

LIMIT = 100_000_000
CPU_LIMIT = 4_000_000
KILL, SEGV, XCPU, XFSZ = 9, 11, 24, 25

ENDINGS = [
    (0, None),
    (1, None),
    (137, None),
    (None, KILL),
    (None, SEGV),
    (None, XCPU),
    (None, XFSZ),
    (None, None),
]

DOMAIN = {
    "ending": ENDINGS,
    "killed_by_judge": [None, "cpu_limit", "wall_limit", "socket_limit", "seccomp"],
    "oom_kill_events": [0, 1, 7, None],
    "pids_limit_events": [0, 1, 40, None],
    "memory_peak_bytes": [0, 98_999_999, 99_000_000, LIMIT, None],
    "memory_limit_bytes": [LIMIT, None],
    "process_limit": [10, None],
    "cpu_usage_usec": [0, CPU_LIMIT - 1, CPU_LIMIT, None],
    "cpu_limit_usec": [CPU_LIMIT],
    "contained": [True, False],
    "collection_errors": [(), ("memory.peak: gone",)],
}

Rule = tuple[Callable[[CellFacts], bool], Verdict, VerdictCause]


def failed(facts: CellFacts) -> bool:
    return facts.exit_code != 0


def breached(facts: CellFacts) -> bool:
    """SIGKILL that we did not send, no oom_kill counted, peak at or above 99 % of the limit."""
    limit, peak = facts.memory_limit_bytes, facts.memory_peak_bytes
    return facts.signal == KILL and limit is not None and peak is not None and peak * 100 >= limit * 99


def ended_for_cpu(facts: CellFacts) -> bool:
    """SIGXCPU, or a failure beyond the limit: the kernel sends SIGKILL to who is deaf, or ended a child."""
    used = facts.cpu_usage_usec
    return facts.signal == XCPU or (failed(facts) and used is not None and used >= CPU_LIMIT)


PRECEDENCE: list[Rule] = [
    (lambda facts: facts.killed_by_judge == "cpu_limit", Verdict.TLE, VerdictCause.TLE_CPU_JUDGE),
    (lambda facts: facts.killed_by_judge == "wall_limit", Verdict.TLE, VerdictCause.TLE_WALL_JUDGE),
    (lambda facts: facts.killed_by_judge == "socket_limit", Verdict.MLE, VerdictCause.MLE_LIMIT_BREACH),
    (lambda facts: bool(facts.oom_kill_events), Verdict.MLE, VerdictCause.MLE_KERNEL_OOM),
    (lambda facts: facts.killed_by_judge == "seccomp", Verdict.SIG, VerdictCause.RE_FATAL_SIGNAL),
    (ended_for_cpu, Verdict.TLE, VerdictCause.TLE_CPU_KERNEL),
    (lambda facts: facts.signal == XFSZ, Verdict.FSE, VerdictCause.FSE_LIMIT_EXCEEDED),
    (
        lambda facts: bool(facts.pids_limit_events) and failed(facts),
        Verdict.PLE,
        VerdictCause.PLE_CGROUP_PIDS,
    ),
    (breached, Verdict.MLE, VerdictCause.MLE_LIMIT_BREACH),
    (lambda facts: facts.signal is not None, Verdict.SIG, VerdictCause.RE_FATAL_SIGNAL),
    (lambda facts: facts.exit_code == 0, Verdict.AC, VerdictCause.NORMAL_EXIT),
    (lambda _: True, Verdict.RE, VerdictCause.RE_NONZERO_EXIT),
]
"""The contract's sentence, once it is known that nothing is left and nothing that is needed is missing."""


def complete(facts: CellFacts) -> Iterator[CellFacts]:
    """Put every value that an unread fact could have had; a limit that was not in force counted nothing."""
    endings = [(facts.exit_code, facts.signal)]
    if endings == [(None, None)]:
        endings = ENDINGS[:-1]
    could_be = {
        "oom_kill_events": [0, 1] if facts.memory_limit_bytes is not None else [0],
        "pids_limit_events": [0, 1] if facts.process_limit is not None else [0],
        "memory_peak_bytes": [0, LIMIT],
    }
    read = {name: getattr(facts, name) for name in could_be}
    choices = [[value] if value is not None else could_be[name] for name, value in read.items()]
    for (exit_code, signal), *values in itertools.product(endings, *choices):
        yield msgspec.structs.replace(
            facts, exit_code=exit_code, signal=signal, **dict(zip(could_be, values, strict=True))
        )


def expected(facts: CellFacts) -> tuple[Verdict, VerdictCause]:
    """Evidence is needed exactly where the verdict would turn on it."""
    if not facts.contained:
        return Verdict.IE, VerdictCause.IE_CLEANUP_FAILURE
    possible = {
        next((verdict, cause) for holds, verdict, cause in PRECEDENCE if holds(known))
        for known in complete(facts)
    }
    return possible.pop() if len(possible) == 1 else (Verdict.IE, VerdictCause.IE_MISSING_EVIDENCE)


def every_combination() -> Iterator[CellFacts]:
    for (exit_code, signal), *values in itertools.product(*DOMAIN.values()):
        names = [name for name in DOMAIN if name != "ending"]
        yield CellFacts(exit_code=exit_code, signal=signal, **dict(zip(names, values, strict=True)))


def test_verdict_and_cause_follow_the_contract_for_every_combination_of_facts():
    wrong, count = [], 0
    for facts in every_combination():
        count += 1
        judgement = judge(facts)
        if (judgement.verdict, judgement.cause) != expected(facts):
            wrong.append((facts, judgement, expected(facts)))
    assert count == 8 * 5 * 4 * 4 * 5 * 2 * 2 * 4 * 2 * 2
    assert wrong[:3] == []


ACTORS = {
    VerdictCause.NORMAL_EXIT: {VerdictActor.RUNTIME},
    VerdictCause.RE_NONZERO_EXIT: {VerdictActor.RUNTIME},
    VerdictCause.RE_FATAL_SIGNAL: {
        VerdictActor.KERNEL,
        VerdictActor.JUDGE,
    },  # the judge's for a forbidden call
    VerdictCause.TLE_CPU_JUDGE: {VerdictActor.JUDGE},
    VerdictCause.TLE_WALL_JUDGE: {VerdictActor.JUDGE},
    VerdictCause.TLE_CPU_KERNEL: {VerdictActor.KERNEL},
    VerdictCause.MLE_KERNEL_OOM: {VerdictActor.KERNEL},
    VerdictCause.MLE_LIMIT_BREACH: {
        VerdictActor.KERNEL,
        VerdictActor.JUDGE,
    },  # the judge's for what waits in sockets
    VerdictCause.PLE_CGROUP_PIDS: {VerdictActor.KERNEL},
    VerdictCause.FSE_LIMIT_EXCEEDED: {VerdictActor.KERNEL},
    VerdictCause.IE_CLEANUP_FAILURE: {VerdictActor.JUDGE},
    VerdictCause.IE_MISSING_EVIDENCE: {VerdictActor.JUDGE},
}


def test_every_cause_names_who_ended_the_run():
    seen: dict[VerdictCause, set[VerdictActor]] = {}
    for facts in every_combination():
        judgement = judge(facts)
        seen.setdefault(judgement.cause, set()).add(judgement.actor)
        if judgement.cause is VerdictCause.RE_FATAL_SIGNAL:
            assert (judgement.actor is VerdictActor.JUDGE) == (facts.killed_by_judge == "seccomp")
    assert seen == ACTORS


def test_missing_evidence_is_named_exactly_where_the_verdict_says_that_it_is_missing():
    for facts in every_combination():
        is_missing = judge(facts).cause is VerdictCause.IE_MISSING_EVIDENCE
        assert is_missing == (facts.contained and bool(missing_evidence(facts))), facts


def test_a_verdict_survives_being_stored_and_read_back():
    for facts in itertools.islice(every_combination(), 0, None, 97):
        stored = msgspec.json.decode(msgspec.json.encode(facts), type=CellFacts)
        assert judge(stored) == judge(facts)


# ---- cases by name ----

GOOD = CellFacts(
    exit_code=0,
    signal=None,
    killed_by_judge=None,
    oom_kill_events=0,
    pids_limit_events=0,
    memory_peak_bytes=5_000_000,
    memory_limit_bytes=LIMIT,
    process_limit=10,
    cpu_usage_usec=20_000,
    cpu_limit_usec=CPU_LIMIT,
    contained=True,
)

CASES = {
    "clean exit": ({}, Verdict.AC),
    "non-zero exit": ({"exit_code": 1}, Verdict.RE),
    "exit code 137 is no signal": ({"exit_code": 137}, Verdict.RE),
    "segmentation fault": ({"exit_code": None, "signal": SEGV}, Verdict.SIG),
    "cpu limit": ({"exit_code": None, "signal": KILL, "killed_by_judge": "cpu_limit"}, Verdict.TLE),
    "cpu limit before memory": (
        {"exit_code": None, "signal": KILL, "killed_by_judge": "cpu_limit", "oom_kill_events": 3},
        Verdict.TLE,
    ),
    "wall limit": ({"exit_code": None, "signal": KILL, "killed_by_judge": "wall_limit"}, Verdict.TLE),
    "oom kill of a child, parent exits 0": ({"oom_kill_events": 1}, Verdict.MLE),
    "SIGXCPU before process limit": (
        {"exit_code": None, "signal": XCPU, "pids_limit_events": 2},
        Verdict.TLE,
    ),
    "SIGKILL beyond the CPU limit": (
        {"exit_code": None, "signal": KILL, "cpu_usage_usec": CPU_LIMIT, "memory_peak_bytes": LIMIT},
        Verdict.TLE,
    ),
    "SIGKILL where nothing counts CPU time": (
        {"exit_code": None, "signal": KILL, "cpu_usage_usec": None},
        Verdict.SIG,
    ),
    "exit 1 beyond the CPU limit": ({"exit_code": 1, "cpu_usage_usec": CPU_LIMIT}, Verdict.TLE),
    "exit 0 beyond the CPU limit": ({"cpu_usage_usec": 2 * CPU_LIMIT}, Verdict.AC),
    "SIGXFSZ": ({"exit_code": None, "signal": XFSZ}, Verdict.FSE),
    "process limit hit and exit 0": ({"pids_limit_events": 9}, Verdict.AC),
    "process limit hit and exit 1": ({"pids_limit_events": 9, "exit_code": 1}, Verdict.PLE),
    "process limit hit and killed": (
        {"pids_limit_events": 9, "exit_code": None, "signal": KILL},
        Verdict.PLE,
    ),
    "SIGKILL at the memory limit": (
        {"exit_code": None, "signal": KILL, "memory_peak_bytes": LIMIT},
        Verdict.MLE,
    ),
    "SIGKILL far from it": ({"exit_code": None, "signal": KILL}, Verdict.SIG),
    "exit 1 at the memory limit": ({"exit_code": 1, "memory_peak_bytes": LIMIT}, Verdict.RE),
    "something is left": ({"contained": False}, Verdict.IE),
    "something is left of a killed run": ({"contained": False, "killed_by_judge": "cpu_limit"}, Verdict.IE),
    "ending unknown": ({"exit_code": None}, Verdict.IE),
    "oom counter unread": ({"oom_kill_events": None}, Verdict.IE),
    "oom counter unread without a limit": ({"oom_kill_events": None, "memory_limit_bytes": None}, Verdict.AC),
    "oom counter unread, killed for wall": (
        {"oom_kill_events": None, "exit_code": None, "signal": KILL, "killed_by_judge": "wall_limit"},
        Verdict.TLE,
    ),
    "pids counter unread and exit 0": ({"pids_limit_events": None}, Verdict.AC),
    "pids counter unread and exit 1": ({"pids_limit_events": None, "exit_code": 1}, Verdict.IE),
    "pids counter unread and killed for memory": (
        {"pids_limit_events": None, "exit_code": None, "signal": KILL, "oom_kill_events": 1},
        Verdict.MLE,
    ),
    "peak unread and exit 0": ({"memory_peak_bytes": None}, Verdict.AC),
    "peak unread and SIGKILL": ({"memory_peak_bytes": None, "exit_code": None, "signal": KILL}, Verdict.IE),
    "forbidden call": ({"exit_code": None, "signal": KILL, "killed_by_judge": "seccomp"}, Verdict.SIG),
}


@pytest.mark.parametrize(("changes", "verdict"), CASES.values(), ids=CASES)
def test_verdict_of(changes, verdict):
    assert judge(msgspec.structs.replace(GOOD, **changes)).verdict is verdict
