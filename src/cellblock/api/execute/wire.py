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
    code: str | None = None
    files: list[FileBody] | None = None
    stdin: str | None = None
    version: str | None = None
    args: list[str] | None = None
    run_timeout: Number | None = None
    """Milliseconds."""
    compile_timeout: Number | None = None
    """Milliseconds."""
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
