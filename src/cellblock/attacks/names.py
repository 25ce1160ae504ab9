"""Requests whose files have names that climb, collide, are no text, or look like options of a compiler."""

from __future__ import annotations

import itertools
import json

from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.ground import Ground
from cellblock.attacks.refused import HELLO, OK, REFUSED, not_in, run_python

_NO_TEXT = (
    b"\xff", b"a\xffb.py", b"\xc3", b"\xc3(", b"..\xc0\xafx", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\\ud800", b"a\\udfff.py", b"\\udc00\\ud800",
)  # fmt: skip
"""Names as they stand in JSON: bytes that are no UTF-8 (a slash in two bytes, half a sign), and escapes."""
PLAIN = {
    "c": '#include <stdio.h>\nint main(void) { puts("plain"); }',
    "cpp": '#include <cstdio>\nint main() { std::puts("plain"); }',
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("plain") }',
    "java": 'class Main { public static void main(String[] a) { System.out.println("plain"); } }',
    "rust": 'fn main() { println!("plain"); }',
    "csharp": 'class Program { static void Main() { System.Console.WriteLine("plain"); } }',
    "typescript": 'console.log("plain");',
}
_BESIDE = {
    "c": ("main.c", "int other;"),
    "cpp": ("main.cpp", "int other;"),
    "java": ("Main.java", "class Other { }"),
    "csharp": ("main.cs", "class Other { }"),
}
OPTIONS = {
    "c": (
        "-DX.c",
        "-o.c",
        "-oBAIT/x.c",
        "-fplugin=./e.so.c",
        "@args.c",
        "-wrapper,sh.c",
        "--version.c",
        "-include.c",
    ),
    "cpp": ("-oBAIT/x.cpp", "-wrapper,sh.cpp", "@args.cpp", "--version.cpp"),
    "go": ("-toolexec=sh/main.go", "-overlay=x/main.go", "-o.go", "-C/main.go"),
    "java": ("-d.java", "-J-version.java", "@args.java", "--version.java"),
    "rust": ("-Clinker=sh.rs", "-oBAIT/x.rs", "@args.rs", "--version.rs"),
    "csharp": ("-out:BAIT/x.cs", "-r:x.cs", "@args.cs", "*.cs"),
    "typescript": ("--version.ts", "--outfile.ts", "@args.ts", "-p.ts"),
}
"""Names of sources that are options of the compiler of their language, or files with such."""
_BY_A_SHELL = ("cpp", "go", "typescript")
"""Languages whose compilers a shell in their cell puts together, to which names of sources are parameters."""
_SUFFIXES = {"cpp": ".cpp", "go": ".go", "typescript": ".ts"}
_COMPUTED = "shell42"
_COMMANDS = {
    "echo shell$((40+2)) >&2": (
        "$({})",
        "`{}`",
        "; {} #",
        "| {} #",
        "&& {} #",
        "\n{}\n",
        "'; {}; '",
        '"; {}; "',
    ),
    "touch BAIT/shell": ("$({})", "; {} #"),
}
LAUNCHED = ("-XX:Flags=flags.java", "-showversion.java", "--help.java")
"""Names of main files that are options of Java's launcher, where it is to start a class of that name."""
_NO_CLASS = "Could not find or load main class"
_LONG = "a" * 130
"""As package and as class: together longer than any name of a file, so that the file's own is started."""
_SAYS_OF_NAMES = {"go": ("malformed import path", "invalid input file name", "invalid input directory name")}
"""What a compiler says of the name itself, where it takes no file of such a name."""


