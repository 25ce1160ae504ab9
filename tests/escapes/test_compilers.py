"""Class B without a cell: the same compilers in the same tree, beside the bait, tell the secret.

What a compiler refuses by itself, wherever it runs, says so here too: its cell is not what stops it.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cellblock import config
from cellblock.attacks.beside import MACRO, PROCESSOR, with_macro, with_processor
from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill, trials
from cellblock.engine.installation import TREE_ROOT, Installation
from cellblock.languages.registry import Runtime, load_catalog
from cellblock.model import Profile, SourceFile, StageLimits
from cellblock.sandbox.template import Root
from corpus import bare
from corpus.programs import Program
from corpus.ran import Ran
from escapes.seen import sees

GO = "/opt/go-1.27/bin/go"
MAIN = {
    "c": "main.c", "cpp": "main.cpp", "go": "main.go", "java": "Main.java", "csharp": "main.cs",
    "rust": "main.rs", "typescript": "main.ts",
}  # fmt: skip
"""What a program of one file is called."""


class Beside:
    """The installed compilers without a cell, and the bait where they can reach it."""

    def __init__(self, ground: Ground) -> None:
        settings = config.load({}, {})
        self.ground = ground
        # That of /run: what a root of the compilers' own has there is made after its mounts.
        self.bait = ground.directories[2]
        self._catalog = load_catalog(settings.output_max_bytes, {})
        root = Installation(settings.toolchain_dir).reload()[TREE_ROOT]
        binds = (*root.binds, (str(self.bait), str(self.bait)))
        self._root: Root = msgspec.structs.replace(root, binds=binds)

    def code(self, name: str) -> str:
        (trial,) = (each for each in trials() if each.name == name)
        return fill(trial.source, {**self.ground.values, "SECRET": f"{self.bait}/secret"})

    def runtime(self, language: str) -> Runtime:
        return next(each for each in self._catalog.runtimes if each.language == language)

    def run(self, language: str, code: str) -> Ran:
        program = Program(language=language, name="attack", files=(SourceFile("", code.encode()),))
        return bare.run_bare(program, self.runtime(language), self._root)

    def compile(self, language: str, *files: SourceFile, argv=lambda argv: argv, **environment: str) -> Ran:
        """Compile only, by a command like that of the catalog but for what is changed of it."""
        limits = StageLimits()
        plan = self.runtime(language).plan(files, (), Profile.JUDGE, run=limits, compile=limits)
        changed = {**plan.compile.environment, **environment}
        command = msgspec.structs.replace(
            plan.compile, argv=tuple(argv(plan.compile.argv)), environment=changed
        )
        with tempfile.TemporaryDirectory(prefix="cellblock-bare-") as name:
            out = bare._directory(Path(name, "out"))
            return bare._run(command, plan.files, b"", self._root, out, "rw")


@pytest.fixture
def beside() -> Iterator[Beside]:
    with contextlib.closing(Ground()) as ground:
        yield Beside(ground)


@sees("B/include-str", "B/include-source", "B/incbin-rust", "B/path-module", "B/reference")
@pytest.mark.parametrize(
    "name",
    [
        *("B/include-str/bait/rust", "B/include-source/bait/rust", "B/incbin-rust/bait/rust"),
        *(
            "B/path-module/bait/rust",
            "B/reference/bait/typescript",
            "B/include/bait/cpp",
            "B/incbin/bait/cpp",
        ),
    ],
)
def test_without_a_cell_compilers_tell_the_secret(name, beside):
    ran = beside.run(name.rpartition("/")[2], beside.code(name))
    assert beside.ground.told((ran.stdout + ran.stderr).decode()), ran


# A cache of its own, because there is more to build; what is there already it reads where it is.
CGO = f"cp -rs /opt/go-1.27/cache /tmp/c; export GOCACHE=/tmp/c; {GO} build -o /tmp/main . && /tmp/main"


@sees("B/cgo")
@pytest.mark.parametrize("name", ["B/cgo/bait/go", "B/cgo/options/go"])
def test_with_cgo_and_without_a_cell_the_secret_is_told(name, beside):
    source = SourceFile("main.go", beside.code(name).encode())
    ran = beside.compile("go", source, argv=lambda _: ("/bin/sh", "-c", CGO), CGO_ENABLED="1")
    assert beside.ground.told(ran.stderr.decode()), ran


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("B/embed-go/bait/go", "invalid pattern syntax"),
        ("B/proc-macro/rust", "only usable with crates of the `proc-macro` crate type"),
        ("B/pragma/precompiled/c", "pragma should only be used with"),
    ],
)
def test_some_compilers_refuse_by_themselves(name, refused, beside):
    """Of which the README says why no test has them succeed, but for the last."""
    language = name.rpartition("/")[2]
    source = SourceFile(MAIN[language], beside.code(name).encode())
    ran = beside.compile(language, source)
    assert ran.exit_code != 0
    assert refused in (ran.stdout + ran.stderr).decode()


@sees("B/processor", "B/proc-macro-beside")
@pytest.mark.parametrize(
    ("language", "code", "beside_it", "switches"),
    [("java", PROCESSOR, with_processor, ("-proc:full",)), ("rust", MACRO, with_macro, ("-L", "."))],
)
@pytest.mark.parametrize("switched", [True, False])
def test_compilers_that_are_told_to_run_what_a_program_brings_reach_the_bait(
    language, code, beside_it, switches, switched, beside
):
    """So ``processor`` and ``proc-macro-beside`` succeed."""
    made = beside.run(language, code.replace("BAIT", f"{beside.bait}/open"))
    files = [
        SourceFile(each["name"], (bytes.fromhex if "encoding" in each else str.encode)(each["content"]))
        for each in beside_it(made.stdout.decode().strip())
    ]
    told = switches if switched else ()
    ran = beside.compile(
        language, *files, argv=lambda argv: (*(each for each in argv if each != "-proc:none"), *told)
    )
    assert (b"it ran" in ran.stderr) is switched, ran
    assert any(line.startswith("files in") for line in beside.ground.turned()) is switched
