"""The language file that the documentation shows is a whole language."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from cellblock import config
from cellblock.engine.installation import Installation
from cellblock.engine.run import Engine
from cellblock.engine.self_test import check
from cellblock.languages.catalog_file import parse_runtime_file
from cellblock.languages.registry import Registry, make_runtime
from cellblock.sandbox.host import Host

PAGE = Path(__file__).parents[2] / "docs" / "languages.md"


def find(text):
    """Check a language file's runtime in a cell."""
    settings = config.load({}, {})
    runtime = make_runtime(parse_runtime_file("docs/languages.md", text), text, settings.output_max_bytes, {})

    async def check_in_a_cell():
        host = await Host.open(settings)
        try:
            installation = Installation(settings.toolchain_dir)
            return await check(Engine(settings, host, Registry([runtime]), installation), runtime)
        finally:
            await host.close()

    return asyncio.run(check_in_a_cell())


def example():
    return re.search(r"## An example\n.*?```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


def test_example_of_the_documentation_runs_in_a_cell():
    finding = find(example())
    assert finding.reason == ""
    assert re.fullmatch(r"5\.\d+\.\d+", finding.version)


def test_a_runtime_of_another_version_than_stated_is_not_offered_and_says_so():
    finding = find(f'version = "4.2"\n{example()}')
    assert finding.reason == f"it is version {finding.version}, its language file says 4.2"
