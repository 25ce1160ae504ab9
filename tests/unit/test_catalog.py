"""The language catalog: what ships is whole, and what is wrong in a file is named."""

from __future__ import annotations

from importlib import resources
from pathlib import Path, PurePosixPath

import msgspec
import pytest

from cellblock import config
from cellblock.errors import ConfigError, RequestRefused
from cellblock.languages.catalog_file import parse_runtime_file
from cellblock.languages.registry import Registry, load_catalog, make_runtime
from cellblock.languages.sources import RULES
from cellblock.model import Limits, Profile, SourceFile, StageLimits

MIB = 1 << 20
OUTPUT_BYTES = 10 * MIB
SHIPPED = load_catalog(OUTPUT_BYTES, {})
EVERY_RUNTIME = pytest.mark.parametrize("runtime", SHIPPED.runtimes, ids=lambda runtime: runtime.id)

JUDGE = {
    # MiB, CPU s, wall s, processes, open files, file size MiB
    "python": (256, 4, 7, 10, 32, 1),
    "c": (256, 8, 10, 8, 32, 1),
    "cpp": (256, 8, 10, 8, 64, 1),
    "java": (512, 8, 10, 1024, 128, 2),
    "javascript": (512, 8, 12, 16, 64, 1),
    "typescript": (512, 8, 12, 16, 128, 1),
    "go": (256, 8, 10, 1024, 64, 1),
    "rust": (256, 8, 15, 64, 64, 1),
    "bash": (256, 4, 7, 16, 64, 1),
    "ruby": (256, 4, 7, 16, 64, 1),
    "csharp": (512, 8, 10, 64, 128, 2),
}
"""The published limits; a runtime that differs says why in its file."""

CANONICAL = {
    "python": ["py", "python3"],
    "javascript": ["js", "node"],
    "typescript": ["ts"],
    "bash": ["sh"],
    "c": [],
    "cpp": ["c++", "cxx", "cc", "g++"],
    "go": ["golang"],
    "ruby": ["rb"],
    "rust": ["rs"],
    "java": [],
    "csharp": ["cs", "c#"],
}


def published(runtime, use):
    if use == "judge":
        memory, cpu, wall, processes, files, size = JUDGE[runtime.language]
        area = 256
    elif use == "executor":
        many = runtime.language in {"java", "go"}
        memory, cpu, wall, processes, files, size, area = 2048, 30, 60, 1024 if many else 64, 256, 64, 1024
    else:
        memory = 512 if runtime.language in {"c", "cpp"} else 1024
        cpu, wall, processes, files, size, area = 15, 30, 1024, 1024, 256, 1024
    return {
        "memory_bytes": memory * MIB,
        "cpu_ms": cpu * 1000,
        "wall_ms": wall * 1000,
        "processes": processes,
        "open_files": files,
        "file_size_bytes": size * MIB,
        "work_area_bytes": area * MIB,
        "stack_bytes": 8 * MIB,
        "output_bytes": OUTPUT_BYTES,
    }


def limits_by_use(runtime):
    uses = {profile.value: limits for profile, limits in runtime.limits.items()}
    return uses | ({"compile": runtime.compile_limits} if runtime.compile_limits else {})


@EVERY_RUNTIME
def test_limits_are_the_published_ones_or_the_file_says_why(runtime):
    for use, limits in limits_by_use(runtime).items():
        for field, expected in published(runtime, use).items():
            if f"{use}.{field}" not in runtime.file.reasons:
                assert getattr(limits, field) == expected, (use, field)


@EVERY_RUNTIME
def test_every_shipped_file_is_whole(runtime):
    file = runtime.file
    assert file.source.name.endswith(tuple(file.source.suffixes))
    assert file.source.rule in RULES
    assert PurePosixPath(file.executable).is_absolute()
    assert file.self_test.stdout
    assert file.self_test.code.strip()
    assert file.shows_compile == (file.language in {"c", "cpp", "go", "rust", "java"})
    assert bool(file.needs) == (file.root == "tree")


