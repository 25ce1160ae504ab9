"""The helper's parser on broken frames: with sanitizers, it reads past none and takes no unsafe name."""

from __future__ import annotations

import itertools
import os
import random
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from cellblock.model import SourceFile
from cellblock.sandbox import wire

NATIVE = Path(__file__).parents[2] / "native"
DRIVER = Path(__file__).parent / "native" / "frames.c"

SANITIZERS = "-fsanitize=address,undefined"
GCC = ["gcc", "-D_GNU_SOURCE", "-std=gnu17", "-g", "-O1", "-Wall", "-Wextra", "-Werror", SANITIZERS]
REQUEST, JOB, TEMPLATE_RECORDS = b"r", b"j", b"t"
HEADS = {REQUEST: wire.CELL_REQUEST, JOB: wire.CELL_JOB}
COUNTS = {  # position in the head
    "rlimit_count": (REQUEST, 6),
    "layer_count": (REQUEST, 7),
    "argc of a request": (REQUEST, 8),
    "envc of a request": (REQUEST, 9),
    "file_count": (JOB, 1),
    "argc": (JOB, 2),
    "envc": (JOB, 3),
}
HUGE = [0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 1 << 24, 0x0AAAAAAB, 0x10000000]


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Path:
    program = tmp_path_factory.mktemp("frames") / "frames"
    sources = [DRIVER, NATIVE / "frame.c", NATIVE / "failure.c"]
    subprocess.run(
        [*GCC, "-fno-sanitize-recover=all", "-I", NATIVE, *sources, "-o", program], check=True, timeout=120
    )
    return program


def drive(driver: Path, frames: Iterable[bytes], kind: bytes) -> list[str]:
    """Return the driver's line for each frame; a sanitizer's report ends it, and fails here."""
    frames = list(frames)
    stdin = b"".join(kind + struct.pack("=I", len(frame)) + frame for frame in frames)
    environment = {**os.environ, "ASAN_OPTIONS": "allocator_may_return_null=0:max_allocation_size_mb=64"}
    finished = subprocess.run([driver], input=stdin, capture_output=True, check=False, env=environment)
    assert finished.returncode == 0, finished.stderr.decode(errors="replace")
    assert finished.stderr == b""
    lines = finished.stdout.decode().splitlines()
    assert len(lines) == len(frames)
    return lines


def request(**changes) -> bytes:
    fields = {
        "features": 15,
        "init_uid": 70_000,
        "program_uid": 70_001,
        "work_area_bytes": 1 << 20,
        "work_area_inodes": 64,
        "rlimits": [(7, 32, 32), (1, 1 << 20, 1 << 20)],
        "layers": ["/usr", "/opt/node"],
        "argv": ["/usr/bin/node", "/box/main.js"],
        "environment": {"LD_PRELOAD": "/etc/x"},
    }
    return wire.encode_request(**{**fields, **changes})


def job(**changes) -> bytes:
    fields = {
        "files": [SourceFile("main.py", b"print(2 + 2)\n"), SourceFile("data/x.bin", bytes(40))],
        "argv": ["/usr/bin/python3", "/box/main.py", ""],
        "environment": {"PATH": "/usr/bin", "HOME": "/box"},
    }
    return wire.encode_job(**{**fields, **changes})


def with_head(kind: bytes, frame: bytes, position: int, value: int) -> bytes:
    head = list(HEADS[kind].unpack_from(frame))
    head[position] = value
    return HEADS[kind].pack(*head) + frame[HEADS[kind].size :]


def named(raw: bytes) -> bytes:
    """Lay out a job with one empty file of this very name."""
    frame = job(files=[SourceFile("x", b"")])
    name = wire.FILE.pack(0o644, 1, 0) + b"x\0"
    assert frame.count(name) == 1
    return frame.replace(name, wire.FILE.pack(0o644, len(raw), 0) + raw + b"\0")


def is_safe(raw: bytes) -> bool:
    """Written apart from the parser: what may be handed to the work area."""
    parts = raw.split(b"/")
    return b"\0" not in raw and all(part not in {b"", b".", b".."} for part in parts)


def accepted_names(line: str) -> list[bytes]:
    word, *names = line.split(" ")
    assert word == "accepted"
    return [bytes.fromhex(name) for name in names]


