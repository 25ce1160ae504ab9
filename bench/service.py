"""The service under measurement, started as a user would start it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

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
        self._process.terminate()
        self._process.wait(_STOP_TIMEOUT_S)

    def facts(self) -> dict[str, Any]:
        """What the service says of itself, and how many cores it may use."""
        return {"cores": len(self.cores), "health": json.loads(self._get("/api/health")[1])}

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