@pytest.mark.parametrize(
    ("stated", "found", "fits"),
    [
        ("3.13", "3.13.5", True),
        ("25", "25.0.5", True),
        ("24.19.0", "24.19.0", True),
        ("", "3.11.2", True),
        ("3.1", "3.13.5", False),
        ("3.13.5", "3.13", False),
        ("2", "25.0.5", False),
    ],
)
def test_a_version_is_the_stated_one_number_by_number(stated, found, fits):
    file = msgspec.structs.replace(SHIPPED.by_id("python-3.13").file, version=stated)
    assert file.has_version(found) is fits


@EVERY_RUNTIME
def test_every_placeholder_of_a_shipped_file_is_known(runtime):
    plan = runtime.plan(
        [SourceFile("", b"class A {}")], [], Profile.JUDGE, run=StageLimits(), compile=StageLimits()
    )
    for command in filter(None, (plan.compile, plan.run, runtime.version_command())):
        words = [*command.argv[:2], *command.argv[3:], *command.environment.values()]
        assert not [word for word in words if "{" in word], "the third may be a program of its own"


def test_all_eleven_languages_have_their_names():
    assert {runtime.language for runtime in SHIPPED.runtimes} == set(CANONICAL)
    for language, aliases in CANONICAL.items():
        for name in (language, *aliases, language.upper()):
            assert {runtime.language for runtime in SHIPPED.of_language(name)} == {language}


def test_python_and_node_come_in_two_versions_at_least():
    for language in ("python", "javascript"):
        assert len(SHIPPED.of_language(language)) >= 2


@pytest.mark.parametrize("name", ["", "brainfuck", "pyth\u00f6n", "python "])
def test_an_unknown_language_is_not_found(name):
    assert SHIPPED.of_language(name) == ()


@EVERY_RUNTIME
def test_a_program_never_gets_the_services_environment(monkeypatch, runtime):
    monkeypatch.setenv("CELLBLOCK_SECRET", "x")
    environment = runtime.version_command().environment
    assert {"PATH", "HOME", "LANG", "TMPDIR"} <= set(environment)
    assert not [name for name in environment if name.startswith("CELLBLOCK")]


def plan_of(runtime_id, *files, args=(), **stages):
    given = {"run": StageLimits(), "compile": StageLimits(), **stages}
    return SHIPPED.by_id(runtime_id).plan(
        [SourceFile(name, b"") for name in files], args, Profile.JUDGE, **given
    )


def test_arguments_are_passed_as_they_are():
    argv = plan_of("python-3.13", "", args=["{args}", "a b", "$(id)", "{main}"]).run.argv
    assert argv == ("/usr/bin/python3.13", "/box/main.py", "{args}", "a b", "$(id)", "{main}")


def test_a_file_name_is_never_read_as_a_placeholder():
    assert plan_of("python-3.13", "{executable}{args}.py").run.argv[1] == "/box/{executable}{args}.py"


def test_every_source_file_is_compiled_and_no_other():
    argv = plan_of("gcc-14", "main.c", "a.h", "lib/b.c", "-o.c", "@x.h", "data.txt").compile.argv
    assert [word for word in argv if word.endswith((".c", ".h", ".txt"))] == [
        *("main.c", "lib/b.c", "./-o.c")
    ]


def test_main_file_is_compiled_whatever_it_is_called():
    assert "program" in plan_of("gcc-14", "program", "a.c").compile.argv


@pytest.mark.parametrize(
    "names", [("main.c", "@x.c"), ("main.c", "lib/@x.c"), ("@x.c",), ("@program", "a.c")]
)
def test_source_that_gcc_would_read_options_from_is_refused(names):
    with pytest.raises(RequestRefused, match=r"@\w+(\.c)?' is no name for a source") as refused:
        plan_of("gcc-14", *names)
    assert refused.value.status == 400


def test_name_with_an_at_sign_is_a_name_where_nothing_takes_it_for_more():
    assert plan_of("python-3.13", "@x.py").run.argv[1] == "/box/@x.py"
    assert plan_of("rust-1.85", "@x.rs").compile.argv[-1] == "./@x.rs"
    assert plan_of("gcc-14", "main.c", "@x.h").compile is not None


