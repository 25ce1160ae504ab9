"""Piston's own API, over a real socket: its messages to the letter, its stages, its list of runtimes."""

from __future__ import annotations

import base64

import pytest

from cellblock.model import Profile, StageLimits, Verdict
from doubles import make_executed, make_stage

pytestmark = pytest.mark.anyio

STAGE_KEYS = [
    "signal", "stdout", "stderr", "code", "output", "memory", "message", "status", "cpu_time", "wall_time",
]  # fmt: skip


def answering(*stages):
    async def script(_job):
        return make_executed(*stages)

    return script


async def run_of(executor, stage) -> dict[str, object]:
    """Return the run stage that is answered where ``stage`` is what happened."""
    executor.supervisor.script = answering(stage)
    answer = await executor.piston()
    assert answer.status_code == 200
    return answer.json()["run"]


async def test_answer_has_pistons_shape(executor):
    answer = await executor.piston()
    assert answer.status_code == 200
    assert list(answer.json()) == ["run", "language", "version"]
    assert (answer.json()["language"], answer.json()["version"]) == ("python", "3.13.5")
    run = answer.json()["run"]
    assert list(run) == STAGE_KEYS
    assert run == {
        "signal": None, "stdout": "4\n", "stderr": "", "code": 0, "output": "4\n", "memory": 9_307_000,
        "message": None, "status": None, "cpu_time": 9, "wall_time": 22,
    }  # fmt: skip


async def test_program_runs_as_in_the_execute_api_but_for_three_seconds(executor):
    files = [
        {"name": "blob", "content": base64.b64encode(b"\0\1").decode(), "encoding": "base64"},
        {"content": "main"},
        {"name": "lib/a.py", "content": "lib"},
    ]
    await executor.piston(files=files, stdin="in", args=["1", "two"], version="3.11")
    job = executor.supervisor.jobs[0]
    assert [(file.name, file.content) for file in job.files] == [
        ("", b"main"), ("blob", b"\0\1"), ("lib/a.py", b"lib"),
    ]  # fmt: skip
    assert (job.language, job.runtime, job.profile, job.loopback) == (
        "python", "python-3.11", Profile.EXECUTOR, True,
    )  # fmt: skip
    assert (job.stdin, job.args) == (b"in", ("1", "two"))
    assert (job.run.wall_ms, job.run.cpu_ms, job.run.memory_bytes) == (3000, 3000, None)
    assert job.compile == StageLimits()  # nothing is compiled


