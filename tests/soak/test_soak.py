"""The service under attacks and correct programs at once: each is judged rightly, and nothing grows.

`make soak` takes SOAK_S seconds (600) and the order of SOAK_SEED (one that is drawn, and told).
"""

from __future__ import annotations

import os
import secrets
import sys

import pytest

from cellblock.attacks.manifest import trials
from corpus.programs import corpus
from e2e.instance import running_instance
from languages.cases import LANGUAGES
from languages.conftest import wait_until_offered
from soak.own_group import own_memory_group
from soak.soaking import soak

SOAK_S = float(os.environ.pop("SOAK_S", "600"))
SEED = int(os.environ.pop("SOAK_SEED", "0")) or secrets.randbelow(1 << 31)
MINUTE_S = 60
QUICK_LANGUAGES = ("python", "c", "javascript", "bash", "ruby")
SLOTS = 4
WALL_MS = 30_000
"""So many at a time take long; who is to end at a limit ends at another."""


def limits():
    return ",".join(f"{language}.judge.wall_ms={WALL_MS}" for language in LANGUAGES)


def soaked(port, time_scale, chosen, programs, seconds):
    sys.stderr.write(f"\nsoak of {seconds:.0f} s, SOAK_SEED={SEED}\n")
    flags = ("--limits", limits(), "--worker-slots", str(SLOTS))
    with (
        own_memory_group() as prefix,
        running_instance(port, *flags, time_scale=time_scale, prefix=prefix) as instance,
    ):
        wait_until_offered(instance, port, {program.language for program in programs}, time_scale)
        result = soak(port, chosen, programs, seconds=seconds, seed=SEED, at_a_time=SLOTS + 1)
        assert instance.process.poll() is None, instance.log.read_text()
    sys.stderr.write(
        f"{result.attacks} attacks, {result.programs} programs, {result.kinds} kinds; "
        f"started warm {result.started_warm}; "
        f"memory in KiB {result.memory_kib}\n"
    )
    return result


def assert_nothing_was_wrong(result):
    assert result.wrong == []
    assert result.grown == []
    assert result.harmed == []


@pytest.mark.timeout(600)
def test_a_minute_of_attacks_and_programs_is_answered_rightly_and_nothing_grows(free_port, time_scale):
    programs = [program for program in corpus() if program.language in QUICK_LANGUAGES]
    quick = [trial for trial in trials(quick=True) if trial.language in (*QUICK_LANGUAGES, "http")]
    result = soaked(free_port, time_scale, quick, programs, MINUTE_S)
    assert_nothing_was_wrong(result)
    assert min(result.attacks, result.programs) > 10
    assert set(result.started_warm) >= {"python", "javascript", "ruby"}


@pytest.mark.slow
@pytest.mark.timeout(SOAK_S * 2 + 1200)
def test_attacks_and_programs_of_every_language_are_answered_rightly_and_nothing_grows(free_port, time_scale):
    assert_nothing_was_wrong(soaked(free_port, time_scale, trials(), corpus(), SOAK_S))
