"""What a compiler may leave behind, and what that makes of the submission."""

from __future__ import annotations

import asyncio

import pytest

from cellblock import config
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine
from cellblock.errors import CellblockError
from cellblock.languages.catalog_file import parse_runtime_file
from cellblock.languages.registry import load_catalog, make_runtime
from cellblock.languages.sources import name_main_file
from cellblock.model import Profile, SourceFile, StageLimits, Verdict, VerdictCause
from cellblock.sandbox.host import Host
from cellblock.verdict.judge import judge
from sandbox.cells import own_uid_range

LIMITS = """
memory_bytes = 268_435_456
cpu_ms = 4_000
wall_ms = 7_000
processes = 16
open_files = 64
file_size_bytes = 1_048_576
stack_bytes = 8_388_608
work_area_bytes = 67_108_864
work_area_inodes = 1_024
"""

SHELL_AS_COMPILER = f"""
id = "shell-compiled"
language = "shell-compiled"
title = "What a shell script leaves"
aliases = []
root = "host"
executable = "/bin/sh"
version_argv = ["{{executable}}", "-c", "echo 1.0.0"]
[source]
name = "main.sh"
suffixes = [".sh"]
[compile]
argv = ["{{executable}}", "{{main}}"]
[run]
argv = ["{{out}}/main", "{{args}}"]
[limits.judge]{LIMITS}
[limits.executor]{LIMITS}
[limits.compile]{LIMITS}
[self_test]
code = "true"
stdout = ""
"""


def run(script):
    settings = config.load({"uid_range": own_uid_range()}, {"CELLBLOCK_NODE_ID": "node-under-test"})
    file = parse_runtime_file("shell.toml", SHELL_AS_COMPILER)
    runtime = make_runtime(file, SHELL_AS_COMPILER, settings.output_max_bytes, {})
    plan = runtime.plan(
        (SourceFile("", script.encode()),), (), Profile.JUDGE, run=StageLimits(), compile=StageLimits()
    )

    async def once():
        host = await Host.open(settings)
        try:
            registry = load_catalog(settings.output_max_bytes, {})
            engine = Engine(settings, host, registry, Installation(settings.toolchain_dir))
            return await engine.run_plan(runtime, plan)
        finally:
            await host.close()

    return asyncio.run(once())


def test_program_that_the_compiler_left_is_run():
    outcome = run("printf '#!/bin/sh\\necho made\\n' > /out/main; chmod +x /out/main")
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"made\n"), outcome.stderr


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("true", "ENOENT"),
        ("mkdir /out/main", "EACCES"),
        ("mkfifo /out/main", "EACCES"),
        ("echo > /out/main", "EACCES"),
        ("ln -s main /out/main", "ELOOP"),
        ("ln -s /etc/shadow /out/main", "ENOENT"),
        ("echo garbage > /out/main; chmod +x /out/main", "ENOEXEC"),
        ("printf '#!/no/such\\n' > /out/main; chmod +x /out/main", "ENOENT"),
    ],
)
def test_what_cannot_be_executed_is_a_compile_error_and_no_fault_of_ours(script, reason):
    outcome = run(script)
    assert (outcome.verdict, outcome.evidence.verdict_cause) == (Verdict.RE, VerdictCause.RE_COMPILE_ERROR)
    assert outcome.error_message == "compilation failed"
    assert outcome.stderr.endswith(f"no program that can be executed: {reason}\n".encode())
    assert judge(outcome.evidence.facts).verdict is Verdict.RE


def test_program_cannot_write_where_it_lies():
    outcome = run("printf '#!/bin/sh\\necho x > /out/main\\n' > /out/main; chmod +x /out/main")
    assert b"Read-only file system" in outcome.stderr


def test_process_that_outlives_the_compiler_does_not_outlive_its_cell():
    outcome = run(
        "printf '#!/bin/sh\\nsed -n 1p /out/count; sleep 0.5; sed -n 1p /out/count\\n' > /out/main\n"
        "chmod +x /out/main\n"
        "(n=0; while true; do n=$((n+1)); echo $n > /out/count; done) > /dev/null 2>&1 &\n"
        "sleep 0.3"
    )
    assert outcome.verdict is Verdict.AC
    first, second = outcome.stdout.split(b"\n", 1) if outcome.stdout.strip() else (b"", b"")
    assert first.strip() == second.strip(), "the file went on to change"


def plan_of(language, *files):
    registry = load_catalog(1 << 20, {})
    (runtime, *_) = registry.of_language(language)
    unlimited = StageLimits()
    return runtime.plan(files, (), Profile.EXECUTOR, run=unlimited, compile=unlimited)


def test_file_beside_is_left_out_where_its_name_is_a_directory():
    plan = plan_of("go", SourceFile("main.go", b"package main"), SourceFile("go.mod/x", b""))
    assert [file.name for file in plan.files] == ["main.go", "go.mod/x"]


@pytest.mark.parametrize("name", ["-version.java", "--help.java", "@x.java"])
def test_java_file_without_a_class_names_no_option_of_the_launcher(name):
    main = name_main_file("java_public_class", "Main.java", SourceFile(name, b"// none"))
    assert not main.main_class.startswith(("-", "@"))


def test_reading_a_catalog_file_that_is_wrong_is_an_error_of_ours():
    with pytest.raises(CellblockError, match=r"shell\.toml:"):
        parse_runtime_file("shell.toml", SHELL_AS_COMPILER.replace("[run]", "[runs]"))
