"""A service of an ordinary user, in a cgroup that was handed over to him."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from e2e.instance import NOTHING_READY, running_instance
from hosts import kinds


@pytest.fixture
def serve(request, free_port, time_scale):
    """Start a service as the user, with these flags; its data, sockets and log are in his home."""
    kinds.make_user()
    directory = kinds.HOME / "service"
    group = kinds.TOP / f"serving-{abs(hash(request.node.name))}"
    kinds.hand_over(group)

    def start(*flags: str):
        shutil.rmtree(directory, ignore_errors=True)
        kinds.own(directory)
        prefix = kinds.as_user(group, "env", "PYTHONPATH=src", "PYTHONDONTWRITEBYTECODE=1")
        flags = ("--toolchain-dir", kinds.TOOLCHAINS, *flags)
        log = Path("/run/vm/service.log")  # stays on the host after a failure
        return running_instance(
            free_port,
            *NOTHING_READY,
            *flags,
            directory=directory,
            time_scale=time_scale,
            prefix=prefix,
            log=log,
        )

    yield start
    kinds.remove(group)