def file_names_that_climb(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Name files by paths out of the work area; each must be refused."""
    bait = str(ground.directories[0])
    names = [
        f"{bait}/written", f"../../../../..{bait}/written", f"a/../../..{bait}/written", "..", ".", "a/..",
        "./../x", "/proc/self/exe", "//etc/passwd", "a/./../../b", "x\0y", "\0", "a/" * 4096 + "x",
        "x" * 70_000, f"..\\..{bait}", "a//b/../../../c",
    ]  # fmt: skip
    wrong = []
    for name in names:
        files = [{"name": "main.py", "content": HELLO}, {"name": name, "content": "written"}]
        answer = run_python(caller, answers, files=files)
        if answer.status == OK and answer.json().get("run", {}).get("stdout") != "4\n":
            wrong.append(f"file {name[:60]!r}: accepted, and the program did not run: {answer.text[:200]}")
        wrong += not_in(answer, (OK, *REFUSED), f"file {name[:60]!r}")
        if ".." in name.split("/") or name.startswith("/") or "\0" in name:
            wrong += not_in(answer, REFUSED, f"file {name[:60]!r}")
    return wrong


def file_names_that_are_odd(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Use newlines, options, shell words and control signs as names; the program must run as always."""
    touched = f"{ground.directories[0]}/name".replace("/", "\\057")
    names = [
        "new\nline", "-rf", "--help", "-fplugin=./x.so", "@response", "`id`",
        f"$(touch $(printf '{touched}'))", "; id", "a b", "*", "~", "\u202egnp.exe", "\ufeffx", "é",
        "e\u0301", "\x1b[2J", "CON", ".hidden",
    ]  # fmt: skip
    wrong = []
    for name in names:
        files = [{"name": "main.py", "content": HELLO}, {"name": name, "content": "import os"}]
        answer = run_python(caller, answers, files=files)
        wrong += not_in(answer, (OK, *REFUSED), f"file {name!r}")
        if answer.status == OK and answer.json()["run"]["stdout"] != "4\n":
            wrong.append(f"file {name!r} changed the program's answer: {answer.text[:200]}")
    return wrong + _names_that_are_no_text(caller, answers)


def _names_that_are_no_text(caller: Caller, answers: list[Answer]) -> list[str]:
    """Send names that are no UTF-8, or halves of a character; each is refused, of a source too."""
    wrong = []
    for path, name, beside in itertools.product(("/v1/execute", "/api/v2/execute"), _NO_TEXT, (True, False)):
        main = b'{"name": "main.py", "content": "print(2 + 2)"}, ' if beside else b""
        body = b'{"language": "python", "version": "*", "files": [%s{"name": "%s", "content": "x"}]}'
        answer = caller.send("POST", path, body % (main, name))
        answers.append(answer)
        wrong += not_in(answer, REFUSED, f"{path} file {name!r}")
    return wrong


def file_names_that_collide(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Name one file twice, or a file like a directory; both are refused."""
    wrong = []
    for pair in (["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a", "./a"], ["main.py", "main.py/x"]):
        files = [{"name": "main.py", "content": HELLO}, *({"name": name, "content": ""} for name in pair)]
        wrong += not_in(run_python(caller, answers, files=files), REFUSED, f"files {pair}")
    return wrong


def file_names_by_the_thousand(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Send 100 000 tiny files, then 4096 directories in one name."""
    many = [
        {"name": "main.py", "content": HELLO},
        *({"name": f"f{n}", "content": ""} for n in range(100_000)),
    ]
    deep = [{"name": "main.py", "content": HELLO}, {"name": "d/" * 2000 + "x", "content": ""}]
    return [
        fault
        for what, files in (("100 000 files", many), ("2000 directories deep", deep))
        for fault in not_in(run_python(caller, answers, files=files), REFUSED, what)
    ]


def with_option(language: str, name: str, mark: str = "") -> list[dict[str, str]]:
    """Return the files of a program that prints one word, among them one with a name that is an option.

    Beside a source of the usual name, where the compiler is given all of them; else it is the main file.
    With a mark it was not compiled before. What an @ names is a source that is no list of options.
    """
    main, other = _BESIDE.get(language, ("", ""))
    program = {"name": main or name, "content": f"{PLAIN[language]}\n// {mark}\n"}
    beside = {"name": name, "content": other}
    listed = {"name": name.removeprefix("@"), "content": "// other"}
    return [program, *([beside] if main else []), *([listed] if listed["name"] != name else [])]


def source_names_as_options(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Name a source in C like an option of its compiler, which must see files only."""
    return _as_options(caller, ground, answers, "c")


def names_as_options(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Do so in every other language that is compiled, where it is offered."""
    offered = json.loads(caller.send("GET", "/api/languages").text)
    others = [language for language in OPTIONS if language in offered and language != "c"]
    wrong = [fault for language in others for fault in _as_options(caller, ground, answers, language)]
    return wrong + (_started_by_name(caller, ground, answers) if "java" in others else [])


def _as_options(caller: Caller, ground: Ground, answers: list[Answer], language: str) -> list[str]:
    wrong = []
    for option in OPTIONS[language]:
        name = option.replace("BAIT", str(ground.directories[0]))
        answer = caller.execute(language, files=with_option(language, name, ground.mark))
        answers.append(answer)
        if not _ran_or_named(answer, language):
            wrong.append(f"source {name!r} was taken for an option: {answer.text[:200]}")
    return wrong


def _ran_or_named(answer: Answer, language: str) -> bool:
    """Whether the program ran, or its name was refused: by the service, or by a compiler that says so."""
    ran = answer.status == OK and answer.json()["run"]["stdout"] == "plain\n"
    named = any(words in answer.text for words in _SAYS_OF_NAMES.get(language, ()))
    return ran or named or answer.status in REFUSED


def shell_words_as_names(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Name sources by commands of a shell, in the languages that have one in their compiler's cell."""
    offered = json.loads(caller.send("GET", "/api/languages").text)
    wrong = []
    for language in (each for each in _BY_A_SHELL if each in offered):
        for name in names_with_commands(language, str(ground.directories[2])):
            files = [{"name": name, "content": f"{PLAIN[language]}\n// {ground.mark}\n"}]
            answer = caller.execute(language, files=files)
            answers.append(answer)
            if _COMPUTED in answer.text:
                wrong.append(f"source {name!r} was read by a shell: {answer.text[:200]}")
            elif not _ran_or_named(answer, language):
                wrong.append(f"source {name!r} was not compiled: {answer.text[:200]}")
    return wrong


def names_with_commands(language: str, bait: str) -> list[str]:
    """Make names of sources that are commands wherever a shell reads them, quoted or not."""
    return [
        f"{word.format(command).replace('BAIT', bait)}{_SUFFIXES[language]}"
        for command, words in _COMMANDS.items()
        for word in words
    ]


def named_like_its_class(name: str, mark: str = "") -> list[dict[str, str]]:
    """Return the files of a Java program that is started by its file's name, beside one that prints a word.

    An option in that place would have the launcher start what the first argument names.
    """
    started = f"package {_LONG}; class {_LONG} {{ }}\n// {mark}\n"
    beside = (("Main.java", PLAIN["java"]), ("flags", "+PrintCommandLineFlags\n"))
    return [{"name": each, "content": content} for each, content in ((name, started), *beside)]


def _started_by_name(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    wrong = []
    for name in LAUNCHED:
        answer = caller.execute("java", files=named_like_its_class(name, ground.mark), args=["Main"])
        answers.append(answer)
        if _NO_CLASS not in answer.text and answer.status not in REFUSED:
            wrong.append(f"main file {name!r} was taken for an option: {answer.text[:200]}")
    return wrong
