"""The execute API over a real socket: what the supervisor is asked for, what the client is answered."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from cellblock.model import Profile, StageLimits, Verdict
from doubles import make_executed, make_stage

pytestmark = pytest.mark.anyio

STAGE_KEYS = ["stdout", "stderr", "code", "signal", "time_ms", "memory_kb"]


def answering(*stages, **changes):
    async def script(_job):
        return make_executed(*stages, **changes)

    return script


async def job_of(executor, answer: httpx.Response):
    assert answer.status_code == 200, answer.text
    return executor.supervisor.jobs[-1]


async def test_answer_is_the_bare_object_of_the_documentation(executor):
    answer = await executor.execute("print(sum(range(1, 101)))")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "language": "python",
        "version": "3.13.5",
        "run": {
            "stdout": "4\n",
            "stderr": "",
            "code": 0,
            "signal": None,
            "time_ms": 22,
            "memory_kb": 9088,
        },
    }
    assert list(answer.json()) == ["language", "version", "run"]
    assert list(answer.json()["run"]) == STAGE_KEYS


async def test_program_gets_the_executors_limits_loopback_and_the_newest_runtime(executor):
    job = await job_of(executor, await executor.execute("print(1)"))
    assert (job.language, job.runtime, job.profile, job.loopback) == (
        "python", "python-3.13", Profile.EXECUTOR, True,
    )  # fmt: skip
    assert [(file.name, file.content) for file in job.files] == [("", b"print(1)")]
    assert (job.stdin, job.args) == (b"", ())
    assert (job.run.wall_ms, job.run.cpu_ms, job.run.memory_bytes) == (5000, 5000, None)
    assert job.compile == StageLimits()  # nothing is compiled


async def test_call_leaves_no_record(executor):
    job = await job_of(executor, await executor.execute("print(1)"))
    assert (await executor.http.get(f"/api/result/{job.id}")).status_code == 404
    assert await executor.store.unfinished() == []


async def test_code_stdin_and_args_arrive_as_they_were_sent(executor):
    code = "\ufeffprint('é')\r\n\0"
    job = await job_of(
        executor, await executor.execute(code, stdin="a\r\n\0b", args=["", "-x", "two words", "é"])
    )
    assert job.files[0].content == code.encode()
    assert job.stdin == b"a\r\n\0b"
    assert job.args == ("", "-x", "two words", "é")


async def test_empty_program_is_a_program(executor):
    assert (await job_of(executor, await executor.execute(""))).files[0].content == b""


async def test_null_is_the_same_as_nothing(executor):
    nothing = dict.fromkeys(
        ["files", "stdin", "version", "args", "run_timeout", "compile_timeout", "run_memory_limit"]
    )
    job = await job_of(executor, await executor.execute("print(1)", **nothing))
    assert job.run.wall_ms == 5000
    job = await job_of(
        executor, await executor.execute(files=[{"content": "x", "name": None, "encoding": None}], code=None)
    )
    assert job.files[0].name == ""


async def test_unknown_fields_and_repeated_keys_are_no_mistake(executor):
    body = b'{"language":"c++","language":"python","code":"1","colour":{"red":[1]},"code":"2"}'
    answer = await executor.http.post(
        "/v1/execute", content=body, headers={"content-type": "application/json; charset=utf-8"}
    )
    assert (await job_of(executor, answer)).files[0].content == b"2"


async def test_files_are_placed_by_name_and_encoding_with_the_first_text_as_main(executor):
    blob = bytes(range(256))
    files = [
        {"name": "data/blob.bin", "content": base64.b64encode(blob).decode(), "encoding": "base64"},
        {"name": "src/app/main.py", "content": "é", "encoding": "utf8"},
        {"name": "./src//lib.py", "content": "lib"},
        {"content": "00ff 10", "encoding": "hex"},
        {"name": "empty.txt", "content": ""},
    ]
    job = await job_of(executor, await executor.execute(files=files))
    assert [(file.name, file.content) for file in job.files] == [
        ("src/app/main.py", "é".encode()),
        ("data/blob.bin", blob),
        ("src/lib.py", b"lib"),
        ("file3.code", b"\x00\xff\x10"),
        ("empty.txt", b""),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "a" * 255,
        "-o",
        "@file",
        "with space.py",
        "é.py",
        "a\\b",
        ".hidden",
        "...",
        "a/..b/c",
        "/".join("a" * 32),
    ],
)
async def test_unusual_names_are_names(executor, name):
    job = await job_of(executor, await executor.execute(files=[{"name": name, "content": "1"}]))
    assert job.files[0].name == name


async def test_base64_may_be_wrapped_into_lines(executor):
    wrapped = base64.encodebytes(b"x" * 200).decode()
    files = [{"content": "1"}, {"name": "d", "content": wrapped, "encoding": "base64"}]
    assert (await job_of(executor, await executor.execute(files=files))).files[1].content == b"x" * 200


@pytest.mark.parametrize(
    ("wanted", "runtime", "version"),
    [
        ("*", "python-3.13", "3.13.5"),
        ("3", "python-3.13", "3.13.5"),
        ("3.x", "python-3.13", "3.13.5"),
        ("^3.11", "python-3.13", "3.13.5"),
        (">=3.11 <3.13", "python-3.11", "3.11.2"),
        ("3.11.2", "python-3.11", "3.11.2"),
    ],
)
async def test_version_range_chooses_the_runtime_and_the_answer_names_its_version(
    executor, wanted, runtime, version
):
    answer = await executor.execute("1", version=wanted)
    assert (await job_of(executor, answer)).runtime == runtime
    assert answer.json()["version"] == version


@pytest.mark.parametrize("name", ["c++", "cpp", "CPP", "g++"])
async def test_language_is_answered_by_its_canonical_name_of_this_dialect(executor, name):
    answer = await executor.execute("1", language=name)
    assert answer.json()["language"] == "c++"
    assert (await job_of(executor, answer)).language == "cpp"


@pytest.mark.parametrize(
    ("asked", "run"),
    [
        ({"run_timeout": 5000.0}, (5000, 5000, None)),
        ({"run_timeout": 1}, (1, 1, None)),
        ({"run_timeout": 60_000}, (60_000, 30_000, None)),
        ({"run_memory_limit": -1}, (5000, 5000, None)),
        ({"run_memory_limit": -1.0}, (5000, 5000, None)),
        ({"run_memory_limit": 2_147_483_648}, (5000, 5000, 2_147_483_648)),
    ],
)
async def test_limits_may_be_asked_for_up_to_the_executors(executor, asked, run):
    job = await job_of(executor, await executor.execute("1", **asked))
    assert (job.run.wall_ms, job.run.cpu_ms, job.run.memory_bytes) == run


async def test_limits_of_the_compiler_may_be_asked_for_up_to_its_own(executor):
    asked = {"compile_timeout": 30_000, "compile_memory_limit": 536_870_912}
    job = await job_of(executor, await executor.execute("1", language="c++", **asked))
    assert (job.compile.wall_ms, job.compile.memory_bytes) == (30_000, 536_870_912)
    # Nothing is compiled, so there is nothing to exceed.
    job = await job_of(executor, await executor.execute("1", compile_timeout=600_000))
    assert job.run.wall_ms == 5000


async def test_stdin_and_arguments_may_fill_their_limits(executor):
    job = await job_of(executor, await executor.execute("1", stdin="é" * 131_072, args=["x" * 131_070]))
    assert (len(job.stdin), len(job.args[0])) == (262_144, 131_070)


async def test_program_that_fails_is_answered_200(executor):
    executor.supervisor.script = answering(
        make_stage(stdout=b"", stderr=b"boom\n", exit_code=3, verdict=Verdict.RE), verdict=Verdict.RE
    )
    run = (await executor.execute("1")).json()["run"]
    assert (run["stdout"], run["stderr"], run["code"], run["signal"]) == ("", "boom\n", 3, None)


@pytest.mark.parametrize(
    ("number", "name"),
    [(11, "SIGSEGV"), (6, "SIGABRT"), (25, "SIGXFSZ"), (34, "SIGRTMIN"), (40, "SIGRTMIN+6")],
)
async def test_signals_are_named(executor, number, name):
    stage = make_stage(exit_code=None, signal=number, verdict=Verdict.SIG)
    executor.supervisor.script = answering(stage, verdict=Verdict.SIG)
    run = (await executor.execute("1")).json()["run"]
    assert (run["code"], run["signal"]) == (None, name)


@pytest.mark.parametrize("limit", ["wall_limit", "cpu_limit"])
async def test_timeout_is_sigkill_without_a_code_and_keeps_what_was_printed(executor, limit):
    stage = make_stage(
        stdout=b"begun", exit_code=None, signal=9, killed_for=limit, verdict=Verdict.TLE,
        wall_time_ns=5_000_900_000,
    )  # fmt: skip
    executor.supervisor.script = answering(stage, verdict=Verdict.TLE)
    run = (await executor.execute("1")).json()["run"]
    assert run == {
        "stdout": "begun", "stderr": "", "code": None, "signal": "SIGKILL", "time_ms": 5001,
        "memory_kb": 9088,
    }  # fmt: skip


async def test_compile_stage_is_shown_beside_the_run(executor):
    compiled = make_stage(stdout=b"", stderr=b"warning\n", wall_time_ns=300_000_000)
    executor.supervisor.script = answering(compiled, make_stage())
    answer = (await executor.execute("1", language="c++")).json()
    assert list(answer) == ["language", "version", "compile", "run"]
    assert (answer["compile"]["stderr"], answer["compile"]["code"], answer["compile"]["time_ms"]) == (
        "warning\n", 0, 300,
    )  # fmt: skip
    assert list(answer["compile"]) == STAGE_KEYS
    assert answer["run"]["stdout"] == "4\n"


async def test_failed_compilation_stands_for_the_run_too(executor):
    failed = make_stage(stdout=b"", stderr=b"error: x\n", exit_code=1, verdict=Verdict.RE)
    executor.supervisor.script = answering(failed, verdict=Verdict.RE)
    answer = (await executor.execute("1", language="c++")).json()
    assert answer["compile"]["code"] == 1
    assert answer["compile"]["stderr"] == "error: x\n"
    assert answer["run"] == answer["compile"]


async def test_compile_stage_that_the_dialect_does_not_show_stands_for_the_run_where_it_failed(executor):
    failed = make_stage(stderr=b"TS2322\n", exit_code=2, verdict=Verdict.RE)
    executor.supervisor.script = answering(failed, verdict=Verdict.RE)
    answer = (await executor.execute("1", language="ts")).json()
    assert list(answer) == ["language", "version", "run"]
    assert (answer["run"]["stderr"], answer["run"]["code"]) == ("TS2322\n", 2)

    executor.supervisor.script = answering(make_stage(stdout=b"compiler\n"), make_stage(stdout=b"program\n"))
    answer = (await executor.execute("1", language="ts")).json()
    assert list(answer) == ["language", "version", "run"]
    assert answer["run"]["stdout"] == "program\n"


async def test_output_that_is_no_utf8_is_replaced_and_ten_mebibytes_arrive_whole(executor):
    executor.supervisor.script = answering(make_stage(stdout=b"a\xff\x00b", stderr=b"x" * 10_485_760))
    run = (await executor.execute("1")).json()["run"]
    assert (run["stdout"], len(run["stderr"])) == ("a\ufffd\x00b", 10_485_760)


async def test_what_was_not_measured_is_null(executor):
    executor.supervisor.script = answering(make_stage(wall_time_ns=None, memory_peak_bytes=None))
    run = (await executor.execute("1")).json()["run"]
    assert (run["time_ms"], run["memory_kb"]) == (None, None)


async def test_runtimes_lists_every_version_that_can_be_run(executor):
    runtimes = await executor.http.get("/v1/runtimes")
    assert runtimes.status_code == 200
    assert runtimes.json() == [
        {"language": "python", "version": "3.13.5", "aliases": ["py", "python3"]},
        {"language": "python", "version": "3.11.2", "aliases": ["py", "python3"]},
        {"language": "javascript", "version": "24.19.0", "aliases": ["js", "node"], "runtime": "node"},
        {"language": "typescript", "version": "7.0.2", "aliases": ["ts"], "runtime": "node"},
        {"language": "c++", "version": "14.2.0", "aliases": ["cpp", "g++"]},
        {"language": "java", "version": "25.0.3", "aliases": []},
    ]


async def test_judge_api_names_each_language_once_and_runs_its_newest(executor):
    assert (await executor.http.get("/api/languages")).json() == [
        "python", "javascript", "typescript", "cpp", "java",
    ]  # fmt: skip
    record = (await executor.submit(language="G++")).json()
    assert record["language"] == "cpp"
    assert executor.supervisor.jobs[-1].runtime is None
    refused = await executor.submit(language="golang")
    assert refused.json() == {
        "error": "unsupported language: golang. available: python, javascript, typescript, cpp, java"
    }


async def test_program_of_four_mebibytes_is_served(executor):
    rest = len(json.dumps({"language": "python", "code": ""}, separators=(",", ":")))
    answer = await executor.execute("x" * (4 * 1024 * 1024 - rest))
    assert answer.status_code == 200
