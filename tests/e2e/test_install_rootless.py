"""An ordinary user installs for real, and runs a program in a cell of what he installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"),
]
UID = 4321
USER_AND_GROUP = {
    "passwd": f"tester:x:{UID}:{UID}::/nonexistent:/bin/sh\n",
    "group": f"tester:x:{UID}:\n",
    "subuid": "tester:300000:65536\n",
    "subgid": "tester:300000:65536\n",
}


@pytest.fixture
def home():
    """The user's directory."""
    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name:
        path = Path(name)
        path.chmod(0o711)
        (path / "home").mkdir()
        os.chown(path / "home", UID, UID)
        yield path / "home"


def as_user(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run cellblock as a user who is known in a mount namespace of his own only."""
    files = home.parent / "etc"
    files.mkdir(exist_ok=True)
    lines = ["set -e"]
    for name, line in USER_AND_GROUP.items():
        host = Path("/etc", name)
        (files / name).write_text(line + (host.read_text() if host.exists() else ""))
        lines.append(f"mount --bind {files / name} {host}")
    lines += [f'exec setpriv --reuid {UID} --regid {UID} --init-groups "$@"']
    environment = [
        "env",
        "-i",
        f"HOME={home}",
        f"XDG_RUNTIME_DIR={home}",
        f"PATH={os.defpath}:/usr/sbin:/sbin",
    ]
    environment += [f"PYTHONPATH={os.pathsep.join(path for path in sys.path if path)}"]
    command = ["unshare", "--mount", "sh", "-c", "\n".join(lines), "sh", *environment]
    return subprocess.run(
        [*command, sys.executable, "-m", "cellblock", *arguments], capture_output=True, text=True, check=False
    )


def test_a_user_installs_owns_all_of_it_and_runs_a_program_in_it(home):
    installed = as_user(home, "languages", "install", "--yes", "bash", "javascript")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    toolchains = home / ".cache" / "cellblock" / "toolchains"
    assert {path.lstat().st_uid for path in toolchains.rglob("*")} == {UID}
    again = as_user(home, "languages", "install", "--yes", "bash")
    assert "nothing to do" in again.stdout + again.stderr
    for name, code in (("four.sh", "echo $((2 + 2))"), ("four.js", "console.log(2 + 2)")):
        (home / name).write_text(code)
        # Without a cgroup that was handed over; tests/hosts has one.
        ran = as_user(home, "run", str(home / name), "--accept-missing", "memory_limit,process_limit")
        assert (ran.returncode, ran.stdout) == (0, "4\n"), ran.stderr
