"""Stand-ins with real edges: a supervisor that is a unix-socket server speaking the real messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from cellblock.errors import RequestRefused
from cellblock.model import (
    CgroupEvidence,
    CompileCacheUse,
    CompileEvidence,
    EnforcementMode,
    Evidence,
    IsolationMode,
    Job,
    LanguageStatus,
    LifecycleEvidence,
    Limits,
    Outcome,
    OutputIntegrity,
    Remedy,
    StageReport,
    SupervisorStatus,
    TimingEvidence,
    Verdict,
    VerdictActor,
    VerdictCause,
)
from cellblock.supervisor.frames import Connection
from cellblock.supervisor.messages import (
    CacheMessage,
    CancelRequest,
    FailureReply,
    ProbeReply,
    ProbeRequest,
    RefusalReply,
    Reply,
    RunReply,
    RunRequest,
    StatusMessage,
    decode_request,
    encode,
)

T = TypeVar("T")
Script = Callable[[Job], Awaitable[Outcome]]


class CannotServeError(Exception):
    """Raised by a script whose supervisor answers with a failure."""


def make_limits(**changes: int) -> Limits:
    """The executor's column of limits, unless changed."""
    limits = Limits(
        memory_bytes=2_147_483_648,
        cpu_ms=30_000,
        wall_ms=60_000,
        processes=64,
        open_files=256,
        file_size_bytes=67_108_864,
        stack_bytes=8_388_608,
        work_area_bytes=1_073_741_824,
        work_area_inodes=65_536,
        output_bytes=10_485_760,
    )
    return msgspec.structs.replace(limits, **changes)


def make_stage(**changes: object) -> StageReport:
    stage = StageReport(
        stdout=b"4\n",
        stderr=b"",
        output_order=((1, 2),),
        exit_code=0,
        signal=None,
        killed_for=None,
        verdict=Verdict.AC,
        truncated=False,
        wall_time_ns=22_345_678,
        cpu_usage_usec=9142,
        memory_peak_bytes=9_307_000,
    )
    return msgspec.structs.replace(stage, **changes)


def make_outcome(**changes: object) -> Outcome:
    outcome = Outcome(
        verdict=Verdict.AC,
        exit_code=0,
        signal=None,
        stdout=b"4\n",
        stderr=b"",
        output_integrity=OutputIntegrity.COMPLETE,
        error_message=None,
        wall_time_ns=10_345_678,
        evidence=Evidence(
            verdict_cause=VerdictCause.NORMAL_EXIT,
            verdict_actor=VerdictActor.RUNTIME,
            isolation_mode=IsolationMode.STRICT,
            controls_applied=("pid_namespace", "mount_namespace"),
            controls_missing=(),
            cgroup=CgroupEvidence(
                cpu_usage_usec=9142,
                memory_limit_bytes=268_435_456,
                memory_peak_bytes=3_862_528,
                oom_events=None,
                oom_kill_events=0,
                process_count=0,
                process_limit=10,
            ),
            timing=TimingEvidence(cpu_ms=9, wall_ms=10, cpu_wall_ratio=0.9, divergence="cpu_bound"),
            process_lifecycle=LifecycleEvidence(
                reap_status="clean", descendant_containment="ok", zombie_count=0
            ),
            judge_actions=(),
            collection_errors=(),
        ),
    )
    return msgspec.structs.replace(outcome, **changes)


def make_executed(*stages: StageReport, **changes: object) -> Outcome:
    """An outcome with its stages, by default one that ended well."""
    return make_outcome(stages=stages or (make_stage(),), **changes)


def make_compile_evidence(cache: CompileCacheUse) -> CompileEvidence:
    return CompileEvidence(
        exit_code=0,
        signal=None,
        wall_ms=46,
        cpu_ms=40,
        memory_peak_bytes=30_000_000,
        controls_applied=("pid_namespace",),
        controls_missing=(),
        cache=cache,
    )


def make_language(name: str, *aliases: str, **changes: object) -> LanguageStatus:
    language = LanguageStatus(
        name=name,
        runtime=f"{name}-1",
        title=name,
        aliases=aliases,
        suffixes=(f".{name}",),
        source_name=f"main.{name}",
        version="1.0.0",
        available=True,
        limits={"executor": make_limits()},
    )
    return msgspec.structs.replace(language, **changes)


