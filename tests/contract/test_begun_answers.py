"""Long answers to those who wait: begun while the record is being written, ended when it is on disk."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager

import httpx
import pytest

from cellblock.store import Store
from doubles import make_executed, make_stage
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


def hold_results_back(monkeypatch) -> threading.Event:
    """Have the thread that writes the store stop before the next result, until the event is set."""
    may_write, real = threading.Event(), Store.finish

    def finish(self: Store, *arguments: object, **more: object) -> object:
        self._database.write(lambda _connection: may_write.wait(30))
        return real(self, *arguments, **more)

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
