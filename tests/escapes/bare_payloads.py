"""Payloads without a cell, or in one that lacks a control, for tests that see them succeed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cellblock import config
from cellblock.attacks.manifest import Trial, fill, trials
from cellblock.engine.installation import TREE_ROOT, Installation
from cellblock.languages.registry import load_catalog
from cellblock.model import SourceFile
from cellblock.sandbox import features
from corpus import bare
from corpus.programs import Program
from corpus.ran import Ran

_NOBODY = 65534
START = """
import os
os.chmod("payload", 0o755)
os.execv("./payload", ["payload"])
"""
"""A program that becomes the executable beside it."""


def trial(name: str) -> Trial:
    (found,) = (each for each in trials() if each.name == name)
    return found


def run_bare(name: str, values: dict[str, str], change: Callable[[str], str] = str) -> Ran:
    """Run a payload, or a changed one, by the installed toolchain of its language, without any wall."""
    settings = config.load({}, {})
    attack = trial(name)
    catalog = load_catalog(settings.output_max_bytes, {})
    runtime = next(each for each in catalog.runtimes if each.language == attack.language)
    root = Installation(settings.toolchain_dir).reload()[TREE_ROOT]
    source = SourceFile("", fill(change(attack.source), values).encode())
    ran = bare.run_bare(Program(language=attack.language, name="attack", files=(source,)), runtime, root)
    assert b"attempt" in ran.stdout, ran
    return ran


def changed_bare(monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]) -> None:
    """Put what runs a program bare into a script, whose work area, processes and network end with it."""
    written = bare._script

    def with_a_change(*about: Any) -> str:
        script = written(*about)
        if about[-1] != "ro":  # as it is for a program, and not for its compiler
            return script
        before, _, program = script.rpartition("\nexec ")
        box = f"mount -t tmpfs none box; cp -a {about[3]}/. box; chown {_NOBODY}:{_NOBODY} box"
        alone = ["unshare", "--net", "--ipc", "--pid", "--fork", "--kill-child", "/bin/sh", "-c"]
        inner = f"mount -t proc proc proc; {change(program)}"
        return f"{before}\n{box}\nexec {shlex.join([*alone, inner])}"

    monkeypatch.setattr(bare, "_script", with_a_change)


def on_the_host(
    name: str, directory: Path, values: dict[str, str], *, held: str = "", limits: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a payload in C or Python by the host's own programs: as nobody, in a mount namespace of its own."""
    argv = [each.replace(str(directory), "/mnt") for each in host_command(name, directory, values)]
    script = f"""
        mount -t tmpfs none /mnt; touch {directory}/main; cp {directory}/main /mnt; cd /mnt; {limits}
        exec {held} chroot --userspec=65534:65534 --groups= / "$@"
    """
    return subprocess.run(
        ["unshare", "--mount", "/bin/bash", "-ec", script, "bash", *argv],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def host_command(name: str, directory: Path, values: dict[str, str]) -> tuple[str, ...]:
    """Make a payload in C or Python ready for the host; returns what to execute."""
    attack = trial(name)
    source = fill(attack.source, values)
    if attack.language == "python":
        return ("/usr/bin/python3", "-c", source)
    (directory / "main.c").write_text(source)
    command = ["cc", "-static", "-w", "-o", directory / "main", directory / "main.c"]
    subprocess.run(command, check=True, capture_output=True)
    return (str(directory / "main"),)


def assert_seen(name: str, ran: Ran) -> None:
    """It ended as no contained one may."""
    attack = trial(name).attack
    assert ran.verdict in attack.succeeds, ran
    assert ran.verdict not in attack.verdicts


def without_namespace(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the kernel lack a namespace, until the test ends."""
    works = features._namespace_works
    monkeypatch.setattr(features, "_namespace_works", lambda each: each != name and works(each))
