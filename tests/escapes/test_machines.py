"""Attacks on each architecture: what is tried is there, by that number; nothing else is left out."""

from __future__ import annotations

import functools
import operator
import re
from pathlib import Path

import pyseccomp
import pytest

from cellblock.attacks import manifest
from cellblock.attacks.manifest import Trial, load_attacks, trials
from cellblock.sandbox.seccomp import syscall_name
from unit.test_seccomp_newest import COMMON

PAYLOADS = Path(manifest.__file__).parent / "payloads"
ARCHES = {"x86_64": pyseccomp.Arch.X86_64, "aarch64": pyseccomp.Arch.AARCH64}
on_each = pytest.mark.parametrize("machine", ARCHES)
ON_THE_WAY = {"pidfd_open"}
"""Called by number for what another call needs."""


def test_only_what_aarch64_has_not_is_left_out_there():
    here, there = ({each.name for each in trials(machine=machine)} for machine in ("x86_64", "aarch64"))
    left_out = {"iopl", "x32/unshare", "x32/getpid", "x32/negative", "i386/unshare", "i386/getpid"}
    left_out |= {"refused/modify_ldt"}
    assert here - there == {f"D/{each}/{language}" for each in left_out for language in ("c", "python")}
    assert there - here == set()


@on_each
def test_what_is_tried_is_what_this_machine_can_express(machine, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert [each.name for each in trials()] == [each.name for each in trials(machine=machine)]
    assert trials(quick=True, classes="D") == [each for each in trials(classes="D") if each.quick]


@on_each
def test_no_two_trials_of_a_machine_have_one_name(machine):
    names = [each.name for each in trials(machine=machine)]
    assert sorted(set(names)) == sorted(names)


def test_a_variant_says_beside_what_is_filled_in_its_name_and_machines_that_there_are():
    for attack in load_attacks():
        for variant in attack.variants:
            assert {key for key in variant if not key.isupper()} <= {"name", "machines"}
            assert set(variant.get("machines", "x86_64").split()) <= set(ARCHES)


def numbers_of(trial: Trial) -> list[int]:
    """The numbers of calls that stand in its source as such."""
    literals = re.findall(r"syscall\(((?:0x[0-9a-f]+|-?\d+)(?: \| \d+)*)", trial.source)
    terms = ([int(term, 0) for term in literal.split(" | ")] for literal in literals)
    return [functools.reduce(operator.or_, each) & 0xFFFFFFFF for each in terms]


@on_each
def test_every_call_that_a_trial_names_or_numbers_is_one_of_its_machine(machine):
    arch = ARCHES[machine]
    named = numbered = 0
    for trial in trials(machine=machine):
        calls = {name.lower() for name in re.findall(r"\bSYS_(\w+)", trial.source)}
        absent = [name for name in calls if pyseccomp.resolve_syscall(arch, name) < 0]
        assert absent == [], trial.name
        named += len(calls)
        for number in numbers_of(trial):
            name = COMMON.get(number) or syscall_name(number, arch)
            wanted = {trial.syscall, trial.variant, *ON_THE_WAY}
            # What must answer as a call that no kernel has, has no name.
            assert {name, name.partition(":")[0]} & wanted, (trial.name, number, name)
            numbered += 1
    assert named > 90
    assert numbered > 30


def test_instructions_of_x86_are_for_it_alone():
    entry = re.compile(r"\bint \$?0x80")
    assert [each.name for each in trials(machine="aarch64") if entry.search(each.source)] == []
    assert len([each.name for each in trials(machine="x86_64") if entry.search(each.source)]) == 4


BY_MACHINE = {
    "a/swaps.go": ["renameat2"],
    "c/page_cache.go": ["fadvise64"],
    "c/hidden_memory.go": ["memfd_create"],
    "d/arguments.py": ["seccomp"],
    "d/sync.py": ["getppid", "sync"],
}
"""Payloads that choose a number themselves, and of which calls."""
HELD_ELSEWHERE = {"d/call.py", "a/streams.rs", "a/streams.java"}
"""By ``test_calls_by_number_are_those_of_their_names``; the others' are flags: ``tests/cross``."""


@pytest.mark.parametrize("file", BY_MACHINE)
def test_a_payload_that_chooses_numbers_by_machine_has_those_of_one_call(file):
    on_x86_64, on_aarch64 = (
        [pyseccomp.resolve_syscall(arch, name) for name in BY_MACHINE[file]] for arch in ARCHES.values()
    )
    text = (PAYLOADS / file).read_text()
    if file.endswith(".go"):
        assert f'"amd64": {on_x86_64[0]}, "arm64": {on_aarch64[0]}}}[runtime.GOARCH]' in text
    else:
        one, other = (str(tuple(each)) if len(each) > 1 else str(each[0]) for each in (on_aarch64, on_x86_64))
        assert f'= {one} if os.uname().machine == "aarch64" else {other}\n' in text


def test_no_other_payload_chooses_by_machine():
    chooses = re.compile(r"aarch64|arm64")
    there = [path for path in PAYLOADS.glob("*/*") if path.is_file()]
    found = {str(path.relative_to(PAYLOADS)) for path in there if chooses.search(path.read_text())}
    assert found == {*BY_MACHINE, *HELD_ELSEWHERE}
