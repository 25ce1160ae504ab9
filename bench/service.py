"""The service under measurement, started as a user would start it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 45


class Service:
    """``cellblock serve`` on a free port with a data directory of its own."""

    def __init__(self, data_dir: Path, languages: tuple[str, ...], *flags: str) -> None:
        """Prepare; entering starts it and waits until ``languages`` can be run."""
        self._languages = languages
        self._flags = flags
        self.cores = os.sched_getaffinity(0)
        self._data_dir = data_dir
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def __enter__(self) -> Self:
        command = [Path(sys.prefix, "bin", "cellblock"), "serve", "--port", str(self.port)]
        # In the data directory's parent, which the service's own user must be able to enter.
        self._data_dir.parent.mkdir(parents=True, exist_ok=True)
        self._data_dir.parent.chmod(0o755)
        self._process = subprocess.Popen(
            [*command, "--data-dir", self._data_dir, *self._flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError("the service did not become ready; run `cellblock doctor`")
            time.sleep(0.05)
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

    def run_once(self, code: str) -> None:
        """Run a Python program and wait for its end, so that everything has been used once."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = json.dumps({"language": "python", "code": code}).encode()
        connection.request("POST", "/api/submit?wait=true", body, {"content-type": "application/json"})
        connection.getresponse().read()
        connection.close()

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

    def _is_ready(self) -> bool:
        try:
            return set(self._languages) <= set(json.loads(self._get("/api/languages")[1]))
        except OSError:
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
