"""The helper takes as many descriptors as it has room for, of a message with more none; with sanitizers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from unit.test_helper_frames import GCC, NATIVE

DRIVER = Path(__file__).parent / "native" / "sockets.c"


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Path:
    program = tmp_path_factory.mktemp("sockets") / "sockets"
    sources = [DRIVER, NATIVE / "sockets.c"]
    subprocess.run(
        [*GCC, "-fno-sanitize-recover=all", "-I", NATIVE, *sources, "-o", program], check=True, timeout=120
    )
    return program


def drive(driver: Path, sent: int, room: int) -> str:
    finished = subprocess.run([driver, str(sent), str(room)], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout.strip()


@pytest.mark.parametrize("room", [1, 2, 3, 11])
def test_descriptors_for_which_there_is_room_are_taken(driver, room):
    assert drive(driver, room, room) == f"1 {room} - {room}"


@pytest.mark.parametrize("room", [1, 2, 3, 11])
@pytest.mark.parametrize("more", [1, 2, 30])
def test_a_message_with_more_is_refused_and_nothing_of_it_stays_open(driver, room, more):
    assert drive(driver, room + more, room) == "-1 0 EMSGSIZE 0"
