from __future__ import annotations

import asyncio

import pytest

from cellblock.errors import SupervisorLostError, SupervisorUnavailableError
from cellblock.model import Job, SourceFile
from cellblock.supervisor.client import SupervisorClient, SupervisorRefusedError
from doubles import CannotServeError, Gate, ScriptedSupervisor, make_outcome, make_status, until

pytestmark = pytest.mark.anyio


def make_job(name: str = "one") -> Job:
    return Job(id=name, language="python", files=(SourceFile("", b"print(1)"),))


@pytest.fixture
async def supervisor(tmp_path):
    scripted = ScriptedSupervisor(tmp_path / "supervisor.sock")
    await scripted.start()
    yield scripted
    await scripted.die()


@pytest.fixture
async def client(supervisor):
    connected = SupervisorClient(supervisor.path)
    await connected.start()
    async with asyncio.timeout(5):
        await connected.wait_ready()
    yield connected
    await connected.close()


async def test_status_is_none_until_the_supervisor_told_it(supervisor):
    client = SupervisorClient(supervisor.path)
    assert client.status is None
    await client.start()
    assert client.status is None
    assert await client.wait_ready() == make_status()
    await client.close()
    assert client.status is None


async def test_overlapping_runs_get_their_own_outcomes_in_any_order(supervisor, client):
    release = {str(n): asyncio.Event() for n in range(20)}

    async def script(job: Job):
        await release[job.id].wait()
        return make_outcome(stdout=job.id.encode())

    supervisor.script = script
    runs = [asyncio.create_task(client.run(make_job(str(n)))) for n in range(20)]
    await until(lambda: len(supervisor.jobs) == 20)
    for event in reversed(release.values()):
        event.set()
        await asyncio.sleep(0)
    assert [(await run).stdout for run in runs] == [str(n).encode() for n in range(20)]


async def test_memory_of_the_compile_cache_is_as_last_told_and_none_without_a_supervisor(supervisor, client):
    assert client.compile_cache_bytes == 0
    await supervisor.tell_cache(4096)
    await until(lambda: client.compile_cache_bytes == 4096)
    await supervisor.die()
    await until(lambda: client.compile_cache_bytes == 0)


async def test_probe_answers_what_the_supervisor_saw(supervisor, client):
    assert await client.probe() == supervisor.features


async def test_refused_job_carries_the_supervisors_words(supervisor, client):
    async def script(_job: Job):
        raise CannotServeError("unknown language cobol")

    supervisor.script = script
    with pytest.raises(SupervisorRefusedError, match="unknown language cobol"):
        await client.run(make_job())


async def test_broken_connection_fails_everything_in_flight_and_heals(supervisor, client):
    gate = Gate()
    supervisor.script = gate
    runs = [asyncio.create_task(client.run(make_job())) for _ in range(3)]
    await until(lambda: gate.held == 3)
    await supervisor.die()
    for run in runs:
        with pytest.raises(SupervisorLostError):
            await run
    assert client.status is None
    with pytest.raises(SupervisorUnavailableError):
        await client.run(make_job())
    with pytest.raises(SupervisorUnavailableError):
        await client.probe()

    gate.open()
    await supervisor.start()
    async with asyncio.timeout(1):
        await client.wait_ready()
    assert (await client.run(make_job())).stdout == b"4\n"


async def test_run_whose_task_is_cancelled_is_ended_at_the_supervisor(supervisor, client):
    gate = Gate()
    supervisor.script = gate
    given_up, kept = (asyncio.create_task(client.run(make_job(name))) for name in ("one", "two"))
    await until(lambda: gate.held == 2)
    given_up.cancel()
    await until(lambda: [job.id for job in supervisor.cancelled] == ["one"])
    assert given_up.cancelled()
    gate.open()
    assert (await kept).stdout == b"4\n"
    assert not client._runs


async def test_run_that_is_given_up_by_its_future_is_ended_too(supervisor, client):
    supervisor.script = Gate()
    client.begin_run(make_job()).cancel()
    await until(lambda: len(supervisor.cancelled) == 1)


async def test_run_that_ended_is_not_cancelled_afterwards(supervisor, client):
    run = client.begin_run(make_job())
    await run
    run.cancel()
    await client.run(make_job("two"))
    assert supervisor.cancelled == []


async def test_run_may_be_given_up_after_the_connection_broke(supervisor, client):
    supervisor.script = Gate()
    run = client.begin_run(make_job())
    await until(lambda: len(supervisor.jobs) == 1)
    run.cancel()
    await supervisor.die()
    await until(lambda: client.status is None)
    assert not client._runs


async def test_changes_of_status_are_told(supervisor, client):
    seen = []
    client.on_change(lambda: seen.append(client.status and client.status.slots))
    await supervisor.announce(make_status(slots=7))
    await until(lambda: seen == [7])
    await supervisor.die()
    await until(lambda: seen == [7, None])


async def test_peer_that_breaks_the_framing_is_left(tmp_path):
    connections = 0

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"\x00\x00\x00\x05hello")
        await writer.drain()

    server = await asyncio.start_unix_server(babble, tmp_path / "s")
    client = SupervisorClient(tmp_path / "s")
    await client.start()
    await until(lambda: connections >= 2)
    assert client.status is None
    await client.close()
    server.close()
