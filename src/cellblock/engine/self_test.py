"""Checking runtimes: is it there, what version is it, does its self-test pass in a cell."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from cellblock.engine.availability import Finding
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine
from cellblock.errors import CellLostError
from cellblock.languages.registry import Registry, Runtime
from cellblock.languages.self_test_cache import Passed, SelfTestCache
from cellblock.model import Outcome, Profile, SourceFile, StageLimits, Verdict

_SHOWN_OUTPUT_BYTES = 300


async def check_runtimes(
    engine: Engine,
    registry: Registry,
    installation: Installation,
    on_finding: Callable[[], None],
    *,
    anew: bool = False,
) -> None:
    """Check every runtime and note what came of it; ``on_finding`` is called after each.

    What passed before, with nothing changed since, is not run again unless ``anew``.
    """
    cache = SelfTestCache(installation.toolchain_dir)
    for runtime in registry.runtimes:
        if installation.has(runtime):
            finding = await _check_or_remember(
                engine, runtime, cache, installation.fingerprint(runtime), anew=anew
            )
        else:
            finding = Finding(None, f"not installed: run cellblock languages install {runtime.language}")
        engine.availability.note(runtime.id, finding)
        on_finding()


async def _check_or_remember(
    engine: Engine, runtime: Runtime, cache: SelfTestCache, fingerprint: str, *, anew: bool
) -> Finding:
    passed = None if anew else cache.get(runtime.id, fingerprint)
    if passed is not None:
        return Finding(passed.version, "")
    started = time.monotonic()
    finding = await check(engine, runtime)
    if finding.reason:  # a busy machine at start-up is no reason to do without a language
        finding = await check(engine, runtime)
    if finding.reason or finding.version is None:
        cache.forget(runtime.id, fingerprint)
    else:
        took_ms = round((time.monotonic() - started) * 1000)
        cache.remember(runtime.id, Passed(fingerprint=fingerprint, version=finding.version, took_ms=took_ms))
    return finding


async def check(engine: Engine, runtime: Runtime) -> Finding:
    """Probe the version and run the self-test, each in a cell."""
    try:
        return await _probe_and_test(engine, runtime)
    except CellLostError as error:
        return Finding(None, f"its check was interrupted: {error}")


async def _probe_and_test(engine: Engine, runtime: Runtime) -> Finding:
    probed = await engine.run_command(runtime, runtime.version_command())
    if probed.verdict is not Verdict.AC:
        return Finding(None, f"its version probe failed: {describe(probed)}")
    match = re.search(runtime.file.version_pattern, (probed.stdout + probed.stderr).decode(errors="replace"))
    if match is None:
        return Finding(None, f"no version in what its probe printed: {describe(probed)}")
    if not runtime.file.has_version(match[1]):
        stated = runtime.file.version
        return Finding(match[1], f"it is version {match[1]}, its language file says {stated}")
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
