from __future__ import annotations

import time

import pytest

from cellblock.api.selectors import (
    BadRangeError,
    UnknownLanguageError,
    UnknownVersionError,
    choose,
)
from doubles import make_language

PYTHONS = ["3.14.2", "3.13.5", "3.12.10", "3.11.2", "2.7.18"]


def pythons(*versions: str | None):
    return [
        make_language("python", "py", version=version, runtime=f"python-{version}") for version in versions
    ]


def chosen(version_range: str, versions: list[str] = PYTHONS) -> str | None:
    return choose("python", version_range, pythons(*versions)).version


@pytest.mark.parametrize(
    ("version_range", "version"),
    [
        ("*", "3.14.2"),
        (" * ", "3.14.2"),
        ("", "3.14.2"),
        ("x", "3.14.2"),
        ("3", "3.14.2"),
        ("2", "2.7.18"),
        ("3.x", "3.14.2"),
        ("3.*", "3.14.2"),
        ("3.12", "3.12.10"),
        ("3.12.x", "3.12.10"),
        ("3.13.5", "3.13.5"),
        ("v3.13.5", "3.13.5"),
        ("=3.13.5", "3.13.5"),
        ("^3.11", "3.14.2"),
        ("~3.11", "3.11.2"),
        (">=3.11 <3.13", "3.12.10"),
        (">= 3.11 < 3.13", "3.12.10"),
        ("3.11 - 3.13", "3.13.5"),
        ("2 || 3.11", "3.11.2"),
        ("<3", "2.7.18"),
    ],
)
def test_newest_version_of_the_range_is_chosen(version_range, version):
    assert chosen(version_range) == version


@pytest.mark.parametrize("version_range", ["*", "^3.11"])
def test_newest_is_by_number_not_by_place_or_letters(version_range):
    assert chosen(version_range, ["3.9.1", "3.11.2", "3.100.0", "3.12.0"]) == "3.100.0"


@pytest.mark.parametrize("version_range", ["4", "3.15", "3.13.6", ">3.14.2", "^2.8"])
def test_range_without_a_version_names_those_that_there_are_newest_first(version_range):
    with pytest.raises(UnknownVersionError) as refused:
        chosen(version_range, ["2.7.18", "3.13.5", "3.14.2"])
    assert refused.value.versions == ("3.14.2", "3.13.5", "2.7.18")


@pytest.mark.parametrize(
    "version_range",
    [
        "latest",
        "three",
        "3.1.1.1",
        "==3",
        ">=3.11,<3.13",
        "!=3",
        "03.11",
        "-1",
        "^^3",
        "٣",
        "3;rm",
        "3" * 257,
    ],
)
def test_text_that_is_no_range_is_told_from_a_range_without_a_version(version_range):
    with pytest.raises(BadRangeError):
        chosen(version_range)


@pytest.mark.parametrize(
    "version_range",
    [
        " " * 254 + "<0",
        "9" * 256,
        "1." * 128,
        "9 || " * 50 + "9",
        "x - " * 64,
        ">=0 <9 " * 36 + "<0",
        "<0.9||" * 42 + "<0",
        "^" * 256,
        "4.0.0-" + "0.a-" * 62,
    ],
)
def test_range_of_the_greatest_length_is_read_or_refused_at_once(version_range):
    started = time.perf_counter()
    with pytest.raises((BadRangeError, UnknownVersionError)):
        chosen(version_range)
    assert time.perf_counter() - started < 0.5


def test_prerelease_is_chosen_only_where_the_range_names_one_or_nothing_else_is_there():
    assert chosen("3", ["3.15.0-rc.1", "3.14.2"]) == "3.14.2"
    assert chosen(">=3.15.0-rc.0", ["3.15.0-rc.1", "3.14.2"]) == "3.15.0-rc.1"
    assert chosen("*", ["3.15.0-rc.1"]) == "3.15.0-rc.1"


def test_runtime_without_a_version_of_use_is_older_than_any():
    assert chosen("*", ["unknown", "0.1.0"]) == "0.1.0"
    assert choose("python", "*", pythons(None)).runtime == "python-None"
    with pytest.raises(UnknownVersionError):
        choose("python", "3", pythons(None))


def test_of_equal_versions_the_catalogs_first_is_chosen():
    languages = [make_language("c", runtime="gcc", version="1.0.0"), make_language("c", runtime="clang")]
    assert choose("c", "*", languages).runtime == "gcc"


def test_unavailable_runtimes_are_never_chosen():
    languages = [
        make_language("go", version="1.27.3", available=False),
        make_language("go", version="1.24.0"),
    ]
    assert choose("go", "*", languages).version == "1.24.0"
    with pytest.raises(UnknownVersionError):
        choose("go", "1.27", languages)
    with pytest.raises(UnknownLanguageError):
        choose("go", "*", languages[:1])


@pytest.mark.parametrize("name", ["cpp", "c++", "C++", "G++", "cc"])
def test_language_goes_by_both_canonical_names_and_its_aliases_in_any_case(name):
    languages = [make_language("c"), make_language("cpp", "g++", "cc", execute_name="c++")]
    assert choose(name, "*", languages).name == "cpp"


@pytest.mark.parametrize("name", ["", "brainfuck", "c+", "cppp", " cpp"])
def test_other_names_are_unknown(name):
    with pytest.raises(UnknownLanguageError):
        choose(name, "*", [make_language("c"), make_language("cpp", "g++", execute_name="c++")])
