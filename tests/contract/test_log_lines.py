"""The log of a service process: a line per request and per run, and nothing in it that is secret."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from doubles import ScriptedSupervisor, make_executed, make_stage, until
from running import running

pytestmark = pytest.mark.anyio

CODE, STDIN, OUTPUT, KEY = "print('c0de-s3cret')", "std1n-s3cret", "0utput-s3cret", "cb_live_k3y-s3cret"
QUERY = "query-s3cret"


async def prints_a_secret(_job):
    output = OUTPUT.encode()
    return make_executed(make_stage(stdout=output), stdout=output)


@pytest.fixture
def root():
    """A directory that the unprivileged user may reach."""
    path = Path(tempfile.mkdtemp(prefix="cellblock-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@asynccontextmanager
async def service(root: Path, port: int, **changes: str):
    """Run a service process whose log is ``root/log``."""
    supervisor = ScriptedSupervisor(root / "supervisor.sock", prints_a_secret)
    await supervisor.start()
    supervisor.path.chmod(0o666)
    ready, writing = os.pipe()
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cellblock.app.service", "--ready-fd", str(writing)],
            env={
                "PATH": os.environ["PATH"],
                "CELLBLOCK_DATA_DIR": str(root / "data"),
                "CELLBLOCK_SUPERVISOR_SOCKET": str(supervisor.path),
                "CELLBLOCK_SERVICE_USER": "nobody",
                "CELLBLOCK_PORT": str(port),
                **changes,
            },
            pass_fds=[writing],
            stderr=log,
        )
    os.close(writing)
    try:
        assert await asyncio.to_thread(os.read, ready, 1) == b"1", (root / "log").read_text()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            await until(lambda: bool(supervisor.connections))
            yield http
            process.terminate()
            assert await asyncio.to_thread(process.wait) == 0
    finally:
        os.close(ready)
        process.kill()
        process.wait()
        await supervisor.die()


def lines(root: Path, event: str) -> list[dict[str, object]]:
    log = (root / "log").read_text().splitlines()
    return [line for line in map(json.loads, log) if line["event"] == event]


async def submit_secrets(http: httpx.AsyncClient) -> str:
    body = {"language": "python", "code": CODE, "stdin": STDIN}
    headers = {"x-api-key": KEY, "authorization": f"Bearer {KEY}", "x-request-id": "the-submission"}
    async with asyncio.timeout(5):
        while True:
            answer = await http.post(f"/api/submit?wait=true&token={QUERY}", json=body, headers=headers)
            if answer.status_code == 200:
                return answer.json()["id"]
            await asyncio.sleep(0.01)


async def send_everything(http: httpx.AsyncClient) -> str:
    """Send secrets wherever a request has room for them."""
    submission = await submit_secrets(http)
    body = {"language": "python", "code": CODE, "stdin": STDIN}
    headers = {"authorization": f"Bearer {KEY}", "x-request-id": "the-execution"}
    assert (await http.post("/v1/execute", json=body, headers=headers)).status_code == 200
    assert (await http.get(f"/api/result/{submission}")).status_code == 200
    await http.get(f"/no/such/{QUERY}?key={KEY}", headers={"x-request-id": "the-stray"})
    await http.post(
        "/api/submit", content=f'{{"language": "{CODE}"', headers={"content-type": "application/json"}
    )
    await http.post("/api/submit", json={"language": CODE, "code": 1, "webhook_secret": KEY})
    await http.get(f"/api/result/{QUERY}")
    await http.get("/api/health")
    return submission


async def test_each_request_and_each_run_has_a_line_with_ids_sizes_and_a_hash(root, free_port):
    async with service(root, free_port) as http:
        submission = await send_everything(http)
    by_id = {line["request"]: line for line in lines(root, "request")}
    line = by_id["the-submission"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/submit", 200)
    assert line["submission"] == submission
    assert (line["peer"], line["level"]) == ("127.0.0.1", "info")
    assert line["request_bytes"] == len(
        json.dumps({"language": "python", "code": CODE, "stdin": STDIN}, separators=(",", ":"))
    )
    assert line["response_bytes"] > 500
    assert line["duration_ms"] > 0
    assert (by_id["the-stray"]["route"], by_id["the-stray"]["status"]) == (None, 404)

    (finished,) = lines(root, "submission_finished")
    assert (finished["submission"], finished["ending"], finished["verdict"]) == (submission, "finished", "AC")
    assert finished["code_sha256"] == hashlib.sha256(CODE.encode()).hexdigest()[:16]
    sizes = [finished[f"{name}_bytes"] for name in ("code", "stdin", "stdout", "stderr")]
    assert sizes == [len(CODE), len(STDIN), len(OUTPUT), 0]
    assert finished["total_ms"] >= finished["store_ms"] > 0
    (executed,) = lines(root, "execution_finished")
    assert (executed["request"], executed["language"]) == ("the-execution", "python")
    assert executed["store_ms"] is None
    assert not [line for line in lines(root, "request") if line["route"] == "/api/health"]


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_line_holds_code_input_output_keys_or_queries(root, free_port, log_format):
    async with service(root, free_port, CELLBLOCK_LOG_FORMAT=log_format, CELLBLOCK_LOG_LEVEL="debug") as http:
        await send_everything(http)
        broken = root / "data" / "cellblock.db"
        broken.write_bytes(b"no database any more, so that there are tracebacks and errors too")
        await http.post("/api/submit", json={"language": "python", "code": CODE, "stdin": STDIN})
        await http.get("/api/health")
    log = (root / "log").read_text()
    assert "/api/submit" in log
    assert "s3cret" not in log
    assert log.startswith("{") == (log_format == "json")


async def test_health_checks_are_told_at_level_debug_only(root, free_port):
    async with service(root, free_port, CELLBLOCK_LOG_LEVEL="debug") as http:
        await http.get("/api/health")
    assert [line["level"] for line in lines(root, "request")] == ["debug"]


async def test_requests_that_are_refused_because_the_store_fails_are_one_line_and_a_number(tmp_path, own_log):
    async with running(tmp_path) as instance:
        database = instance.keys._database
        peeking, database._peeking = database._peeking, None
        refused = [(await instance.submit()).status_code for _ in range(40)]
        database._peeking = peeking
        figures = (await instance.http.get("/metrics")).text
    assert refused == [503] * 40
    assert "cellblock_store_failures_total 40.0" in figures
    assert own_log().count('"store_failed"') == 1
