"""Rules of the house that import-linter cannot see."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "src" / "cellblock" / "attacks" / "payloads"
"""Programs for cells, some with gaps to be filled: no code of ours."""
SOURCES = sorted(
    path for path in (ROOT / "src" / "cellblock").rglob("*.py") if not path.is_relative_to(PAYLOADS)
)
LONGEST_FILE_LINES = 450
ENVIRONMENT_READERS = {"environ", "environb", "getenv", "getenvb"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_sources_to_look_at():
    assert len(SOURCES) > 10


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_only_config_reads_the_environment(path):
    if "config" in path.relative_to(ROOT / "src" / "cellblock").parts:
        return
    readers = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT_READERS)
        or (isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & ENVIRONMENT_READERS)
    ]
    assert not readers, f"{_name(path)} reads the environment at {readers}: add a setting instead"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_shell_is_ever_used(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"os.system", "os.popen", "subprocess.getoutput"}, (
                f"{called} at {node.lineno}"
            )
            assert not any(keyword.arg == "shell" for keyword in node.keywords), (
                f"shell= at line {node.lineno}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_file_is_too_long_to_read(path):
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST_FILE_LINES, f"{_name(path)} has {lines} lines: it holds more than one idea"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_room_is_called_utils(path):
    assert not {"util", "utils", "helpers", "common", "misc"} & set(path.with_suffix("").parts[-2:])


def test_imports_run_downward_only():
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run(
        [linter, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
