"""The parent's third child: it brings languages while the other two serve."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from cellblock import config
from cellblock.app import children, parent


def settings(names):
    return config.load({"install_languages": names}, {})


def installer(script, started):
    """Stand in for ``cellblock languages install`` by a small program that has the ready descriptor."""

    def start(_settings, languages, ready):
        process = subprocess.Popen(
            [sys.executable, "-c", f"import os, time; ready = {ready}; {script}"], pass_fds=[ready]
        )
        started.append((languages, process))
        return process

    return start


class Reloads(parent.Child):
    def __init__(self):
        super().__init__("supervisor", lambda: pytest.fail("started"))
        self.count = 0

    def reload(self):
        self.count += 1


def test_supervisor_is_told_whenever_something_is_ready(monkeypatch):
    started, supervisor = [], Reloads()
    script = "os.write(ready, b'+'); time.sleep(0.2); os.write(ready, b'+')"
    monkeypatch.setattr(children, "start_installer", installer(script, started))
    asyncio.run(parent._install_languages(settings("python,c"), supervisor))
    assert started[0][0] == ["python", "c"]
    assert supervisor.count == 2


def test_what_could_not_be_installed_is_said_and_the_rest_goes_on(monkeypatch, capfd):
    monkeypatch.setattr(children, "start_installer", installer("raise SystemExit(3)", []))
    asyncio.run(parent._install_languages(settings("all"), Reloads()))
    assert "not all languages were installed (exit code 3)" in capfd.readouterr().err


def test_nothing_is_started_where_nothing_is_to_be_installed(monkeypatch):
    monkeypatch.setattr(children, "start_installer", lambda *_: pytest.fail("started"))
    asyncio.run(parent._install_languages(settings(""), Reloads()))


def test_installation_ends_with_the_parent(monkeypatch):
    started = []
    monkeypatch.setattr(children, "start_installer", installer("time.sleep(60)", started))

    async def cancel_soon():
        task = asyncio.create_task(parent._install_languages(settings("all"), Reloads()))
        while not started:  # noqa: ASYNC110  # the child announces nothing
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel_soon())
    assert started[0][1].returncode == -signal.SIGTERM


def test_reload_is_a_hangup_and_a_child_that_is_gone_needs_none():
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            # Blocked, then waited for: one that comes between signal() and pause() would be slept through.
            "import signal as s; s.pthread_sigmask(0, [1]); print(1, flush=True); exit(8 + s.sigwait([1]))",
        ],
        stdout=subprocess.PIPE,
    )
    child = parent.Child("supervisor", lambda: process)
    child.reload()
    with process.stdout as said:
        said.readline()
    child._process = process
    child.reload()
    assert process.wait(5) == 9
    child.reload()


def test_real_installer_is_this_program_with_few_words(monkeypatch):
    commands = []
    monkeypatch.setattr(
        children.subprocess, "Popen", lambda argv, **options: commands.append((argv, options))
    )
    reading, writing = os.pipe()
    children.start_installer(settings("all"), ["python", "c"], writing)
    os.close(reading)
    os.close(writing)
    ((argv, options),) = commands
    assert argv[:3] == ["nice", "-n", "10"]
    assert argv[-3:] == ["--", "python", "c"]
    assert options["stdout"] == sys.stderr.fileno(), "stdout is for the address that the service answers on"
