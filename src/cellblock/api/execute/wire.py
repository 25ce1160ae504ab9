"""What the execute API reads and writes. Field order is the order on the wire."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from cellblock.api.outputs import Output

Number = int | float


class FileBody(Struct, frozen=True, kw_only=True):
    """One file of a program."""

    content: str
    name: str | None = None
    """Relative path; without one the main file is called as its language has it, others ``file<n>.code``."""
    encoding: str | None = None
    """``utf8`` (the default), ``base64`` or ``hex``."""


class ExecuteBody(Struct, frozen=True, kw_only=True):
    """Body of ``POST /v1/execute``; unknown fields are ignored, null is the same as nothing."""

    language: str
    """A language by name or alias, in any case; ``GET /v1/runtimes`` lists them."""
    code: str | None = None
    """The program, where it is one file."""
    files: list[FileBody] | None = None
    """The program's files; the first that is text is the main one."""
    stdin: str | None = None
    """What the program reads."""
    version: str | None = None
    """A range as npm writes them, such as ``3.x`` or ``>=3.11``; ``*``, the newest, where nothing is said."""
    args: list[str] | None = None
    """The program's arguments."""
    run_timeout: Number | None = None
    """Milliseconds; 5000 where nothing is said."""
    compile_timeout: Number | None = None
    """Milliseconds; 10000 where nothing is said."""
    run_memory_limit: Number | None = None
    """Bytes; -1 for the profile's own."""
    compile_memory_limit: Number | None = None
    """Bytes; -1 for the profile's own."""


class StageBody(Struct, frozen=True, kw_only=True):
    """How one stage went; what was not measured is null."""

    stdout: Output
    stderr: Output
    code: int | None
    signal: str | None
    """Its name, such as ``SIGKILL``."""
    time_ms: int | None
    """Wall clock."""
    memory_kb: int | None
    """Peak, in KiB."""


class ExecuteAnswer(Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/execute``, whatever the program did."""

    language: str
    version: str
    compile: StageBody | UnsetType = UNSET
    run: StageBody


class RuntimeBody(Struct, frozen=True, kw_only=True):
    """One entry of ``GET /v1/runtimes`` and of Piston's list."""

    language: str
    version: str
    aliases: list[str]
    runtime: str | UnsetType = UNSET
    """What runs the language, where its name does not say it."""


class ErrorDetail(Struct, frozen=True, rename="camel"):
    """Why a request was not served."""

    code: str
    message: str
    request_id: str


class ErrorBody(Struct, frozen=True):
    """Every answer of this dialect that is not 200."""

    error: ErrorDetail