def assert_safe(lines: Iterable[str], kind: bytes) -> int:
    """Accepted jobs have safe names, accepted requests two users who are not root; returns how many were."""
    count = 0
    for line in lines:
        if not line.startswith("accepted"):
            assert line.startswith(f"refused {'job' if kind == JOB else 'request'} 71 "), line
            continue
        count += 1
        if kind == JOB:
            assert all(is_safe(name) for name in accepted_names(line)), line
        else:
            init_uid, program_uid = map(int, line.split(" ")[1:])
            assert 0 not in {init_uid, program_uid}
            assert init_uid != program_uid
    return count


def assert_none_accepted(driver: Path, frames: Iterable[bytes], kind: bytes) -> None:
    assert assert_safe(drive(driver, frames, kind), kind) == 0


def test_the_sanitizer_would_tell(driver):
    finished = subprocess.run(
        [driver], input=b"p" + struct.pack("=I", 16) + bytes(16), capture_output=True, check=False
    )
    assert finished.returncode != 0
    assert b"heap-buffer-overflow" in finished.stderr


VALID = {
    "request": (REQUEST, request()),
    "request without environment": (REQUEST, request(environment={})),
    "request without a runtime": (REQUEST, request(argv=[], environment={})),
    "no rlimits": (REQUEST, request(rlimits=[])),
    "no layers": (REQUEST, request(layers=[])),
    "job": (JOB, job()),
    "no files": (JOB, job(files=[])),
    "no environment": (JOB, job(environment={})),
    "empty file": (JOB, job(files=[SourceFile("e", b"")])),
    "large file": (JOB, job(files=[SourceFile("big", bytes(300_000))])),
    "many files": (JOB, job(files=[SourceFile(f"d{n % 7}/f{n}", b"x" * n) for n in range(200)])),
    "bytes in an argument": (JOB, job(argv=["/bin/x", "\udcff\udc80"])),
}
USUAL = [VALID["request"], VALID["job"]]
each_kind = pytest.mark.parametrize(("kind", "frame"), USUAL, ids=["request", "job"])


@pytest.mark.parametrize(("kind", "frame"), VALID.values(), ids=VALID)
def test_a_valid_frame_is_accepted(driver, kind, frame):
    (line,) = drive(driver, [frame], kind)
    assert line.startswith("accepted 70000 70001" if kind == REQUEST else "accepted")


@each_kind
def test_a_frame_cut_off_anywhere_is_refused(driver, kind, frame):
    assert_none_accepted(driver, [frame[:length] for length in range(len(frame))], kind)


@each_kind
def test_a_frame_with_something_after_it_is_refused(driver, kind, frame):
    assert_none_accepted(driver, [frame + tail for tail in (b"\0", b"x", bytes(4096))], kind)


@each_kind
def test_every_single_flipped_bit_is_harmless(driver, kind, frame):
    flipped = []
    for position in range(len(frame) * 8):
        changed = bytearray(frame)
        changed[position // 8] ^= 1 << position % 8
        flipped.append(bytes(changed))
    assert_safe(drive(driver, flipped, kind), kind)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("kind", "names"),
    [(REQUEST, ["request", "no rlimits"]), (JOB, ["job", "empty file"])],
    ids=["request", "job"],
)
def test_frames_with_many_random_changes_are_harmless(driver, seed, kind, names):
    chance = random.Random(seed)  # noqa: S311  # the same frames each time
    frames = []
    for _ in range(2000):
        changed = bytearray(VALID[chance.choice(names)][1])
        for _ in range(chance.randint(1, 8)):
            action, at = chance.randrange(4), chance.randrange(len(changed))
            if action == 0:
                changed[at] = chance.choice([0, 1, 0x2E, 0x2F, 0x7F, 0x80, 0xFF, chance.randrange(256)])
            elif action == 1:
                changed[at : at + 4] = struct.pack("=I", chance.choice([*HUGE, 0, 1, 2, 3, len(changed)]))
            elif action == 2:
                del changed[at : at + chance.randint(1, 16)]
            else:
                changed[at:at] = chance.randbytes(chance.randint(1, 16))
        frames.append(bytes(changed))
    assert_safe(drive(driver, frames, kind), kind)


@pytest.mark.parametrize(("kind", "position"), COUNTS.values(), ids=COUNTS)
def test_a_count_that_the_frame_cannot_hold_is_refused(driver, kind, position):
    frame = dict(USUAL)[kind]
    present = HEADS[kind].unpack_from(frame)[position]
    values = [value for value in [*HUGE, *range(12), 100] if value != present]
    assert_none_accepted(driver, [with_head(kind, frame, position, value) for value in values], kind)


