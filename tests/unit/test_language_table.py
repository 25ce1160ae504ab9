"""The README's table of languages is the catalog's."""

from __future__ import annotations

import re
from pathlib import Path

from cellblock.cli.language_table import as_markdown
from cellblock.toolchains.wanted import read_catalog

README = Path(__file__).parents[2] / "README.md"


def test_readme_lists_the_languages_of_the_catalog():
    section = re.search(r"<!-- languages -->\n(.*?)<!-- end of languages -->", README.read_text(), re.DOTALL)
    assert section is not None
    assert section[1] == as_markdown(read_catalog().runtimes), "README.md is stale: run `make docs`"


def test_table_says_versions_and_which_edition_of_a_language():
    rows = dict(line.split(" | ", 1) for line in as_markdown(read_catalog().runtimes).splitlines()[2:])
    assert "C# (Mono) 6.12, C# 7 (`csharp-mono`)" in rows["| `csharp`"]
    assert "Python 3.13 (`python-3.13`); Python (of the host) as it is there" in rows["| `python`"]


def test_versions_of_components_are_those_that_are_pinned():
    pinned = {
        runtime.id: (runtime.version, re.split("==|@", (*need.pypi, *need.npm)[0])[-1])
        for runtime in read_catalog().runtimes
        for need in runtime.needs
        if need.name == runtime.id
    }
    assert set(pinned) == {"go-1.27", "node-24", "node-26", "typescript-7"}
    assert [runtime for runtime, (stated, package) in pinned.items() if stated != package] == []
