from __future__ import annotations

import pytest

from doubles import answer_executed, make_compiled, make_language, make_status
from running import running


@pytest.fixture(scope="session")
def anyio_backend():
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture
async def service(tmp_path):
    async with running(tmp_path) as instance:
        yield instance


@pytest.fixture(scope="session")
def several_languages():
    """A supervisor's status with all that a runtime can differ in."""
    return make_status(
        languages=(
            make_language("python", "py", "python3", version="3.13.5", runtime="python-3.13"),
            make_language("python", "py", "python3", version="3.11.2", runtime="python-3.11"),
            make_language("javascript", "js", "node", version="24.19.0", engine="node"),
            make_compiled("typescript", "ts", version="7.0.2", engine="node", shows_compile=False),
            make_compiled("cpp", "c++", "g++", execute_name="c++", version="14.2.0", source_name="main.cpp"),
            make_compiled("java", version="25.0.3", source_name=""),
            make_compiled("go", "golang", version="1.27.3", available=False),
        )
    )


@pytest.fixture(scope="module")
async def shared_executor(tmp_path_factory, several_languages):
    directory = tmp_path_factory.mktemp("executor")
    async with running(directory, script=answer_executed, status=several_languages) as instance:
        yield instance


@pytest.fixture
async def executor(shared_executor):
    """A service whose programs end well, with several languages; it is as if it had just been started."""
    supervisor = shared_executor.supervisor
    supervisor.script = answer_executed
    supervisor.jobs.clear()
    supervisor.cancelled.clear()
    return shared_executor
