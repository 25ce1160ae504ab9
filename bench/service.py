"""The service under measurement, started as a user would start it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import stages
from processes import CpuAccount, Process, descendants
from stages import Times
from yardsticks import BenchError

_START_TIMEOUT_S = 300
_STOP_TIMEOUT_S = 45
_SYNC_WAIT_MS = 120_000
"""So that a slow machine is a slow figure and no failure."""
_QUIET_S = 1.0
_REST = 0.1
"""How much of one core nothing may use."""

_MISSING_LANGUAGE = re.compile(r'^cellblock_language_available\{language="(\w+)"\} 0', re.MULTILINE)


class Service:
    """``cellblock serve`` on a free port with a data directory of its own."""

    def __init__(
        self, data_dir: Path, languages: Sequence[str], *flags: str, account: CpuAccount | None = None
    ) -> None:
        """Prepare; entering starts it, inside ``account``, and waits until ``languages`` can be run."""
        self._languages = languages
        self._flags = flags
        self._account = account
        self.cores = os.sched_getaffinity(0)
        self._data_dir = data_dir
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def __enter__(self) -> Self:
        command = [str(Path(sys.prefix, "bin", "cellblock")), "serve", "--port", str(self.port)]
        command += ["--data-dir", str(self._data_dir), "--sync-wait-max-ms", str(_SYNC_WAIT_MS), *self._flags]
        if self._account is not None:
            command = self._account.command([*command, *self._account.flags])
        # In the data directory's parent, which the service's own user must be able to enter.
        self._data_dir.parent.mkdir(parents=True, exist_ok=True)
        self._data_dir.parent.chmod(0o755)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._await_languages()
            self.settle(_QUIET_S)
        except BaseException:  # an interrupt too must not leave it running
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(_STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End everything at once, as a loss of power would; what was on disk is on disk."""
        pids = [self._process.pid, *self._children()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        for pid in pids[1:]:
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.01)

    def memory_bytes(self, *, peak: bool = False) -> int:
        """Resident memory of the service's process; with ``peak`` the most since ``forget_peak``."""
        field = "VmHWM:" if peak else "VmRSS:"
        lines = Path(f"/proc/{self._service_pid()}/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

    def forget_peak(self) -> None:
        """Have the kernel measure the peak anew."""
        Path(f"/proc/{self._service_pid()}/clear_refs").write_text("5", "ascii")

    def processes(self) -> list[Process]:
        """Return all of its processes, the parent first."""
        return descendants(self._process.pid)

    def settle(self, quiet_s: float) -> list[Process]:
        """Wait until its processes stay the same and rest: no self-test goes on, nothing is prepared ahead.

        Returns them; what is measured is the service's work on what it is asked for.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        before: list[Process] = []
        while time.monotonic() < deadline:
            now = self.processes()
            used_s = sum(process.cpu_s for process in now) - sum(process.cpu_s for process in before)
            same = [process.pid for process in now] == [process.pid for process in before]
            if same and used_s < _REST * quiet_s:
                return now
            before = now
            time.sleep(quiet_s)
        raise BenchError(f"the service still works on something after {_START_TIMEOUT_S} s without a request")

    def stages(self) -> dict[str, Times]:
        """Return how long each part of all programs so far took."""
        return stages.read(self._get("/metrics")[1].decode())

    def waiting(self) -> int:
        """How many submissions wait for a start."""
        return int(json.loads(self._get("/api/health")[1])["queue_depth"])

    def completed(self) -> int:
        """How many submissions have a result in the store."""
        with contextlib.closing(sqlite3.connect(self._database, timeout=30)) as database:
            query = "SELECT count(*) FROM submissions WHERE completed_at_ns IS NOT NULL"
            return int(database.execute(query).fetchone()[0])

    def wrong_results(self, ids: Sequence[str], stdout: bytes) -> int:
        """Wait until nothing waits; how many of ``ids`` did not end well with this output."""
        while self.waiting():
            time.sleep(0.2)
        time.sleep(1)  # the last ones run
        with contextlib.closing(sqlite3.connect(self._database, timeout=30)) as database:
            rows = database.execute(
                "SELECT id FROM submissions WHERE verdict = 'AC' AND stdout = ?", (stdout,)
            )
            right = {row[0] for row in rows}
        return len(set(ids) - right)

    def run_once(self, code: str, language: str = "python", *, wait: bool = True) -> dict[str, Any]:
        """Run a program and return its record, or what was answered without waiting for its end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = json.dumps({"language": language, "code": code}).encode()
        path = "/api/submit?wait=true" if wait else "/api/submit"
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    @property
    def _database(self) -> Path:
        return self._data_dir / "cellblock.db"

    def _children(self) -> list[int]:
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]

    def _service_pid(self) -> int:
        return next(
            pid
            for pid in self._children()
            if b"cellblock.app.service" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )

    def _await_languages(self) -> None:
        """Wait until every self-test is over; raises ``BenchError`` where a language is not offered then."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._is_checking() and self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if missing := sorted(set(self._languages) - self._offered()):
            raise BenchError(
                f"the service does not offer {', '.join(missing)}; run `cellblock doctor` and "
                "`cellblock languages check`"
            )

    def _is_checking(self) -> bool:
        """Say whether the self-test of any language is still to come: it is refused for now, not for good."""
        if not self._offered():
            return True
        missing = _MISSING_LANGUAGE.findall(self._get("/metrics")[1].decode())
        return any("being made ready" in str(self.run_once("1", name, wait=False)) for name in missing)

    def _offered(self) -> set[str]:
        try:
            return set(json.loads(self._get("/api/languages")[1]))
        except OSError:
            return set()

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
