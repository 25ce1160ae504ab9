"""The search of all logs: it finds what is planted, names log and test, and fails the session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sent import Sent

TESTS = Path(__file__).parents[1]
CODE, STDIN = "print('planted program')", "planted input of a program"
KEY, SECRET = "cb_live_" + "Xy1" * 13, "whsec_cGxhbnRlZCBzZWNyZXQ="

PLANTED = f"said: {CODE}\n {STDIN!r} and {KEY} then {SECRET}"
LOGS = {
    "test_service_of_this_process": "service in the test's process",
    "test_process_with_its_file": "standard error of -c",
    "test_process_that_inherits": "standard error of the test's process",
}
SESSION = """
import subprocess
import sys
import httpx
import pytest
import structlog

FIELDS, HEADERS, SAID = {fields!r}, {headers!r}, {said!r}
SAY = [sys.executable, "-c", "import sys; sys.stderr.write(sys.argv[2])", "cellblock.app.service", SAID]

def test_service_of_this_process():
    structlog.get_logger().info("planted", said=SAID)

def test_process_with_its_file(tmp_path):
    with (tmp_path / "log").open("w") as log:
        subprocess.run(SAY, stderr=log)
    (tmp_path / "log").unlink()

def test_process_that_inherits():
    subprocess.run(SAY)

def test_sender():
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    httpx.Client(transport=transport).post("http://x/", json=FIELDS, headers=HEADERS)
"""


def session(directory: Path, said: str) -> subprocess.CompletedProcess[str]:
    """Run a session whose tests pass, send everything, and write ``said`` into each kind of log."""
    fields = {"code": CODE, "stdin": STDIN, "webhook_url": "https://x/hook", "webhook_secret": SECRET}
    (directory / "test_planted.py").write_text(
        SESSION.format(fields=fields, headers={"x-api-key": KEY}, said=said)
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "leaks", "-p", "no:cacheprovider", "-q", "test_planted.py"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_everything_planted_fails_a_session_whose_tests_pass(tmp_path):
    ended = session(tmp_path, PLANTED)
    assert "4 passed" in ended.stdout, ended.stdout
    assert ended.returncode == 1
    findings = [line.replace("\\", "") for line in ended.stdout.splitlines() if line.startswith("FAILED")]
    sent = {"code": CODE, "stdin": STDIN, "key": KEY, "webhook secret": SECRET}
    assert len(findings) == len(LOGS) * len(sent)
    for test, log in LOGS.items():
        for kind, text in sent.items():
            begins = f"FAILED test_planted.py::{test}: in {log}"
            (line,) = [each for each in findings if each.startswith(begins) and f"stands a {kind} " in each]
            assert text in line
            assert "that test_planted.py::test_sender sent" in line


def test_session_without_a_leak_passes_and_says_what_it_searched(tmp_path):
    ended = session(tmp_path, "nothing of it")
    assert ended.returncode == 0, ended.stdout
    assert "searched for in 3 logs" in ended.stdout
    assert ": 0 found" in ended.stdout


def test_a_key_is_found_wherever_it_was_made():
    assert [marker.kind for marker in Sent().found_in(f'{{"token": "{KEY}"}}')] == ["key"]


@pytest.mark.parametrize(
    "written", ['{"x": "say \\"hello\\" to all"}', 'say \'x\' "hello" or say "hello" to all']
)
def test_formatters_hide_nothing(written):
    sent = Sent()
    sent.add("code", 'say "hello" to all\nx')
    assert [marker.text for marker in sent.found_in(written)] == ['say "hello" to all']


def test_what_another_program_recorded_is_looked_for():
    sent = Sent()
    posted = {
        "headers": [{"name": "X-API-Key", "value": KEY}],
        "postData": {"mimeType": "application/json", "text": json.dumps({"code": CODE, "stdin": STDIN})},
    }
    recorded = [{"request": {"headers": []}}, {"request": posted}]
    sent.add_recorded(json.dumps({"log": {"entries": recorded}}).encode())
    found = {marker.kind: marker.text for marker in sent.found_in(f"{CODE} {STDIN} {KEY}")}
    assert found == {"code": CODE, "stdin": STDIN, "key": KEY}


@pytest.mark.parametrize("odd", [None, 1.5, [[]], {"a": []}, True, "http://[", "\ud800"])
def test_bodies_of_odd_types_are_read_over(odd):
    sent = Sent()
    for fields in (odd, {"code": odd, "stdin": odd, "webhook_url": odd, "webhook_secret": odd, "files": odd}):
        sent.add_request({}, json.dumps(fields))
    sent.add_request({}, json.dumps({"files": [odd, {"content": odd}]}))
    assert not sent.known


def test_padding_and_short_pieces_are_not_looked_for():
    sent = Sent()
    sent.add("code", "x" * 1000 + "\nprint(1)\n\n")
    assert not sent.known
