"""The whole instance: who is started, who comes back, what is left when it ends."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from e2e.instance import ROLES, Instance, children, descendants, running_instance, wait_until_gone
from pace import TIME_SCALE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

RUNNING = "SELECT count(*) FROM submissions WHERE job_status = 'running'"
SLEEPER = "import time; print('begun', flush=True); time.sleep({seconds})"


def wait_until_running(instance, asking):
    """Return when a program is with the supervisor; it has its cell a moment later."""
    with closing(
        sqlite3.connect(instance.log.parent / "data" / "cellblock.db", timeout=30 * TIME_SCALE)
    ) as database:
        while asking.is_alive() and not database.execute(RUNNING).fetchone()[0]:
            time.sleep(0.01)
    time.sleep(0.1)


@pytest.fixture
def instance(free_port, time_scale):
    with running_instance(free_port, time_scale=time_scale) as started:
        yield started


@pytest.fixture
def directory():
    """For data that outlive an instance; every user has to pass to it, which pytest's own do not allow."""
    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name:
        yield Path(name)


def test_printed_curl_works_as_pasted(free_port, time_scale):
    with running_instance(free_port, time_scale=time_scale) as instance:
        lines = [instance.process.stdout.readline() for _ in range(2)]
        curl = shlex.split(lines[-1])
        assert curl[0] == "curl"
        answer = subprocess.run(curl, capture_output=True, text=True, check=True)
        assert '"verdict":"AC"' in answer.stdout.replace(" ", "")
        assert r'"stdout":"4\n"' in answer.stdout.replace(" ", "")


def test_service_runs_unprivileged_and_supervisor_opens_no_network_socket(instance):
    status = Path(f"/proc/{instance.pid_of('service')}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert "0" not in fields["Uid"].split()
    assert fields["CapEff"].split() == fields["CapBnd"].split() == ["0" * 16]
    assert fields["NoNewPrivs"].split() == ["1"]

    supervisor = instance.pid_of("supervisor")
    network = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        rows = Path(f"/proc/{supervisor}/net/{table}").read_text().splitlines()[1:]
        network |= {f"socket:[{row.split()[9]}]" for row in rows}
    opened = {str(entry.readlink()) for entry in Path(f"/proc/{supervisor}/fd").iterdir()}
    assert not network & opened


@pytest.mark.parametrize("role", ["supervisor", "service"])
def test_killed_child_is_back_within_a_second_and_the_next_request_works(instance, role, time_scale):
    old = instance.pid_of(role)
    below = [old, *descendants(old)]
    os.kill(old, signal.SIGKILL)
    instance.wait_for_other(role, old, timeout_s=1 * time_scale)
    record = instance.submit_when_ready("print(6 * 7)", timeout_s=15 * time_scale)
    assert (record["verdict"], record["stdout"]) == ("AC", "42\n")
    wait_until_gone(below, 5 * time_scale)


@pytest.mark.parametrize("victim", ["supervisor", "spawner"])
def test_run_that_is_lost_with_a_process_of_ours_runs_again(instance, victim, time_scale):
    instance.submit_when_ready("pass", timeout_s=15 * time_scale)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(instance.submit(SLEEPER.format(seconds=2))))
    asking.start()
    wait_until_running(instance, asking)
    supervisor = instance.pid_of("supervisor")
    below = descendants(supervisor)
    if victim == "supervisor":
        os.kill(supervisor, signal.SIGKILL)
    else:
        for spawner in children(supervisor):
            os.kill(spawner, signal.SIGKILL)
    asking.join()
    record = answers[0].json()
    assert answers[0].status_code == 200
    assert (record["job_status"], record["verdict"]) == ("completed", "AC"), record
    assert record["wall_time_secs"] >= 2
    wait_until_gone(below, 5 * time_scale)
    assert instance.submit_when_ready("print(1)", timeout_s=15 * time_scale)["verdict"] == "AC"


def test_as_process_1_the_parent_reaps_what_a_killed_supervisor_leaves(free_port, time_scale):
    prefix = ("unshare", "--pid", "--fork", "--mount-proc")
    with running_instance(free_port, time_scale=time_scale, prefix=prefix) as instance:
        (parent,) = children(instance.process.pid)
        inside = Instance(SimpleNamespace(pid=parent), free_port, instance.log, time_scale)
        inside.submit_when_ready("pass", timeout_s=15 * time_scale)
        for _ in range(2):
            old = inside.pid_of("supervisor")
            below = descendants(old)
            assert len(below) > 1
            os.kill(old, signal.SIGKILL)
            inside.wait_for_other("supervisor", old, timeout_s=15 * time_scale)
            inside.submit_when_ready("pass", timeout_s=15 * time_scale)
            deadline_s = time.monotonic() + 10 * time_scale
            while left := [pid for pid in below if Path(f"/proc/{pid}").exists()]:
                assert time.monotonic() < deadline_s, left
                time.sleep(0.05)
        assert len(children(parent)) == len(ROLES)
        os.kill(parent, signal.SIGTERM)
        assert instance.process.wait(45 * time_scale) == 0


