"""Every language does in both dialects what its programs are expected to do."""

from __future__ import annotations

import base64
import signal

import pytest

from cellblock.model import Stage, Verdict
from languages.cases import all_cases
from languages.conftest import ask
from languages.odd_sources import odd_cases
from pace import TIME_SCALE

CASES = [*all_cases(), *odd_cases()]


def identify(case):
    return f"{case.language}-{case.name}"


@pytest.mark.parametrize("case", [case for case in CASES if not case.execute_only], ids=identify)
def test_judge_answers(service, case):
    body = {
        "language": case.language,
        "code": case.files[0].content.decode(),
        "stdin": case.stdin.decode(),
    }
    status, record = ask(service, "POST", "/api/submit?wait=true", body)
    assert status == 200, record
    expected = case.expected
    assert record["verdict"] == expected.verdict, record
    assert (record["exit_code"], record["signal"]) == (expected.exit_code, expected.signal), record
    assert record["evidence"]["controls_missing"] == []
    if expected.stage is Stage.COMPILE:
        assert record["stderr"].startswith(f"{case.language} Compilation Error:\n")
        assert (record["stdout"], record["error_message"]) == ("", "compilation failed")
    elif expected.stdout is not None:
        assert record["stdout"] == expected.stdout.decode()
    for text in expected.stderr_contains:
        assert text.decode() in record["stderr"]
    if expected.stderr_empty:
        assert record["stderr"] == ""


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_execute_answers(service, case):
    body = {
        "language": case.language,
        "files": [file_body(file) for file in case.files],
        "stdin": case.stdin.decode(),
        "args": list(case.args),
        "run_timeout": (case.run.wall_ms or 10_000) * TIME_SCALE,
        "compile_timeout": 30_000 * TIME_SCALE,
        "run_memory_limit": case.run.memory_bytes or -1,
    }
    status, answer = ask(service, "POST", "/v1/execute", body)
    assert status == 200, answer
    expected = case.expected
    stage = answer["run"]
    if expected.stage is Stage.COMPILE:
        assert stage["code"] not in {0, None}
        assert answer.get("compile", stage) == stage
    else:
        assert (stage["code"], stage["signal"]) == _ending(expected), answer
    if expected.stage is Stage.RUN and expected.stdout is not None:
        assert stage["stdout"] == expected.stdout.decode()
    for text in expected.stderr_contains:
        assert text.decode() in stage["stderr"] + stage["stdout"]
    assert {type(stage["time_ms"]), type(stage["memory_kb"])} == {int}


def file_body(file):
    name = {"name": file.name} if file.name else {}
    try:
        return {"content": file.content.decode(), **name}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(file.content).decode(), "encoding": "base64", **name}


def _ending(expected):
    if expected.verdict in {Verdict.TLE, Verdict.MLE}:
        return None, "SIGKILL"
    name = signal.Signals(expected.signal).name if expected.signal is not None else None
    return expected.exit_code, name
