"""Classes A, C and I with the one limit off that holds them, where that harms nobody: success is seen."""

from __future__ import annotations

import socket
import subprocess

import pytest

from cellblock.attacks.caller import Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.instance import find_instance
from cellblock.attacks.manifest import fill, trials
from cellblock.model import SourceFile
from cellblock.sandbox import requests
from e2e.instance import NOTHING_READY, running_instance
from sandbox.cells import opened

LANGUAGES = ("python", "c", "go", "java", "javascript", "rust")
START = """
import os
os.chmod("payload", 0o755)
os.execv("./payload", ["payload"])
"""
SUCCEEDED = 42
"""How a payload ends that sees that it did what it must not."""


def one(name):
    (trial,) = (each for each in trials() if each.name == name)
    return trial


def in_a_cell(cells, name, directory, **limits):
    """Run the payload of a trial in Python or C in a cell that is as the test has it."""
    trial = one(name)
    if trial.language == "python":
        return cells.run(fill(trial.source, {}), **limits)
    source, binary = directory / "payload.c", directory / "payload"
    source.write_text(fill(trial.source, {}))
    subprocess.run(["cc", "-O2", "-static", "-o", binary, source], check=True, capture_output=True)
    limits = {"file_size_bytes": 16 << 20, **limits}
    return cells.run(START, files=(SourceFile("payload", binary.read_bytes()),), **limits)


# ---- limits that an operator may set: a service that has them so high that they hold nothing ----


@pytest.fixture(scope="module")
def loose(time_scale):
    limits = {"file_size_bytes": 1 << 41}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    wide = {f"{language}.judge.{name}": value for language in LANGUAGES for name, value in limits.items()}
    with running_instance(free, *NOTHING_READY, time_scale=time_scale, limits=wide) as instance:
        instance.wait_for_languages(LANGUAGES, timeout_s=120 * time_scale)
        yield Campaign(Caller("127.0.0.1", free), find_instance(free))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("attack", ["A3/sparse"])
def test_without_its_limit_a_file_is_made_and_that_is_seen(attack, language, loose):
    finding = loose.attempt(one(f"{attack}/{language}"), alone=False)
    assert (finding.status, finding.verdict) == ("not contained", "RE"), finding.seen
    assert finding.seen[0] == "it ended RE, as where it succeeds"


# ---- no core dumps ----


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("language", ["python", "c"])
def test_without_the_limit_of_core_dumps_a_dump_is_written_and_that_is_seen(
    language, limited, monkeypatch, time_scale, tmp_path
):
    if not limited:
        monkeypatch.setattr(requests, "core_limit_bytes", lambda: 1 << 30)
    with opened(time_scale, accept_missing="" if limited else "no_core_dumps") as cells:
        outcome = in_a_cell(cells, f"C/core/{language}", tmp_path, file_size_bytes=1 << 30)
    attack = one(f"C/core/{language}").attack
    assert b"attempt" in outcome.stdout, outcome.stderr
    assert outcome.verdict in (attack.verdicts if limited else attack.succeeds), outcome.evidence
    assert outcome.exit_code == (None if limited else SUCCEEDED)
