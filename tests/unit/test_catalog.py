"""The language catalog: what ships is whole, and what is wrong in a file is named."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec
import pytest

from cellblock.errors import ConfigError
from cellblock.languages import registry as registry_module
from cellblock.languages.registry import Registry, load_catalog
from cellblock.model import Limits, Profile

MIB = 1 << 20
OUTPUT_BYTES = 10 * MIB

STATED = {
    ("python", Profile.JUDGE): {
        "memory_bytes": 256 * MIB,
        "cpu_ms": 4_000,
        "wall_ms": 7_000,
        "processes": 10,
        "open_files": 32,
        "file_size_bytes": 1 * MIB,
        "work_area_bytes": 256 * MIB,
    },
    ("python", Profile.EXECUTOR): {
        "memory_bytes": 2048 * MIB,
        "cpu_ms": 30_000,
        "wall_ms": 60_000,
        "processes": 64,
        "open_files": 256,
        "file_size_bytes": 64 * MIB,
        "work_area_bytes": 1024 * MIB,
    },
}
"""The published limits; a language that differs says why in its file."""

SHIPPED = load_catalog(OUTPUT_BYTES, {})


@pytest.mark.parametrize(("language", "profile"), STATED)
def test_limits_are_the_published_ones(language, profile):
    limits = msgspec.structs.asdict(SHIPPED.get(language).limits[profile])
    stated = {**STATED[language, profile], "stack_bytes": 8 * MIB, "output_bytes": OUTPUT_BYTES}
    assert {name: limits[name] for name in stated} == stated


@pytest.mark.parametrize("runtime", SHIPPED.runtimes, ids=lambda runtime: runtime.name)
def test_every_shipped_language_is_whole(runtime):
    assert runtime.name == runtime.name.lower()
    assert runtime.title
    assert runtime.candidates
    assert all(PurePosixPath(path).is_absolute() for path in (*runtime.candidates, *runtime.visible))
    assert PurePosixPath(runtime.source_name).suffix in runtime.suffixes
    assert runtime.self_test.stdout
    for limits in runtime.limits.values():
        assert limits.wall_ms > limits.cpu_ms
        assert limits.file_size_bytes <= limits.work_area_bytes
    judge, executor = (msgspec.structs.astuple(runtime.limits[profile]) for profile in Profile)
    assert all(more >= less for less, more in zip(judge, executor, strict=True))


@pytest.mark.parametrize("runtime", SHIPPED.runtimes, ids=lambda runtime: runtime.name)
def test_a_program_never_gets_the_services_environment(monkeypatch, runtime):
    monkeypatch.setenv("CELLBLOCK_SECRET", "x")
    environment = load_catalog(OUTPUT_BYTES, {}).get(runtime.name).environment
    assert {"PATH", "HOME", "LANG", "TMPDIR"} <= set(environment)
    assert not [name for name in environment if name.startswith("CELLBLOCK")]
    assert environment["HOME"] == "/box"


@pytest.mark.parametrize("name", ["python", "PYTHON", "py", "Py", "python3"])
def test_a_language_is_found_by_name_and_alias_in_any_case(name):
    assert SHIPPED.get(name).name == "python"


@pytest.mark.parametrize("name", ["", "brainfuck", "pythön", "python "])
def test_an_unknown_language_is_not_found(name):
    assert SHIPPED.get(name) is None


def test_commands_are_argument_lists_with_the_arguments_as_they_are():
    python = msgspec.structs.replace(SHIPPED.get("python"), executable="/usr/bin/python3")
    argv = python.command("main.py", ["{args}", "a b", "$(id)"])
    assert argv == ["/usr/bin/python3", "/box/main.py", "{args}", "a b", "$(id)"]
    assert python.command("dir/{args}.py", []) == ["/usr/bin/python3", "/box/dir/{args}.py"]


def test_a_language_without_its_executable_is_known_and_not_installed(catalog):
    runtime = catalog(executables=["/nowhere/python3"]).get("python")
    assert runtime.executable is None
    assert runtime.candidates == ("/nowhere/python3",)


def test_the_first_executable_that_exists_is_used(catalog):
    assert catalog(executables=["/nowhere/x", "/bin/sh", "/bin/true"]).get("python").executable == "/bin/sh"


def test_an_operator_changes_single_limits_of_one_profile():
    changed = load_catalog(OUTPUT_BYTES, {"python": {"judge": {"memory_bytes": 64 * MIB, "output_bytes": 5}}})
    before, after = (catalog.get("python").limits for catalog in (SHIPPED, changed))
    assert after[Profile.JUDGE] == msgspec.structs.replace(
        before[Profile.JUDGE], memory_bytes=64 * MIB, output_bytes=5
    )
    assert after[Profile.EXECUTOR] == before[Profile.EXECUTOR]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"cobol": {"judge": {"cpu_ms": 1}}}, "limits for unknown language cobol; there are: python"),
        ({"python": {"judge": {"cpu_hours": 1}}}, r"limits.python.judge.*cpu_hours"),
        ({"python": {"judge": {"cpu_ms": 0}}}, r"limits.python.judge.cpu_ms must be greater than 0"),
        (
            {"python": {"executor": {"processes": -3}}},
            r"limits.python.executor.processes must be greater than 0",
        ),
    ],
)
def test_a_wrong_limit_is_refused_by_name(overrides, named):
    with pytest.raises(ConfigError, match=named):
        load_catalog(OUTPUT_BYTES, overrides)


def test_two_languages_cannot_claim_one_name():
    python = SHIPPED.get("python")
    other = msgspec.structs.replace(python, name="snake")
    with pytest.raises(ConfigError, match="python and snake both claim 'py'"):
        Registry([python, other])


@pytest.fixture
def catalog(monkeypatch, tmp_path):
    """Load a catalog of one file: the shipped one with these changes; ``None`` leaves a key out."""
    shipped = registry_module.resources.files(registry_module.__package__) / "catalog" / "python.toml"

    def load(text=None, **changes):
        content = msgspec.toml.decode(shipped.read_bytes()) | changes
        content = {name: value for name, value in content.items() if value is not None}
        directory = tmp_path / "catalog"
        directory.mkdir()
        (directory / "python.toml").write_bytes(text or _toml(content))
        monkeypatch.setattr(registry_module.resources, "files", lambda _: tmp_path)
        return load_catalog(OUTPUT_BYTES, {})

    return load


def _toml(content) -> bytes:
    """Tables as inline JSON-like values are TOML enough for what the catalog holds."""

    def render(value):
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {render(item)}" for key, item in value.items()) + "}"
        return msgspec.json.encode(value).decode()

    return "".join(f"{key} = {render(value)}\n" for key, value in content.items()).encode()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"title": None}, r"python.toml: .*`title`"),
        ({"run_argv": "python3 main.py"}, r"python.toml: .*`\$.run_argv`"),
        ({"shell": True}, r"python.toml: .*unknown field `shell`"),
        ({"limits": {}}, r"python.toml: limits for profile judge, executor are missing"),
        ({"text": b"name = [\n"}, "python.toml: "),
    ],
)
def test_what_is_wrong_in_a_file_is_named(catalog, changes, named):
    with pytest.raises(ConfigError, match=named):
        catalog(**changes)


def test_the_limits_of_every_profile_cover_every_field():
    names = {field.name for field in msgspec.structs.fields(Limits)}
    for runtime in SHIPPED.runtimes:
        for limits in runtime.limits.values():
            assert set(msgspec.structs.asdict(limits)) == names
