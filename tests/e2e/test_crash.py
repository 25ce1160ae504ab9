"""Whatever of an instance is killed with -9, and whenever: what was accepted gets its one result."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import tempfile
import threading
import time
import uuid
from pathlib import Path

import httpx
import pytest

from cellblock.attacks import proc, standing
from cellblock.attacks.instance import find_instance
from e2e.instance import Instance, children, running_instance, wait_until_gone
from pace import TIME_SCALE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

VICTIMS = ("service", "supervisor", "parent", "spawner", "zygote", "init", "program")
LANGUAGES = {"bash": "echo {}", "python": "print({})"}
"""Programs in turn of one that always starts cold, and one that is forked from a zygote."""
SLEEPING = {
    "bash": "echo begun; sleep {}; echo ended",
    "python": "import os\nprint('begun', flush=True)\nos.spawnlp(0, 'sleep', 'sleep', '{}')\nprint('ended')",
}
"""Programs whose cells are told from others by the sleep that they have started."""
ENDED_AS = {"init": ("AC", "begun\nended\n", 2), "program": ("SIG", "begun\n", 1)}
"""Verdict, output and starts. Without its init a run is lost, and made again; that a program under a living
one was killed is what the kernel says of it, whoever did."""
LONGEST_PAUSE_S = 1.5
"""Between the moment when all is well and the next kill."""


class Driver(threading.Thread):
    """Submits one small job after another and keeps count of what was accepted.

    An answer that does not come is asked for again with the same idempotency key, as a client should.
    """

    def __init__(self, base_url: str, most: int) -> None:
        super().__init__()
        self._base_url = base_url
        self._most = most
        self.stop = threading.Event()
        self.accepted: dict[str, int] = {}
        """By id, the number that the job prints."""
        self.refused: set[int] = set()
        self.keys: set[str] = set()

    def run(self) -> None:
        with httpx.Client(base_url=self._base_url, timeout=30 * TIME_SCALE) as http:
            number = 0
            while not self.stop.is_set() and len(self.accepted) < self._most:
                number += 1
                key = str(uuid.uuid4())
                language, code = list(LANGUAGES.items())[number % len(LANGUAGES)]
                body = {"language": language, "code": code.format(number)}
                while not self.stop.is_set():
                    self.keys.add(key)
                    with contextlib.suppress(httpx.TransportError):
                        answer = http.post("/api/submit", json=body, headers={"idempotency-key": key})
                        if answer.status_code == 202:
                            self.accepted[answer.json()["id"]] = number
                            break
                        self.refused.add(answer.status_code)
                    time.sleep(0.05)


@pytest.mark.parametrize(
    ("kills", "least", "most"),
    [
        pytest.param(7, 50, 250, id="7-kills"),
        pytest.param(35, 2000, 4000, id="35-kills", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_every_accepted_submission_gets_its_one_right_result(kills, least, most, free_port, time_scale):
    seed = random.randrange(1 << 32)  # noqa: S311  # moments, no secrets
    print(f"seed {seed}")  # noqa: T201  # to repeat what failed
    chance = random.Random(seed)  # noqa: S311
    victims = [VICTIMS[turn % len(VICTIMS)] for turn in range(kills)]
    chance.shuffle(victims)
    driver = Driver(f"http://127.0.0.1:{free_port}", most)
    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name, contextlib.ExitStack() as stack:
        instance = stack.enter_context(
            running_instance(free_port, directory=Path(name), time_scale=time_scale)
        )
        wait_until_ready(instance, 60 * time_scale)
        hit: dict[str, str] = {}
        driver.start()
        try:
            for victim in victims:
                time.sleep(chance.uniform(0, LONGEST_PAUSE_S * time_scale))
                if victim in ENDED_AS:
                    hit[kill_in_a_cell(instance, victim, chance)] = victim
                else:
                    kill(instance, victim)
                if victim == "parent":
                    instance = stack.enter_context(
                        running_instance(free_port, directory=Path(name), time_scale=time_scale)
                    )
                wait_until_ready(instance, 60 * time_scale)
            until_accepted(driver, least, 120 * time_scale)
        finally:
            driver.stop.set()
            driver.join()
        with httpx.Client(base_url=instance.base_url, timeout=30 * TIME_SCALE) as http:
            records = {
                submission: finished(http, submission, 300 * time_scale) for submission in driver.accepted
            }
            ends = {submission: finished(http, submission, 1) for submission in hit}
        assert instance.stop() == 0
        rows = rows_by_id(Path(name) / "data" / "cellblock.db")

    assert driver.refused <= {400, 503}, (
        "while languages and supervisor come back, and when the queue is full"
    )
    wrong = {
        submission: record
        for submission, record in records.items()
        if (record["job_status"], record["verdict"], record["stdout"])
        != ("completed", "AC", f"{driver.accepted[submission]}\n")
    }
    assert not wrong
    assert [
        (victim, ends[submission]["verdict"], ends[submission]["stdout"], rows[submission])
        for submission, victim in hit.items()
    ] == [(victim, *ENDED_AS[victim]) for victim in hit.values()]
    assert len(rows) <= len(driver.keys) + len(hit)
    assert set(driver.accepted) <= set(rows)
    starts = [rows[submission] for submission in driver.accepted]
    assert max(starts) <= 3
    again = sum(count > 1 for count in starts)
    print(f"{len(starts)} accepted, {kills} kills, {again} run again")  # noqa: T201  # the figures


def kill(instance: Instance, victim: str) -> None:
    if victim == "parent":
        instance.process.kill()
        instance.process.wait()
        return
    if victim == "zygote":
        targets = zygotes_when_there(instance, instance.patience_s)
    elif victim == "spawner":
        targets = children(instance.pid_of("supervisor"))
    else:
        targets = [instance.pid_of(victim)]
    for target in targets:
        with contextlib.suppress(ProcessLookupError):
            os.kill(target, signal.SIGKILL)
    wait_until_gone(targets, 5)


def kill_in_a_cell(instance: Instance, victim: str, chance: random.Random) -> str:
    """Kill a sleeping program, or the init of its cell, as root of the host can; returns the submission."""
    language, code = chance.choice([*SLEEPING.items()])
    for_s = f"2.{chance.randrange(10**8, 10**9)}"
    deadline_s = time.monotonic() + instance.patience_s
    while True:
        answer = instance.submit(code.format(for_s), wait=False, language=language)
        if answer.status_code == 202:
            break
        assert time.monotonic() < deadline_s, answer.text  # full, while those of the driver are run
        time.sleep(0.05)
    supervisor = find_instance(instance.port).supervisor
    while not (sleeping := [pid for pid in proc.descendants(supervisor) if for_s in proc.arguments(pid)]):
        assert time.monotonic() < deadline_s, "the program does not run"
        time.sleep(0.01)
    program = int(proc.stat(sleeping[0])[1])
    target = program if victim == "program" else int(proc.stat(program)[1])
    os.kill(target, signal.SIGKILL)
    wait_until_gone([target], 5)
    submission: str = answer.json()["id"]
    # Here, so that no other victim takes it along once more.
    instance.finished(submission, timeout_s=instance.patience_s)
    return submission


def zygotes_when_there(instance: Instance, timeout_s: float) -> list[int]:
    """The interpreters that programs are forked from; asked for in a way that leaves no record."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := standing.look(find_instance(instance.port)).zygotes):
        assert time.monotonic() < deadline_s, f"no zygote in {timeout_s} s"
        with contextlib.suppress(httpx.TransportError):
            program = {"language": "python", "code": "print(1)"}
            httpx.post(f"{instance.base_url}/v1/execute", json=program, timeout=timeout_s)
        time.sleep(0.02)
    return [zygote.pid for zygote in found]


def wait_until_ready(instance: Instance, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(httpx.TransportError):
            if set(LANGUAGES) <= set(httpx.get(f"{instance.base_url}/api/languages").json()):
                return
        assert instance.process.poll() is None, instance.log.read_text()
        assert time.monotonic() < deadline_s, f"not ready in {timeout_s} s: {instance.log.read_text()}"
        time.sleep(0.02)


def until_accepted(driver: Driver, least: int, timeout_s: float) -> None:
    """Wait until so many are accepted, on a slow machine after the last kill."""
    deadline_s = time.monotonic() + timeout_s
    while len(driver.accepted) < least:
        assert time.monotonic() < deadline_s, f"{len(driver.accepted)} of {least} accepted"
        time.sleep(0.05)


def finished(http: httpx.Client, submission: str, timeout_s: float) -> dict[str, object]:
    deadline_s = time.monotonic() + timeout_s
    while True:
        record = http.get(f"/api/result/{submission}").json()
        if record["job_status"] in {"completed", "error"}:
            return record
        assert time.monotonic() < deadline_s, f"no result in {timeout_s} s: {record}"
        time.sleep(0.05)


def rows_by_id(database: Path) -> dict[str, int]:
    """How often each submission was started."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT id, starts FROM submissions"))
