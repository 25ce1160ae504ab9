from __future__ import annotations

import asyncio
import time
import uuid

import pytest

from cellblock.dispatch import LocalQueue
from cellblock.errors import RequestRefused, StoreError
from cellblock.failed import failed_outcome
from cellblock.model import EnforcementMode, IsolationMode, Job, JobStatus, Profile, SourceFile, Verdict
from cellblock.store import Database, NewSubmission, Store
from cellblock.supervisor.client import SupervisorClient
from cellblock.worker import Worker
from doubles import Gate, ScriptedSupervisor, make_outcome, make_status, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def supervisor(tmp_path):
    scripted = ScriptedSupervisor(tmp_path / "supervisor.sock")
    await scripted.start()
    yield scripted
    await scripted.die()


@pytest.fixture
def store(tmp_path):
    opened = Database(tmp_path)
    opened.open()
    yield Store(opened)
    opened.close()


@pytest.fixture
def queue():
    return LocalQueue(100)


@pytest.fixture
async def worker(store, queue, supervisor):
    client = SupervisorClient(supervisor.path)
    made = Worker(store=store, queue=queue, supervisor=client, node_id="node")
    await made.start()
    await client.start()
    await client.wait_ready()
    yield made
    await made.drain(0)
    await client.close()


async def submit(store: Store, queue: LocalQueue, *, carried: bool = True):
    new = NewSubmission(
        id=str(uuid.uuid4()),
        language="python",
        profile=Profile.JUDGE,
        code=b"print(1)",
        stdin=b"",
        created_at_ns=time.time_ns(),
    )
    await store.insert(new)
    return queue.put(new.record(), new.job() if carried else None)


@pytest.mark.usefixtures("worker")
async def test_waiter_gets_the_record_that_the_store_keeps(store, queue):
    waiting = await submit(store, queue)
    record = await waiting.finished
    assert record.job_status == JobStatus.COMPLETED
    assert await store.get(record.id) == record


@pytest.mark.usefixtures("worker")
async def test_inputs_that_are_not_carried_come_from_the_store(store, queue, supervisor):
    waiting = await submit(store, queue, carried=False)
    await waiting.finished
    assert supervisor.jobs[0].files[0].content == b"print(1)"


@pytest.mark.usefixtures("worker")
async def test_result_survives_a_store_that_fails_for_a_while(store, queue, monkeypatch):
    monkeypatch.setattr("cellblock.worker.worker._STORE_RETRY_S", 0.01)
    working_finish, failures = store.finish, 0

    async def finish(*arguments, **more):
        nonlocal failures
        if failures < 3:
            failures += 1
            raise StoreError("disk full")
        await working_finish(*arguments, **more)

    monkeypatch.setattr(store, "finish", finish)
    waiting = await submit(store, queue)
    assert (await waiting.finished).outcome == make_outcome()
    assert failures == 3


async def test_slot_is_free_again_while_the_result_is_being_written(
    store, queue, supervisor, worker, monkeypatch
):
    hold = asyncio.Event()
    working_finish = store.finish

    async def finish(*arguments, **more):
        await hold.wait()
        await working_finish(*arguments, **more)

    monkeypatch.setattr(store, "finish", finish)
    entries = [await submit(store, queue) for _ in range(10)]
    await until(lambda: worker.running == 4)
    await asyncio.sleep(0.05)
    assert len(supervisor.jobs) == 4  # two slots, and no more results in memory than that again
    hold.set()
    for waiting in entries:
        assert (await waiting.finished).outcome.verdict == Verdict.AC


@pytest.mark.usefixtures("worker")
async def test_fault_of_the_worker_itself_reaches_the_waiter(store, queue, monkeypatch):
    async def finish(*_arguments, **_more):
        raise ZeroDivisionError

    monkeypatch.setattr(store, "finish", finish)
    waiting = await submit(store, queue)
    with pytest.raises(ZeroDivisionError):
        await waiting.finished


async def test_nothing_starts_where_isolation_cannot_be_enforced(store, queue, supervisor, worker):
    await supervisor.announce(make_status(enforcement_mode=EnforcementMode.NONE))
    await asyncio.sleep(0.05)
    await submit(store, queue)
    await asyncio.sleep(0.05)
    assert (worker.running, queue.depth, supervisor.jobs) == (0, 1, [])


async def test_cancelled_waiter_does_not_stop_the_run(store, queue, supervisor, worker):
    gate = Gate()
    supervisor.script = gate
    waiting = await submit(store, queue)
    await until(lambda: gate.held == 1)
    waiting.finished.cancel()
    gate.open()
    await until(lambda: worker.running == 0)
    assert (await store.get(waiting.record.id)).job_status == JobStatus.COMPLETED