@pytest.mark.parametrize("taken", ["A.java", "A.java/x"])
def test_main_file_never_takes_the_name_of_another(taken):
    files = [SourceFile("", b"public class A { }"), SourceFile(taken, b"")]
    stages = {"run": StageLimits(), "compile": StageLimits()}
    with pytest.raises(RequestRefused, match=r"'A\.java', which another file is called") as refused:
        SHIPPED.by_id("java-25").plan(files, [], Profile.JUDGE, **stages)
    assert refused.value.status == 400


def test_a_go_module_is_supplied_only_where_there_is_none():
    names = [file.name for file in plan_of("go-1.27", "cmd/app/main.go", "lib/lib.go").files]
    assert names == ["cmd/app/main.go", "lib/lib.go", "go.mod"]
    assert plan_of("go-1.27", "cmd/app/main.go").compile.argv[-3:-1] == ("cmd/app/main.go", "./cmd/app")
    assert [file.name for file in plan_of("go-1.27", "", "go.mod").files] == ["main.go", "go.mod"]


def test_heap_flags_follow_the_limit_that_a_request_asked_for():
    asked = StageLimits(memory_bytes=64 * MIB)
    assert "--max-old-space-size=128" in plan_of("node-24", "", run=asked).run.argv
    assert "-XX:SoftMaxHeapSize=40m" in plan_of("java-25", "", run=asked).run.argv
    assert plan_of("go-1.27", "", run=asked).run.environment["GOMEMLIMIT"] == "64MiB"


def test_a_request_never_raises_a_limit():
    asked = StageLimits(memory_bytes=1 << 40, cpu_ms=10**9, wall_ms=10**9)
    plan = plan_of("gcc-14", "", run=asked, compile=asked)
    runtime = SHIPPED.by_id("gcc-14")
    assert (plan.run.limits, plan.compile.limits) == (
        runtime.limits[Profile.JUDGE],
        runtime.compile_limits,
    )


@pytest.mark.parametrize("asked", [-1, -(2**63)])
def test_limits_below_zero_are_limits_all_the_same(asked):
    below = StageLimits(memory_bytes=asked, cpu_ms=asked, wall_ms=asked)
    run = plan_of("python-host", "", run=below).run.limits
    assert (run.memory_bytes, run.cpu_ms, run.wall_ms) == (1, 1, 1)


def test_an_operator_changes_single_limits_of_one_use():
    changed = load_catalog(OUTPUT_BYTES, {"python": {"judge": {"memory_bytes": 64 * MIB, "output_bytes": 5}}})
    for before, after in zip(SHIPPED.of_language("python"), changed.of_language("python"), strict=True):
        assert after.limits[Profile.JUDGE] == msgspec.structs.replace(
            before.limits[Profile.JUDGE], memory_bytes=64 * MIB, output_bytes=5
        )
        assert after.limits[Profile.EXECUTOR] == before.limits[Profile.EXECUTOR]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"cobol": {"judge": {"cpu_ms": 1}}}, "limits for unknown language cobol; there are: bash, c, cpp"),
        ({"python": {"judge": {"cpu_hours": 1}}}, r"limits.python.judge.*cpu_hours"),
        ({"python": {"judge": {"cpu_ms": 0}}}, r"limits.python.judge.cpu_ms must be greater than 0"),
        ({"go": {"compile": {"processes": -3}}}, r"limits.go.compile.processes must be greater than 0"),
        ({"go": {"night": {"processes": 1}}}, r"limits.go.night"),
        ({"bash": {"compile": {"cpu_ms": 1}}}, r"limits.bash.compile: bash is not compiled"),
    ],
)
def test_a_wrong_limit_is_refused_by_name(overrides, named):
    with pytest.raises(ConfigError, match=named):
        load_catalog(OUTPUT_BYTES, overrides)


def test_the_compilers_limits_can_be_set_too():
    settings = config.load({"limits": "c.compile.cpu_ms=7,c.judge.cpu_ms=8"}, {})
    (compiled,) = load_catalog(OUTPUT_BYTES, settings.limits).of_language("c")
    assert compiled.compile_limits.cpu_ms == 7
    assert compiled.limits[Profile.JUDGE].cpu_ms == 8


