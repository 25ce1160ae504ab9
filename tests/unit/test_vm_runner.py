"""The command that runs tests in a virtual machine, without a machine: what it selects, answers, sums up."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

VM = Path(__file__).parents[1] / "vm"


@pytest.fixture
def runner(monkeypatch):
    """The command's module, imported as its script does."""
    monkeypatch.syspath_prepend(str(VM))
    import main  # noqa: PLC0415  # a script beside its modules, not a package

    yield main
    for name in ("main", "boot", "image", "parts"):
        sys.modules.pop(name)


@pytest.fixture
def machines(runner, monkeypatch, tmp_path):
    """Have no machine booted: each part ends as is said here; returns what was run."""
    ran = []
    monkeypatch.setattr(runner.boot, "PROJECT", tmp_path)
    monkeypatch.setattr(runner.boot, "BUILD", tmp_path)
    monkeypatch.setattr(runner.boot, "report", lambda *_: None)
    monkeypatch.setattr(runner.image, "install_host_tools", lambda **_: None)
    monkeypatch.setattr(runner.image, "compile_modules", lambda _: None)
    monkeypatch.setattr(runner.image, "kernel", lambda *_: None)
    monkeypatch.setattr(runner.image, "container_root", lambda _: None)

    def end_as(*said: tuple[int, str], leaving: tuple[str, ...] = ()):
        def boot(_kernel, work):
            code, output = said[len(ran)]
            ran.append(work)
            directory = tmp_path / f"run{len(ran)}"
            (directory / "share").mkdir(parents=True)
            (directory / "output.log").write_text(output)
            for name in leaving:
                (directory / "share" / name).write_text(f"of run {len(ran)}")
            return runner.boot.Ended(directory, code, 1.0, output)

        monkeypatch.setattr(runner.boot, "boot", boot)
        return ran

    return end_as


def call(runner, monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
    return runner.main()


def test_unless_named_every_part_has_a_machine_of_its_own_and_the_first_failure_is_the_exit_code(
    runner, machines, monkeypatch, capsys, tmp_path
):
    names = list(runner.PARTS)
    passed = (0, "===== 9 passed in 30.11s =====\n")
    ran = machines(
        passed,
        (1, "== 2 failed, 250 passed, 1 error in 12.33s (0:01:20) ==\n"),
        (124, "cut off"),
        *[passed] * 9,
    )
    assert call(runner, monkeypatch, "--at-once", "1") == 1
    assert len(ran) == len(names)
    lines = {
        line.split()[1]: line for line in capsys.readouterr().out.split("summary", 1)[1].splitlines()[1:]
    }
    assert "9 passed in 30.11s" in lines[names[0]]
    assert "FAILED (1)" in lines[names[1]]
    assert "2 failed, 250 passed, 1 error in 12.33s" in lines[names[1]]
    assert "FAILED (124)" in lines[names[2]]
    assert not (tmp_path / "run1").exists()
    assert (tmp_path / "run2" / "output.log").exists(), "logs are kept on failure"


def test_the_tests_that_make_test_vm_promises_are_all_in_its_parts(runner):
    told = " ".join(" ".join(part.tests) for part in runner.PARTS.values())
    rooms = ("tests/sandbox", "tests/e2e", "tests/languages", "tests/hosts")
    for promised in (*rooms, "test_verdict.py", "test_attacks.py"):
        assert promised in told


def test_scores_of_every_attack_are_run_by_name_only(runner, machines, monkeypatch):
    ran = machines(*[(0, "")] * 9)
    assert call(runner, monkeypatch) == 0
    assert len(ran) == len(runner.PARTS)
    assert not runner.PARTS.keys() & runner.SCORES.keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--part", "sandbox"), ["tests/sandbox"]),
        (("--part", "machine", "--part", "e2e"), ["tests/vm/guest_checks.py", "tests/e2e"]),
        (("--part", "every-attack-on-root"), ["-m slow -k roots_service"]),
        (("--smoke",), ["every_control_holds"]),
        (("--", "tests/sandbox", "-k", "memory limit"), ["-k 'memory limit'"]),
        (("--shell-command", "true"), ["true"]),
    ],
)
def test_a_selection_runs_that_alone_and_skips_are_forbidden(runner, machines, monkeypatch, arguments, said):
    ran = machines(*[(0, "")] * 9)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert call(runner, monkeypatch, *arguments) == 0
    assert len(ran) == len(said)
    for work, text in zip(ran, said, strict=True):
        assert text in work.command
        assert arguments[0] == "--shell-command" or "FORBID_SKIPS=1" in work.command


