"""A program sent twice is compiled once: over HTTP, for each key apart, and never when it is turned off."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e.instance import running_instance
from pace import TIME_SCALE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

PROGRAM = """#include <stdio.h>
int main(void) { int n; scanf("%d", &n); int unused = 3.5e40; printf("%d\\n", n * n); return 0; }
"""


def submit(instance, stdin, **headers):
    body = {"language": "c", "code": PROGRAM, "stdin": stdin}
    url = f"{instance.base_url}/api/submit?wait=true"
    return httpx.post(url, json=body, headers=headers, timeout=60 * TIME_SCALE)


def submit_when_offered(instance, time_scale):
    deadline_s = time.monotonic() + 120 * time_scale
    while (answer := submit(instance, "3")).status_code != 200:
        assert answer.status_code in {400, 503}, answer.text
        assert time.monotonic() < deadline_s, instance.log.read_text()
        time.sleep(0.05)
    return answer.json()


def use(record):
    return record["evidence"]["compile"]["cache"]


def figure(instance, name, **labels):
    text = httpx.get(f"{instance.base_url}/metrics", timeout=60 * TIME_SCALE).text
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return found.get((f"cellblock_{name}", frozenset(labels.items())), 0)


def until_figure(instance, least, name, **labels):
    deadline_s = time.monotonic() + 10
    while (value := figure(instance, name, **labels)) < least:
        assert time.monotonic() < deadline_s, f"{name} is {value}"
        time.sleep(0.01)


def make_key(instance, name):
    command = [sys.executable, "-m", "cellblock", "keys", "create", "--name", name, "--profile", "judge"]
    data = Path(instance.log).parent / "data"
    made = subprocess.run([*command, "--data-dir", str(data)], capture_output=True, text=True, check=True)
    return {"x-api-key": made.stdout.strip()}


def test_a_program_sent_again_is_a_hit_with_the_same_answer_and_shows_in_the_metrics(free_port, time_scale):
    with running_instance(free_port, time_scale=time_scale) as instance:
        cold = submit_when_offered(instance, time_scale)
        until_figure(instance, 1, "compile_cache_bytes")
        hits = [submit(instance, str(number)).json() for number in (3, 4, 5)]
        assert [use(record) for record in (cold, *hits)] == ["miss", "hit", "hit", "hit"]
        assert [record["stdout"] for record in (cold, *hits)] == ["9\n", "9\n", "16\n", "25\n"]
        for name in (
            "verdict",
            "exit_code",
            "signal",
            "stdout",
            "stderr",
            "output_integrity",
            "error_message",
        ):
            assert hits[0][name] == cold[name], name
        assert hits[0]["evidence"]["controls_applied"] == cold["evidence"]["controls_applied"]
        assert {**cold["evidence"]["compile"], "cache": "hit"} == hits[0]["evidence"]["compile"]
        until_figure(instance, 3, "compile_cache_total", language="c", result="hit")
        assert figure(instance, "compile_cache_total", language="c", result="miss") == 1

        # The execute API asks for less time to compile, so for it this is another compilation.
        body = {"language": "c", "code": PROGRAM, "stdin": "6"}
        url = f"{instance.base_url}/v1/execute"
        first = httpx.post(url, json=body, timeout=60 * TIME_SCALE).json()
        until_figure(instance, 2, "compile_cache_total", language="c", result="miss")
        assert (first["run"]["stdout"], first["compile"]["code"]) == ("36\n", 0)
        assert "warning" in first["compile"]["stderr"]
        again = httpx.post(url, json=body, timeout=60 * TIME_SCALE).json()
        assert again["compile"] == first["compile"]
        until_figure(instance, 4, "compile_cache_total", language="c", result="hit")

        one, two = make_key(instance, "one"), make_key(instance, "two")
        uses = [use(submit(instance, "3", **key).json()) for key in (one, two, one, two)]
        assert uses == ["miss", "miss", "hit", "hit"], "a key learnt what others had sent"


def test_turned_off_every_program_is_compiled(free_port, time_scale):
    with running_instance(free_port, "--compile-cache-bytes", "0", time_scale=time_scale) as instance:
        records = [submit_when_offered(instance, time_scale) for _ in range(2)]
        assert [use(record) for record in records] == ["bypass", "bypass"]
        assert [record["stdout"] for record in records] == ["9\n", "9\n"]
        until_figure(instance, 2, "compile_cache_total", language="c", result="bypass")
        assert figure(instance, "compile_cache_bytes") == 0
