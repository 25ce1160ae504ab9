"""`cellblock serve` of an ordinary user: asked over HTTP, held to what its cells can hold."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from e2e.instance import descendants, wait_until_gone
from hosts import kinds
from pace import TIME_SCALE

pytestmark = pytest.mark.vm


def statuses(pids: list[int]) -> dict[int, dict[str, str]]:
    return {
        pid: dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        for pid in pids
    }


def test_a_user_serves_with_every_control_and_nothing_of_it_is_root(serve, time_scale):
    kinds.grant_uids(65536)
    with serve() as instance:
        record = instance.submit_when_ready("print(2 + 2)", timeout_s=60 * time_scale)
        assert (record["verdict"], record["stdout"]) == ("AC", "4\n")
        assert record["evidence"]["controls_missing"] == []
        assert record["evidence"]["isolation_mode"] == "strict"
        assert record["evidence"]["cgroup"]["memory_peak_bytes"] > 1_000_000
        health = httpx.get(f"{instance.base_url}/api/health", timeout=60 * TIME_SCALE).json()
        assert (health["enforcement_mode"], health["cgroup_backend"]) == ("strict", "cgroup_v2")
        everyone = [instance.process.pid, *descendants(instance.process.pid)]
        assert len(everyone) >= 4, "parent, supervisor, service, spawner"
        for pid, status in statuses(everyone).items():
            uids = set(map(int, status["Uid"].split()))
            assert uids == {kinds.UID} or min(uids) >= kinds.FIRST_OWN_UID, (pid, status["Name"])
        service = statuses([instance.pid_of("service")])
        assert [status["NoNewPrivs"] for status in service.values()] == ["1"]
        assert [status["CapEff"] for status in service.values()] == ["0" * 16]
        killed = instance.submit("while True: pass").json()
        assert (killed["verdict"], killed["evidence"]["verdict_cause"]) == ("TLE", "tle_cpu_judge")
        assert instance.stop(signal.SIGTERM) == 0
        wait_until_gone(everyone, 5 * time_scale)


def test_with_one_uid_a_user_is_refused_until_he_accepts_exactly_what_is_missing(serve, time_scale):
    kinds.grant_uids(0)
    with serve() as instance:
        ready = httpx.get(f"{instance.base_url}/api/health/ready", timeout=60 * TIME_SCALE)
        assert ready.status_code == 503
        assert "unprivileged_uid" in ready.json()["error"]
        refused = instance.submit("print(2 + 2)")
        assert refused.status_code in {400, 503}, refused.text
    with serve("--accept-missing", "memory_limit") as instance:
        assert httpx.get(f"{instance.base_url}/api/health/ready", timeout=60 * TIME_SCALE).status_code == 503
    with serve("--accept-missing", "unprivileged_uid") as instance:
        record = instance.submit_when_ready("print(2 + 2)", timeout_s=60 * time_scale)
        assert (record["verdict"], record["stdout"]) == ("AC", "4\n")
        assert record["evidence"]["controls_missing"] == ["unprivileged_uid"]
        health = httpx.get(f"{instance.base_url}/api/health", timeout=60 * TIME_SCALE).json()
        assert health["enforcement_mode"] == "degraded"