def test_a_length_that_the_frame_cannot_hold_is_refused(driver):
    frame = named(b"x")
    at = frame.index(wire.FILE.pack(0o644, 1, 0))
    too_long = [
        frame[:at] + wire.FILE.pack(0o644, name_length, size) + frame[at + wire.FILE.size :]
        for name_length, size in [
            *((n, 0) for n in HUGE),
            *((1, n) for n in HUGE),
            (1, 2**64 - 1),
            (1, 2**63),
        ]
    ]
    assert_none_accepted(driver, too_long, JOB)


def test_sizes_whose_sum_wraps_around_are_refused(driver):
    frame = job(files=[SourceFile("a", b""), SourceFile("b", b"")])
    for name in (b"a", b"b"):
        record = wire.FILE.pack(0o644, 1, 0) + name
        frame = frame.replace(record, wire.FILE.pack(0o644, 1, 1 << 63) + name)
    assert_none_accepted(driver, [frame], JOB)


UNSAFE = [
    *(
        b"..",
        b".",
        b"/",
        b"/etc/passwd",
        b"../x",
        b"a/../b",
        b"a/..",
        b"a//b",
        b"a/",
        b"//",
        b"./x",
        b"a/./b",
        b"a/.",
    ),
    *(b"", b"a\0b", b"\0", b"a/\0", b"a\0/../../x"),
]


@pytest.mark.parametrize("name", UNSAFE, ids=ascii)
def test_an_unsafe_name_is_refused(driver, name):
    assert_none_accepted(driver, [named(name)], JOB)


@pytest.mark.parametrize(
    "name", [b"x", b"...", b"..x", b"a/b/c", b".hidden", b"\n", b"\xff\xfe", b"a" * 5000], ids=ascii
)
def test_a_safe_name_is_accepted_as_it_is(driver, name):
    (line,) = drive(driver, [named(name)], JOB)
    assert accepted_names(line) == [name]


def test_every_short_name_is_judged_as_by_the_rule(driver):
    names = [bytes(letters) for size in range(6) for letters in itertools.product(b"./a\0", repeat=size)]
    lines = drive(driver, [named(name) for name in names], JOB)
    assert_safe(lines, JOB)
    assert [line.startswith("accepted") for line in lines] == [is_safe(name) for name in names]


@pytest.mark.parametrize(
    "changes",
    [
        {"init_uid": 0},
        {"program_uid": 0},
        {"init_uid": 70_001},
        {"argv": [], "features": 15 | wire.FEATURE_BOOT},
    ],
    ids=["root init", "root program", "one user for both", "nothing to boot"],
)
def test_a_request_that_must_not_be_is_refused(driver, changes):
    assert_none_accepted(driver, [request(**changes)], REQUEST)


def test_a_job_with_nothing_to_execute_is_refused(driver):
    assert_none_accepted(driver, [job(argv=[])], JOB)


@each_kind
def test_another_builds_version_is_refused(driver, kind, frame):
    (line,) = drive(driver, [with_head(kind, frame, 0, wire.WIRE_VERSION + 1)], kind)
    assert line == f"refused {'job' if kind == JOB else 'request'} 71 version of another build"


# ---- templates ----

TEMPLATE = b"".join(
    [
        wire.encode_template_op(wire.TEMPLATE_DIR, "box"),
        wire.encode_template_op(wire.TEMPLATE_FILE, "etc/hosts", b"127.0.0.1 localhost\n\0binary"),
        wire.encode_template_op(wire.TEMPLATE_BIND, "usr", b"/usr"),
    ]
)


def test_a_template_is_walked_to_its_end(driver):
    assert drive(driver, [TEMPLATE, b""], TEMPLATE_RECORDS) == ["whole 3", "whole 0"]


def test_a_template_cut_off_anywhere_is_broken_unless_between_records(driver):
    lines = drive(driver, [TEMPLATE[:length] for length in range(len(TEMPLATE))], TEMPLATE_RECORDS)
    assert sum(line.startswith("whole") for line in lines) == 3  # before each record


def test_a_template_with_any_flipped_bit_is_harmless(driver):
    flipped = [
        TEMPLATE[: bit // 8] + bytes([TEMPLATE[bit // 8] ^ 1 << bit % 8]) + TEMPLATE[bit // 8 + 1 :]
        for bit in range(len(TEMPLATE) * 8)
    ]
    drive(driver, flipped, TEMPLATE_RECORDS)
