"""Attacks and correct programs in random order against a running service, as many at a time as it runs.

A part of the time is warm-up: then everything is counted while nothing runs, the rest follows, and it is
counted again. The order comes from a seed, which is told.
"""

from __future__ import annotations

import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from cellblock.attacks import front, machine
from cellblock.attacks.caller import Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.instance import Instance, find_instance
from cellblock.attacks.manifest import Trial
from cellblock.attacks.network_namespaces import NetworkNamespaces
from corpus.programs import Program
from soak import counters
from soak.work import Work

_WARM_UP_SHARE = 0.3
_READS_AT_ONCE = 32
_LARGEST_OUTPUT = "import sys\nfor _ in range(100): sys.stdout.write('é' * (1 << 17))"


class Soaked(Struct, frozen=True, kw_only=True):
    """What came of a soak."""

    attacks: int
    programs: int
    kinds: int
    """How many different attacks and programs there were among them."""
    started_warm: dict[str, int]
    """How many of them went on from a booted runtime, by language."""
    wrong: list[str]
    grown: list[str]
    memory_kib: dict[str, tuple[int, int]]
    """Resident memory by process, after the warm-up and at the end."""
    harmed: list[str]
    """What of our processes and the machine's settings is not as before."""


def soak(
    port: int,
    trials: Sequence[Trial],
    programs: Sequence[Program],
    *,
    seconds: float,
    seed: int,
    at_a_time: int,
) -> Soaked:
    """Soak the instance that listens on ``port`` for about ``seconds``."""
    instance = find_instance(port)
    caller = Caller("127.0.0.1", port)
    campaign = Campaign(caller, instance)
    for language in sorted({item.language for item in [*trials, *programs]} - {"http"}):
        assert campaign.language_runs(language), f"{language} runs no program: {port}"
    work = Work(caller, campaign, trials, programs)
    health = machine.health(instance)
    order = random.Random(seed)  # noqa: S311  # an order, no secret
    tally: Counter[str] = Counter()
    _stretch(caller, at_a_time)
    wrong = _at_work(work, order, seconds * _WARM_UP_SHARE, at_a_time, tally)
    front.wait_idle(instance)
    namespaces = NetworkNamespaces(instance.parent)
    before, memory_kib = counters.baseline(instance, namespaces), _resident_kib(caller, instance)
    wrong += _at_work(work, order, seconds * (1 - _WARM_UP_SHARE), at_a_time, tally)
    grown = counters.growth(instance, namespaces, before)
    at_end_kib = _resident_kib(caller, instance)
    now = machine.health(instance)
    return Soaked(
        attacks=sum(n for name, n in tally.items() if "/" in name),
        programs=sum(n for name, n in tally.items() if "/" not in name),
        kinds=len(tally),
        started_warm={language: count for language, count in sorted(work.started_warm.items()) if count},
        wrong=wrong,
        grown=grown + counters.memory_growth(at_end_kib, memory_kib),
        memory_kib={name: (kib, at_end_kib.get(name, 0)) for name, kib in memory_kib.items()},
        harmed=[f"{name}: {was} → {now[name]}" for name, was in health.items() if now[name] != was],
    )


def _resident_kib(caller: Caller, instance: Instance) -> dict[str, int]:
    """Return the resident memory by process, without the compiled programs that are kept up to a bound."""
    (kept_bytes,) = re.findall(
        r"^cellblock_compile_cache_bytes (\S+)$", caller.send("GET", "/metrics").text, re.MULTILINE
    )
    resident_kib = counters.resident_kib(instance)
    resident_kib["supervisor"] -= int(float(kept_bytes)) // 1024
    return resident_kib


def _stretch(caller: Caller, at_a_time: int) -> None:
    """Have as many of the largest answers at once as there ever will be, and all of the store's readers."""
    nobody = f"/api/result/{uuid.UUID(int=0)}"
    with ThreadPoolExecutor(_READS_AT_ONCE) as threads:
        list(threads.map(lambda _: caller.send("GET", nobody), range(20 * _READS_AT_ONCE)))
    with ThreadPoolExecutor(at_a_time) as threads:
        for answer in threads.map(lambda _: caller.submit("python", _LARGEST_OUTPUT), range(2 * at_a_time)):
            assert answer.json().get("verdict") == "AC", answer.text[-300:]


def _at_work(
    work: Work, order: random.Random, seconds: float, at_a_time: int, tally: Counter[str]
) -> list[str]:
    """Work until the time is over; every item comes once before any comes again."""
    deadline_s = time.monotonic() + seconds
    wrong: list[str] = []
    lock = threading.Lock()
    waiting: list[Trial | Program] = []

    def next_item() -> Trial | Program:
        with lock:
            if not waiting:
                waiting.extend(order.sample(work.items, len(work.items)))
            item = waiting.pop()
            tally[item.id if isinstance(item, Program) else item.name] += 1
            return item

    def labour() -> None:
        while time.monotonic() < deadline_s:
            wrong.extend(work.do(next_item()))

    with ThreadPoolExecutor(at_a_time) as threads:
        for done in [threads.submit(labour) for _ in range(at_a_time)]:
            done.result()
    return wrong
