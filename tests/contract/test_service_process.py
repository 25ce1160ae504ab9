"""The service as a process of its own: what it gives up, what it survives, how it ends."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import sysconfig
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import standardwebhooks
import trustme

import cellblock
from doubles import Gate, ScriptedSupervisor, eventually, make_outcome, until
from receivers import never, receiving, status

pytestmark = pytest.mark.anyio

PACKAGE = Path(cellblock.__file__).parent
USER = "nobody"
BODY = {"language": "python", "code": "print(2 + 2)"}


class Place:
    """Directories that the unprivileged user may reach, and an installation that it may not."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.socket = root / "supervisor.sock"
        self.log = root / "log"
        self.home = root / "home"
        self.home.mkdir(mode=0o700)
        shutil.copytree(PACKAGE, self.home / "src" / "cellblock")
        (self.home / "site").symlink_to(sysconfig.get_path("purelib"))
        self.port = _free_port()
        self.more: dict[str, str] = {}

    @property
    def command(self) -> list[str]:
        # The interpreter itself, without the virtual environment: every import goes through ``home``.
        return [sys._base_executable, "-S", "-P", "-m", "cellblock.app.service"]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{self.home / 'src'}:{self.home / 'site'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CELLBLOCK_DATA_DIR": str(self.data),
            "CELLBLOCK_SUPERVISOR_SOCKET": str(self.socket),
            "CELLBLOCK_SERVICE_USER": USER,
            "CELLBLOCK_PORT": str(self.port),
            "CELLBLOCK_ALLOW_LOCALHOST_WEBHOOKS": "true",
            **self.more,
        }

    def start(self, ready: int) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self.command, "--ready-fd", str(ready)],
                env=self.environment,
                pass_fds=[ready],
                stderr=log,
            )

    def run(self, changes: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a service that ends by itself."""
        return subprocess.run(
            self.command,
            env={**self.environment, **(changes or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def start_below(self, parent_code: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", parent_code, *self.command],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    @asynccontextmanager
    async def service(self):
        """Yield process and client once HTTP answers; kill what is left."""
        ready, writing = os.pipe()
        process = self.start(writing)
        os.close(writing)
        try:
            said = await asyncio.to_thread(os.read, ready, 1)
            assert said == b"1", self.log.read_text()
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20) as http:
                yield process, http
        finally:
            os.close(ready)
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def place():
    if os.geteuid() != 0:
        pytest.skip("giving up root needs root to begin with")
    root = Path(tempfile.mkdtemp(prefix="cellblock-test-"))
    root.chmod(0o755)
    yield Place(root)
    shutil.rmtree(root)


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


@pytest.fixture
async def supervisor(place):
    scripted = ScriptedSupervisor(place.socket)
    await scripted.start()
    place.socket.chmod(0o666)
    yield scripted
    await scripted.die()


async def ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(5):
        while (await http.get("/api/health/ready")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def finished(http: httpx.AsyncClient, submission_id: str) -> dict[str, object]:
    async with asyncio.timeout(5):
        while True:
            record = (await http.get(f"/api/result/{submission_id}")).json()
            if record["verdict"] is not None:
                return record
            await asyncio.sleep(0.01)


async def ended(process: subprocess.Popen[bytes], *, timeout_s: float = 5) -> int:
    return await asyncio.to_thread(process.wait, timeout_s)


async def test_long_answers_too_need_nothing_that_is_out_of_reach_by_then(place, supervisor):
    async def script(_job):
        return make_outcome(stdout=b"\xff" * 1_000_000)

    supervisor.script = script
    async with place.service() as (_, http):
        await ready(http)
        record = (await http.post("/api/submit?wait=true", json=BODY)).json()
        assert record["stdout"] == "\ufffd" * 1_000_000
        stored = await http.get(f"/api/result/{record['id']}")
        assert stored.json() == record


@pytest.mark.usefixtures("supervisor")
async def test_service_gives_up_root_for_good_and_works_from_a_home_it_cannot_enter(place):
    async with place.service() as (process, http):
        await ready(http)
        answers = [
            await http.post("/api/submit?wait=true", json=BODY),
            await http.post("/api/submit", json=BODY, headers={"idempotency-key": str(uuid.uuid4())}),
            await http.post("/api/submit", content=b"x" * 2_000_000),
            await http.post("/api/submit", content=b"{", headers={"content-type": "application/json"}),
            await http.post("/api/submit?wait=%FF", json=BODY),
            await http.get("/api/result/" + str(uuid.uuid4())),
            await http.get("/nothing"),
            await http.options("/api/submit"),
            await http.head("/api/health"),
            await http.get("/api/languages"),
            await http.get("/api/health"),
        ]
        assert [answer.status_code for answer in answers] == [
            200, 202, 413, 400, 400, 404, 404, 204, 405, 200, 200,
        ]  # fmt: skip

        status = status_of(process.pid)
        user = pwd.getpwnam(USER)
        assert status["Uid"] == [str(user.pw_uid)] * 4
        assert status["Gid"] == [str(user.pw_gid)] * 4
        assert status["Groups"] == []
        assert status["NoNewPrivs"] == ["1"]
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert status[capabilities] == ["0" * 16]

        owned = [place.data, *place.data.iterdir()]
        assert {path.stat().st_uid for path in owned} == {user.pw_uid}
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in owned} == {0}

        process.terminate()
        assert await ended(process) == 0
        log = place.log.read_text()
        assert "Error" not in log
        assert "Permission" not in log
        assert BODY["code"] not in log


def test_port_in_use_is_one_line_and_exit_code_3(place):
    with socket.create_server(("127.0.0.1", place.port)):
        process = place.run()
    assert process.returncode == 3
    assert process.stderr.count("\n") == 1
    for text in (str(place.port), "Address already in use", "CELLBLOCK_PORT"):
        assert text in process.stderr


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({"CELLBLOCK_SERVICE_USER": "no-such-user"}, ["no-such-user", "useradd"]),
        ({"CELLBLOCK_SERVICE_USER": "root"}, ["root", "CELLBLOCK_SERVICE_USER"]),
        ({"CELLBLOCK_PORT": "many"}, ["CELLBLOCK_PORT", "many"]),
        ({"CELLBLOCK_DATA_DIR": "/etc/passwd"}, ["/etc/passwd", "CELLBLOCK_DATA_DIR"]),
    ],
)
def test_start_that_cannot_succeed_says_in_one_line_what_to_change(place, changes, texts):
    process = place.run(changes)
    assert process.returncode == 3
    assert process.stderr.count("\n") == 1
    for text in texts:
        assert text in process.stderr


def test_directory_of_others_is_not_taken_over(place):
    (place.home / "letter").write_text("not ours")
    process = place.run({"CELLBLOCK_DATA_DIR": str(place.home)})
    assert process.returncode == 3
    assert "belongs to uid 0 and is not empty" in process.stderr
    assert place.home.stat().st_uid == 0


async def test_killed_service_loses_nothing_that_it_accepted(place, supervisor):
    gate = Gate()
    supervisor.script = gate
    async with place.service() as (process, http):
        await ready(http)
        ids = [(await http.post("/api/submit", json=BODY)).json()["id"] for _ in range(5)]
        await until(lambda: gate.held == 2)
        await asyncio.sleep(0.1)
        process.kill()
    supervisor.jobs.clear()

    async def script(_job):
        return make_outcome()

    supervisor.script = script
    async with place.service() as (_, http):
        records = [await finished(http, submission_id) for submission_id in ids]
    assert [record["verdict"] for record in records] == ["AC"] * 5
    assert sorted(job.id for job in supervisor.jobs) == sorted(ids)


@pytest.mark.usefixtures("supervisor")
async def test_killed_service_delivers_after_its_restart_what_was_pending(place):
    secret, answers = "secret-of-the-test", [status(500), never]
    async with receiving(*answers) as receiver:
        hook = {"webhook_url": receiver.url, "webhook_secret": secret}
        async with place.service() as (process, http):
            await ready(http)
            answer = await http.post("/api/submit?wait=true", json=BODY | hook)
            submission_id = answer.json()["id"]
            await until(lambda: len(receiver.calls) == 2)  # the second attempt is cut off
            process.kill()
        receiver.answers[:] = [status(200)]
        async with place.service() as (_, http):
            await until(lambda: len(receiver.calls) == 3)

            async def log_now():
                return (await http.get(f"/api/result/{submission_id}/deliveries")).json()

            log = await eventually(log_now, lambda log: log["delivery_status"] != "pending")
    assert log["delivery_status"] == "delivered"
    assert [attempt["status_code"] for attempt in log["attempts"]] == [500, 200]
    assert {call.headers["webhook-id"] for call in receiver.calls} == {submission_id}
    for call in receiver.calls:
        assert call.body == answer.content
        standardwebhooks.Webhook(secret.encode()).verify(call.body, call.headers)
    log_text = place.log.read_text()
    assert "webhook_attempt" in log_text
    for private in (secret, "/hook", "of=test", BODY["code"], "Error"):
        assert private not in log_text


@pytest.mark.usefixtures("supervisor")
async def test_service_without_rights_delivers_over_tls_by_the_systems_store(place):
    authority = trustme.CA()
    certificate = place.home.parent / "authority.pem"
    authority.cert_pem.write_to_path(certificate)
    place.more = {"SSL_CERT_FILE": str(certificate)}  # OpenSSL's own way to name the store
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("xn--bcher-kva.localhost").configure_cert(tls)
    async with receiving(status(204), tls=tls) as receiver, place.service() as (_, http):
        await ready(http)
        hook = {"webhook_url": f"https://b\u00fccher.localhost:{receiver.port}/\u00fc", "webhook_secret": "s"}
        answer = await http.post("/api/submit?wait=true", json=BODY | hook)
        await until(lambda: bool(receiver.calls))
    (call,) = receiver.calls
    assert call.body == answer.content
    assert call.line == "POST /%C3%BC HTTP/1.1"
    standardwebhooks.Webhook(b"s").verify(call.body, call.headers)


async def test_sigterm_waits_for_what_runs_and_exits_0(place, supervisor):
    gate = Gate()
    supervisor.script = gate
    async with place.service() as (process, http):
        await ready(http)
        held = asyncio.create_task(http.post("/api/submit?wait=true", json=BODY))
        await until(lambda: gate.held == 1)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        assert process.poll() is None
        gate.open()
        assert (await held).json()["verdict"] == "AC"
        assert await ended(process) == 0


async def test_service_ends_when_its_parent_is_killed(place, supervisor):
    starter = (
        "import subprocess, sys, time\n"
        "print(subprocess.Popen(sys.argv[1:]).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = place.start_below(starter)
    service_pid = int(parent.stdout.readline())
    pidfd = os.pidfd_open(service_pid)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place.port}") as http:
            await until(lambda: supervisor.connections == 1)
            await ready(http)
        parent.kill()
        async with asyncio.timeout(5):
            gone = asyncio.Event()
            asyncio.get_running_loop().add_reader(pidfd, gone.set)
            await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        parent.kill()
        parent.communicate()
