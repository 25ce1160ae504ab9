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
