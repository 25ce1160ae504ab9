"""The helper's protocol in Python is native/wire.h to the letter: a compiler says so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cellblock.model import SourceFile
from cellblock.sandbox import wire

NATIVE = Path(__file__).parents[2] / "native"

STRUCTS = {
    "spawner_message": wire.SPAWNER_MESSAGE,
    "spawner_answer": wire.SPAWNER_ANSWER,
    "cell_request": wire.CELL_REQUEST,
    "cell_job": wire.CELL_JOB,
    "wire_rlimit": wire.RLIMIT,
    "wire_file": wire.FILE,
    "cell_event": wire.CELL_EVENT,
    "template_op": wire.TEMPLATE_OP,
}

CODES = {"uint32_t": "I", "int32_t": "i", "uint64_t": "Q"}

CONSTANTS = [
    "WIRE_VERSION",
    "BOOT_CPU_S",
    *("OP_TEMPLATE", "OP_SPAWN", "OP_FILTERS", "OP_ZYGOTE"),
    *("FEATURE_CGROUP_V2", "FEATURE_CGROUP_NS", "FEATURE_SECCOMP", "FEATURE_SECCOMP_NOTIFY"),
    *(
        "FEATURE_OUT_WRITABLE",
        "FEATURE_BOOT",
        "FEATURE_LOOPBACK",
        "FEATURE_ONE_UID",
        "FEATURE_SMALL_SOCKETS",
    ),
    *("EVENT_READY", "EVENT_FAILED", "EVENT_SECCOMP", "EVENT_EXITED", "EVENT_BOOTED"),
    *(
        "TEMPLATE_DIR",
        "TEMPLATE_FILE",
        "TEMPLATE_SYMLINK",
        "TEMPLATE_BIND",
        "TEMPLATE_DEVICE",
        "TEMPLATE_HOSTNAME",
        "TEMPLATE_PROC",
        "TEMPLATE_NODE",
    ),
]
COMMANDS = ["COMMAND_JOB", "COMMAND_DRAIN_STDOUT", "COMMAND_DRAIN_STDERR"]
SPAWN_FDS = [
    "FD_REQUEST",
    "FD_CONTROL",
    "FD_STDIN",
    "FD_STDOUT",
    "FD_STDERR",
    "FD_STDOUT_DRAIN",
    "FD_STDERR_DRAIN",
    "FD_CGROUP_FIRST",
]
ZYGOTE_FDS = [
    "ZYGOTE_FD_REQUEST",
    "ZYGOTE_FD_SOCKET",
    "ZYGOTE_FD_STDIN",
    "ZYGOTE_FD_STDOUT",
    "ZYGOTE_FD_STDERR",
    "ZYGOTE_FDS",
]


def header() -> str:
    return re.sub(r"/\*.*?\*/", "", (NATIVE / "wire.h").read_text(), flags=re.DOTALL)


def fields_of(name: str) -> list[tuple[str, str, str]]:
    """Return type, name and array length of each member, as the header states them."""
    (body,) = re.findall(rf"struct {name} {{(.*?)}};", header(), re.DOTALL)
    return re.findall(r"(\w+) (\w+)(?:\[(\w+)\])?;", body)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, int]:
    """Every size, offset and constant as the compiler sees it."""
    wanted = {name: f"(long){name}" for name in [*CONSTANTS, *COMMANDS, *SPAWN_FDS, *ZYGOTE_FDS]}
    wanted |= {name: name for name in ("STEP_NAME_MAX", "DETAIL_MAX")}
    for name in STRUCTS:
        wanted[name] = f"(long)sizeof(struct {name})"
        for _, field, _ in fields_of(name):
            wanted[f"{name}.{field}"] = f"(long)offsetof(struct {name}, {field})"
    lines = "".join(f'    printf("{name} %ld\\n", (long)({value}));\n' for name, value in wanted.items())
    directory = tmp_path_factory.mktemp("wire")
    (directory / "wire.c").write_text(
        f'#include <stddef.h>\n#include <stdio.h>\n#include "wire.h"\nint main(void) {{\n{lines}}}\n'
    )
    program = directory / "wire"
    subprocess.run(["gcc", "-I", NATIVE, directory / "wire.c", "-o", program], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split() for line in said.splitlines())}


def test_every_struct_of_the_header_is_compared_here():
    assert set(re.findall(r"^struct (\w+) {", header(), re.MULTILINE)) == set(STRUCTS)


@pytest.mark.parametrize("name", STRUCTS)
def test_struct_has_the_compilers_size_and_offsets(compiled, name):
    """Built up member by member, so a type that differs shows as an offset, and padding as a size."""
    layout = STRUCTS[name]
    assert layout.size == compiled[name]
    codes = re.findall(r"\d*[a-zA-Z]", layout.format.removeprefix("="))
    fields = fields_of(name)
    assert len(codes) == len(fields)
    offset = 0
    for code, (kind, field, length) in zip(codes, fields, strict=True):
        assert compiled[f"{name}.{field}"] == offset, field
        size = compiled[length] if length else {"uint32_t": 4, "int32_t": 4, "uint64_t": 8}[kind]
        assert code == (f"{size}s" if length else CODES[kind]), field
        offset += size


@pytest.mark.parametrize("name", CONSTANTS)
def test_constant_is_the_headers(compiled, name):
    assert getattr(wire, name) == compiled[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_the_headers_byte(compiled, name):
    assert getattr(wire, name) == bytes([compiled[name]])


def test_every_constant_of_the_header_is_compared_here():
    numbered = set(re.findall(r"^\s+([A-Z][A-Z0-9_]+)(?: = [^,]+)?,", header(), re.MULTILINE))
    assert numbered == {*CONSTANTS, *COMMANDS, *SPAWN_FDS, *ZYGOTE_FDS} - {"WIRE_VERSION", "BOOT_CPU_S"}


def test_descriptors_are_passed_in_the_headers_order(compiled):
    assert [compiled[name] for name in SPAWN_FDS] == list(range(8))
    assert [compiled[name] for name in ZYGOTE_FDS] == list(range(6))


def texts(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "little") + part + b"\0" for part in parts)


def test_a_request_is_laid_out_in_the_stated_order():
    request = wire.encode_request(
        features=wire.FEATURE_SECCOMP,
        init_uid=70_000,
        program_uid=70_001,
        work_area_bytes=1 << 20,
        work_area_inodes=64,
        rlimits=[(7, 32, 33)],
        layers=["/usr", "/opt/x", "/opt/y"],
        argv=["/bin/true", "\udcff"],
        environment={"HOME": "/box"},
    )
    head = wire.CELL_REQUEST.pack(
        wire.WIRE_VERSION, wire.FEATURE_SECCOMP, 70_000, 70_001, 1 << 20, 64, 1, 3, 2, 1
    )
    layers = texts(b"/usr", b"/opt/x", b"/opt/y")
    assert request == head + wire.RLIMIT.pack(7, 0, 32, 33) + layers + texts(
        b"/bin/true", b"\xff", b"HOME=/box"
    )


def test_a_job_is_laid_out_in_the_stated_order():
    job = wire.encode_job([SourceFile("a/ü", b"content")], ["/bin/true", "\udcff"], {"HOME": "/box"})
    name = "a/ü".encode()
    file = wire.FILE.pack(0o644, len(name), 7) + name + b"\0"
    head = wire.CELL_JOB.pack(wire.WIRE_VERSION, 1, 2, 1)
    assert job == head + file + texts(b"/bin/true", b"\xff", b"HOME=/box") + b"content"


def test_an_event_is_read_back_field_by_field():
    message = wire.CELL_EVENT.pack(2, 13, 256, 3, 1, 2, 57, 0xC000003E, b"exec", b"/bin/n\xffthing")
    event = wire.decode_event(message)
    assert (event.kind, event.error, event.wait_status, event.reaped) == (2, 13, 256, 3)
    assert (event.start_ns, event.end_ns, event.syscall_nr, event.syscall_arch) == (1, 2, 57, 0xC000003E)
    assert (event.step, event.detail) == ("exec", "/bin/n�thing")
