"""The table of languages as documentation, from the catalog alone."""

from __future__ import annotations

from collections.abc import Iterable

from cellblock.languages.catalog_file import RuntimeFile


def as_markdown(runtimes: Iterable[RuntimeFile]) -> str:
    """Return one row a language: its names in both dialects, its other names, its runtimes' versions."""
    by_language: dict[str, list[RuntimeFile]] = {}
    for runtime in runtimes:
        by_language.setdefault(runtime.language, []).append(runtime)
    rows = [
        "| judge API | execute API | also called | versions (runtime) |",
        "|---|---|---|---|",
        *(_row(language, files) for language, files in by_language.items()),
    ]
    return "\n".join(rows) + "\n"


def _row(language: str, files: list[RuntimeFile]) -> str:
    first = files[0]
    aliases = ", ".join(f"`{alias}`" for alias in first.aliases)
    runtimes = "; ".join(map(_runtime, files))
    return f"| `{language}` | `{first.execute_name or language}` | {aliases} | {runtimes} |"


def _runtime(file: RuntimeFile) -> str:
    version = file.version or "as it is there"
    return f"{file.title} {version}{file.level and f', {file.level}'} (`{file.id}`)"
