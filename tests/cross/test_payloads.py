"""The attacks' C programs, built for aarch64: no call, constant or instruction of them is missing there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from cellblock.attacks import manifest
from cellblock.attacks.manifest import fill, trials
from cross.test_aarch64 import COMPILER

pytestmark = pytest.mark.cross
PAYLOADS = Path(manifest.__file__).parent / "payloads"
IN_C = [each for each in trials(machine="aarch64") if each.language == "c"]
TO_BUILD = {re.sub(r"@[A-Z0-9_]+@", "1", each.source): each.name for each in IN_C if each.attack.line != "B"}
"""By source; what the host fills in is text or a number, and 1 is both. Compilers refuse class B."""


def built(compiler: str, source: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [compiler, "-std=gnu17", "-Werror=implicit", "-w", "-x", "c", "-", "-c", "-o", directory / "it"]
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        command, input=source, capture_output=True, text=True, check=False, timeout=60, env=environment
    )


@pytest.mark.parametrize("source", TO_BUILD, ids=TO_BUILD.values())
def test_an_attack_in_c_is_a_program_for_aarch64(source, tmp_path):
    done = built(COMPILER, source, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["iopl", "refused/modify_ldt", "i386/unshare", "i386/getpid"])
def test_the_compiler_tells_a_call_or_an_instruction_that_is_not_there(name, tmp_path):
    (elsewhere,) = (each for each in trials(machine="x86_64") if each.name == f"D/{name}/c")
    done = built(COMPILER, elsewhere.source, tmp_path)
    assert done.returncode != 0
    assert re.search("undeclared|impossible constraint", done.stderr)


def test_a_file_taken_in_by_the_assembler_is_named_there_too(tmp_path):
    (one,) = (each for each in IN_C if each.name == "B/incbin/bait/c")
    missing = {"SECRET": "/nowhere/secret"}
    done = built(COMPILER, fill(one.source, missing), tmp_path)
    assert done.returncode != 0
    assert fill(one.proof, missing) in done.stderr


FLAGS = {
    "a/streams.rs": r"aarch64\"\) \{ 0o(\d+) \} else \{ 0o(\d+) \}",
    "a/streams.java": r"aarch64\"\) \? 0(\d+) : 0(\d+);",
}


@pytest.mark.parametrize("file", FLAGS)
@pytest.mark.parametrize(("position", "compiler"), [(1, COMPILER), (2, "gcc")])
def test_flags_that_a_language_has_no_names_for_are_those_of_the_machine(file, position, compiler, tmp_path):
    found = re.search(FLAGS[file], (PAYLOADS / file).read_text())
    assert found is not None
    source = f"""
        #define _GNU_SOURCE
        #include <fcntl.h>
        _Static_assert((O_DIRECT | O_NONBLOCK) == 0{found[position]}, "other flags");
    """
    done = built(compiler, source, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
