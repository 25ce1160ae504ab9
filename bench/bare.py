"""Bare runs: the same toolchains without any service around them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from yardsticks import BenchError, Program, WrongAnswerError

from cellblock import config
from cellblock.languages.installed import hold_installed_root

_SCRIPT = Path(__file__).with_name("bare_root.py")


class BareRoot:
    """The toolchains' own root, entered by a process that starts what it is told and times it."""

    def __init__(self, directory: Path) -> None:
        """Use ``directory`` to mount on; entering starts the process."""
        self._directory = directory

    def __enter__(self) -> Self:
        self._held = hold_installed_root(config.load().toolchain_dir)
        if self._held is None:
            raise BenchError("no toolchains are installed: run `cellblock languages install all`")
        self._directory.mkdir(parents=True)
        components = [f"{name}={path}" for name, path in self._held.root.components.items()]
        self._process = subprocess.Popen(
            [
                *("unshare", "--mount", "--propagation", "private", sys.executable, str(_SCRIPT)),
                *(str(self._held.root.tree), str(self._directory), *components),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        if self._held is not None:
            self._held.close()

    def run(
        self, commands: Sequence[Sequence[str]], files: Mapping[str, str] | None = None
    ) -> tuple[float, str]:
        """Run the commands one after another; returns how long it took in ms, and the last one's output."""
        asked = json.dumps((files or {}, commands))
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchError("the process in the toolchains' root has no pipes")
        try:
            self._process.stdin.write(f"{asked}\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise BenchError("the process in the toolchains' root has ended; its error is above") from error
        answer = self._process.stdout.readline()
        if not answer:
            raise BenchError("the process in the toolchains' root has ended; its error is above")
        took_ms, said = json.loads(answer)
        if took_ms is None:
            raise WrongAnswerError(said)
        return took_ms, said

    def time(self, program: Program, number: int, *, build: bool = True) -> float:
        """Run it as its user would and check its answer; without ``build`` what the last build left."""
        yardstick = program.with_number(number)
        commands = [program.build, program.run] if build and program.build else [program.run]
        took_ms, stdout = self.run(commands, {program.file: yardstick.code})
        yardstick.check(stdout)
        return took_ms

    def require_version(self, program: Program, version: str) -> None:
        """Raise ``BenchError`` where the service runs another version than what is run bare."""
        said = self.run([program.version])[1]
        if version not in said:
            raise BenchError(
                f"{program.name}: the service runs {version}, bare is {said.splitlines()[0]}: "
                "change the command in bench/yardsticks.py"
            )
