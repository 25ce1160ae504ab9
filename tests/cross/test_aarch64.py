"""The helper on aarch64: built by Debian's cross compiler, run by QEMU; `make test-aarch64` brings both."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from pathlib import Path

import pytest

from cellblock.sandbox import wire
from unit import test_helper_frames as frames
from unit import test_helper_sockets as sockets

pytestmark = pytest.mark.cross
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
ROOT_OF_ITS_LIBRARIES = "/usr/aarch64-linux-gnu"
GATE_FD, EVENT_BOOTED = 255, 5  # wire.h


def built(tmp_path_factory, compiler: str) -> Path:
    build = tmp_path_factory.mktemp(compiler)
    make = ["make", "-s", "-C", str(frames.NATIVE), f"CC={compiler}", f"BUILD={build}"]
    subprocess.run(make, check=True, timeout=120)
    return build


@pytest.fixture(scope="module")
def helper(tmp_path_factory) -> Path:
    return built(tmp_path_factory, COMPILER) / "cellblock-cell"


def driver(compiler: str, program: Path, *sources: Path) -> list[str]:
    """Return how to run a unit test's driver, without sanitizers, which need a kernel of their own kind."""
    flags = ["-D_GNU_SOURCE", "-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-static"]
    command = [compiler, *flags, "-I", frames.NATIVE, *sources, "-o", program]
    subprocess.run(command, check=True, timeout=120)
    return [EMULATOR, str(program)] if compiler == COMPILER else [str(program)]


@pytest.fixture(scope="module", params=[COMPILER, "gcc"])
def parser(request, tmp_path_factory) -> list[str]:
    program = tmp_path_factory.mktemp("parser") / "frames"
    parts = (frames.NATIVE / "frame.c", frames.NATIVE / "failure.c")
    return driver(request.param, program, frames.DRIVER, *parts)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory) -> list[str]:
    program = tmp_path_factory.mktemp("receiver") / "sockets"
    return driver(COMPILER, program, sockets.DRIVER, sockets.NATIVE / "sockets.c")


def stream() -> bytes:
    """Whole frames, and frames with bytes changed or cut off, always the same ones."""
    chosen = random.Random(6)  # noqa: S311  # repeatable, not secret
    request, job = frames.request(), frames.job()
    template = b"".join(wire.encode_template_op(kind, "a/b", b"data") for kind in range(1, 8))
    sent = []
    for kind, whole in ((frames.REQUEST, request), (frames.JOB, job), (frames.TEMPLATE_RECORDS, template)):
        for _ in range(300):
            broken = bytearray(whole[: chosen.choice((len(whole), chosen.randrange(len(whole))))])
            for _ in range(chosen.choice((0, 0, 1, 3)) if broken else 0):
                broken[chosen.randrange(len(broken))] = chosen.randrange(256)
            sent.append(kind + len(broken).to_bytes(4, "little") + bytes(broken))
    return b"".join(sent)


_seen: dict[bytes, int] = {}


def test_the_parser_says_the_same_of_every_frame_on_either_architecture(parser):
    done = subprocess.run(parser, input=stream(), capture_output=True, check=True, timeout=60)
    lines = done.stdout.splitlines()
    assert len(lines) == 900
    requests, jobs, templates = ({line.split()[0] for line in lines[at : at + 300]} for at in (0, 300, 600))
    assert requests == jobs == {b"accepted", b"refused"}
    assert templates == {b"whole", b"broken"}
    assert (
        b"accepted 6d61696e2e7079 646174612f782e62696e" in lines[300:600]
    )  # a job as it was sent, by its names
    _seen[done.stdout] = _seen.get(done.stdout, 0) + 1
    assert len(_seen) == 1


@pytest.mark.parametrize("room", [1, 2, 3, 11])
def test_descriptors_for_which_there_is_room_are_taken(receiver, room):
    assert taken(receiver, room, room) == f"1 {room} - {room}"


@pytest.mark.parametrize("room", [1, 2, 3, 11])
def test_a_message_with_more_is_refused(receiver, room):
    """With many more: QEMU doubles the room, hides what is cut off of that, and leaves open what it took."""
    assert taken(receiver, room + 30, room).rpartition(" ")[0] == "-1 0 EMSGSIZE"


def taken(receiver: list[str], sent: int, room: int) -> str:
    done = subprocess.run([*receiver, str(sent), str(room)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_helper_is_a_static_hardened_program_for_aarch64(helper):
    header = helper.read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[16:18], "little") == 3  # position-independent
    assert int.from_bytes(header[18:20], "little") == 183  # EM_AARCH64
    done = subprocess.run(
        ["aarch64-linux-gnu-readelf", "--program-headers", helper],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "INTERP" not in done.stdout
    assert "GNU_RELRO" in done.stdout
    assert "GNU_STACK      0x0000000000000000 0x0000000000000000 0x0000000000000000\n" in done.stdout
    assert "RWE" not in done.stdout


def test_the_helper_started_by_hand_says_who_starts_it(helper):
    done = subprocess.run([EMULATOR, helper], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cellblock run FILE" in done.stderr


RUNTIME = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    char text[64] = "nothing";
    FILE *submission = fopen(argv[argc - 1], "r");
    if (submission != NULL && fgets(text, sizeof text, submission) == NULL) return 2;
    printf("%s %d", text, getenv("LD_PRELOAD") != NULL || getenv("CELLBLOCK_GATE") != NULL);
}
"""
"""Looks at its submission, and at how it was started."""


@pytest.mark.parametrize("compiler", [COMPILER, "gcc"])
def test_the_library_stops_a_runtime_at_its_submission_until_the_job_comes(
    compiler, tmp_path, tmp_path_factory
):
    library = built(tmp_path_factory, compiler) / "cellblock-warm.so"
    runtime, submission = tmp_path / "runtime", tmp_path / "main"
    subprocess.run([compiler, "-x", "c", "-", "-o", runtime], input=RUNTIME.encode(), check=True)
    variables = [f"LD_PRELOAD={library}", f"CELLBLOCK_GATE=boot:{submission}"]
    emulated = [EMULATOR, "-L", ROOT_OF_ITS_LIBRARIES, "-E", ",".join(variables)]
    start = emulated if compiler == COMPILER else ["env", *variables]
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(30)
    os.dup2(its.fileno(), GATE_FD)
    its.close()
    with (
        ours,
        subprocess.Popen(
            [*start, runtime, submission], stdout=subprocess.PIPE, pass_fds=[GATE_FD]
        ) as process,
    ):
        os.close(GATE_FD)
        assert int.from_bytes(ours.recv(256)[:4], "little") == EVENT_BOOTED
        submission.write_text("came later")
        ours.send(b"j")
        assert process.communicate(timeout=30) == (b"came later 0", None)
