"""Class B without a cell or limits, and with a cache that mixes programs up: attacks are seen to succeed."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess

import pytest

from cellblock.attacks.caller import Answer
from cellblock.attacks.compiled import programs_that_look_alike, with_assembly, with_configuration
from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill, trials
from cellblock.model import SourceFile
from escapes.bare_compilers import CGO, MAIN
from escapes.seen import sees


def sources(files):
    return [SourceFile(each["name"], each["content"].encode()) for each in files]


@sees("B/assembly")
def test_without_a_cell_gos_assembler_tells_the_secret(beside):
    files = sources(with_assembly(f"{beside.bait}/secret"))
    ran = beside.compile("go", *files, argv=lambda _: ("/bin/sh", "-c", CGO))
    assert beside.ground.told((ran.stdout + ran.stderr).decode()), ran


RAW = "--tsconfig-raw={}"
"""What has no tsconfig.json of a program's own heeded."""
SHOWS = ("/bin/sh", "-c", '"$@"; [ ! -e /out/main.mjs ] || cat /out/main.mjs', "sh")


@sees("B/tsconfig-that-extends")
@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("way", ["extends", "paths", "baseUrl", "package"])
def test_without_a_cell_what_a_configuration_points_to_is_told(way, raw, beside):
    """By this ``tsconfig-that-extends`` succeeds."""
    ((files, heard),) = (
        (files, heard) for each, files, heard in with_configuration(f"{beside.bait}/secret") if each == way
    )

    def changed(argv):
        assert sum(each.count(RAW) for each in argv) == 1
        return (*SHOWS, *(each if raw else each.replace(RAW, "") for each in argv))

    ran = beside.compile("typescript", *sources(files), argv=changed)
    said = (ran.stdout + ran.stderr).decode()
    assert beside.ground.told(said) is (way == "package" or not raw), said
    if way == "extends" and not raw:
        assert re.search(rf"secret:1:0:\s+1 │ {beside.ground.token}", said), "it is the file's first line"
        assert heard not in said


@sees("B/key-file")
@pytest.mark.parametrize("there", [True, False])
def test_without_a_cell_a_compiler_tells_whether_the_bait_is_there(there, beside):
    name = "B/key-file/bait/csharp"
    if not there:
        (beside.bait / "secret").unlink()
    ran = beside.compile("csharp", SourceFile(MAIN["csharp"], beside.code(name).encode()))
    (trial,) = (each for each in trials() if each.name == name)
    absent = fill(trial.proof, {"SECRET": f"{beside.bait}/secret"})
    assert (absent in ran.stderr.decode()) is not there, ran
    assert (b"has incorrect format" in ran.stderr) is there, "it was read"


@sees("B/environment")
@pytest.mark.parametrize("told", [True, False])
def test_a_compiler_that_inherits_its_environment_tells_it(told, beside):
    environment = {"CELLBLOCK_DATA_DIR": "/var/lib/cellblock"} if told else {}
    name = "B/environment/rust"
    source = SourceFile(MAIN["rust"], beside.code(name).encode())
    run = ("/bin/sh", "-c", '"$@" && exec /out/main', "sh")
    ran = beside.compile("rust", source, argv=lambda argv: (*run, *argv), **environment)
    (trial,) = (each for each in trials() if each.name == name)
    assert ran.stdout == b"attempt\n"
    assert ran.exit_code == (trial.attack.success_code if told else 0)


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_compiler_that_takes_its_source_for_preprocessed_opens_what_a_program_names(language, beside):
    source = SourceFile(MAIN[language], beside.code(f"B/pragma/precompiled/{language}").encode())
    switched = beside.compile(language, source, argv=lambda argv: (*argv, "-fpreprocessed"))
    assert f"{beside.bait}/secret: PCH file was invalid" in switched.stderr.decode(), "it was read"


class Mixing:
    """A service that compiles each program once; those are the same to it that ``kept_as`` calls the same."""

    def __init__(self, kept_as):
        self._kept_as = kept_as
        self._cache = {}

    def execute(self, language, **program):
        body = {"language": language, **program}
        told = self._cache.setdefault(self._kept_as(body), self._run(body))
        return Answer(200, json.dumps({"run": {"stdout": told}}))

    def _run(self, body):
        files = {each["name"]: each["content"] for each in body["files"]}
        one, two = ("".join(re.findall(r'"(\w)"', files[name])) for name in ("one.h", "two.h"))
        main = files[next(name for name in files if name.startswith("main."))]
        mark = re.search(r'puts\("(.+)"\)', main)[1]
        return f"{one}|{two}{'+' if body['language'] == 'cpp' else ''}{mark}\n"


def contents(body):
    return (body["language"], *sorted(each["content"] for each in body["files"]))


def by_name(body):
    return tuple(sorted((each["name"].split(".")[0], each["content"]) for each in body["files"]))


def everything(body):
    return json.dumps(body)


@sees("B/look-alikes")
@pytest.mark.parametrize(("kept_as", "mixed"), [(contents, True), (by_name, True), (everything, False)])
def test_a_cache_that_takes_one_program_for_another_is_found_out(kept_as, mixed):
    answers = []
    with contextlib.closing(Ground()) as ground:
        wrong = programs_that_look_alike(Mixing(kept_as), ground, answers)
    assert bool(wrong) is mixed
    assert len(answers) == 32


@sees("B/embed", "B/pragma")
@pytest.mark.parametrize(
    "name",
    [
        "B/embed/bait/c",
        "B/embed/bait/cpp",
        "B/pragma/plugin/c",
        "B/pragma/library/cpp",
        "B/pragma/dependency/c",
        "B/pragma/dependency/cpp",
    ],
)
def test_without_a_cell_a_preprocessor_tells_that_the_bait_is_there(name, beside):
    (trial,) = (each for each in trials() if each.name == name)
    ran = beside.run(name.rpartition("/")[2], beside.code(name))
    assert ran.verdict in trial.attack.succeeds, ran


@sees("B/error-flood")
@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_flood_of_errors_doubles_with_each_level_up_to_gigabytes(language, tmp_path):
    (trial,) = (each for each in trials() if each.name == f"B/error-flood/{language}")
    (levels,) = map(int, re.findall(r"__INCLUDE_LEVEL__ < (\d+)", trial.source))
    written = []
    for level in (5, 6):
        source = tmp_path / f"main.{language}"
        source.write_text(trial.source.replace(f"< {levels}", f"< {level}"))
        done = subprocess.run(["gcc", "-fsyntax-only", source], capture_output=True, check=False)
        assert trial.proof.encode() in done.stderr
        written.append(len(done.stderr))
    assert written[1] > 1.9 * written[0]
    assert written[1] * 2 ** (levels - 6) > 1 << 30
