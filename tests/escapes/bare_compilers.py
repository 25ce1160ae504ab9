"""The installed compilers without a cell, in the same tree, beside the bait."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from cellblock import config
from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill, trials
from cellblock.engine.installation import TREE_ROOT, Installation
from cellblock.languages.registry import Runtime, load_catalog
from cellblock.model import Profile, SourceFile, StageLimits
from cellblock.sandbox.template import Root
from corpus import bare
from corpus.programs import Program
from corpus.ran import Ran

GO = "/opt/go-1.27/bin/go"
# A cache of its own, because there is more to build; what is there already it reads where it is.
CGO = f"cp -rs /opt/go-1.27/cache /tmp/c; export GOCACHE=/tmp/c; {GO} build -o /tmp/main . && /tmp/main"
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