@pytest.mark.parametrize(
    ("asked", "run", "compiling"),
    [
        ({"run_timeout": 8000}, (8000, 8000, None), (10_000, None, None)),
        ({"run_timeout": 8000, "run_cpu_time": 2000}, (8000, 2000, None), (10_000, None, None)),
        ({"run_timeout": 60_000}, (60_000, 30_000, None), (10_000, None, None)),
        (
            {"compile_timeout": 30_000.0, "compile_cpu_time": 15_000},
            (3000, 3000, None),
            (30_000, 15_000, None),
        ),
        ({"run_memory_limit": 1_000_000}, (3000, 3000, 1_000_000), (10_000, None, None)),
        ({"run_memory_limit": -1, "compile_memory_limit": -1}, (3000, 3000, None), (10_000, None, None)),
        (
            {"run_timeout": 0, "compile_timeout": None, "run_memory_limit": 0},
            (3000, 3000, None),
            (10_000, None, None),
        ),
    ],
)
async def test_limits_may_be_asked_for_and_zero_asks_for_none(executor, asked, run, compiling):
    assert (await executor.piston(language="c++", **asked)).status_code == 200
    job = executor.supervisor.jobs[0]
    assert (job.run.wall_ms, job.run.cpu_ms, job.run.memory_bytes) == run
    assert (job.compile.wall_ms, job.compile.cpu_ms, job.compile.memory_bytes) == compiling


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": None}, "language is required as a string"),
        ({"language": ""}, "language is required as a string"),
        ({"language": 5}, "language is required as a string"),
        ({"version": None}, "version is required as a string"),
        ({"version": ""}, "version is required as a string"),
        ({"version": 3.11}, "version is required as a string"),
        ({"files": None}, "files is required as an array"),
        ({"files": "nope"}, "files is required as an array"),
        ({"files": {"content": "1"}}, "files is required as an array"),
        ({"files": [{"name": "a.py"}]}, "files[0].content is required as a string"),
        ({"files": [{"content": "1"}, {"content": None}]}, "files[1].content is required as a string"),
        ({"files": ["x"]}, "files[0].content is required as a string"),
        ({"files": []}, "files must include at least one utf8 encoded file"),
        (
            {"files": [{"content": "aGk=", "encoding": "base64"}]},
            "files must include at least one utf8 encoded file",
        ),
        ({"language": "brainfuck"}, "brainfuck-* runtime is unknown"),
        ({"language": "go", "version": "1.27.3"}, "go-1.27.3 runtime is unknown"),
        ({"version": "2.x"}, "python-2.x runtime is unknown"),
        ({"version": "latest"}, "python-latest runtime is unknown"),
        ({"run_timeout": "soon"}, "If specified, run_timeout must be a number"),
        ({"run_timeout": True}, "If specified, run_timeout must be a number"),
        ({"compile_memory_limit": "1"}, "If specified, compile_memory_limit must be a number"),
        ({"run_timeout": -5}, "run_timeout must be non-negative"),
        ({"run_timeout": -1}, "run_timeout must be non-negative"),
        ({"run_memory_limit": -2}, "run_memory_limit must be non-negative"),
        ({"run_memory_limit": 1}, "run_memory_limit must be at least 1000000"),
        ({"run_timeout": 0.5}, "run_timeout must be a whole number"),
        ({"run_timeout": 60_001}, "run_timeout cannot exceed the configured limit of 60000"),
        ({"run_cpu_time": 30_001}, "run_cpu_time cannot exceed the configured limit of 30000"),
        ({"compile_timeout": 30_001}, "compile_timeout cannot exceed the configured limit of 30000"),
        ({"compile_cpu_time": 15_001}, "compile_cpu_time cannot exceed the configured limit of 15000"),
        (
            {"run_memory_limit": 2**31 + 1},
            "run_memory_limit cannot exceed the configured limit of 2147483648",
        ),
        (
            {"compile_memory_limit": 10**30},
            "compile_memory_limit cannot exceed the configured limit of 536870912",
        ),
        ({"stdin": 5}, "If specified, stdin must be a string"),
        ({"args": "x"}, "If specified, args must be an array of strings"),
        ({"args": [1]}, "If specified, args must be an array of strings"),
        ({"files": [{"content": "1", "name": 5}]}, "If specified, files[0].name must be a string"),
        ({"files": [{"content": "1", "encoding": 5}]}, "If specified, files[0].encoding must be a string"),
    ],
)
async def test_mistakes_are_answered_in_pistons_words(executor, changes, message):
    body = {"language": "c++", **changes} if any("compile" in name for name in changes) else changes
    answer = await executor.piston(**body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})
    assert executor.supervisor.jobs == []


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([{"content": "1", "name": "../x"}], "files[0].name: must not contain '..'"),
        ([{"content": "1", "name": "/x"}], "files[0].name: must be a relative path"),
        ([{"content": "1", "name": "a"}, {"content": "1", "name": "a"}], "two are called 'a'"),
        ([{"content": "1"}, {"content": "zz", "encoding": "hex"}], "files[1].content: is no valid hex"),
        ([{"content": "1", "encoding": "latin1"}], "files[0].encoding"),
    ],
)
async def test_files_that_piston_fails_at_are_refused_clearly(executor, files, text):
    answer = await executor.piston(files=files)
    assert answer.status_code == 400
    assert list(answer.json()) == ["message"]
    assert text in answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"language":"\xff"}'])