def make_compiled(name: str, *aliases: str, **changes: object) -> LanguageStatus:
    """A language whose compile stage the execute API shows."""
    ceiling = make_limits(memory_bytes=536_870_912, cpu_ms=15_000, wall_ms=30_000)
    return make_language(name, *aliases, compile_limits=ceiling, **{"shows_compile": True, **changes})


def make_status(**changes: object) -> SupervisorStatus:
    status = SupervisorStatus(
        enforcement_mode=EnforcementMode.STRICT,
        isolation_mode=IsolationMode.STRICT,
        cgroup_backend="cgroup_v1",
        namespace_support=True,
        slots=2,
        languages=(make_language("python", "py"), make_language("c"), make_language("go", available=False)),
    )
    return msgspec.structs.replace(status, **changes)


async def answer_four(_job: Job) -> Outcome:
    return make_outcome()


async def answer_executed(_job: Job) -> Outcome:
    return make_executed()


class ScriptedSupervisor:
    """Answers every job as ``script`` says. It can die, come back and change its status."""

    def __init__(self, path: Path, script: Script = answer_four) -> None:
        self.path = path
        self.script = script
        self.status = make_status()
        self.features: tuple[Remedy, ...] = (Remedy(feature="pid_namespace", ok=True, detail="held"),)
        self.jobs: list[Job] = []
        self.cancelled: list[Job] = []
        self._server: asyncio.Server | None = None
        self._peers: set[_Peer] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        return len(self._peers)

    @property
    def busy(self) -> int:
        return len(self._tasks)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Peer(self), str(self.path))

    async def die(self) -> None:
        """As by ``kill -9``: every connection breaks, nothing listens."""
        if self._server is not None:
            self._server.close()
        self.path.unlink(missing_ok=True)
        for task in list(self._tasks):
            task.cancel()
        for peer in list(self._peers):
            peer.abort()
        await asyncio.sleep(0)

    async def announce(self, status: SupervisorStatus) -> None:
        self.status = status
        for peer in self._peers:
            peer.send(encode(StatusMessage(status)))

    async def tell_cache(self, size_bytes: int) -> None:
        for peer in self._peers:
            peer.send(encode(CacheMessage(size_bytes)))

    def greet(self, peer: _Peer) -> None:
        self._peers.add(peer)
        peer.send(encode(StatusMessage(self.status)))

    def forget(self, peer: _Peer) -> None:
        self._peers.discard(peer)

    def begin(self, request: RunRequest | ProbeRequest, peer: _Peer) -> asyncio.Task[None]:
        task = asyncio.create_task(self._answer(request, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answer(self, request: RunRequest | ProbeRequest, peer: _Peer) -> None:
        reply: Reply
        if isinstance(request, ProbeRequest):
            reply = ProbeReply(request.seq, self.features)
        else:
            self.jobs.append(request.job)
            try:
                reply = RunReply(request.seq, await self.script(request.job))
            except CannotServeError as error:
                reply = FailureReply(request.seq, str(error))
            except RequestRefused as refusal:
                reply = RefusalReply(request.seq, refusal.message)
        peer.send(encode(reply))


class _Peer(Connection):
    def __init__(self, supervisor: ScriptedSupervisor) -> None:
        super().__init__()
        self._supervisor = supervisor
        self._runs: dict[int, tuple[asyncio.Task[None], Job]] = {}

    def opened(self) -> None:
        self._supervisor.greet(self)

    def received(self, payload: bytes, attachments: tuple[bytes, ...]) -> None:
        request = decode_request(payload, attachments)
        if isinstance(request, CancelRequest):
            task, job = self._runs[request.seq]
            if task.cancel():
                self._supervisor.cancelled.append(job)
            return
        task = self._supervisor.begin(request, self)
        if isinstance(request, RunRequest):
            self._runs[request.seq] = (task, request.job)

    def closed(self, _error: Exception | None) -> None:
        self._supervisor.forget(self)


class Gate:
    """A script that holds every job until ``open`` is called."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self.held = 0

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, _job: Job) -> Outcome:
        self.held += 1
        await self._opened.wait()
        return make_outcome()


async def eventually(
    read: Callable[[], Awaitable[T]], fits: Callable[[T], bool], *, timeout_s: float = 5.0
) -> T:
    """Read again and again, as a client does, until what is read fits; return it."""
    async with asyncio.timeout(timeout_s):
        while not fits(found := await read()):  # noqa: ASYNC110  # nothing announces what is waited for
            await asyncio.sleep(0.005)
    return found


async def until(condition: Callable[[], bool], *, timeout_s: float = 5.0) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # nothing announces what is waited for
            await asyncio.sleep(0.005)
