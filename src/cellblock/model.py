"""The nouns every room speaks: jobs, limits, facts, outcomes, records.

All are frozen msgspec structs. Units are in the names; a field that can be unknown is
``None`` and is never filled in. No behaviour lives here beyond trivial derivations, and
nothing here imports another room.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class JobStatus(StrEnum):
    """Where a submission stands. ``completed`` and ``error`` are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    ERROR = "error"


class DeliveryStatus(StrEnum):
    """Where a submission's webhook stands. ``none``, ``delivered`` and ``failed`` are final."""

    NONE = "none"
    """The submission has no webhook."""
    WAITING = "waiting"
    """There is no result yet."""
    PENDING = "pending"
    """An attempt is under way or will be made."""
    DELIVERED = "delivered"
    FAILED = "failed"


class Verdict(StrEnum):
    """What happened to the program, in two or three letters."""

    AC = "AC"
    RE = "RE"
    TLE = "TLE"
    MLE = "MLE"
    PLE = "PLE"
    FSE = "FSE"
    SIG = "SIG"
    IE = "IE"


class VerdictCause(StrEnum):
    """The recorded fact that decided the verdict."""

    NORMAL_EXIT = "normal_exit"
    RE_NONZERO_EXIT = "re_nonzero_exit"
    RE_COMPILE_ERROR = "re_compile_error"
    RE_FATAL_SIGNAL = "re_fatal_signal"
    TLE_CPU_JUDGE = "tle_cpu_judge"
    TLE_CPU_KERNEL = "tle_cpu_kernel"
    TLE_WALL_JUDGE = "tle_wall_judge"
    MLE_KERNEL_OOM = "mle_kernel_oom"
    MLE_LIMIT_BREACH = "mle_limit_breach"
    PLE_CGROUP_PIDS = "ple_cgroup_pids"
    FSE_LIMIT_EXCEEDED = "fse_limit_exceeded"
    IE_CLEANUP_FAILURE = "ie_cleanup_failure"
    IE_MISSING_EVIDENCE = "ie_missing_evidence"
    IE_SUPERVISOR_FAILURE = "ie_supervisor_failure"


class VerdictActor(StrEnum):
    """Who ended the run: the program itself, the kernel, or this service."""

    RUNTIME = "runtime"
    KERNEL = "kernel"
    JUDGE = "judge"


class OutputIntegrity(StrEnum):
    """Whether stdout and stderr are all that the program wrote."""

    COMPLETE = "complete"
    TRUNCATED_BY_JUDGE_LIMIT = "truncated_by_judge_limit"
    TRUNCATED_BY_PROGRAM_CLOSE = "truncated_by_program_close"
    CRASH_MID_WRITE = "crash_mid_write"
    WRITE_ERROR = "write_error"


class Profile(StrEnum):
    """Which column of limits a run gets."""

    JUDGE = "judge"
    EXECUTOR = "executor"


class IsolationMode(StrEnum):
    """``strict``: every control held or nothing ran. ``permissive``: the operator chose otherwise."""

    STRICT = "strict"
    PERMISSIVE = "permissive"


class EnforcementMode(StrEnum):
    """What the host lets us enforce: all of it, part of it (permissive), or too little to run."""

    STRICT = "strict"
    DEGRADED = "degraded"
    NONE = "none"


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything one run may use. All are enforced by the kernel or watched by the supervisor."""

    memory_bytes: int
    """cgroup memory limit; there is no address-space limit."""
    cpu_ms: int
    """CPU time of the whole cell, read from its cgroup."""
    wall_ms: int
    """Real time from the program's start to its end."""
    processes: int
    """cgroup pids limit: processes and threads together."""
    open_files: int
    """RLIMIT_NOFILE."""
    file_size_bytes: int
    """RLIMIT_FSIZE: the largest single file."""
    stack_bytes: int
    """RLIMIT_STACK."""
    work_area_bytes: int
    """One tmpfs behind the work area, /tmp and /dev/shm together."""
    work_area_inodes: int
    """Files and directories in that tmpfs."""
    output_bytes: int
    """Kept per stream; what comes after is drained and dropped."""


class SourceFile(Struct, frozen=True):
    """One file of a submission, placed below the work area before the program starts."""

    name: str
    """Relative path with forward slashes, already validated by the dialect."""
    content: bytes


class StageLimits(Struct, frozen=True, kw_only=True):
    """What one request asks for a stage instead of the profile's limits; ``None`` keeps those."""

    wall_ms: int | None = None
    cpu_ms: int | None = None
    memory_bytes: int | None = None


