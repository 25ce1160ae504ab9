"""Long answers to those who wait: begun while the record is being written, ended when it is on disk."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from cellblock.api.judge import records
from cellblock.errors import StoreError
from cellblock.store import Store
from cellblock.store.files import Files
from doubles import eventually, make_executed, make_stage
from running import Running, running

pytestmark = pytest.mark.anyio
LONG, SHORT = b"x" * 1_000_000, b"4\n"


@pytest.fixture(params=[LONG, SHORT], ids=["long", "short"])
def output(request):
    return request.param


def printing(output: bytes):
    async def script(_job):
        return make_executed(make_stage(stdout=output), stdout=output)

    return script


@asynccontextmanager
async def asked(service: Running):
    """Send a submission and wait for it; yields what the answer is read from."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=4 * len(LONG))
    body = json.dumps({"language": "python", "code": "1"})
    writer.write(
        "POST /api/submit?wait=true HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
    )
    yield reader
    writer.close()
    await writer.wait_closed()


async def accepted(store: Store, submission_id: str) -> None:
    """Return once a submission is on disk: one that is waited for is run while it is being written."""
    await eventually(lambda: store.get(submission_id), lambda record: record is not None)


def hold_results_back(monkeypatch) -> threading.Event:
    """Have the thread that writes the store stop before the next result, until the event is set."""
    may_write, real = threading.Event(), Store.finish

    async def finish(self: Store, submission_id: str, *arguments: object, **more: object) -> object:
        await accepted(self, submission_id)  # or the submission itself would be held back with its result
        self._database.write(lambda _connection: may_write.wait(30))
        return await real(self, submission_id, *arguments, **more)

    monkeypatch.setattr(Store, "finish", finish)
    return may_write


async def test_answer_is_not_whole_before_its_record_is_on_disk(tmp_path, monkeypatch, output):
    may_write = hold_results_back(monkeypatch)
    async with running(tmp_path, script=printing(output)) as service:
        async with asked(service) as reader:
            if output is LONG:
                begun = await reader.readexactly(900_000)
                assert begun.startswith(b"HTTP/1.1 200 ")
                assert b"x" * 10_000 in begun
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await reader.readuntil(b'"completed_at"')
            may_write.set()
            rest = await reader.read(-1)
        assert b'"completed_at":"' in rest
        assert rest.endswith(b"0\r\n\r\n" if output is LONG else b"}")


async def test_record_that_cannot_be_kept_in_time_is_never_answered_as_if_it_were(
    tmp_path, monkeypatch, caplog, output
):
    monkeypatch.setattr(records, "_END_OF_BEGUN_S", 0.3)
    may_write = hold_results_back(monkeypatch)
    changes = {"CELLBLOCK_SYNC_WAIT_MAX_MS": "1000"}
    async with running(tmp_path, changes=changes, script=printing(output)) as service:
        if output is LONG:
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                await service.submit()
        else:
            assert (await service.submit()).status_code == 408
        may_write.set()
        (submission,) = {job.id for job in service.supervisor.jobs}
        assert (await service.finished(submission))["stdout"] == output.decode()
    assert "Traceback" not in caplog.text


async def test_result_of_the_last_moment_is_answered_whole(tmp_path, monkeypatch):
    may_write = hold_results_back(monkeypatch)

    async def late(_job):
        await asyncio.sleep(0.8)
        asyncio.get_running_loop().call_later(0.7, may_write.set)
        return make_executed(make_stage(stdout=LONG), stdout=LONG)

    changes = {"CELLBLOCK_SYNC_WAIT_MAX_MS": "1000"}
    async with running(tmp_path, changes=changes, script=late) as service:
        answer = await service.submit()
    assert (answer.status_code, answer.json()["stdout"]) == (200, LONG.decode())


@pytest.mark.parametrize("trouble", ["failed just now", "has no room", "is read-only"])
async def test_nothing_is_begun_while_the_store_is_not_expected_to_keep_it(tmp_path, monkeypatch, trouble):
    is_failing = threading.Event()
    really_require, really_statvfs = Files.require, os.statvfs

    def require(self: Files) -> None:
        if is_failing.is_set():
            raise StoreError("no more", reason="the store's disk is full")
        really_require(self)

    def statvfs(path: Path) -> object:
        disk = really_statvfs(path)
        changed = {"f_bavail": len(LONG) // disk.f_frsize, "f_flag": disk.f_flag, "f_frsize": disk.f_frsize}
        if trouble == "is read-only":
            changed.update(f_bavail=disk.f_bavail, f_flag=os.ST_RDONLY)
        return SimpleNamespace(**changed)

    async def script(job):
        await accepted(service.store, job.id)
        if trouble == "failed just now":
            is_failing.set()
            with pytest.raises(StoreError):
                await service.store._database.write(lambda _connection: None)
        else:
            monkeypatch.setattr(os, "statvfs", statvfs)
        return make_executed(make_stage(stdout=LONG), stdout=LONG)

    monkeypatch.setattr(Files, "require", require)
    may_write = hold_results_back(monkeypatch)
    changes = {"CELLBLOCK_SYNC_WAIT_MAX_MS": "1000"}
    async with running(tmp_path, changes=changes, script=script) as service:
        answer = await service.submit()
        (job,) = service.supervisor.jobs
        assert (answer.status_code, answer.json()["id"]) == (408, job.id)
        is_failing.clear()
        may_write.set()
        assert (await service.finished(job.id))["stdout"] == LONG.decode()
        monkeypatch.setattr(os, "statvfs", really_statvfs)
        service.supervisor.script = printing(LONG)
        assert (await service.submit()).status_code == 200
