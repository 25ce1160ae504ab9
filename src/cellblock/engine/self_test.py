"""Checking runtimes: is it there, what version is it, does its self-test pass in a cell."""

from __future__ import annotations

import re
from collections.abc import Callable

from cellblock.engine.availability import Finding
from cellblock.engine.run import Engine
from cellblock.languages.registry import Registry, Runtime
from cellblock.model import Outcome, Profile, SourceFile, StageLimits, Verdict

_SHOWN_OUTPUT_BYTES = 300


async def check_runtimes(
    engine: Engine, registry: Registry, is_installed: Callable[[Runtime], bool], on_finding: Callable[[], None]
) -> None:
    """Check every runtime and note what came of it; ``on_finding`` is called after each."""
    for runtime in registry.runtimes:
        if is_installed(runtime):
            finding = await check(engine, runtime)
        else:
            finding = Finding(None, f"not installed: run cellblock languages install {runtime.language}")
        engine.availability.note(runtime.id, finding)
        on_finding()


async def check(engine: Engine, runtime: Runtime) -> Finding:
    """Probe the version and run the self-test, each in a cell."""
    probed = await engine.run_command(runtime, runtime.version_command())
    if probed.verdict is not Verdict.AC:
        return Finding(None, f"its version probe failed: {describe(probed)}")
    match = re.search(runtime.file.version_pattern, (probed.stdout + probed.stderr).decode(errors="replace"))
    if match is None:
        return Finding(None, f"no version in what its probe printed: {describe(probed)}")
    test = runtime.self_test
    unlimited = StageLimits()
    files = (SourceFile("", test.code.encode()),)
    plan = runtime.plan(files, (), Profile.JUDGE, run=unlimited, compile=unlimited)
    outcome = await engine.run_plan(runtime, plan, stdin=test.stdin.encode())
    if outcome.verdict is not Verdict.AC or outcome.stdout != test.stdout.encode():
        return Finding(match[1], f"its self-test failed: {describe(outcome)}")
    return Finding(match[1], "")


def describe(outcome: Outcome) -> str:
    """Say in one line how a run ended."""
    said = (outcome.stderr or outcome.stdout)[-_SHOWN_OUTPUT_BYTES:].decode(errors="replace").strip()
    if outcome.error_message:
        return f"{outcome.verdict}: {outcome.error_message} {said}".strip()
    return f"{outcome.verdict}, exit code {outcome.exit_code}, signal {outcome.signal}: {said!r}"
