"""The parent's parts, with small stand-ins for its children."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import pytest

from cellblock import config
from cellblock.app import children, parent, places, welcome
from cellblock.errors import HostError
from cellblock.model import EnforcementMode
from doubles import ScriptedSupervisor, make_language, make_status


def start_script(script):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])


@pytest.fixture
def settings(tmp_path, free_port):
    flags = {"runtime_dir": str(tmp_path / "run"), "data_dir": str(tmp_path / "data"), "port": str(free_port)}
    return config.load(flags, {})


async def keep_until_started(child, starts, times):
    """Run ``child.keep`` until it has started its process that often; returns the waits between."""
    keeping = asyncio.create_task(child.keep())
    while len(starts) < times and not keeping.done():  # noqa: ASYNC110  # the child announces nothing
        await asyncio.sleep(0.005)
    keeping.cancel()
    await asyncio.wait([keeping])
    await child.end(5)
    return [later - earlier for earlier, later in itertools.pairwise(starts)]


def test_child_that_dies_is_back_within_a_second():
    starts = []

    def start():
        starts.append(time.monotonic())
        return start_script("import os; os.kill(os.getpid(), 9)")

    (wait_s,) = asyncio.run(keep_until_started(parent.Child("x", start), starts, 2))
    assert wait_s < 1


def test_child_that_dies_again_and_again_is_started_ever_more_slowly():
    starts = []

    def start():
        starts.append(time.monotonic())
        return subprocess.Popen(["/bin/false"])

    child = parent.Child("x", start)
    child.mark_served()
    waits_s = asyncio.run(keep_until_started(child, starts, 4))
    assert waits_s[0] < 0.3
    assert waits_s[1] > 0.35
    assert waits_s[2] > 0.75


def test_child_that_refuses_to_start_is_given_up():
    child = parent.Child("service", lambda: start_script("raise SystemExit(3)"))
    with pytest.raises(HostError, match=r"the service could not start \(exit code 3\)"):
        asyncio.run(child.keep())


def test_end_asks_first_and_kills_what_does_not_listen():
    polite = subprocess.Popen(["/bin/sleep", "60"])
    stubborn = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; echo; exec sleep 60"], stdout=subprocess.PIPE
    )
    with stubborn.stdout as said:
        said.readline()

    async def end_both():
        return await children.end(polite, 5), await children.end(stubborn, 0.2)

    assert asyncio.run(end_both()) == (-signal.SIGTERM, -signal.SIGKILL)


def test_end_of_a_child_that_is_gone_returns_its_code():
    process = start_script("raise SystemExit(7)")
    process.wait()
    assert asyncio.run(children.end(process, 1)) == 7


def test_child_process_ends_when_its_parent_is_killed(tmp_path):
    """The child is started by a process in the middle that is then killed with -9."""
    script = f"""
        import socket, subprocess, sys, time
        from pathlib import Path
        from cellblock import config
        from cellblock.app import children
        real = subprocess.Popen
        def sleeper(arguments, **options):
            return real(["/bin/sleep", "60"], **options)
        children.subprocess.Popen = sleeper
        settings = config.load({{"runtime_dir": {str(tmp_path)!r}}}, {{}})
        listening = children.listen(Path({str(tmp_path / "s")!r}))
        print(children.start_supervisor(settings, listening).pid, flush=True)
        time.sleep(60)
    """
    middle = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    with middle.stdout as said:
        pid = int(said.readline())
    assert os.getsid(pid) == pid
    middle.kill()
    middle.wait()
    deadline_s = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not is_running(pid)


def test_what_could_not_be_said_on_a_full_disk_is_no_failure_at_the_end():
    script = "from cellblock.app import parent; parent._say('a child ended')"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    for log in (Path("/dev/full"), Path("/dev/null")):
        with log.open("w") as sink:
            said = subprocess.run([sys.executable, "-c", script], stderr=sink, env=buffered, check=False)
        assert said.returncode == 0, log
    said = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, env=buffered, check=True)
    assert said.stderr == b"cellblock: a child ended\n"


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_second_instance_is_refused_with_the_pid_of_the_first(settings):
    directory = places.make_instance_dir(settings, None)
    held = places.lock(directory, "CELLBLOCK_PORT")
    try:
        with pytest.raises(HostError, match=rf"pid {os.getpid()}\).*CELLBLOCK_PORT"):
            places.lock(directory, "CELLBLOCK_PORT")
    finally:
        os.close(held)
    os.close(places.lock(directory, "CELLBLOCK_PORT"))


def test_instance_dir_and_socket_are_closed_to_others(settings):
    directory = places.make_instance_dir(settings, None)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    with children.listen(settings.supervisor_socket):
        assert stat.S_IMODE(settings.supervisor_socket.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="hands files to another user")
def test_only_the_services_group_gets_to_the_socket(settings):
    user = places.service_user(settings)
    directory = places.make_instance_dir(settings, user)
    with children.listen(settings.supervisor_socket, group_id=user.pw_gid):
        found = [directory.stat(), settings.supervisor_socket.stat()]
    assert [(entry.st_uid, entry.st_gid, stat.S_IMODE(entry.st_mode)) for entry in found] == [
        (0, user.pw_gid, 0o750),
        (0, user.pw_gid, 0o660),
    ]


def test_socket_left_by_a_dead_instance_is_replaced(settings):
    places.make_instance_dir(settings, None)
    children.listen(settings.supervisor_socket).close()
    with children.listen(settings.supervisor_socket), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(settings.supervisor_socket))


def test_file_in_the_sockets_place_is_left_alone(settings):
    places.make_instance_dir(settings, None)
    settings.supervisor_socket.write_text("precious")
    with pytest.raises(HostError, match="cannot listen on"):
        children.listen(settings.supervisor_socket)
    assert settings.supervisor_socket.read_text() == "precious"


def test_path_too_long_for_a_socket_says_what_to_set(tmp_path):
    with pytest.raises(HostError, match="CELLBLOCK_RUNTIME_DIR"):
        children.listen(tmp_path / ("x" * 120))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks for the service's user")
def test_missing_service_user_is_one_line_with_the_command_that_makes_it(settings):
    without_user = config.load(
        {"service_user": "nobody-by-that-name", "runtime_dir": str(settings.runtime_dir)}, {}
    )
    with pytest.raises(HostError, match="useradd --system") as refusal:
        parent.serve(without_user)
    assert "\n" not in str(refusal.value)


def test_welcome_tells_strict_permissive_and_refusing_apart(settings):
    permissive = msgspec.structs.replace(settings, permissive=True)
    refusing = make_status(enforcement_mode=EnforcementMode.NONE)
    assert "(strict)" in welcome.text(settings, make_status(), needs_key=False)
    assert "(PERMISSIVE: " in welcome.text(permissive, make_status(), needs_key=False)
    accepting = msgspec.structs.replace(settings, accept_missing=("unprivileged_uid",))
    degraded = make_status(enforcement_mode=EnforcementMode.DEGRADED)
    assert "(strict but for what was accepted as missing: unprivileged_uid)" in welcome.text(
        accepting, degraded, needs_key=False
    )
    assert "NOT run" in welcome.text(permissive, refusing, needs_key=False)
    assert "NOT run" in welcome.text(settings, None, needs_key=False)


def test_welcome_says_whether_a_key_is_needed(settings):
    assert "There are no API keys" in welcome.text(settings, make_status(), needs_key=False)
    asking = welcome.text(settings, make_status(), needs_key=True)
    assert "needs an API key" in asking
    assert "-H 'x-api-key: " in asking


def test_welcome_waits_until_a_language_is_ready(settings):
    places.make_instance_dir(settings, None)

    async def first_status():
        supervisor = ScriptedSupervisor(settings.supervisor_socket)
        supervisor.status = make_status(languages=(make_language("python", available=False, pending=True),))
        await supervisor.start()
        waiting = asyncio.create_task(welcome.first_settled_status(settings))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await supervisor.announce(make_status())
        try:
            return await asyncio.wait_for(waiting, 5)
        finally:
            await supervisor.die()

    assert asyncio.run(first_status()) == make_status()
