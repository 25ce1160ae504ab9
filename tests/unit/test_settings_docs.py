"""The documentation of settings is the settings table."""

from __future__ import annotations

from pathlib import Path

from cellblock.cli.settings import as_markdown
from cellblock.config import SETTINGS

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_page_is_what_the_table_says():
    assert PAGE.read_text() == as_markdown(), "docs/settings.md is stale: run `make docs`"


def test_page_names_flag_variable_and_key_of_every_setting():
    page = PAGE.read_text()
    for setting in SETTINGS:
        assert f"`{setting.flag}`" in page
        assert f"`{setting.variable}`" in page
        assert not setting.in_file or f"`{setting.name}`" in page