@pytest.mark.parametrize(("code", "kept"), [(0, True), (1, False)])
def test_what_pages_are_made_of_is_kept_of_a_part_that_passed(
    runner, machines, monkeypatch, tmp_path, code, kept
):
    names = ("hosts.json", "score-v2-root.md")
    machines((code, ""), leaving=(*names, "service.log"))
    call(runner, monkeypatch, "--part", "attacks")
    for name in names:
        assert (tmp_path / name).exists() == kept
    assert not (tmp_path / "service.log").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--smoke", "--", "tests/unit"), "take no pytest arguments"),
        (("--smoke", "--part", "e2e"), "not allowed with"),
        (("--part", "everything"), "invalid choice"),
        (("--env", "NAME"), "expected NAME=VALUE"),
        (("--at-once", "0"), "expected 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(runner, monkeypatch, capsys, arguments, said):
    with pytest.raises(SystemExit) as refusal:
        call(runner, monkeypatch, *arguments)
    assert refusal.value.code == 2
    assert said in capsys.readouterr().err


def test_on_another_architecture_it_says_where_to_run_and_prepares_nothing(runner, monkeypatch, capsys):
    prepared = []
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr(runner.image, "_run", lambda *argv, **_: prepared.append(argv))
    monkeypatch.setattr(runner.image, "compile_modules", prepared.append)
    monkeypatch.setattr(runner.image, "kernel", prepared.append)
    monkeypatch.setattr(runner, "_run_all", lambda *_: {})
    assert call(runner, monkeypatch, "--smoke") == 126
    assert prepared == []
    said = capsys.readouterr().err
    assert said.startswith("vm: cannot prepare the machine: its kernel is for x86_64")
    assert said.endswith("for aarch64: run it on x86_64\n")
    assert said.count("\n") == 1


def test_as_many_machines_run_at_once_as_there_are_processors(runner, machines, monkeypatch):
    machines()
    both_run = threading.Barrier(2, timeout=10)

    def boot(*_):
        both_run.wait()
        directory = Path(tempfile.mkdtemp(dir=runner.boot.PROJECT))
        (directory / "share").mkdir()
        return runner.boot.Ended(directory, 0, 1.0, "")

    monkeypatch.setattr(runner.boot, "boot", boot)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert call(runner, monkeypatch, "--part", "machine", "--part", "verdicts") == 0


def shells_for_machines(runner, monkeypatch, tmp_path, script):
    """Have shells run in place of QEMU; the script finds a directory in $0."""
    monkeypatch.setattr(runner.boot, "PROJECT", tmp_path)
    monkeypatch.setattr(runner.boot, "BUILD", tmp_path)
    for name in ("install_host_tools", "compile_modules", "kernel", "container_root", "write_initramfs"):
        monkeypatch.setattr(runner.image, name, lambda *_, **__: SimpleNamespace(modules=tmp_path))
    monkeypatch.setattr(runner.boot, "_qemu_argv", lambda *_: ["sh", "-c", script, str(tmp_path)])


def test_lines_of_machines_that_run_at_once_say_whose_they_are(runner, monkeypatch, tmp_path, capfdbinary):
    shells_for_machines(runner, monkeypatch, tmp_path, "printf 'one\ntwo\nand half a line'")
    assert call(runner, monkeypatch, "--at-once", "2", "--part", "e2e", "--part", "hosts") == 125
    shown = capfdbinary.readouterr().out.splitlines()
    for name in (b"e2e", b"hosts"):
        for line in (b"one", b"two", b"and half a line"):
            assert name + b": " + line in shown
    assert (
        sorted((run / "output.log").read_text() for run in (tmp_path / "runs").iterdir())
        == ["one\ntwo\nand half a line"] * 2
    )


def test_a_machine_goes_on_with_what_the_one_before_has_tried(runner, monkeypatch, tmp_path):
    script = 'cd "$(ls -d "$0"/runs/* | tail -n 1)/share"; echo one >>tried-all.jsonl; cat tried-all.jsonl'
    shells_for_machines(runner, monkeypatch, tmp_path, script)
    said = []
    for _ in range(2):
        assert call(runner, monkeypatch, "--part", "e2e") == 125, "it left no exit code"
        (run,) = (tmp_path / "runs").iterdir()
        said.append((run / "output.log").read_text())
        shutil.rmtree(run)
    assert said == ["one\n", "one\none\n"]
    assert (tmp_path / "tried-all.jsonl").read_text() == said[-1]


def test_machines_that_run_at_once_each_keep_what_they_have_tried(runner, monkeypatch, tmp_path):
    """Whichever ends last has been given the other's findings as they were when it started."""
    for name in ("first", "second"):
        (tmp_path / f"tried-{name}.jsonl").write_text("before\n")
    script = """
        for share in "$0"/runs/*/share; do
            mkdir "$share/taken" 2>/dev/null && break
        done
        cd "$share"
        mine=$(mkdir "$0/one" 2>/dev/null && echo first || echo second)
        echo now >>"tried-$mine.jsonl"
        touch "$0/done-$mine"
        while [ ! -e "$0/done-first" ] || [ ! -e "$0/done-second" ]; do sleep 0.01; done
    """
    shells_for_machines(runner, monkeypatch, tmp_path, script)
    assert call(runner, monkeypatch, "--at-once", "2", "--part", "e2e", "--part", "hosts") == 125
    for name in ("first", "second"):
        assert (tmp_path / f"tried-{name}.jsonl").read_text() == "before\nnow\n"


def test_an_interrupted_command_leaves_no_machine(runner, monkeypatch, tmp_path):
    shells_for_machines(runner, monkeypatch, tmp_path, 'touch "$0/$$"; exec sleep 600')

    def interrupt_when_both_run() -> None:
        while len(list(tmp_path.glob("[0-9]*"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt_when_both_run).start()
    assert (
        call(runner, monkeypatch, "--at-once", "2", "--part", "e2e", "--part", "hosts", "--part", "sandbox")
        == 130
    )
    started = [int(path.name) for path in tmp_path.glob("[0-9]*")]
    assert len(started) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


def test_a_machine_that_cannot_be_prepared_is_told(runner, machines, monkeypatch, capsys):
    machines()

    def fail(*_):
        raise runner.image.ImageError("apt knows no such kernel")

    monkeypatch.setattr(runner.image, "kernel", fail)
    assert call(runner, monkeypatch, "--smoke") == 126
    assert "cannot prepare the machine: apt knows no such kernel" in capsys.readouterr().err


def test_the_machine_finds_bytecode_of_modules_and_tests(runner, monkeypatch, tmp_path):
    python = tmp_path / ".venv" / "bin" / "python"
    for file, text in (
        (python, f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
        (tmp_path / "src" / "module.py", "x = 1\n"),
        (tmp_path / "src" / "payload.py", "x = @X@\n"),
        (tmp_path / "tests" / "test_module.py", "def test_nothing(): pass\n"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    python.chmod(0o755)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    runner.image.compile_modules(tmp_path)
    version = sys.implementation.cache_tag
    assert (tmp_path / "src" / "__pycache__" / f"module.{version}.pyc").exists()
    assert list((tmp_path / "tests" / "__pycache__").glob(f"test_module.{version}-pytest-*.pyc"))
