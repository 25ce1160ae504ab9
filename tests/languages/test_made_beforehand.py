"""What is made beforehand is used, changes nothing that is seen, and is not missed where it is not there."""

from __future__ import annotations

import asyncio
import os
import re

import msgspec
import pytest

from cellblock import config
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine
from cellblock.languages.registry import load_catalog
from cellblock.model import Profile, SourceFile, StageLimits, Verdict, VerdictCause
from cellblock.sandbox.host import Host
from sandbox.cells import own_uid_range

_VARIABLE = "CELLBLOCK_TOOLCHAIN_DIR"
TOOLCHAINS = {_VARIABLE: os.environ[_VARIABLE]} if _VARIABLE in os.environ else {}
PATIENT = {"compile": {"wall_ms": 150_000}, "judge": {"wall_ms": 60_000}}
"""On a busy machine too."""

HELLO = {
    "cpp": "#include <bits/stdc++.h>\nint main() { std::cout << 2 + 2 << std::endl; }\n",
    "java": "public class Main { public static void main(String[] a) { System.out.println(2 + 2); } }\n",
    "go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(2 + 2) }\n',
}


def in_cells(language, code, change=str, more=()):
    """Run a program whose commands may first be changed, argument by argument."""
    settings = config.load({"uid_range": own_uid_range(), "pool_cells_max": "0"}, TOOLCHAINS)

    async def once():
        host = await Host.open(settings)
        installation = Installation(settings.toolchain_dir)
        try:
            registry = load_catalog(settings.output_max_bytes, dict.fromkeys(HELLO, PATIENT))
            await host.set_roots(installation.reload())
            (runtime,) = registry.of_language(language)
            files = (SourceFile("", code.encode()), *more)
            none = StageLimits()
            plan = runtime.plan(files, (), Profile.JUDGE, run=none, compile=none)
            stages = {
                name: msgspec.structs.replace(stage, argv=tuple(map(change, stage.argv)))
                for name, stage in (("compile", plan.compile), ("run", plan.run))
            }
            engine = Engine(settings, host, registry, installation)
            return await engine.run_plan(runtime, msgspec.structs.replace(plan, **stages))
        finally:
            await host.close()
            installation.close()

    return asyncio.run(once())


@pytest.mark.parametrize("header", ["bits/stdc++.h", "iostream"])
def test_precompiled_header_fits_the_flags_that_programs_are_compiled_with(header):
    outcome = in_cells(
        "cpp",
        f"#include <{header}>\nint main() {{}}\n",
        lambda argument: argument.replace("2> /tmp/said", "-H -Winvalid-pch; exit 1"),
    )
    assert f"! /opt/gcc-14-precompiled/{header}.gch\n" in outcome.stderr.decode()


def test_archives_of_classes_fit_both_virtual_machines():
    outcome = in_cells(
        "java", HELLO["java"], lambda argument: argument.replace("aot=off,cds=off", "aot=info,cds=info")
    )
    assert outcome.stages[0].stdout.decode().count("Using AOT-linked classes: true") == 1, outcome
    assert outcome.stdout.decode().count("Using AOT-linked classes: true") == 1, outcome


@pytest.mark.parametrize("language", HELLO)
def test_where_it_is_missing_the_compiler_does_without_and_says_nothing(language):
    outcome = in_cells(
        language,
        HELLO[language],
        lambda argument: re.sub(
            r"/opt/(gcc-14-precompiled|java-25-archives|go-1.27/\w+\.cfg)", "/no", argument
        ),
    )
    assert (outcome.verdict, outcome.stdout, outcome.stderr) == (Verdict.AC, b"4\n", b""), outcome


def test_a_broken_precompiled_header_is_passed_by():
    broken = SourceFile("bits/stdc++.h.gch", b"gpch" + b"\0" * 4096)
    outcome = in_cells(
        "cpp", HELLO["cpp"], lambda argument: argument.replace("/opt/gcc-14-precompiled", "/box"), [broken]
    )
    assert (outcome.verdict, outcome.stdout, outcome.stderr) == (Verdict.AC, b"4\n", b""), outcome


