"""A whole ``cellblock serve`` of a test's own: free port, own directories, ended at the end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import httpx
import msgspec

from cellblock import config
from cellblock.languages.registry import load_catalog

ROLES = {"supervisor": "cellblock.supervisor", "service": "cellblock.app.service"}


class Instance:
    """The parent process and what can be asked of it."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path, time_scale: float = 1) -> None:
        self.process = process
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self.log = log
        self.patience_s = 60 * time_scale

    def submit(self, code: str, *, wait: bool = True, **fields: object) -> httpx.Response:
        body = {"language": "python", "code": code, **fields}
        url = f"{self.base_url}/api/submit?wait={str(wait).lower()}"
        return httpx.post(url, json=body, timeout=self.patience_s)

    def finished(self, submission_id: str, *, timeout_s: float) -> dict[str, object]:
        """Poll a submission until it has its result."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            record = httpx.get(f"{self.base_url}/api/result/{submission_id}", timeout=self.patience_s).json()
            if record["job_status"] in {"completed", "error"}:
                return record
            assert time.monotonic() < deadline_s, f"no result in {timeout_s} s: {record}"
            time.sleep(0.05)

    def submit_when_ready(self, code: str, *, timeout_s: float, wait: bool = True) -> dict[str, object]:
        """Submit until it is accepted; what is refused meanwhile must be a 503."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                answer = self.submit(code, wait=wait)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code in {200, 202}:
                record: dict[str, object] = answer.json()
                return record
            assert answer is None or answer.status_code in {400, 503}, answer.text
            assert time.monotonic() < deadline_s, f"not accepted in {timeout_s} s: {answer and answer.text}"
            time.sleep(0.02)

    def wait_for_languages(self, names: Collection[str], *, timeout_s: float) -> None:
        """Wait until all of these have passed their self-tests."""
        deadline_s = time.monotonic() + timeout_s
        while missing := set(names) - set(httpx.get(f"{self.base_url}/api/languages").json()):
            assert time.monotonic() < deadline_s, f"not offered in {timeout_s} s: {missing}"
            time.sleep(0.5)

    def pid_of(self, role: str) -> int | None:
        """The child's process id, ``None`` while there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in map(int, children):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if ROLES[role].encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return pid
        return None

    def wait_for_other(self, role: str, old_pid: int, *, timeout_s: float) -> int:
        """Wait until another process plays the role; returns its id."""
        deadline_s = time.monotonic() + timeout_s
        while (pid := self.pid_of(role)) in {None, old_pid}:
            assert time.monotonic() < deadline_s, f"no new {role} in {timeout_s} s"
            time.sleep(0.01)
        return pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(self.patience_s)


NOTHING_READY = ("--pool-cells-max", "0", "--no-warm-starts")
"""Flags of a service that has no cells but those of runs: what else is there is left behind."""


@contextlib.contextmanager
def running_instance(
    port: int,
    *flags: str,
    directory: Path | None = None,
    time_scale: float = 1,
    log: Path | None = None,
    limits: Mapping[str, int] | None = None,
    prefix: Sequence[str] = (),
):
    """Start ``cellblock serve``, wait until it says that it answers, end it whatever happens.

    With ``directory`` its data are kept there for another one. ``limits`` differ from a language's own, by
    name and as on real hardware. ``prefix`` is a command that runs another.
    """
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cellblock-e2e-")))
        # The service's user has to pass to its data.
        directory.chmod(0o711)
        log = log or directory / "log"
        command = [*prefix, sys.executable, "-m", "cellblock", "serve", "--port", str(port)]
        command += ["--data-dir", str(directory / "data"), "--runtime-dir", str(directory / "run")]
        command += [*patience(time_scale, limits or {}), *flags]
        with log.open("w") as sink:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)
        instance = Instance(process, port, log, time_scale)
        try:
            first_line = process.stdout.readline()
            assert "answers on" in first_line, f"said {first_line!r}; log: {log.read_text()}"
            yield instance
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(45 * time_scale)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            process.stdout.close()


def patience(time_scale: float, limits: Mapping[str, int]) -> list[str]:
    """Return the flags of an operator whose machine is this much slower than what limits are for."""
    scaled = scaled_limits(time_scale, limits)
    flags = ["--limits", scaled] if scaled else []
    if time_scale != 1:
        flags += ["--sync-wait-max-ms", str(int(30_000 * time_scale))]
        flags += ["--drain-timeout-ms", str(int(35_000 * time_scale))]
    return flags


def scaled_limits(time_scale: float, limits: Mapping[str, int] | None = None) -> str:
    """Return every language's time limits, or these, times the scale, as the setting has them."""
    scaled = dict(limits or {})
    if time_scale != 1:
        own = load_catalog(config.load({}, {}).output_max_bytes, {})
        scaled = {
            f"{runtime.language}.{use}.{field}": value
            for runtime in own.runtimes
            for use, stated in {**runtime.limits, "compile": runtime.compile_limits}.items()
            if stated is not None
            for field, value in msgspec.structs.asdict(stated).items()
            if field in {"cpu_ms", "wall_ms"}
        } | scaled
    factors = {name: time_scale if name.endswith("_ms") else 1 for name in scaled}
    return ",".join(f"{name}={int(value * factors[name])}" for name, value in scaled.items())


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(pids: list[int], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while alive := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline_s, f"still running after {timeout_s} s: {alive}"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """The processes whose parent is ``pid``."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def descendants(pid: int) -> list[int]:
    """All processes below ``pid``, deepest last."""
    return [process for child in children(pid) for process in (child, *descendants(child))]
