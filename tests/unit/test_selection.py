"""Which tests run where: on another architecture none that it cannot express, and none is skipped for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyseccomp
import pytest

ROOT = Path(__file__).parents[2]
PYTEST_ON = """
import platform, sys
platform.machine = lambda: {!r}
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def collected(machine: str) -> tuple[set[str], int]:
    """Name the tests that would run of a machine's own entries, and count those that were left out."""
    files = ("tests/sandbox/test_seccomp.py", "tests/escapes/test_bare_kernel.py")
    command = [sys.executable, "-c", PYTEST_ON.format(machine), "--collect-only", "-q", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    left_out = re.search(r"\((\d+) deselected\)", done.stdout)
    names = re.findall(r"::(\w+)", done.stdout)
    return {name for name in names if re.search("x32|i386|32_bit", name)}, int(left_out[1]) if left_out else 0


def test_entries_of_x86_64_are_tested_there_and_are_no_tests_elsewhere():
    of_x86_64 = {
        "test_an_x32_call_ends_the_run",
        "test_an_i386_call_ends_the_run",
        "test_without_the_filter_a_call_by_the_32_bit_entry_is_answered",
    }
    assert collected("x86_64") == (of_x86_64, 0)
    assert collected("aarch64") == (set(), 8)


def test_no_test_is_skipped_for_its_architecture():
    """A skipped test fails where changes are tested (``FORBID_SKIPS``)."""
    skipping = re.compile(r"skip(?:if)?\([^)]*(?:machine|uname|X86)", re.IGNORECASE)
    assert [path.name for path in (ROOT / "tests").rglob("*.py") if skipping.search(path.read_text())] == []


def test_no_test_makes_a_call_by_the_number_that_one_machine_alone_has_for_it():
    constant = re.compile(r"^(?:SYS_)?([A-Z][A-Z0-9_]*) = (\d+)$", re.MULTILINE)
    by_number = {
        (path.name, name)
        for path in (ROOT / "tests").rglob("*.py")
        for name, number in constant.findall(path.read_text())
        if pyseccomp.resolve_syscall(pyseccomp.Arch.X86_64, name.lower()) == int(number)
        and pyseccomp.resolve_syscall(pyseccomp.Arch.AARCH64, name.lower()) != int(number)
    }
    assert by_number == set()


def test_everything_that_the_usual_run_leaves_out_is_in_the_run_of_all():
    """Else what nobody runs can break unseen."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    dry = ["make", "--dry-run"]
    usual, of_all = (
        subprocess.run([*dry, target], cwd=ROOT, capture_output=True, text=True, check=True, env=plain).stdout
        for target in ("test", "test-all")
    )
    left_out = set(re.findall(r"not (\w+)", re.findall(r"pytest -m '(.+)'", usual)[-1]))
    assert left_out == {"slow", "vm", "cross", "browser"}
    wanted = {"cross": "pytest -m cross tests/cross", "browser": "pytest -m browser", "vm": "tests/vm/run"}
    assert [marker for marker, command in wanted.items() if command not in of_all] == []
    assert re.findall(r"pytest -m '(.+)'", of_all)[0] == "not vm and not cross and not browser"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_where_the_virtual_machine_cannot_be_that_it_was_left_out_is_said(machine, tmp_path):
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for name, does in {
        "tests/vm/run": f"echo $1 >>{tmp_path}/ran",
        "bin/make": 'case $1 in test) echo "9 passed in 1.0s";; esac',
        "bin/uname": f"echo {machine}",
    }.items():
        script = tmp_path / name
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f"#!/bin/sh\n{does}\n")
        script.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    done = subprocess.run(
        [tmp_path / ".ci/run"], capture_output=True, text=True, check=False, env=environment, timeout=30
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "9 passed in 1.0s"
    assert (tmp_path / "ran").exists() == (machine == "x86_64")
    assert ("left out: tests/vm/run --smoke" in done.stdout) == (machine != "x86_64")