class Job(Struct, frozen=True, kw_only=True):
    """One program to run once, as the worker hands it to the supervisor."""

    id: str
    """The submission's UUID, for logs only."""
    language: str
    """Canonical language name, such as ``python``."""
    files: tuple[SourceFile, ...]
    """The first is the main file; an empty name means the language's default name."""
    stdin: bytes = b""
    args: tuple[str, ...] = ()
    profile: Profile = Profile.JUDGE
    runtime: str | None = None
    """Id of one runtime of the language; ``None`` for the newest that is available."""
    run: StageLimits = StageLimits()
    compile: StageLimits = StageLimits()
    loopback: bool = False
    """Whether 127.0.0.1 works inside the cell; there is no other network either way."""
    tenant: str = ""
    """Who sent it, by a name that says nothing: nothing that is kept between runs is shared with others."""


class JudgeAction(Struct, frozen=True, kw_only=True):
    """Something the judge did to the run, with its offset from the program's start."""

    action: str
    reason: str
    at_ms: int


class SeccompEvent(Struct, frozen=True, kw_only=True):
    """The system call that the filter stopped, learnt from the kernel's notification."""

    syscall: str
    """The call's name, or ``unknown:<number>``."""
    action: str
    """What followed; ``kill``."""
    arch: str
    """``x86_64``, ``aarch64``, or the foreign ABI that was refused."""


class Stage(StrEnum):
    """What a cell was for."""

    COMPILE = "compile"
    RUN = "run"


class CellFacts(Struct, frozen=True, kw_only=True):
    """Everything the verdict is computed from, as read from the kernel after the end.

    ``None`` means that the value could not be read; then ``collection_errors`` says why.
    """

    stage: Stage = Stage.RUN
    exit_code: int | None
    """Exit status where the program exited by itself."""
    signal: int | None
    """Number of the signal that ended it."""
    killed_by_judge: str | None
    """``cpu_limit``, ``wall_limit``, ``socket_limit``, ``seccomp`` or ``None``; the first kill only."""
    oom_kill_events: int | None
    pids_limit_events: int | None
    memory_peak_bytes: int | None
    memory_limit_bytes: int | None
    """As read back; ``None`` where no limit was in force (permissive mode only)."""
    process_limit: int | None
    """As read back; ``None`` where no limit was in force (permissive mode only)."""
    cpu_usage_usec: int | None
    """``None`` where nothing counts it (permissive mode only)."""
    cpu_limit_usec: int
    """The judge's; the kernel's own for one process stands above it."""
    contained: bool
    """All processes gone, cgroup and mounts gone."""
    collection_errors: tuple[str, ...] = ()
    artifact_error: str | None = None
    """Compile stage only: why what the compiler left could not be executed, by the kernel's own word."""


class CgroupEvidence(Struct, frozen=True, kw_only=True):
    """Counters of the run's own cgroup, read once after everything in it was dead."""

    cpu_usage_usec: int | None
    memory_limit_bytes: int | None
    memory_peak_bytes: int | None
    oom_events: int | None
    """Memory-limit OOM events; ``None`` on cgroup v1, which only counts kills."""
    oom_kill_events: int | None
    process_count: int | None
    """Read after the end: 0 when contained."""
    process_limit: int | None


class TimingEvidence(Struct, frozen=True, kw_only=True):
    """CPU against wall time, rounded to milliseconds."""

    cpu_ms: int | None
    wall_ms: int | None
    cpu_wall_ratio: float | None
    divergence: str | None
    """``sleep_or_block_bound``, ``cpu_bound`` or, only when measured, ``host_interference_suspected``."""


class LifecycleEvidence(Struct, frozen=True, kw_only=True):
    """How the process tree ended."""

    reap_status: str | None
    """``clean`` or ``reaped_N_descendants``."""
    descendant_containment: str
    """``ok`` or ``failed``."""
    zombie_count: int | None


class CompileCacheUse(StrEnum):
    """What the compile cache had to do with a submission."""

    HIT = "hit"
    """No compiler ran: an equal program of the same API key had been compiled before."""
    MISS = "miss"
    """There was none, and the compiler ran."""
    BYPASS = "bypass"
    """The compiler ran, and nobody looked for one."""


class CompileEvidence(Struct, frozen=True, kw_only=True):
    """What the compiler's own cell came to; where ``cache`` is ``hit``, the cell of that earlier run."""

    exit_code: int | None
    signal: int | None
    wall_ms: int | None
    cpu_ms: int | None
    memory_peak_bytes: int | None
    controls_applied: tuple[str, ...]
    controls_missing: tuple[str, ...]
    cache: CompileCacheUse = CompileCacheUse.BYPASS
    warm_start: bool = False
    """Whether the compiler had been started ahead of the submission."""


