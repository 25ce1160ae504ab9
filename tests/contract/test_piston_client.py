"""A client of Piston's API that others wrote, from the package index, against this service."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from cellblock.model import Verdict
from doubles import make_executed, make_stage

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CLIENT = "aiopyston==1.2.1"
PROGRAM = """
import asyncio, json, sys
from pyston import File, PystonClient
from pyston.exceptions import ExecutionError

async def main():
    client = PystonClient(base_url=sys.argv[1])
    languages = sorted(await client.languages())
    versions = [runtime.version for runtime in await client.get_runtimes("py")]
    output = await client.execute("cpp", [File("main"), File("library", "lib.h")], stdin="in", args=["a"])
    try:
        refusal = str(await client.execute("brainfuck", [File("+")]))
    except ExecutionError as error:
        refusal = str(error)
    await client.close_session()
    print(json.dumps([languages, versions, str(output), output.compile_stage.code, output.version, refusal]))

asyncio.run(main())
"""


async def output_of(*command: object) -> str:
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    stdout, _ = await process.communicate()
    assert process.returncode == 0
    return stdout.decode()


async def test_client_from_the_package_index_lists_runtimes_and_runs_programs(executor, tmp_path):
    async def script(_job):
        run = make_stage(stdout=b"out", stderr=b"err", output_order=((2, 3), (1, 3)), verdict=Verdict.AC)
        return make_executed(make_stage(), run)

    executor.supervisor.script = script
    packages = tmp_path / "packages"
    await output_of(sys.executable, "-m", "pip", "install", "--quiet", "--target", packages, CLIENT)
    client = tmp_path / "client.py"
    client.write_text(f"import sys\nsys.path.insert(0, {str(packages)!r})\n{PROGRAM}")
    printed = await output_of(sys.executable, client, f"http://127.0.0.1:{executor.port}/api/v2/")

    languages, versions, output, compile_code, version, refusal = json.loads(printed)
    assert languages == ["c++", "java", "javascript", "python", "typescript"]
    assert versions == ["3.13.5", "3.11.2"]
    assert (output, compile_code, version) == ("errout", 0, "14.2.0")
    assert refusal == "brainfuck-* runtime is unknown"
    job = executor.supervisor.jobs[0]
    assert [(file.name, file.content) for file in job.files] == [("", b"main"), ("lib.h", b"library")]
    assert (job.stdin, job.args, job.run.wall_ms) == (b"in", ("a",), 3000)
