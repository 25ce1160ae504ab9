"""The settings table: every setting of cellblock with its default, unit and line of help."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from cellblock.config.kinds import (
    ADDRESS,
    CONTROLS,
    LIMITS,
    NETWORKS,
    OPTIONAL_PATH,
    ORIGINS,
    OUTPUT_CEILING_BYTES,
    PATH,
    SWITCH,
    TOKEN,
    UID_RANGE,
    Kind,
    LimitOverrides,
    Network,
    matching,
    whole,
)
from cellblock.errors import ConfigError

PREFIX = "CELLBLOCK_"
_MIB = 1024 * 1024


class Settings(Struct, frozen=True, kw_only=True):
    """What ``load`` returns; ``SETTINGS`` says what each one means."""

    config_file: Path | None
    host: str
    port: int
    trusted_proxies: tuple[Network, ...]
    address_per_minute: int
    data_dir: Path
    toolchain_dir: Path
    debian_mirror: str
    install_languages: str
    runtime_dir: Path
    supervisor_socket: Path
    worker_slots: int
    warm_starts: bool
    pool_cells_max: int
    pool_cells_per_shape: int
    queue_capacity: int
    sync_wait_max_ms: int
    connections_max: int
    head_max_bytes: int
    head_timeout_ms: int
    body_timeout_ms: int
    answer_timeout_ms: int
    keep_alive_timeout_ms: int
    drain_timeout_ms: int
    retention_days: int
    body_max_bytes: int
    execute_body_max_bytes: int
    code_max_bytes: int
    stdin_max_bytes: int
    output_max_bytes: int
    compile_cache_bytes: int
    compile_cache_shared: bool
    allow_localhost_webhooks: bool
    webhook_retry_horizon_ms: int
    webhook_concurrency: int
    webhook_concurrency_per_host: int
    limits: LimitOverrides
    permissive: bool
    accept_missing: tuple[str, ...]
    service_user: str
    uid_range: tuple[int, int]
    cgroup_root: str
    cell_hostname: str
    node_id: str
    log_level: str
    log_format: str
    metrics_token: str
    cors_origins: tuple[str, ...]


class Situation(Struct, frozen=True):
    """What a computed default may look at."""

    environ: Mapping[str, str]
    resolved: Mapping[str, Any]
    """Settings that stand earlier in the table."""

    def xdg_dir(self, variable: str, below_home: str) -> Path:
        """Return the user's base directory; relative values do not count, as its specification says."""
        stated = Path(self.environ.get(variable, ""))
        return stated if stated.is_absolute() else self._home() / below_home

    def _home(self) -> Path:
        try:
            return Path(self.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError as error:
            message = f"user {os.getuid()} has no home directory: set HOME or the directory's own setting"
            raise ConfigError(message) from error


class Setting(Struct, frozen=True, kw_only=True):
    """One row of the table."""

    name: str
    """Attribute of ``Settings``."""
    kind: Kind
    unit: str
    help: str
    default: str | Callable[[Situation], str]
    default_text: str = ""
    """How the documentation words a computed default."""
    public_name: str = ""
    """Stands for ``name`` in the flag and the variable."""
    in_file: bool = True
    secret: bool = False
    """Whether its value is never shown."""
    for_cells: bool = False
    """Whether it also matters to commands that only run programs, so that they take its flag."""

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return "--" + (self.public_name or self.name).replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + (self.public_name or self.name).upper()

    @property
    def is_switch(self) -> bool:
        """Whether the flag stands alone, without a value."""
        return self.kind is SWITCH


def _system_or_user(system: str, variable: str, below_home: str, tail: str) -> Callable[[Situation], str]:
    def default(situation: Situation) -> str:
        return system if os.geteuid() == 0 else str(situation.xdg_dir(variable, below_home) / tail)

    return default


def _default_socket(situation: Situation) -> str:
    return str(situation.resolved["runtime_dir"] / str(situation.resolved["port"]) / "supervisor.sock")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="config_file", public_name="config", in_file=False, for_cells=True, kind=OPTIONAL_PATH,
        default="", default_text="none", unit="path", help="TOML file to read settings from.",
    ),
    Setting(
        name="host", kind=ADDRESS, default="127.0.0.1", unit="address",
        help="Address to listen on; without API keys a loopback one.",
    ),
    Setting(
        name="port", kind=whole("a port number", 1, 65535), default="4096", unit="TCP port",
        help="Port to listen on.",
    ),
    Setting(
        name="trusted_proxies", kind=NETWORKS, default="", default_text="none",
        unit="addresses or networks, comma-separated",
        help="Reverse proxies whose X-Forwarded-For is believed.",
    ),
    Setting(
        name="address_per_minute", kind=whole("a number of requests", 0, 1_000_000_000), default="0",
        default_text="0, no limit", unit="requests",
        help="Requests that one client address (of IPv6, one /64) may make in a minute.",
    ),
    Setting(
        name="data_dir", kind=PATH, unit="path",
        default=_system_or_user("/var/lib/cellblock", "XDG_DATA_HOME", ".local/share", "cellblock"),
        default_text="/var/lib/cellblock as root, else $XDG_DATA_HOME/cellblock",
        help="Where submissions are kept; one service each.",
    ),
    Setting(
        name="toolchain_dir", kind=PATH, unit="path", for_cells=True,
        default=_system_or_user(
            "/var/cache/cellblock/toolchains", "XDG_CACHE_HOME", ".cache", "cellblock/toolchains"
        ),
        default_text="/var/cache/cellblock/toolchains as root, else $XDG_CACHE_HOME/cellblock/toolchains",
        help="Toolchains, warm caches and self-test results; services may share it.",
    ),
    Setting(
        name="debian_mirror", default="", default_text="the machine's own", unit="URL",
        kind=matching("an http, https or file URL", r"((https?://|file:/)[^\s\[\]]+)?"),
        help="Where `cellblock languages install` gets Debian packages.",
    ),
    Setting(
        name="install_languages", default="", default_text="none", unit="names, comma-separated, or all",
        kind=matching("a list of languages", r"[A-Za-z0-9+#.,-]*"),
        help="Languages that `cellblock serve` installs in the background where they are missing.",
    ),
    Setting(
        name="runtime_dir", kind=PATH, unit="path", for_cells=True,
        default=_system_or_user("/run/cellblock", "XDG_RUNTIME_DIR", ".local/state", "cellblock"),
        default_text="/run/cellblock as root, else $XDG_RUNTIME_DIR/cellblock, else ~/.local/state/cellblock",
        help="Where running instances keep sockets and locks.",
    ),
    Setting(
        name="supervisor_socket", kind=PATH, unit="path", default=_default_socket,
        default_text="supervisor.sock in the runtime directory, below the port's number",
        help="Unix socket between the service and the supervisor.",
    ),
    Setting(
        name="worker_slots", kind=whole("a number of programs", 1, 64), for_cells=True, unit="programs",
        default=lambda _: str(max(2, len(os.sched_getaffinity(0)))),
        default_text="the number of CPUs, at least 2",
        help="Programs that may run at the same time.",
    ),
    Setting(
        name="warm_starts", kind=SWITCH, default="true", unit="true or false", for_cells=True,
        help="Whether runtimes may be started ahead of the programs that they run.",
    ),
    Setting(
        name="pool_cells_max", kind=whole("a number of cells", 0, 60), default="24", unit="cells",
        for_cells=True, help="Cells that may be made ahead and wait; 0 makes each when it is needed.",
    ),
    Setting(
        name="pool_cells_per_shape", kind=whole("a number of cells", 0, 60), default="0", unit="cells",
        for_cells=True, default_text="0, by recent demand",
        help="How many wait of each kind that was asked for in the last minutes.",
    ),
    Setting(
        name="queue_capacity", kind=whole("a number of submissions", 1, 10_000_000), default="1000",
        unit="submissions", help="Submissions that may wait; more are answered 503.",
    ),
    Setting(
        name="sync_wait_max_ms", kind=whole("a number of milliseconds", 1, 3_600_000), default="30000",
        unit="milliseconds", help="How long a request with wait=true is held before it is answered 408.",
    ),
    Setting(
        name="connections_max", kind=whole("a number of connections", 16, 1_000_000), default="4096",
        unit="connections",
        help="Clients connected at once; beyond, whoever keeps us waiting longest is closed to make room.",
    ),
    Setting(
        name="head_max_bytes", kind=whole("a number of bytes", 1024, _MIB), default="32768", unit="bytes",
        help="Largest request line and header fields together; more is answered 431.",
    ),
    Setting(
        name="head_timeout_ms", kind=whole("a number of milliseconds", 100, 3_600_000), default="10000",
        unit="milliseconds", help="How long a request's head may take from its first byte.",
    ),
    Setting(
        name="body_timeout_ms", kind=whole("a number of milliseconds", 100, 3_600_000), default="30000",
        unit="milliseconds",
        help="How long a request's body may take, beside a second for every 16 KiB that came.",
    ),
    Setting(
        name="answer_timeout_ms", kind=whole("a number of milliseconds", 100, 3_600_000), default="30000",
        unit="milliseconds",
        help="A client that takes less than 64 KiB of a waiting answer in this time is disconnected.",
    ),
    Setting(
        name="keep_alive_timeout_ms", kind=whole("a number of milliseconds", 1000, 3_600_000),
        default="75000", unit="milliseconds, rounded up to seconds",
        help="How long a connection may stay open between two requests.",
    ),
    Setting(
        name="retention_days", kind=whole("a number of days", 0, 36_500), default="30", unit="days",
        help="How long a record is kept after its completion; 0 keeps it for ever.",
    ),
    Setting(
        name="drain_timeout_ms", kind=whole("a number of milliseconds", 0, 3_600_000), default="35000",
        unit="milliseconds", help="How long a stopping service lets running programs finish.",
    ),
    Setting(
        name="body_max_bytes", kind=whole("a number of bytes", 1024, 1024 * _MIB), default=str(_MIB),
        unit="bytes", help="Largest request body.",
    ),
    Setting(
        name="execute_body_max_bytes", kind=whole("a number of bytes", 1024, 128 * _MIB),
        default=str(4 * _MIB), unit="bytes",
        help="Largest request body of the execute API, whose programs have several files.",
    ),
    Setting(
        name="code_max_bytes", kind=whole("a number of bytes", 1, 64 * _MIB), default="65536",
        unit="bytes", help="Largest source, in UTF-8.",
    ),
    Setting(
        name="stdin_max_bytes", kind=whole("a number of bytes", 0, 64 * _MIB), default="262144",
        unit="bytes", help="Largest standard input, in UTF-8.",
    ),
    Setting(
        name="output_max_bytes", kind=whole("a number of bytes", 1, OUTPUT_CEILING_BYTES),
        default=str(10 * _MIB),
        unit="bytes", for_cells=True, help="Kept of each output stream; the rest is drained and dropped.",
    ),
    Setting(
        name="compile_cache_bytes", kind=whole("a number of bytes", 0, 1 << 40), default=str(256 * _MIB),
        unit="bytes",
        help="Memory for compiled programs, so that equal ones need no compiler; 0 compiles each time.",
    ),
    Setting(
        name="compile_cache_shared", kind=SWITCH, default="false", unit="true or false",
        help="Use what one API key had compiled for others too; who measures can then tell what they sent.",
    ),
    Setting(
        name="allow_localhost_webhooks", kind=SWITCH, default="false", unit="true or false",
        help="Deliver webhooks to this machine's loopback as well, also without TLS; for development.",
    ),
    Setting(
        name="webhook_retry_horizon_ms", kind=whole("a number of milliseconds", 0, 30 * 86_400_000),
        default="86400000", unit="milliseconds",
        help="How long after a result its webhook is still tried again.",
    ),
    Setting(
        name="webhook_concurrency", kind=whole("a number of deliveries", 1, 1024), default="64",
        unit="deliveries", help="Webhooks that are delivered at the same time.",
    ),
    Setting(
        name="webhook_concurrency_per_host", kind=whole("a number of deliveries", 1, 1024), default="4",
        unit="deliveries", help="The same, to one host.",
    ),
    Setting(
        name="limits", kind=LIMITS, default="", default_text="each language's own", for_cells=True,
        unit="LANGUAGE.PROFILE.LIMIT=NUMBER, comma-separated",
        help="Limits that differ from a language's own; in the file, tables such as [limits.python.judge] "
        "or, for a compiler, [limits.c.compile].",
    ),
    Setting(
        name="permissive", kind=SWITCH, default="false", unit="true or false", for_cells=True,
        help="Run programs although a control cannot be enforced; every answer then says so.",
    ),
    Setting(
        name="accept_missing", kind=CONTROLS, default="", default_text="none", for_cells=True,
        unit="controls, comma-separated",
        help="Controls that need not hold on this host, such as unprivileged_uid; all others must.",
    ),
    Setting(
        name="service_user", kind=matching("a user name", r"[a-z_][a-z0-9_-]{0,31}"), default="cellblock",
        unit="user name", help="Unprivileged user that the HTTP service becomes when started as root.",
    ),
    Setting(
        name="uid_range", default="70000-71999", unit="FIRST-LAST", kind=UID_RANGE, for_cells=True,
        help="User ids that belong to cells; nothing else on the host may use them.",
    ),
    Setting(
        name="cgroup_root", kind=matching("auto or an absolute path", r"auto|/[^\0]*"), default="auto",
        unit="path", for_cells=True, help="cgroup below which cells get theirs; auto finds a delegated one.",
    ),
    Setting(
        name="cell_hostname", default="cellblock", unit="host name", for_cells=True,
        kind=matching("a host name", r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"),
        help="Host name that programs see.",
    ),
    Setting(
        name="node_id", kind=matching("a name of 1 to 255 printable characters", r"[\x21-\x7e]{1,255}"),
        default=lambda _: socket.gethostname(), default_text="the host name", unit="name", for_cells=True,
        help="Name of this machine in answers.",
    ),
    Setting(
        name="log_level", kind=matching("one of debug, info, warning, error", "debug|info|warning|error"),
        default="info", unit="debug, info, warning or error", for_cells=True,
        help="Least severe message logged.",
    ),
    Setting(
        name="log_format", kind=matching("one of auto, json, text", "auto|json|text"), default="auto",
        unit="auto, json or text", help="How the log is written; auto is text on a terminal, else JSON.",
    ),
    Setting(
        name="metrics_token", default="", default_text="none", unit="text", secret=True,
        kind=TOKEN,
        help="Bearer token that GET /metrics asks for; without one it answers callers on this machine only.",
    ),
    Setting(
        name="cors_origins", kind=ORIGINS, default="", default_text="none",
        unit="origins, comma-separated, or *",
        help="Web pages' origins whose scripts may call the API, such as https://judge.example.",
    ),
)  # fmt: skip
"""In the order of ``--help`` and of the documentation; a default may use the rows above its own."""

SETTINGS_BY_NAME = {setting.name: setting for setting in SETTINGS}
