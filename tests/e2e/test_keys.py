"""Keys beside a whole running service: made and revoked by the command line, obeyed at once."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from e2e.instance import running_instance
from pace import TIME_SCALE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

SERVICE_USER = "cellblock"
BODY = {"language": "python", "code": "print(2 + 2)"}


def keys(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cellblock", "keys", *arguments, "--data-dir", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * TIME_SCALE)


def welcome(instance) -> str:
    """What is printed after the line that the service answers."""
    return "".join(instance.process.stdout.readline() for _ in range(3))


def data_of(instance) -> Path:
    return instance.log.parent / "data"


def submit(instance, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{instance.base_url}/api/submit?wait=true", json=BODY, headers=headers, timeout=60 * TIME_SCALE
    )


def test_first_key_closes_a_running_service_at_once_and_its_last_leaves_it_closed(free_port, time_scale):
    with running_instance(free_port, time_scale=time_scale) as instance:
        data = data_of(instance)
        instance.submit_when_ready("print(1)", timeout_s=60 * time_scale)
        assert "There are no API keys" in welcome(instance)

        made = keys(data, "create", "--name", "first", "--profile", "judge")
        assert made.returncode == 0, made.stderr
        refused = submit(instance)
        assert (refused.status_code, refused.json()) == (401, {"error": "invalid or missing API key"})
        token = made.stdout.strip()
        served = submit(instance, authorization=f"Bearer {token}")
        assert (served.status_code, served.json()["stdout"]) == (200, "4\n")

        assert {pwd.getpwuid(path.stat().st_uid).pw_name for path in data.iterdir()} == {SERVICE_USER}
        assert {path.name for path in data.iterdir()} >= {
            "cellblock.db",
            "cellblock.db-wal",
            "cellblock.db-shm",
        }

        assert keys(data, "revoke", "first").returncode == 0
        assert submit(instance, authorization=f"Bearer {token}").status_code == 401
        assert submit(instance).status_code == 401
        assert keys(data, "forget").returncode == 0
        assert submit(instance).status_code == 200
        assert token not in instance.log.read_text()


def test_key_that_was_made_before_the_first_start_is_asked_for_and_the_welcome_says_so(free_port, time_scale):
    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name:
        Path(name).chmod(0o711)
        data = Path(name, "data")
        token = keys(data, "create", "--name", "early").stdout.strip()
        with running_instance(free_port, "--data-dir", str(data), time_scale=time_scale) as instance:
            assert "needs an API key" in welcome(instance)
            assert submit(instance).status_code == 401
            assert submit(instance, **{"x-api-key": token}).status_code != 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  # refused before it answers anything
def test_public_address_is_refused_without_keys_in_one_clear_message(free_port, host):
    directory = Path(tempfile.mkdtemp(prefix="cellblock-e2e-"))
    directory.chmod(0o711)
    # In a network namespace of its own: nobody is to reach it, even if it did answer.
    command = ["unshare", "--net", sys.executable, "-m", "cellblock", "serve", "--port", str(free_port)]
    command += ["--host", host]
    command += ["--data-dir", str(directory / "data"), "--runtime-dir", str(directory / "run")]
    try:
        refused = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60 * TIME_SCALE
        )
    finally:
        shutil.rmtree(directory)
    assert refused.returncode == 3
    assert (
        f"CELLBLOCK_HOST: there are no keys, so anyone who reaches {host} could run programs"
        in refused.stderr
    )
    assert "cellblock keys create" in refused.stderr
    assert refused.stdout == ""