def shipped_text(name):
    return resources.files("cellblock.languages").joinpath("catalog", name).read_text(encoding="utf-8")


def parsed(text):
    file = parse_runtime_file("a.toml", text)
    return make_runtime(file, text, OUTPUT_BYTES, {})


def test_two_languages_cannot_claim_one_name():
    other = parsed(
        shipped_text("python-3.13.toml").replace('"python"', '"snake"').replace("python-3.13", "s")
    )
    with pytest.raises(ConfigError, match="'py'"):
        Registry([*SHIPPED.of_language("python"), other])


def test_two_files_cannot_have_one_id():
    python = SHIPPED.by_id("python-3.13")
    with pytest.raises(ConfigError, match="same id"):
        Registry([python, python])


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('title = "Rust"\n', "", r"a\.toml:\d+: .*`title`"),
        ('title = "Rust"', "title = 5", r"a\.toml:6: .*`\$\.title`"),
        ('root = "tree"', 'root = "tree"\nshell = true', r"a\.toml:11: .*unknown field `shell`"),
        ('version = "1.85"\n', "", r"a\.toml:1: .*states its version"),
        ('version = "1.85"', 'version = "1.85 or so"', r"a\.toml:7: .*states its version.*'1\.85 or so'"),
        ('version = "1.85"', "version = 1.85", r"a\.toml:7: .*`\$\.version`"),
        ("[run]\n", "[run]\nuser = 0\n", r"a\.toml:28: .*unknown field `user`"),
        ("[limits.compile]", "[limits.night]", r"a\.toml:\d+: .*unknown field `night`"),
        ("cpu_ms = 8_000", 'cpu_ms = "8 s"', r"a\.toml:35: .*limits\.judge\.cpu_ms"),
        ("[limits.judge]", "[limits.judge", r"a\.toml: .*line 33"),
        ("stack_bytes = 8_388_608", "", r"a\.toml:\d+: .*`stack_bytes` - at `\$\.limits\.judge`"),
        ("[self_test]", '[reasons]\n"judge.noise" = "x"\n[self_test]', r"judge\.noise"),
        ("[self_test]", "[[needs]]\ndebiam = []\n[self_test]", r"a\.toml:\d+: .*unknown field `debiam`"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(old, new, named):
    text = shipped_text("rust-1.85.toml")
    assert old in text
    with pytest.raises(ConfigError, match=named):
        parsed(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ('warm = "fork"', r"a\.toml:\d+: warm and a gate"),
        ('gate = "/x"', r"a\.toml:28: warm and a gate"),
        ('gate = "x"', r"a\.toml:28: warm and a gate"),
        ('gate = "x"\nwarm = "boot"', r"a\.toml:28: warm and a gate"),
        ('gate = "/x"\nwarm = "spoon"', r"a\.toml:29: .*'spoon'.*`\$\.run\.warm`"),
        ('cold_for = ["#!"]', r"a\.toml:28: cold_for says for whom nothing is warm"),
        ('stand_in = "{main}"', r"a\.toml:28: stand_in says what a warm start needs"),
        ('gate = "/x"\nwarm = "fork"\ncold_for = "#!"', r"a\.toml:30: .*`\$\.run\.cold_for`"),
    ],
)
def test_what_is_wrong_with_a_warm_start_is_named_with_its_line(stated, named):
    text = shipped_text("rust-1.85.toml").replace("[run]\n", f"[run]\n{stated}\n", 1)
    with pytest.raises(ConfigError, match=named):
        parsed(text)


def both_of(runtime, content, *names):
    files = (SourceFile("", content), *(SourceFile(name, b"") for name in names))
    return SHIPPED.by_id(runtime).plan(files, (), Profile.JUDGE, run=StageLimits(), compile=StageLimits())


def run_of(runtime, content, *names):
    return both_of(runtime, content, *names).run