async def test_body_that_is_no_json_object_is_a_400(executor, body):
    answer = await executor.http.post(
        "/api/v2/execute", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert list(answer.json()) == ["message"]


@pytest.mark.parametrize("content_type", ["", "text/plain"])
async def test_other_content_types_are_415_in_pistons_words(executor, content_type):
    answer = await executor.http.post(
        "/api/v2/execute", content=b"{}", headers={"content-type": content_type}
    )
    assert (answer.status_code, answer.json()) == (
        415, {"message": "requests must be of type application/json"},
    )  # fmt: skip


async def test_unknown_routes_and_oversized_bodies_answer_in_this_dialect(executor):
    assert list((await executor.http.get("/api/v2/packages")).json()) == ["message"]
    oversized = await executor.piston(files=[{"content": "x" * 4 * 1024 * 1024}])
    assert (oversized.status_code, oversized.json()) == (
        413, {"message": "request body too large: at most 4194304 bytes are allowed"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("happened", "status", "message", "code", "signal"),
    [
        ({"exit_code": 3, "verdict": Verdict.RE}, "RE", "Exited with error status 3", 3, None),
        (
            {"exit_code": None, "signal": 11, "verdict": Verdict.SIG},
            "SG", "Caught fatal signal 11", None, "SIGSEGV",
        ),
        (
            {"exit_code": None, "signal": 9, "verdict": Verdict.TLE, "killed_for": "wall_limit"},
            "TO", "Time limit exceeded (wall clock)", None, "SIGKILL",
        ),
        (
            {"exit_code": None, "signal": 9, "verdict": Verdict.TLE, "killed_for": "cpu_limit"},
            "TO", "Time limit exceeded", None, "SIGKILL",
        ),
        (
            {"exit_code": None, "signal": 9, "verdict": Verdict.MLE},
            "SG", "Memory limit exceeded", None, "SIGKILL",
        ),
        ({"exit_code": 0, "verdict": Verdict.MLE}, None, "Memory limit exceeded", 0, None),
        ({"exit_code": 1, "verdict": Verdict.PLE}, "RE", "Process limit exceeded", 1, None),
        (
            {"exit_code": None, "signal": 25, "verdict": Verdict.FSE},
            "SG", "File size limit exceeded", None, "SIGXFSZ",
        ),
        ({"truncated": True}, "OL", "stdout length exceeded", 0, None),
        ({"truncated": True, "stderr": b"longer"}, "EL", "stderr length exceeded", 0, None),
        (
            {
                "truncated": True, "exit_code": None, "signal": 9, "verdict": Verdict.TLE,
                "killed_for": "cpu_limit",
            },
            "TO", "Time limit exceeded", None, "SIGKILL",
        ),
        ({"exit_code": None}, "XX", "The program's end was not seen", None, None),
    ],
)  # fmt: skip
async def test_end_of_a_stage_has_pistons_letters_and_words(
    executor, happened, status, message, code, signal
):
    run = await run_of(executor, make_stage(**happened))
    assert (run["status"], run["message"], run["code"], run["signal"]) == (status, message, code, signal)


@pytest.mark.parametrize(
    ("order", "output"),
    [
        (((1, 2), (2, 1), (1, 1), (2, 2)), "abxcyz"),
        (((2, 3), (1, 3)), "xyzabc"),
        (((1, 1),), "abcxyz"),
        ((), "abcxyz"),
    ],
)
async def test_output_is_both_streams_as_they_were_written(executor, order, output):
    run = await run_of(executor, make_stage(stdout=b"abc", stderr=b"xyz", output_order=order))
    assert (run["stdout"], run["stderr"], run["output"]) == ("abc", "xyz", output)


async def test_output_that_is_no_utf8_is_replaced(executor):
    run = await run_of(executor, make_stage(stdout=b"a\xff", stderr=b"", output_order=((1, 2),)))
    assert (run["stdout"], run["output"]) == ("a\ufffd", "a\ufffd")


async def test_what_was_not_measured_is_null(executor):
    run = await run_of(executor, make_stage(wall_time_ns=None, memory_peak_bytes=None, cpu_usage_usec=None))
    assert (run["wall_time"], run["memory"], run["cpu_time"]) == (None, None, None)


@pytest.mark.parametrize("language", ["c++", "typescript"])
async def test_every_compile_stage_is_shown_and_a_failed_one_stands_for_the_run_too(executor, language):
    executor.supervisor.script = answering(make_stage(stderr=b"warning\n"), make_stage())
    answer = (await executor.piston(language=language)).json()
    assert list(answer) == ["compile", "run", "language", "version"]
    assert (answer["compile"]["stderr"], answer["run"]["stderr"]) == ("warning\n", "")
    assert answer["language"] == language

    executor.supervisor.script = answering(make_stage(stderr=b"error\n", exit_code=1, verdict=Verdict.RE))
    answer = (await executor.piston(language=language)).json()
    assert answer["compile"]["code"] == 1
    assert answer["run"] == answer["compile"]


async def test_runtimes_are_those_of_the_execute_api(executor):
    runtimes = (await executor.http.get("/api/v2/runtimes")).json()
    assert runtimes == (await executor.http.get("/v1/runtimes")).json()
    assert {
        "language": "javascript",
        "version": "24.19.0",
        "aliases": ["js", "node"],
        "runtime": "node",
    } in runtimes
