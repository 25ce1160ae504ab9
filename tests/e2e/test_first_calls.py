"""The first calls that a newcomer's guide shows, pasted with curl, answered field by field."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess

import pytest

from e2e.instance import running_instance

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

FIRST_CONTROLS = [
    "pid_namespace",
    "mount_namespace",
    "network_namespace",
    "memory_limit",
    "process_limit",
    "no_new_privileges",
]
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{4,9}\+00:00")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def instance(time_scale):
    # A fixture of a module cannot use the one of a test.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_instance(port, time_scale=time_scale) as started:
        yield started


def curl(instance, path, body=None):
    """Send as the guide does; the key is ignored because the service has none."""
    command = ["curl", "-s", f"{instance.base_url}{path}", "-H", "X-API-Key: rb_live_your_key_here"]
    if body is not None:
        command += ["-X", "POST", "-H", "Content-Type: application/json", "-d", body]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def expected(**differences):
    """The guide's record; types stand where a figure is measured."""
    record = {
        "id": UUID4,
        "language": "python",
        "job_status": "completed",
        "schema_version": "1.0",
        "verdict": "AC",
        "exit_code": 0,
        "signal": None,
        "stdout": "",
        "stderr": "",
        "output_integrity": "complete",
        "error_message": None,
        "cpu_time_secs": float,
        "wall_time_secs": float,
        "memory_peak_bytes": int,
        "evidence": {
            "verdict_cause": "normal_exit",
            "verdict_actor": "runtime",
            "isolation_mode": "strict",
            "controls_applied": list,
            "controls_missing": [],
            "cgroup": {
                "cpu_usage_usec": int,
                "memory_limit_bytes": 268435456,
                "memory_peak_bytes": int,
                "oom_events": (0, None),
                "oom_kill_events": 0,
                "process_count": 0,
                "process_limit": 10,
            },
            "timing": {
                "cpu_ms": int,
                "wall_ms": int,
                "cpu_wall_ratio": float,
                "divergence": ("cpu_bound", "sleep_or_block_bound"),
            },
            "process_lifecycle": {
                "reap_status": "clean",
                "descendant_containment": "ok",
                "zombie_count": 0,
            },
            "judge_actions": [],
            "collection_errors": [],
        },
        "created_at": TIMESTAMP,
        "started_at": TIMESTAMP,
        "completed_at": TIMESTAMP,
    }
    evidence = {**record["evidence"], **differences.pop("evidence", {})}
    return {**record, "evidence": evidence, **differences}


def compare(actual, wanted, path="record"):
    """Compare field by field: a value, one of several, a pattern or a type; order of keys too."""
    if isinstance(wanted, dict):
        assert list(actual)[: len(wanted)] == list(wanted), path
        for key, value in wanted.items():
            compare(actual[key], value, f"{path}.{key}")
    elif isinstance(wanted, type):
        assert type(actual) is wanted, f"{path}: {actual!r}"
    elif isinstance(wanted, re.Pattern):
        assert wanted.fullmatch(actual), f"{path}: {actual!r}"
    elif isinstance(wanted, tuple):
        assert actual in wanted, f"{path}: {actual!r}"
    else:
        assert actual == wanted, f"{path}: {actual!r}"


def assert_measured(record):
    """The figures agree with each other and with what such a program can use."""
    evidence = record["evidence"]
    assert evidence["controls_applied"][:6] == FIRST_CONTROLS
    assert record["cpu_time_secs"] == evidence["cgroup"]["cpu_usage_usec"] / 1e6 > 0
    assert record["memory_peak_bytes"] == evidence["cgroup"]["memory_peak_bytes"] > 1_000_000
    assert round(record["wall_time_secs"] * 1000) == evidence["timing"]["wall_ms"] > 0
    assert record["created_at"] <= record["started_at"] <= record["completed_at"]


def test_first_call_answers_the_documented_record(instance):
    body = '{"language": "python", "code": "print(2 + 2)"}'
    record = curl(instance, "/api/submit?wait=true", body)
    compare(record, expected(stdout="4\n"))
    assert list(record) == list(expected())
    assert_measured(record)


def test_stdin_reaches_the_program(instance):
    body = r"""{
      "language": "python",
      "code": "name = input()\nprint(f\"Hello, {name}!\")",
      "stdin": "World"
    }"""
    record = curl(instance, "/api/submit?wait=true", body)
    compare(record, expected(stdout="Hello, World!\n"))
    assert_measured(record)


def test_runtime_error_shows_the_exception_that_the_code_raised(instance):
    body = r"""{"language": "python", "code": "raise RuntimeError(\"something broke\")"}"""
    record = curl(instance, "/api/submit?wait=true", body)
    stderr = (
        'Traceback (most recent call last):\n  File "/box/main.py", line 1, in <module>\n'
        '    raise RuntimeError("something broke")\nRuntimeError: something broke\n'
    )
    evidence = {"verdict_cause": "re_nonzero_exit"}
    compare(record, expected(verdict="RE", exit_code=1, stderr=stderr, evidence=evidence))
    assert_measured(record)


def test_submitted_and_polled_it_ends_as_the_same_record(instance):
    accepted = curl(instance, "/api/submit", '{"language": "python", "code": "print(42)"}')
    compare(accepted, {"id": UUID4, "job_status": "pending", "queue_depth": int})
    record = {}
    while record.get("job_status") not in {"completed", "error"}:
        record = curl(instance, f"/api/result/{accepted['id']}")
    compare(record, expected(id=accepted["id"], stdout="42\n"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"language": "python", "code": ""}', "code must not be empty"),
        (
            '{"language": "brainfuck", "code": "+"}',
            "unsupported language: brainfuck. available: python",
        ),
    ],
)
def test_documented_errors_have_the_documented_words(instance, body, text):
    answer = curl(instance, "/api/submit?wait=true", body)
    assert list(answer) == ["error"]
    assert answer["error"].startswith(text)


def test_languages_and_health_say_what_there_is(instance):
    assert "python" in curl(instance, "/api/languages")
    health = curl(instance, "/api/health")
    assert list(health)[:7] == [
        "status",
        "enforcement_mode",
        "cgroup_backend",
        "namespace_support",
        "workers",
        "queue_depth",
        "node_id",
    ]
    assert (health["status"], health["enforcement_mode"]) == ("ok", "strict")
    assert curl(instance, "/api/health/ready") == {"status": "ready"}