def test_queue_refuses_a_place_beyond_its_capacity_counting_those_held():
    queue = LocalQueue(1)
    with queue.place(), pytest.raises(RequestRefused, match="queue full") as caught, queue.place():
        pass
    assert (caught.value.status, caught.value.retry_after_s) == (503, 1)
    with queue.place():
        pass


def test_failed_outcome_claims_nothing_that_was_not_measured():
    outcome = failed_outcome("lost", isolation_mode=IsolationMode.PERMISSIVE, node_id="n")
    evidence = outcome.evidence
    assert (outcome.verdict, outcome.error_message, outcome.exit_code) == (Verdict.IE, "lost", None)
    assert evidence.controls_applied == evidence.controls_missing == ()
    for measured in (evidence.cgroup, evidence.timing):
        assert {getattr(measured, name) for name in measured.__struct_fields__} == {None}
    assert evidence.process_lifecycle.zombie_count is None
    assert evidence.isolation_mode == IsolationMode.PERMISSIVE


def make_job() -> Job:
    return Job(id=str(uuid.uuid4()), language="python", files=(SourceFile("", b"print(1)"),))


@pytest.mark.usefixtures("worker")
async def test_errand_gets_its_outcome_and_leaves_no_row(store, queue):
    errand = queue.put_errand(make_job())
    assert (await errand.finished).verdict is Verdict.AC
    assert await store.unfinished() == []
    assert await store.get(errand.id) is None


@pytest.mark.usefixtures("worker")
async def test_withdrawn_errand_frees_its_slot_whenever_that_happens(queue, supervisor):
    gate = Gate()
    supervisor.script = gate
    at_once = queue.put_errand(make_job())
    queue.withdraw(at_once)  # taken, but its task has not begun
    running = [queue.put_errand(make_job()) for _ in range(2)]
    await until(lambda: gate.held == 2)
    waiting = queue.put_errand(make_job())
    queue.withdraw(waiting)
    assert queue.depth == 0
    for errand in running:
        queue.withdraw(errand)
    again = [queue.put_errand(make_job()) for _ in range(2)]
    await until(lambda: gate.held == 4)
    gate.open()
    for errand in again:
        assert (await errand.finished).verdict is Verdict.AC
    assert waiting.job not in supervisor.jobs


async def test_withdrawn_errand_is_not_put_back():
    queue = LocalQueue(1)
    errand = queue.put_errand(make_job())
    assert queue.take() is errand
    queue.withdraw(errand)
    queue.put_back(errand)
    assert queue.depth == 0


async def test_errand_needs_a_place_and_withdrawing_one_gives_it_back():
    queue = LocalQueue(1)
    errand = queue.put_errand(make_job())
    with pytest.raises(RequestRefused, match="queue full"):
        queue.put_errand(make_job())
    with pytest.raises(RequestRefused, match="queue full"), queue.place():
        pass
    queue.withdraw(errand)
    queue.put_errand(make_job())


@pytest.mark.usefixtures("worker")
async def test_errands_run_while_results_cannot_be_kept(store, queue, supervisor, monkeypatch):
    monkeypatch.setattr("cellblock.worker.worker._STORE_RETRY_S", 0.01)
    working_finish = store.finish
    is_full = True

    async def finish(*arguments, **more):
        if is_full:
            raise StoreError("disk full")
        return await working_finish(*arguments, **more)

    monkeypatch.setattr(store, "finish", finish)
    entries = [await submit(store, queue) for _ in range(10)]
    await until(lambda: len(supervisor.jobs) == 4)
    for number in range(3):
        errand = queue.put_errand(Job(id=f"errand{number}", language="python", files=(), stdin=b""))
        assert await asyncio.wait_for(errand.finished, 5) == make_outcome()
    assert len(supervisor.jobs) == 4 + 3
    is_full = False
    for waiting in entries:
        assert (await waiting.finished).outcome.verdict == Verdict.AC


@pytest.mark.usefixtures("worker")
async def test_times_of_a_record_stay_in_order_when_the_clock_is_set_back(
    store, queue, supervisor, monkeypatch
):
    gate = supervisor.script = Gate()
    waiting = await submit(store, queue)
    await until(lambda: gate.held == 1)
    earlier_ns = time.time_ns() - 3600 * 1_000_000_000
    monkeypatch.setattr("cellblock.worker.worker.time.time_ns", lambda: earlier_ns)
    gate.open()
    record = await waiting.finished
    assert record.created_at_ns <= record.started_at_ns <= record.completed_at_ns
    late = await submit(store, queue)
    record = await late.finished
    assert record.created_at_ns <= record.started_at_ns <= record.completed_at_ns
