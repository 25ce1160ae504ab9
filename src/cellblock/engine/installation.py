"""What is installed for the runtimes: the roots of their cells, and what a passed self-test rests on."""

from __future__ import annotations

from pathlib import Path

from cellblock.engine.resident import ResidentFile
from cellblock.languages.installed import MOUNTED_BELOW, HeldRoot, hold_installed_root
from cellblock.languages.registry import OUT, Runtime
from cellblock.languages.self_test_cache import fingerprint, host_executable, surroundings
from cellblock.sandbox.roots import HELPER
from cellblock.sandbox.template import HOST_ROOT, Root

TREE_ROOT = "tree"


class Installation:
    """The toolchains that are there now; ``reload`` looks again."""

    def __init__(self, toolchain_dir: Path) -> None:
        """Look into ``toolchain_dir`` with ``reload``, not yet."""
        self.toolchain_dir = toolchain_dir
        self._held: HeldRoot | None = None
        self._before: HeldRoot | None = None
        """What programs that still run may see: let go of at the next change."""
        self._resident: dict[tuple[str, str], ResidentFile] = {}

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
            self._let_go_of_executables()
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
        components = {need.component for need in runtime.file.needs if need.component and need.is_required}
        return (
            components <= set(installed.components) and installed.inside(runtime.file.executable) is not None
        )

    def binds(self, runtime: Runtime) -> tuple[str, ...]:
        """Return which of its root's directories the runtime's cells see; one that is not there adds none."""
        return tuple(str(MOUNTED_BELOW / need.component) for need in runtime.file.needs if need.component)

    async def keep_in_memory(self, root: str, program: str) -> None:
        """Have a program of a root in memory on our account, now and for a while after its last run.

        What a submission's own compiler left, and what is not there, is left alone.
        """
        file = self._resident.get((root, program))
        if file is None:
            path = self._on_host(root, program)
            if path is None:
                return
            file = self._resident.setdefault((root, program), ResidentFile(path))
        await file.hold()

    def toolchain(self, runtime: Runtime) -> str | None:
        """Identify what the runtime's root holds; ``None`` for the host's own, which changes beneath us."""
        if runtime.file.root == HOST_ROOT or self._held is None:
            return None
        return self._held.root.fingerprint_of(need.component for need in runtime.file.needs if need.component)

    def fingerprint(self, runtime: Runtime) -> str:
        """Identify all that the runtime's self-test rests on."""
        root = self.toolchain(runtime) or host_executable(Path(runtime.file.executable))
        limits = (*runtime.limits.values(), runtime.compile_limits)
        return fingerprint([*surroundings(HELPER), root, runtime.fingerprint, *map(repr, limits)])

    def close(self) -> None:
        """Let what is installed be removed."""
        self._let_go_of_executables()
        for held in (self._held, self._before):
            if held is not None:
                held.close()
        self._held = self._before = None

    def _on_host(self, root: str, program: str) -> Path | None:
        if program.startswith(f"{OUT}/"):
            return None
        if root == HOST_ROOT:
            return Path(program)
        return self._held.root.inside(program) if self._held is not None else None

    def _let_go_of_executables(self) -> None:
        for file in self._resident.values():
            file.close()
        self._resident.clear()
