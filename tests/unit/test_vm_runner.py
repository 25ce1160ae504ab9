"""The command that runs tests in a virtual machine, without a machine: what it selects, answers, sums up."""

from __future__ import annotations

import sys
from pathlib import Path

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
    monkeypatch.setattr(runner.image, "kernel", lambda _: None)
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


def test_without_arguments_every_part_has_a_machine_of_its_own_and_the_first_failure_is_the_exit_code(
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
    assert call(runner, monkeypatch) == 1
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--part", "sandbox"), ["tests/sandbox"]),
        (("--part", "machine", "--part", "e2e"), ["tests/vm/guest_checks.py", "tests/e2e"]),
        (("--smoke",), ["every_control_holds"]),
        (("--", "tests/sandbox", "-k", "memory limit"), ["-k 'memory limit'"]),
        (("--shell-command", "true"), ["true"]),
    ],
)
def test_a_selection_runs_that_alone_and_skips_are_forbidden(runner, machines, monkeypatch, arguments, said):
    ran = machines(*[(0, "")] * 9)
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
    ],
)
def test_what_makes_no_sense_is_refused(runner, monkeypatch, capsys, arguments, said):
    with pytest.raises(SystemExit) as refusal:
        call(runner, monkeypatch, *arguments)
    assert refusal.value.code == 2
    assert said in capsys.readouterr().err


def test_a_machine_that_cannot_be_prepared_is_told(runner, machines, monkeypatch, capsys):
    machines()

    def fail(_):
        raise runner.image.ImageError("apt knows no such kernel")

    monkeypatch.setattr(runner.image, "kernel", fail)
    assert call(runner, monkeypatch, "--smoke") == 126
    assert "cannot prepare the machine: apt knows no such kernel" in capsys.readouterr().err