class Evidence(Struct, frozen=True, kw_only=True):
    """Why the verdict is what it is. Measured or ``None``, never assumed."""

    verdict_cause: VerdictCause
    verdict_actor: VerdictActor
    isolation_mode: IsolationMode
    controls_applied: tuple[str, ...]
    controls_missing: tuple[str, ...]
    cgroup: CgroupEvidence
    timing: TimingEvidence
    process_lifecycle: LifecycleEvidence
    judge_actions: tuple[JudgeAction, ...]
    collection_errors: tuple[str, ...]
    language_version: str | None = None
    warm_start: bool = False
    network: str | None = None
    """``off`` where the program's own network namespace was seen to have no route but to itself."""
    limits: Limits | None = None
    compile: CompileEvidence | None = None
    seccomp: SeccompEvent | None = None
    facts: CellFacts | None = None
    """The verdict function's input, so that a stored verdict can be replayed."""
    node_id: str | None = None


class StageReport(Struct, frozen=True, kw_only=True):
    """One stage as the program's own parent would have seen it, for dialects that show stages."""

    stdout: bytes
    stderr: bytes
    output_order: tuple[tuple[int, int], ...]
    """How the two streams were interleaved: (1 or 2, bytes) in the order of arrival."""
    exit_code: int | None
    signal: int | None
    killed_for: str | None
    """``cpu_limit``, ``wall_limit``, ``socket_limit``, ``seccomp`` or ``None``."""
    verdict: Verdict
    truncated: bool
    """More was written than is kept."""
    wall_time_ns: int | None
    cpu_usage_usec: int | None
    memory_peak_bytes: int | None


class PartTimes(Struct, frozen=True, kw_only=True):
    """Where a job's time with the supervisor went, over all of its cells, by CLOCK_MONOTONIC."""

    prepare_ns: int
    """Until the programs waited at their gates: cells made, or taken from those that were ready."""
    spawn_ns: int
    """Within that: their processes, asked for until confined; 0 where they had been made ahead."""
    collect_ns: int
    """From the programs' ends until everything was dead, counted and removed."""
    judge_ns: int
    """From there to the outcome."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What the supervisor answers for one job."""

    verdict: Verdict
    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    output_integrity: OutputIntegrity
    error_message: str | None
    wall_time_ns: int | None
    evidence: Evidence
    stages: tuple[StageReport, ...] = ()
    """The compile stage where there was one, then the run; a failed compile stands alone."""
    times: PartTimes | None = None
    """For the metrics: not part of the record."""

    @property
    def output_bytes(self) -> int:
        """How much the program wrote, as far as it was kept."""
        return len(self.stdout) + len(self.stderr)


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """A submission as the store keeps it: what was asked, where it stands, what came out.

    It can be part of no cycle, and a hundred thousand may wait: the garbage collector leaves it out.
    """

    id: str
    language: str
    job_status: JobStatus
    profile: Profile
    created_at_ns: int
    """Nanoseconds since the epoch, UTC."""
    started_at_ns: int | None = None
    completed_at_ns: int | None = None
    outcome: Outcome | None = None
    error_message: str | None = None
    """Set where there is no outcome to carry it."""


class Remedy(Struct, frozen=True, kw_only=True):
    """A feature of the host that was looked at: whether it holds and, if not, what mends it."""

    feature: str
    ok: bool
    detail: str
    """What was seen."""
    remedy: str = ""
    """The command or setting that mends it; empty when ok."""
    required: bool = True
    """Whether strict mode refuses to run programs without it."""


class LanguageStatus(Struct, frozen=True, kw_only=True):
    """One runtime of the catalog on this host; a language may have several, newest first."""

    name: str
    """The language's canonical name, which its runtimes share."""
    runtime: str = ""
    """The runtime's own id, such as ``python-3.13``."""
    engine: str | None = None
    """What runs the language where that is not plain from its name, such as ``node``."""
    execute_name: str = ""
    """The canonical name in the execute API (``c++`` for ``cpp``)."""
    shows_compile: bool = False
    """Whether the execute API shows its compile stage."""
    title: str
    aliases: tuple[str, ...]
    suffixes: tuple[str, ...]
    """File name endings, such as ``.py``."""
    source_name: str = ""
    """What an unnamed main file will be called; empty where its content decides."""
    version: str | None
    available: bool
    """Its self-test passed in a cell."""
    reason: str = ""
    """Why it is not available."""
    pending: bool = False
    """Not available yet, but being checked or installed: worth another try soon."""
    limits: dict[str, Limits]
    """By profile."""
    compile_limits: Limits | None = None
    """The ceiling of the compile stage; ``None`` where nothing is compiled."""


class SupervisorStatus(Struct, frozen=True, kw_only=True):
    """What the privileged side can do here and now; sent on connect and on every change."""

    enforcement_mode: EnforcementMode
    isolation_mode: IsolationMode
    cgroup_backend: str | None
    """``cgroup_v2``, ``cgroup_v1`` or ``None``."""
    namespace_support: bool
    slots: int
    """Programs that may run at the same time."""
    languages: tuple[LanguageStatus, ...]
    problems: tuple[Remedy, ...] = ()
    """Required features that do not hold."""
