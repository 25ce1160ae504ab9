"""Without root on any host, also on cgroup v1: what cannot be had there is accepted by name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from hosts import kinds

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = 65534
MISSING = {"memory_limit", "process_limit", "unprivileged_uid"}


@pytest.fixture
def home():
    """A directory of nobody's."""
    with tempfile.TemporaryDirectory(prefix="cellblock-hosts-") as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def test_programs_of_an_ordinary_user_go_on_from_a_booted_interpreter(home):
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    environment = ("env", "-i", f"HOME={home}", f"XDG_RUNTIME_DIR={home}", "PATH=/usr/bin:/bin")
    settings = ("warm_starts=true", "pool_cells_max=2", f"accept_missing={','.join(sorted(MISSING))}")
    found = kinds.report([*become, *environment, *kinds.report_command("only=ends", *settings)])
    ends = found["runs"]["ends"]
    assert ends["warm"]
    assert (ends["verdict"], set(ends["missing"])) == ("AC", MISSING)
    assert "Name:\tpython3" in ends["stdout"]
