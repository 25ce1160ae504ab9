"""What is installed for the runtimes: the roots of their cells, and what a passed self-test rests on."""

from __future__ import annotations

import os
from pathlib import Path

from cellblock.languages.installed import MOUNTED_BELOW, HeldRoot, hold_installed_root
from cellblock.languages.registry import Runtime
from cellblock.languages.self_test_cache import fingerprint, host_executable, surroundings
from cellblock.sandbox.host import HOST_ROOT
from cellblock.sandbox.roots import HELPER
from cellblock.sandbox.template import Root

TREE_ROOT = "tree"


class Installation:
    """The toolchains that are there now; ``reload`` looks again."""

    def __init__(self, toolchain_dir: Path) -> None:
        """Look into ``toolchain_dir`` with ``reload``, not yet."""
        self.toolchain_dir = toolchain_dir
        self._held: HeldRoot | None = None
        self._before: HeldRoot | None = None
        """What programs that still run may see: let go of at the next change."""

    def reload(self) -> dict[str, Root]:
        """Return the roots besides the host's; what they show stays on disk over one change to others.

        Raises ``HostError`` where what is installed cannot be read.
        """
        held = hold_installed_root(self.toolchain_dir)
        if held is not None and self._held is not None and held.root.state == self._held.root.state:
            held.close()
            held = self._held
        else:
            if self._before is not None:
                self._before.close()
            self._before, self._held = self._held, held
        if held is None:
            return {}
        binds = {(str(path), str(MOUNTED_BELOW / name)) for name, path in held.root.components.items()}
        return {TREE_ROOT: Root(base=held.root.tree, binds=tuple(sorted(binds)))}

    def has(self, runtime: Runtime) -> bool:
        """Say whether everything that the runtime needs is there."""
        if runtime.file.root == HOST_ROOT:
            return Path(runtime.file.executable).exists()
        if self._held is None:
            return False
        installed = self._held.root
        components = {need.component for need in runtime.file.needs if need.component}
        return (
            components <= set(installed.components) and installed.inside(runtime.file.executable) is not None
        )

    def read_in(self, runtime: Runtime) -> None:
        """Have the runtime's executable in memory on our account, before any cell has it on its own.

        Pages belong to the group that first reads them. A cell that is near its limit would throw a
        large interpreter's pages out and read them again, over and over, and run out of time, not of memory.
        """
        path: Path | None = Path(runtime.file.executable)
        if runtime.file.root != HOST_ROOT and self._held is not None:
            path = self._held.root.inside(runtime.file.executable)
        if path is not None and path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)

    def fingerprint(self, runtime: Runtime) -> str:
        """Identify all that the runtime's self-test rests on."""
        if runtime.file.root == HOST_ROOT or self._held is None:
            root = host_executable(Path(runtime.file.executable))
        else:
            root = self._held.root.fingerprint_of(
                need.component for need in runtime.file.needs if need.component
            )
        limits = (*runtime.limits.values(), runtime.compile_limits)
        return fingerprint([*surroundings(HELPER), root, runtime.fingerprint, *map(repr, limits)])

    def close(self) -> None:
        """Let what is installed be removed."""
        for held in (self._held, self._before):
            if held is not None:
                held.close()
        self._held = self._before = None
