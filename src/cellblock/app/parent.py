"""The small privileged parent of ``cellblock serve``: it starts two children and keeps them alive.

It listens on no network, parses nothing but what its own children say, and holds the two locks that
make an instance the only one of its port and of its data. Where languages are to be installed, a third
child brings them and ends. The supervisor's socket is opened here and
handed down, so that its path stays while supervisors come and go.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from cellblock.app import children, places, strangers, welcome
from cellblock.config import Settings
from cellblock.errors import HostError

_YOUNG_S = 2.0
"""A child that ends sooner after its start did not really run; starting it again is slowed down."""
_LONGEST_PAUSE_S = 5.0
_SUPERVISOR_PATIENCE_S = 10.0
_SERVICE_GRACE_S = 2.0
_INSTALLER_PATIENCE_S = 2.0


def serve(settings: Settings) -> None:
    """Run an instance until it is told to end by SIGTERM or SIGINT.

    Raises ``HostError`` where it cannot start or its service cannot.
    """
    user = places.service_user(settings)
    instance_dir = places.make_instance_dir(settings, user)
    locks = [
        places.lock(instance_dir, "CELLBLOCK_PORT"),
        places.lock(places.make_data_dir(settings, user), "CELLBLOCK_DATA_DIR"),
    ]
    listening = children.listen(settings.supervisor_socket, group_id=user.pw_gid if user else None)
    try:
        with listening:
            asyncio.run(_keep_both(settings, listening, locks))
    finally:
        settings.supervisor_socket.unlink(missing_ok=True)
        for lock in locks:
            os.close(lock)


class Child:
    """One process that is started again whenever it ends."""

    def __init__(self, name: str, start: Callable[[], children.Process]) -> None:
        """Keep what ``start`` starts; ``name`` is for messages."""
        self._name = name
        self._start = start
        self._process: children.Process | None = None
        self._has_served = False

    def mark_served(self) -> None:
        """From now on an exit is an accident to recover from, not a refusal to start."""
        self._has_served = True

    async def keep(self) -> None:
        """Start the process, again and again; raises ``HostError`` where it refuses to start at all."""
        short_lives = 0
        while True:
            started_s = time.monotonic()
            self._process = self._start()
            code = await children.exit_of(self._process)
            if code > 0 and not self._has_served:
                raise HostError(f"the {self._name} could not start ({children.describe_exit(code)})")
            short_lives = short_lives + 1 if time.monotonic() - started_s < _YOUNG_S else 0
            pause_s = min(0.1 * 2**short_lives, _LONGEST_PAUSE_S) if short_lives > 1 else 0.0
            _say(f"the {self._name} ended ({children.describe_exit(code)}); starts again in {pause_s:.1f} s")
            await asyncio.sleep(pause_s)

    def reload(self) -> None:
        """Tell the process that the languages have changed; one that just starts finds out by itself."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGHUP)

    async def end(self, patience_s: float) -> None:
        """End the process, by force after ``patience_s``."""
        if self._process is not None:
            await children.end(self._process, patience_s)


async def _keep_both(settings: Settings, listening: socket.socket, locks: Sequence[int]) -> None:
    told_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    if os.getpid() == 1:
        strangers.reap_from_now_on()

    supervisor = Child("supervisor", lambda: children.start_supervisor(settings, listening, locks))
    service = Child("service", lambda: _start_service(settings, answers, locks))
    service_answers: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def answers(needs_key: bool) -> None:  # noqa: FBT001  # what the service says
        service.mark_served()
        if not service_answers.done():
            service_answers.set_result(needs_key)

    welcoming = asyncio.create_task(_welcome(settings, service_answers, supervisor), name="welcome")
    installing = asyncio.create_task(_install_languages(settings, supervisor), name="installation")
    tasks = [
        asyncio.create_task(told_to_end.wait(), name="told to end"),
        asyncio.create_task(supervisor.keep(), name="supervisor"),
        asyncio.create_task(service.keep(), name="service"),
    ]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, welcoming, installing):
            task.cancel()
        await asyncio.wait([*tasks, welcoming, installing])
        # The service first: what runs for it may finish.
        await service.end(settings.drain_timeout_ms / 1000 + _SERVICE_GRACE_S)
        await supervisor.end(_SUPERVISOR_PATIENCE_S)
    for task in (*ended, welcoming, installing):
        if not task.cancelled():
            task.result()


async def _install_languages(settings: Settings, supervisor: Child) -> None:
    """Bring the languages that are to be there; what is ready is served while the rest still comes."""
    languages = [name for name in settings.install_languages.split(",") if name]
    if not languages:
        return
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        process = children.start_installer(settings, languages, writing)
    finally:
        os.close(writing)
    loop = asyncio.get_running_loop()

    ended = asyncio.Event()

    def readable() -> None:
        if os.read(reading, 64):
            supervisor.reload()
        else:
            loop.remove_reader(reading)
            ended.set()

    loop.add_reader(reading, readable)
    try:
        await ended.wait()
        code = await children.exit_of(process)
        if code:
            _say(f"not all languages were installed ({children.describe_exit(code)}); see above")
    finally:
        loop.remove_reader(reading)
        os.close(reading)
        await children.end(process, _INSTALLER_PATIENCE_S)


def _start_service(
    settings: Settings, on_ready: Callable[[bool], None], locks: Sequence[int]
) -> children.Process:
    """Start the service and call ``on_ready`` when it says that it answers, and whether it needs keys."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe2(os.O_CLOEXEC)

    def readable() -> None:
        loop.remove_reader(reading)
        said = os.read(reading, 1)
        os.close(reading)
        if said:
            on_ready(said == b"k")

    loop.add_reader(reading, readable)
    try:
        return children.start_service(settings, writing, locks)
    finally:
        os.close(writing)


async def _welcome(settings: Settings, service_answers: asyncio.Future[bool], supervisor: Child) -> None:
    needs_key = await service_answers
    status = await welcome.first_settled_status(settings)
    supervisor.mark_served()
    sys.stdout.write(welcome.text(settings, status, needs_key=needs_key))
    sys.stdout.flush()


def _say(message: str) -> None:
    if sys.stderr is None:  # closed by whoever started us
        return
    # Where the log's disk is full, children are kept all the same. Past Python's buffer, which would try
    # again at the very end, and make of that an exit code of ours.
    with suppress(OSError):
        os.write(sys.stderr.fileno(), f"cellblock: {message}\n".encode())
