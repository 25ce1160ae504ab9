"""Names of files where nobody looks at them: options reach compilers, what is no text is taken, and seen."""

from __future__ import annotations

import contextlib
import json
from pathlib import PurePosixPath

import pytest

from cellblock.attacks.caller import Answer
from cellblock.attacks.ground import Ground
from cellblock.attacks.hostile import REQUESTS
from cellblock.attacks.names import _BY_A_SHELL, LAUNCHED, OPTIONS, PLAIN, with_option
from cellblock.languages.sources import RULES, MainFile
from cellblock.model import SourceFile
from corpus import bare
from corpus.programs import Program
from escapes.bare_compilers import Beside
from escapes.seen import sees


def test_a_service_that_takes_names_that_are_no_text_is_found_out(credulous):
    with contextlib.closing(Ground()) as ground:
        wrong = REQUESTS["file_names_that_are_odd"](credulous, ground, [])
    for path in ("/v1/execute", "/api/v2/execute"):
        for name in (rb"\xff", rb"..\xc0\xafx", rb"\\ud800"):
            said = f"{path} file b'{name.decode()}' was answered 200"
            assert len([line for line in wrong if line.startswith(said)]) == 2, (said, wrong)


TAKEN = {
    "c": "-oBAIT/x.c", "cpp": "-wrapper,sh.cpp", "csharp": "-out:BAIT/x.cs", "go": "-toolexec=sh/main.go",
    "java": "-J-version.java", "rust": "@args.rs", "typescript": "@args.ts",
}  # fmt: skip
REACHES = {"c", "csharp"}
"""Their compilers would write where the option says."""


@sees("B/names-as-options")
@pytest.mark.parametrize("looked_at", [True, False])
@pytest.mark.parametrize(("language", "option"), TAKEN.items())
def test_a_compiler_that_is_given_names_as_they_are_takes_them_for_options(language, option, looked_at):
    assert option in OPTIONS[language]
    assert TAKEN.keys() == PLAIN.keys() == OPTIONS.keys()
    with contextlib.closing(Ground()) as ground:
        beside = Beside(ground)
        files = [
            SourceFile(each["name"], each["content"].encode())
            for each in with_option(language, option.replace("BAIT", str(beside.bait)))
        ]

        def changed(argv):
            return argv if looked_at else [each.removeprefix("./") for each in argv]

        ran = beside.compile(language, *files, argv=changed)
        reached = f"files in {beside.bait} changed" in ground.turned()
    as_named = ran.exit_code == 0 or b"malformed import path" in ran.stderr
    assert as_named is (looked_at or language in REACHES), ran
    assert reached is (not looked_at and language in REACHES)


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_name_behind_an_at_sign_is_a_list_of_options_to_gccs_parts(language):
    """Which is why such sources are refused: of ./@args.c they are told the last part alone."""
    program, beside, listed = with_option(language, f"@args.{language}")
    command = f'cp {listed["name"]} {beside["name"]}; exec "$@" ./{beside["name"]}'
    with contextlib.closing(Ground()) as ground:
        files = [SourceFile(each["name"], each["content"].encode()) for each in (program, listed)]
        ran = Beside(ground).compile(
            language, *files, argv=lambda argv: ("/bin/sh", "-c", command, "", *argv)
        )
    assert b"too many filenames given" in ran.stderr, ran


class Compiles:
    """A service that compiles without a cell, by the catalog's commands or by what is made of them."""

    def __init__(self, ground, language, changed):
        self.beside, self.language, self.changed = Beside(ground), language, changed

    def send(self, *_):
        return Answer(200, json.dumps([self.language]))

    def execute(self, language, files):
        sent = [SourceFile(each["name"], each["content"].encode()) for each in files]
        ran = self.beside.compile(language, *sent, argv=self.changed)
        run = {"stdout": "" if ran.exit_code else "plain\n", "stderr": ran.stderr.decode()}
        return Answer(200, json.dumps({"run": run}))


def read_again(argv):
    """Have the shell read the names that it was given as parameters."""
    assert argv[:2] == ("/bin/sh", "-c")
    return (*argv[:2], 'eval ": $*"', *argv[3:])


@sees("A4/shell-words-as-names")
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("language", ["cpp", "go", "typescript"])
def test_a_shell_that_reads_names_again_does_what_they_say(language, again):
    with contextlib.closing(Ground()) as ground:
        service = Compiles(ground, language, read_again if again else lambda argv: argv)
        wrong = REQUESTS["shell_words_as_names"](service, ground, [])
        reached = f"files in {service.beside.bait} changed" in ground.turned()
    read = [line for line in wrong if "was read by a shell" in line]
    assert (len(read) > 3, reached) == (again, again), wrong
    assert again or wrong == []


def test_every_command_of_a_compiler_that_a_shell_puts_together_is_sent_such_names():
    with contextlib.closing(Ground()) as ground:
        runtimes = Beside(ground)._catalog.runtimes
    of_a_shell = {
        each.language for each in runtimes if each.file.compile and "/bin/sh" in each.file.compile.argv
    }
    assert of_a_shell == set(_BY_A_SHELL)


class Bare:
    """A service that offers Java, without a cell; its compiler is given all names as it should be."""

    def __init__(self, ground):
        self.beside = Beside(ground)

    def send(self, *_):
        return Answer(200, '["java"]')

    def execute(self, language, files, args=()):
        sent = tuple(SourceFile(each["name"], each["content"].encode()) for each in files)
        program = Program(language=language, name="attack", files=sent, args=tuple(args))
        ran = bare.run_bare(program, self.beside.runtime(language), self.beside._root)
        run = {"stdout": ran.stdout.decode(), "stderr": ran.stderr.decode()}
        return Answer(200, json.dumps({"run": run}))


def as_it_is(_, file):
    return MainFile(name=file.name, main_class=PurePosixPath(file.name).stem)


@pytest.mark.parametrize("looked_at", [True, False])
def test_javas_launcher_takes_a_name_for_an_option_where_nobody_looks_at_it(looked_at, monkeypatch):
    monkeypatch.setattr("cellblock.attacks.names.OPTIONS", {"java": ()})
    if not looked_at:
        monkeypatch.setitem(RULES, "java_public_class", as_it_is)
    with contextlib.closing(Ground()) as ground:
        wrong = REQUESTS["names_as_options"](Bare(ground), ground, [])
    assert len(wrong) == (0 if looked_at else len(LAUNCHED)), wrong
    assert all(f"main file {name!r} was taken" in line for name, line in zip(LAUNCHED, wrong, strict=False))
    # With an option of the program's own it started the class that its argument names.
    assert looked_at or ("-showversion" in wrong[1] and "plain" in wrong[1])


class Offers:
    """A service that has three languages, and one compiler that takes names for options."""

    def __init__(self):
        self.asked = []

    def send(self, *_):
        return Answer(200, json.dumps(["c", "go", "rust"]))

    def execute(self, language, files):
        self.asked.append(language)
        ran = {"stdout": "" if files[0]["name"] == "@args.rs" else "plain\n"}
        return Answer(200, json.dumps({"run": ran}))


def test_each_language_that_is_offered_is_asked_for():
    service, answers = Offers(), []
    with contextlib.closing(Ground()) as ground:
        wrong = REQUESTS["names_as_options"](service, ground, answers)
    assert set(service.asked) == {"go", "rust"}
    assert len(answers) == len(OPTIONS["go"]) + len(OPTIONS["rust"])
    assert [line.startswith("source '@args.rs' was taken for an option") for line in wrong] == [True]