def test_warm_starts_wait_where_their_file_says():
    assert {file.id: file.run.warm for file in (one.file for one in SHIPPED.runtimes) if file.run.warm} == {
        "python-3.13": "fork", "python-host": "fork", "ruby-3.3": "fork", "node-24": "boot",
        "node-26": "boot", "typescript-7": "boot", "java-25": "boot", "csharp-mono": "boot",
    }  # fmt: skip
    run = run_of("ruby-3.3", b"puts 1")
    assert (run.warm, run.stand_in) == ("fork", "/box/main.rb")
    assert run_of("python-3.13", b"").gate == "/box/main.py"
    assert run_of("java-25", b"public class A { }").gate == "/out/"


def test_compilers_wait_where_their_file_says():
    started = {
        "csharp-mono": ("/box/main.cs", ""),
        "java-25": ("/box/", "Main.java"),
        "rust-1.85": ("main.rs", ""),
    }
    for runtime in SHIPPED.runtimes:
        compiling = both_of(runtime.id, b"public class Main { }").compile
        if runtime.id in started:
            assert (compiling.gate, compiling.stand_in) == started[runtime.id]
            assert compiling.warm == "boot"
            assert both_of(runtime.id, b"", ".hidden").compile.warm == ""
        else:
            assert compiling is None or not compiling.warm


@pytest.mark.parametrize(
    ("runtime", "content", "names", "warm"),
    [
        ("ruby-3.3", b"#!ruby -w\n", (), ""),
        ("ruby-3.3", b"\xef\xbb\xbfputs 1", (), ""),
        ("ruby-3.3", b"# !", (), "fork"),
        ("python-3.13", b"#!/usr/bin/python3\n", (), "fork"),
        ("python-3.13", b"", (".hidden",), ""),
        ("python-3.13", b"", (".hidden/x",), ""),
        ("python-3.13", b"", ("seen.py",), "fork"),
    ],
)
def test_files_that_a_booted_runtime_has_missed_mean_a_cold_start(runtime, content, names, warm):
    assert run_of(runtime, content, *names).warm == warm


OWN_NAMES = {
    "an argument": (("",), ("secret",)),
    "its main file's name": (("secret.py",), ()),
    "its directory": (("secret/main.py",), ()),
    "another source's name": (
        ("", *(f"secret.{end}" for end in ("py", "java", "ts", "rs", "cs", "rb", "js"))),
        (),
    ),
}


@pytest.mark.parametrize(("names", "args"), OWN_NAMES.values(), ids=OWN_NAMES)
@pytest.mark.parametrize("runtime", [one.id for one in SHIPPED.runtimes])
def test_what_a_submission_calls_its_own_is_in_nothing_that_is_started_ahead(runtime, names, args):
    plan = plan_of(runtime, *names, args=args)
    stages = [stage for stage in (plan.compile, plan.run) if stage is not None and stage.warm]
    assert "secret" not in repr(
        [(stage.argv, stage.environment, stage.gate, stage.stand_in) for stage in stages]
    )
    if args or names[0]:
        assert plan.run not in stages or SHIPPED.by_id(runtime).file.run.argv == plan.run.argv


@pytest.mark.parametrize(
    ("content", "other", "warm"),
    [
        (b"public class Main { }", (), True),
        (b"public class Secret { }", (), False),
        (b"package secret; public class Main { }", (), False),
        (b"class Main { public static void main(String[] a) { } }", ("Secret.java",), False),
        (b"class Main { public static void main(String[] a) { } }", ("secret.txt",), True),
    ],
)
def test_compiler_and_machine_of_java_are_started_ahead_for_the_usual_names_alone(content, other, warm):
    plan = both_of("java-25", content, *other)
    assert bool(plan.compile.warm) is warm
    assert bool(plan.run.warm) is (warm or bool(other))


def test_stated_limits_cover_every_field():
    names = {field.name for field in msgspec.structs.fields(Limits)}
    for runtime in SHIPPED.runtimes:
        for limits in limits_by_use(runtime).values():
            assert set(msgspec.structs.asdict(limits)) == names


def test_the_catalog_holds_nothing_but_language_files():
    directory = Path(str(resources.files("cellblock.languages").joinpath("catalog")))
    assert {path.suffix for path in directory.iterdir()} == {".toml"}
