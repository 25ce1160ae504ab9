"""Without root on any host, also on cgroup v1: what cannot be had there is accepted by name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from hosts import kinds
from sandbox.cells import opened

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = 65534
MISSING = {"memory_limit", "process_limit", "unprivileged_uid"}


@pytest.fixture
def home():
    """A directory of nobody's."""
    with tempfile.TemporaryDirectory(prefix="cellblock-hosts-") as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def report_of_nobody(home: Path, *settings: str) -> dict:
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    environment = ("env", "-i", f"HOME={home}", f"XDG_RUNTIME_DIR={home}", "PATH=/usr/bin:/bin")
    accepted = f"accept_missing={','.join(sorted(MISSING))}"
    command = kinds.report_command("only=ends", accepted, *settings)
    ends = kinds.report([*become, *environment, *command])["runs"]["ends"]
    assert (ends["verdict"], set(ends["missing"])) == ("AC", MISSING)
    return ends


def test_programs_of_an_ordinary_user_go_on_from_a_booted_interpreter(home):
    ends = report_of_nobody(home, "warm_starts=true", "pool_cells_max=2")
    assert ends["warm"]
    assert "Name:\tpython3" in ends["stdout"]


def test_groups_of_roots_services_are_neither_used_nor_swept(home, time_scale):
    with opened(time_scale) as of_root:
        first_uid = of_root.host._block.first_uid
        report_of_nobody(home, f"uid_range={first_uid}-{first_uid + 127}")  # by which the group is called
        report_of_nobody(home, f"uid_range={first_uid + 128}-{first_uid + 255}")
        of_root.assert_next_run_works()
