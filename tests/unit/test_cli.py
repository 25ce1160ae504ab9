"""The command line: flags, exit codes, and where each line goes. Cells are not needed here."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager

import msgspec
import pytest

from cellblock import __version__, cli, config
from cellblock.errors import CellblockError, ConfigError
from cellblock.model import EnforcementMode, IsolationMode, OutputIntegrity, Remedy, Verdict
from cellblock.supervisor.client import SupervisorClient
from doubles import ScriptedSupervisor, make_language, make_outcome, make_status

PYTHON = msgspec.structs.replace(make_language("python", "python3"), suffixes=(".py",))
HELD = Remedy(feature="pid_namespace", ok=True, detail="created one")
OPTIONAL = Remedy(feature="pressure", ok=False, detail="no psi", remedy="boot with psi=1", required=False)
MISSING = Remedy(feature="memory_limit", ok=False, detail="no controller", remedy="boot with cgroup v2")
COMMANDS = ["serve", "run", "doctor", "settings"]


@pytest.fixture(autouse=True)
def own_runtime_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("CELLBLOCK_RUNTIME_DIR", str(tmp_path))


def test_version_is_the_packages():
    shown = subprocess.run(
        [sys.executable, "-m", "cellblock", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"cellblock {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_exits_0(command, capsys):
    assert cli.exit_code_of([command, "--help"]) == 0
    assert "Usage: cellblock" in capsys.readouterr().out


def test_help_of_serve_names_flag_and_variable_of_every_setting(capsys):
    cli.exit_code_of(["serve", "--help"])
    words = capsys.readouterr().out.replace("[", " ").replace(";", " ").split()
    for setting in config.SETTINGS:
        assert setting.flag in words
        assert setting.variable in words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command"),
        (["serve", "--prot", "1"], "No such option"),
        (["serve", "--port", "abc"], '--port: "abc" is not a port number (1..65535)'),
        (["settings", "--limits", "python.judge.cpu=1"], "did you mean cpu_ms?"),
        (["run"], "Missing argument"),
        (["run", "/nonexistent.py"], "does not exist"),
        (["run", "/etc/hostname"], "add --language"),
        (["run", "--profile", "king", "/etc/hostname"], "king"),
        (["run", "--stdin", "@/nonexistent", "--language", "python", "/etc/hostname"], "cannot be read"),
    ],
)
def test_wrong_usage_exits_2_and_says_why_on_stderr(arguments, said, capsys):
    assert cli.exit_code_of(arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_bad_variable_exits_2(monkeypatch, capsys):
    monkeypatch.setenv("CELLBLOCK_PROT", "1")
    assert cli.exit_code_of(["settings"]) == 2
    assert "did you mean CELLBLOCK_PORT?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ConfigError("x"), 2),
        (CellblockError("the host is on fire"), 3),
        (RuntimeError("bug"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_failures_of_ours_are_told_from_wrong_usage_and_verdicts(monkeypatch, failure, code):
    def fail(_settings):
        raise failure

    monkeypatch.setattr("cellblock.app.parent.serve", fail)
    assert cli.exit_code_of(["serve"]) == code


def test_settings_shows_the_value_that_holds(monkeypatch, capsys):
    monkeypatch.setenv("CELLBLOCK_PORT", "5005")
    assert cli.exit_code_of(["settings", "--queue-capacity", "77"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    lines = {row[0]: row[1] for row in rows if row and row[0].startswith("CELLBLOCK_")}
    assert (lines["CELLBLOCK_PORT"], lines["CELLBLOCK_QUEUE_CAPACITY"]) == ("5005", "77")


def test_settings_never_shows_the_metrics_token(monkeypatch, capsys):
    monkeypatch.setenv("CELLBLOCK_METRICS_TOKEN", "a-token-of-its-own-1234")
    assert cli.exit_code_of(["settings"]) == 0
    shown = capsys.readouterr().out
    assert "a-token" not in shown
    assert "(set, not shown)" in shown


def test_output_that_nobody_reads_is_no_failure():
    shell = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m cellblock settings --markdown | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout.strip() in {"0", "141"}
    assert "Traceback" not in shell.stderr


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "hello.py"
    path.write_text("print('hi')")
    return str(path)


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """Let ``run`` and ``doctor`` meet a scripted supervisor behind a real socket."""

    def script(outcome=None, status=None, features=None):
        supervisor = ScriptedSupervisor(tmp_path / "scripted.sock")
        supervisor.status = status or make_status(languages=(PYTHON,))
        supervisor.features = features or supervisor.features
        if outcome is not None:

            async def answer(_job):
                return outcome

            supervisor.script = answer

        @asynccontextmanager
        async def private(_settings):
            await supervisor.start()
            client = SupervisorClient(supervisor.path)
            await client.start()
            await client.wait_ready()
            try:
                yield client
            finally:
                await client.close()
                await supervisor.die()

        monkeypatch.setattr("cellblock.cli.run.private_supervisor", private)
        monkeypatch.setattr("cellblock.cli.doctor.private_supervisor", private)
        return supervisor

    return script


def python_that_cannot_run(reason):
    return make_status(languages=(msgspec.structs.replace(PYTHON, available=False, reason=reason),))


def test_accepted_run_exits_0_and_keeps_streams_apart(scripted, program, capfdbinary):
    scripted(make_outcome(stdout=b"out \xff\n", stderr=b"err"))
    assert cli.exit_code_of(["run", program]) == 0
    printed = capfdbinary.readouterr()
    assert printed.out == b"out \xff\n"
    assert printed.err.startswith(b"err\nAC")
    assert b"\x1b[" not in printed.err


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.RE, 1), (Verdict.TLE, 1), (Verdict.MLE, 1), (Verdict.SIG, 1), (Verdict.IE, 3)],
)
def test_exit_code_follows_the_verdict(scripted, program, verdict, code):
    scripted(make_outcome(verdict=verdict))
    assert cli.exit_code_of(["run", program]) == code


def test_suffix_and_options_make_the_job(scripted, program, tmp_path):
    (tmp_path / "input").write_bytes(b"from file")
    supervisor = scripted()
    arguments = [
        "run",
        "--stdin",
        f"@{tmp_path}/input",
        "--arg",
        "a",
        "--arg",
        "b c",
        "--profile",
        "executor",
    ]
    assert cli.exit_code_of([*arguments, "--profile", "executor", program]) == 0
    (job,) = supervisor.jobs
    assert (job.language, job.stdin, job.args, job.profile) == (
        "python",
        b"from file",
        ("a", "b c"),
        "executor",
    )
    assert job.files[0].content == b"print('hi')"


def test_unknown_language_exits_2_and_lists_those_there_are(scripted, program, capsys):
    scripted()
    assert cli.exit_code_of(["run", "--language", "brainfuck", program]) == 2
    assert "unsupported language: brainfuck. available: python" in capsys.readouterr().err


def test_language_that_cannot_run_here_says_why(scripted, program, capsys):
    scripted(status=python_that_cannot_run("its self-test failed"))
    assert cli.exit_code_of(["run", program]) == 2
    assert "python cannot run here: its self-test failed" in capsys.readouterr().err


def test_alias_is_a_language_too(scripted, program):
    supervisor = scripted()
    assert cli.exit_code_of(["run", "--language", "Python3", program]) == 0
    assert supervisor.jobs[0].language == "python"


def test_run_where_nothing_can_be_enforced_exits_3_and_names_what_is_missing(scripted, program, capsys):
    scripted(status=make_status(enforcement_mode=EnforcementMode.NONE, languages=(), problems=(MISSING,)))
    assert cli.exit_code_of(["run", program]) == 3
    assert "missing: memory_limit" in capsys.readouterr().err


def test_json_is_the_record_and_nothing_else(scripted, program, capsys):
    scripted(make_outcome(stdout=b"4\n"))
    assert cli.exit_code_of(["run", "--json", program]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert (record["verdict"], record["stdout"], record["job_status"]) == ("AC", "4\n", "completed")
    assert record["evidence"]["isolation_mode"] == "strict"
    assert printed.err == ""


def test_summary_shouts_when_controls_are_missing(scripted, program, capsys):
    evidence = msgspec.structs.replace(
        make_outcome().evidence, isolation_mode=IsolationMode.PERMISSIVE, controls_missing=("memory_limit",)
    )
    scripted(make_outcome(evidence=evidence))
    assert cli.exit_code_of(["run", program]) == 0
    assert "PERMISSIVE, not enforced: memory_limit" in capsys.readouterr().err


def test_summary_says_when_output_is_not_all(scripted, program, capsys):
    scripted(make_outcome(output_integrity=OutputIntegrity.TRUNCATED_BY_JUDGE_LIMIT))
    cli.exit_code_of(["run", program])
    assert "truncated_by_judge_limit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("features", "code"),
    [((HELD,), 0), ((HELD, OPTIONAL), 0), ((HELD, MISSING), 1)],
    ids=["all held", "optional missing", "required missing"],
)
def test_doctor_exits_1_only_where_something_required_is_missing(scripted, capsys, features, code):
    scripted(features=features)
    assert cli.exit_code_of(["doctor"]) == code
    report = capsys.readouterr().out
    for feature in features:
        assert feature.feature in report
        assert feature.remedy in report


def test_doctor_prints_each_remedy_in_one_line_however_narrow_the_terminal_is(scripted, monkeypatch, capsys):
    command = " && ".join(
        f"echo +memory >/sys/fs/cgroup/a-group-{number}/subtree_control" for number in range(9)
    )
    lacks = msgspec.structs.replace(MISSING, remedy=command, detail="no controller of memory " * 9)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    for is_terminal in (False, True):
        monkeypatch.setattr("sys.stdout.isatty", lambda answer=is_terminal: answer)
        scripted(features=(HELD, lacks, OPTIONAL))
        assert cli.exit_code_of(["doctor"]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert f"memory_limit: {command}" in lines
        assert "pressure: boot with psi=1" in lines
        assert not any(line.startswith("pid_namespace: ") for line in lines)


def test_doctor_json_is_the_findings(scripted, capsys):
    scripted(features=(HELD, MISSING))
    assert cli.exit_code_of(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert [(finding["feature"], finding["ok"]) for finding in findings] == [
        ("pid_namespace", True),
        ("memory_limit", False),
    ]