PROCESS_1 = """
import asyncio, os, subprocess
from cellblock import config
from cellblock.app import children, strangers

real = subprocess.Popen
children.subprocess.Popen = lambda _arguments, **_options: real(["sh", "-c", "sleep 0.1 & exit 7"])

def any_child():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True

async def main():
    strangers.reap_from_now_on()
    own = children.start_service(config.load({}, {}), 0)
    await asyncio.sleep(0.5)
    print(own.pid, await children.exit_of(own), flush=True)
    while any_child():
        await asyncio.sleep(0.05)
    print("alone", flush=True)

asyncio.run(main())
"""


def test_process_1_reaps_strangers_behind_a_child_of_its_own_and_leaves_that_its_exit_code():
    command = ("unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", PROCESS_1)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30 * TIME_SCALE)
    assert (done.stdout, done.stderr) == ("2 7\nalone\n", "")


def test_parent_killed_takes_both_with_it_and_the_next_one_waits_for_their_end(
    directory, free_port, time_scale
):
    """What the dead one had accepted is run by the next, which starts at once on the same data."""
    with running_instance(free_port, directory=directory, time_scale=time_scale) as first:
        first.submit_when_ready("pass", timeout_s=15 * time_scale)
        ids = [first.submit(SLEEPER.format(seconds=1), wait=False).json()["id"] for _ in range(5)]
        below = descendants(first.process.pid)
        first.process.kill()
        first.process.wait()
        with running_instance(free_port, directory=directory, time_scale=time_scale) as second:
            wait_until_gone(below, 1)
            records = [second.finished(submission, timeout_s=30 * time_scale) for submission in ids]
    assert {record["verdict"] for record in records} == {"AC"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_exits_0_and_leaves_nothing(instance, number, time_scale):
    instance.submit_when_ready("pass", timeout_s=15 * time_scale)
    everyone = descendants(instance.process.pid)
    assert instance.stop(number) == 0
    wait_until_gone(everyone, 1 * time_scale)


def test_running_program_may_finish_when_told_to_end(instance, time_scale):
    instance.submit_when_ready("pass", timeout_s=15 * time_scale)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(instance.submit(SLEEPER.format(seconds=2))))
    asking.start()
    wait_until_running(instance, asking)
    assert instance.stop() == 0
    asking.join()
    assert (answers[0].status_code, answers[0].json()["verdict"]) == (200, "AC")


def test_parent_killed_hard_takes_everything_with_it(instance, time_scale):
    instance.submit_when_ready("pass", timeout_s=15 * time_scale)
    everyone = descendants(instance.process.pid)
    assert len(everyone) >= 2
    instance.process.kill()
    instance.process.wait()
    wait_until_gone(everyone, 10 * time_scale)


def test_second_instance_on_the_same_data_is_refused_by_name(instance, free_port):
    data_dir = instance.log.parent / "data"
    arguments = [
        "--port",
        str(free_port + 1),
        "--data-dir",
        data_dir,
        "--runtime-dir",
        instance.log.parent / "r",
    ]
    second = subprocess.run(
        [sys.executable, "-m", "cellblock", "serve", *arguments], capture_output=True, text=True, check=False
    )
    assert second.returncode == 3
    assert f"another cellblock (pid {instance.process.pid}) uses {data_dir}" in second.stderr
    assert "CELLBLOCK_DATA_DIR" in second.stderr


def test_port_in_use_ends_the_start_with_the_services_own_message(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ["--port", str(port), "--data-dir", tmp_path / "data", "--runtime-dir", tmp_path / "run"]
        refused = subprocess.run(
            [sys.executable, "-m", "cellblock", "serve", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in refused.stderr
    assert refused.stdout == ""


def test_limits_of_an_unknown_language_end_the_start(tmp_path, free_port):
    arguments = ["--port", str(free_port), "--data-dir", tmp_path / "data", "--runtime-dir", tmp_path / "run"]
    refused = subprocess.run(
        [sys.executable, "-m", "cellblock", "serve", *arguments, "--limits", "pyhton.judge.cpu_ms=1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 3
    assert "unknown language pyhton" in refused.stderr
    assert refused.stdout == ""


def test_data_directory_holds_nothing_of_roots(instance, time_scale):
    instance.submit_when_ready("pass", timeout_s=15 * time_scale)
    data_dir = instance.log.parent / "data"
    owners = {entry.stat().st_uid for entry in [data_dir, *data_dir.rglob("*")]}
    assert owners
    assert 0 not in owners
