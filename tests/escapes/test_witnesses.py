"""No attack that could not succeed: without a cell around it, each sees its witness turn.

The payloads run bare, as the user whose process and files are the bait, and reach for that bait only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellblock.attacks import machine
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.ground import Ground
from cellblock.attacks.instance import Instance, outside, serves_as_root
from cellblock.attacks.manifest import fill, trials
from cellblock.errors import HostError
from escapes.seen import sees
from pace import TIME_SCALE

NOBODY = 65534
PROCESSES_OF_OURS = (
    "SERVICE_PID", "SUPERVISOR_PID", "PARENT_PID",
    "SPAWNER_PID", "ZYGOTE_PID", "WAITING_INIT_PID", "WAITING_PID",
)  # fmt: skip
UNUSED_UID = 1_999_872


@pytest.fixture
def ground() -> Iterator[Ground]:
    with contextlib.closing(Ground()) as laid:
        yield laid


def bare(
    name: str, ground: Ground, directory: Path, *, language: str = "python", prefix: tuple[str, ...] = ()
) -> str:
    """Run a payload without a cell; our own processes are the victim, so that nothing else can be hit."""
    (trial,) = (each for each in trials() if each.name == name)
    victim = ground.values["VICTIM_PID"]
    processes = dict.fromkeys(PROCESSES_OF_OURS, victim)
    places = dict.fromkeys(("DATA_DIR", "RUNTIME_DIR", "SOCKET"), "/nonexistent")
    code = fill(
        trial.source, {**ground.values, **processes, **places, "SERVICE_PORT": ground.values["TCP_PORT"]}
    )
    directory.chmod(0o777)
    (directory / "main.py").write_text(code)
    os.chown(directory / "main.py", NOBODY, NOBODY)
    interpreter = {"python": ["/usr/bin/python3", "main.py"], "bash": ["/bin/bash", "main.py"]}[language]
    who = {} if prefix else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    done = subprocess.run(
        [*prefix, *interpreter], cwd=directory, **who, env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * TIME_SCALE, check=False,
    )  # fmt: skip
    assert "attempt" in done.stdout, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def beneath(tmp_path: Path) -> Path:
    """A directory that the user of the bait may reach."""
    for each in [tmp_path, *tmp_path.parents]:
        if each.stat().st_uid == os.getuid() and each not in {Path("/"), Path("/tmp")}:
            each.chmod(each.stat().st_mode | 0o711)
    return tmp_path


def test_untouched_bait_says_so(ground):
    assert ground.turned() == []
    assert not ground.told("nothing of interest")


@sees("A1/paths")
def test_without_a_cell_paths_reach_the_bait_and_its_secret(ground, beneath):
    said = bare("A1/paths/python", ground, beneath)
    assert ground.told(said)
    assert len([line for line in ground.turned() if line.startswith("files in")]) == 3


def test_without_a_cell_paths_of_a_shell_reach_the_bait(ground, beneath):
    assert ground.told(bare("A1/paths/bash", ground, beneath, language="bash"))
    assert any(line.startswith("files in") for line in ground.turned())


@sees("F/reach")
def test_without_a_network_namespace_every_listener_is_reached(ground, beneath):
    bare("F/reach/python", ground, beneath)
    reached = "\n".join(ground.turned())
    for name in ground._listeners.keys() - {"ICMP", "name"}:  # those are of other attacks
        assert f"the host's {name} socket was reached" in reached


@sees("I/kill")
def test_without_a_pid_namespace_a_process_of_the_host_is_ended(ground, beneath):
    # The real one also signals 1 and its parent: as this user, neither can be hit.
    bare("I/kill/python", ground, beneath)
    assert any("was ended" in line for line in ground.turned())


def test_bait_is_laid_where_it_can_be_as_a_containers_root_may_be_read_only(monkeypatch):
    monkeypatch.setattr("cellblock.attacks.ground._BAIT_PLACES", ("/nonexistent", "/tmp", "/run"))
    with contextlib.closing(Ground()) as ground:
        assert [str(each.parent) for each in ground.directories] == ["/tmp", "/tmp", "/run"]
        assert len(set(ground.directories)) == 3
        (ground.directories[0] / "open").write_text("changed")
        assert ground.turned() == [f"files in {ground.directories[0]} changed"]
    monkeypatch.setattr("cellblock.attacks.ground._BAIT_PLACES", ("/nonexistent",))
    with pytest.raises(HostError, match="none of /nonexistent is writable"):
        Ground()


def test_a_victim_that_ends_while_it_is_looked_at_was_ended(ground, monkeypatch):
    (victim,) = ground._victims
    pid, look = victim.process.pid, victim.changed

    def end_and_look():
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return look()

    monkeypatch.setattr(victim, "changed", end_and_look)
    assert ground.turned() == ["a process of the host was ended (-9)"]


@sees("G/search")
def test_without_a_root_of_its_own_a_search_finds_the_secret(ground, beneath):
    (trial,) = (each for each in trials() if each.name == "G/search/python")
    assert "@SECRET@" in trial.source
    alone = ("unshare", "--mount", "--pid", "--fork", "--mount-proc")
    user = ("setpriv", f"--reuid={NOBODY}", "--clear-groups")
    said = bare("G/search/python", ground, beneath, prefix=(*alone, *user))
    assert ground.told(said)


@pytest.mark.parametrize("harm", ["stop", "nice"])
def test_a_victim_that_is_stopped_or_reprioritised_is_noticed(ground, harm):
    pid = int(ground.values["VICTIM_PID"])
    if harm == "stop":
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    else:
        os.setpriority(os.PRIO_PROCESS, pid, min(os.getpriority(os.PRIO_PROCESS, pid) + 1, 19))
    assert any("a process of the host was changed" in line for line in ground.turned())


@pytest.mark.parametrize("form", ["{token}", "{hex}", "{back}"])
def test_a_secret_is_recognised_in_every_form_that_payloads_print(ground, form):
    token = ground.token
    assert ground.told(f"x{form.format(token=token, hex=token.encode().hex(), back=token[::-1])}y")


def test_leftovers_see_processes_queues_and_files_of_a_cells_users():
    instance = Instance(parent=0, service=0, supervisor=0, first_uid=UNUSED_UID)
    assert set(machine.leftovers(instance).values()) == {0}
    script = (
        "import ctypes, os, time; ctypes.CDLL(None).shmget(0, 4096, 0o1600);"
        "open('/dev/shm/cellblock-left-behind', 'x'); os.write(1, b'.'); time.sleep(60)"
    )
    left = Path("/dev/shm/cellblock-left-behind")
    left.unlink(missing_ok=True)
    user = UNUSED_UID + 1
    process = subprocess.Popen(
        ["/usr/bin/python3", "-S", "-c", script], stdout=subprocess.PIPE, user=user, group=user, cwd="/"
    )
    try:
        process.stdout.read(1)
        seen = machine.leftovers(instance)
        assert (seen["processes"], seen["IPC objects"], seen["files"]) == (1, 1, 1)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        left.unlink(missing_ok=True)
        _remove_shared_memory_of(user)
    assert set(machine.leftovers(instance).values()) == {0}


def _remove_shared_memory_of(user: int) -> None:
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[7]) == user:
            subprocess.run(["ipcrm", "-m", fields[1]], check=True)


def test_a_process_of_ours_that_was_replaced_is_noticed():
    sleeper = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    instance = Instance(parent=os.getpid(), service=os.getpid(), supervisor=sleeper.pid, first_uid=UNUSED_UID)
    campaign = Campaign.__new__(Campaign)
    campaign._instance, campaign._health = instance, machine.health(instance)
    try:
        assert campaign._changed(machine.clock_offset_s()) == []
        sleeper.kill()
        sleeper.wait()
        assert any("supervisor" in line for line in campaign._changed(machine.clock_offset_s()))
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_clock_that_was_set_is_noticed():
    assert machine.clock_was_set(machine.clock_offset_s() - 2)
    assert not machine.clock_was_set(time.time() - time.monotonic())


def test_a_host_name_that_was_taken_is_noticed_in_a_namespace_of_its_own():
    script = """
        import os, socket
        from cellblock.attacks import machine
        from cellblock.attacks.instance import Instance
        me = Instance(parent=1, service=os.getpid(), supervisor=os.getpid(), first_uid=1999872)
        before = machine.health(me)
        socket.sethostname("taken")
        print([name for name, was in before.items() if machine.health(me)[name] != was])
    """

    told = subprocess.run(
        ["unshare", "--uts", sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "host name" in told.stdout
    assert socket.gethostname() != "taken"


@sees("B/include", "B/incbin")
@pytest.mark.parametrize("name", ["B/include/bait/c", "B/incbin/bait/c"])
def test_without_a_cell_the_compiler_tells_the_secret(name, ground, beneath):
    (trial,) = (each for each in trials() if each.name == name)
    (beneath / "main.c").write_text(fill(trial.source, ground.values))
    done = subprocess.run(
        ["cc", "-o", "main", "main.c"],
        cwd=beneath, capture_output=True, text=True, timeout=60 * TIME_SCALE, check=False,
    )  # fmt: skip
    ran = (
        subprocess.run(["./main"], cwd=beneath, capture_output=True, text=True, check=False).stdout
        if not done.returncode
        else ""
    )
    assert ground.told(done.stderr + ran)


@sees("E/locks")
@pytest.mark.parametrize("way", ["flock", "record"])
def test_without_an_end_of_the_first_its_lock_is_seen_by_the_second(way, tmp_path):
    (trial,) = (each for each in trials() if each.name == f"E/locks/{way}-usr/python")
    shared = tmp_path / "shared"
    shared.touch()
    source = fill(trial.source, {"HELD_S": "60"})
    (tmp_path / "main.py").write_text(source.replace("/usr/bin/env", str(shared)))
    command = [sys.executable, "main.py"]

    def second():
        return subprocess.run(
            command, cwd=tmp_path, input="second\n", text=True, capture_output=True, check=False
        ).returncode

    assert second() == 0
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        first.stdin.write("first\n")
        first.stdin.flush()
        assert first.stdout.readline() == "attempt\n"
        deadline_s = time.monotonic() + 5
        while (seen := second()) == 0 and time.monotonic() < deadline_s:
            time.sleep(0.01)
        first.kill()
    assert seen == 42


def test_users_of_cells_are_sought_under_the_uids_that_a_users_namespace_gives_them():
    ready = "import ctypes, time; ctypes.CDLL(None).unshare(0x10000000); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", ready], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            Path(f"/proc/{process.pid}/uid_map").write_text("0 4321 1\n70016 300000 1984\n")
            assert outside(process.pid, 0) == 4321
            assert outside(process.pid, 70144) == 300128
            assert outside(process.pid, 5) == 5
        finally:
            process.kill()
    assert outside(os.getpid(), 70144) == 70144


@pytest.mark.parametrize(("user", "expected"), [(0, True), (NOBODY, False)])
def test_who_makes_the_cells_is_read_from_the_supervisor(user, expected):
    with subprocess.Popen(["/bin/sleep", "60"], user=user) as process:
        try:
            instance = Instance(parent=0, service=0, supervisor=process.pid, first_uid=UNUSED_UID)
            assert serves_as_root(instance) is expected
        finally:
            process.kill()