def test_a_broken_archive_of_classes_is_passed_by():
    outcome = in_cells(
        "java", HELLO["java"], lambda argument: re.sub(r"/opt/java-25-archives/\S+", "/etc/passwd", argument)
    )
    assert (outcome.verdict, outcome.stdout, outcome.stderr) == (Verdict.AC, b"4\n", b""), outcome


def test_what_is_wrong_in_a_header_is_told_with_the_whole_way_there():
    code = "#include <bits/stdc++.h>\nint main() { std::list<int> l; std::sort(l.begin(), l.end()); }\n"
    said = in_cells("cpp", code).stderr.decode()
    assert re.search(r"from \S+/bits/stdc\+\+\.h:\d+,\n +from main\.cpp:1:\n", said), said


@pytest.mark.parametrize(
    "beginning",
    [
        "#include <bits/stdc++.h>\n#include <bits/stdc++.h>\n",
        "// a comment\n/* another\n * one */\n#include <bits/stdc++.h>\n",
        "#define _GLIBCXX_DEBUG\n#include <bits/stdc++.h>\n",
        '/* */ #pragma GCC target("avx2")\n#include <bits/stdc++.h>\n',
        "#include <vector>\n#include <bits/stdc++.h>\n",
    ],
)
def test_a_source_may_begin_in_any_way(beginning):
    outcome = in_cells("cpp", f"{beginning}int main() {{ std::cout << 2 + 2 << std::endl; }}\n")
    assert (outcome.stdout, outcome.stages[0].stderr) == (b"4\n", b""), outcome


SAYS_HOW_IT_WAS_LINKED = """package main

import (
	"debug/elf"
	"fmt"
	"runtime/debug"
)

func main() {
	file, _ := elf.Open("/proc/self/exe")
	info, _ := debug.ReadBuildInfo()
	fmt.Println(file.Section(".symtab") == nil, info.Main.Path, info.GoVersion, len(info.Settings))
}
"""


def test_an_ordinary_go_file_is_linked_at_once_and_says_the_same_of_itself():
    at_once = in_cells("go", SAYS_HOW_IT_WAS_LINKED).stdout.decode()
    built = in_cells("go", f"//go:build linux\n\n{SAYS_HOW_IT_WAS_LINKED}").stdout.decode()
    assert (at_once[:5], built[:6]) == ("true ", "false "), (at_once, built)
    assert at_once[5:] == built[6:]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            'package main\n\nimport "internal/abi"\n\nfunc main() { _ = abi.FuncPCABI0 }\n',
            "use of internal package",
        ),
        ("//go:build ignore\n\npackage main\n\nfunc main() {}\n", "build constraints exclude all Go files"),
        ("package lib\n\nfunc main() {}\n", "-buildmode=exe requires exactly one main package"),
        ("package main\n\nfunc main() { x }\n", "# app\n./main.go:3:15: undefined: x\n"),
    ],
)
def test_what_is_wrong_in_a_go_program_is_told_as_go_build_tells_it(code, said):
    outcome = in_cells("go", code)
    assert outcome.evidence.verdict_cause is VerdictCause.RE_COMPILE_ERROR, outcome
    assert said in outcome.stderr.decode()


def test_go_files_that_are_not_young_any_more_are_built():
    # `go build` wants to keep an index of what is older than two seconds, where nothing can be written.
    outcome = in_cells(
        "go",
        f"//go:build linux\n\n{HELLO['go']}",
        lambda argument: argument.replace("find .", "touch -d 2000-01-01 main.go go.mod\nfind ."),
    )
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"4\n"), outcome


def test_a_program_has_the_components_of_its_runtime_and_no_others():
    code = """
        import java.nio.file.*;
        public class Main {
            public static void main(String[] args) throws Exception {
                try (var each = Files.newDirectoryStream(Path.of("/opt"))) {
                    for (Path path : each)
                        try (var below = Files.newDirectoryStream(path)) {
                            System.out.println(path.getFileName() + " " + below.iterator().hasNext());
                        }
                }
            }
        }
    """
    outcome = in_cells("java", code)
    assert outcome.verdict is Verdict.AC, outcome.stderr
    found = dict(line.split(" ") for line in outcome.stdout.decode().splitlines())
    assert {name for name, filled in found.items() if filled == "true"} == {"java-25-archives"}
    assert "go-1.27" in found
