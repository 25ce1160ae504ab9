"""What every language must do, as data: one program, what it is given, what must come of it.

The programs lie in ``programs/<language>/``: ``<case>.<suffix>`` is a submission of one unnamed file
(the language's own default name applies), a directory ``<case>/`` one of several files, of which the
one called ``main`` (in any case) comes first. What is expected stands here: once for all languages,
and again where a language differs. ``all_cases()`` puts both together; a program without an
expectation, or an expectation without its program, is an error.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from cellblock.model import SourceFile, Stage, StageLimits, Verdict

PROGRAMS = Path(__file__).with_name("programs")
OUTPUTS = Path(__file__).with_name("outputs")
"""What the longer programs print, by language: each figure is one that was known before."""

LANGUAGES = (
    "python",
    "javascript",
    "typescript",
    "bash",
    "c",
    "cpp",
    "go",
    "ruby",
    "rust",
    "java",
    "csharp",
)

SIGSEGV, SIGABRT, SIGKILL = 11, 6, 9


class Expected(Struct, frozen=True, kw_only=True):
    """What a run must come to. ``None`` for an output means that it does not matter."""

    verdict: Verdict
    stage: Stage = Stage.RUN
    """Where it ends: a compile error ends in the compile stage."""
    exit_code: int | None = None
    """``None`` where it must be null."""
    signal: int | None = None
    stdout: bytes | None = None
    """All of it."""
    stderr_contains: tuple[bytes, ...] = ()
    """Of the stage in which it ends."""
    stderr_empty: bool = False


class Case(Struct, frozen=True, kw_only=True):
    """One cell of the language x case matrix."""

    language: str
    """Canonical name in the judge API."""
    name: str
    files: tuple[SourceFile, ...]
    """The first is the main file; an empty name stands for the language's default."""
    stdin: bytes = b""
    args: tuple[str, ...] = ()
    run: StageLimits = StageLimits()
    """What the execute API is asked for, so that a limit is met soon; the judge API runs at its profile's."""
    expected: Expected

    @property
    def execute_only(self) -> bool:
        """Whether the judge API, with one file and no arguments, cannot be asked for this."""
        return bool(self.args) or len(self.files) > 1 or self.files[0].name != ""


class _Given(Struct, frozen=True, kw_only=True):
    """A row of the table: what a program of this name is given and must come to."""

    expected: Expected
    stdin: bytes = b""
    args: tuple[str, ...] = ()
    run: StageLimits = StageLimits()


def _prints(stdout: str | bytes) -> Expected:
    content = stdout.encode() if isinstance(stdout, str) else stdout
    return Expected(verdict=Verdict.AC, exit_code=0, stdout=content, stderr_empty=True)


def _fails(exit_code: int, *stderr: bytes, stdout: bytes | None = b"") -> Expected:
    return Expected(verdict=Verdict.RE, exit_code=exit_code, stdout=stdout, stderr_contains=stderr)


def _does_not_compile(exit_code: int, *stderr: bytes) -> Expected:
    return Expected(
        verdict=Verdict.RE, stage=Stage.COMPILE, exit_code=exit_code, stdout=b"", stderr_contains=stderr
    )


def _ends_by(verdict: Verdict, signal: int = SIGKILL) -> Expected:
    return Expected(verdict=verdict, signal=signal)


def _line_numbers(total_bytes: int) -> bytes:
    """Return text lines of this total size, each different, the last without its newline."""
    lines = b"".join(b"line %06d \xc3\xa4\xe2\x82\xac 0123456789abcdef\n" % n for n in range(8000))
    return lines[: total_bytes - 1] + b"."


ARGUMENTS = ("one", "two words", "\u00fc\u20ac", "--flag", "", 'it\'s "quoted" $HOME *')
MEBIBYTE = 1 << 20

COMMON = {
    "hello": _Given(expected=_prints("Hello, world!\n")),
    "echo": _Given(stdin=_line_numbers(200_000), expected=_prints(_line_numbers(200_000))),
    "arguments": _Given(
        args=ARGUMENTS, expected=_prints("".join(f"[{argument}]\n" for argument in ARGUMENTS))
    ),
    "exit_three": _Given(expected=_fails(3, b"failing", stdout=b"before\n")),
    "uncaught": _Given(expected=_fails(1, b"boom", stdout=b"before\n")),
    "abort": _Given(expected=_ends_by(Verdict.SIG, SIGABRT)),
    "spin": _Given(run=StageLimits(wall_ms=3_000, cpu_ms=1_000), expected=_ends_by(Verdict.TLE)),
    "sleep": _Given(run=StageLimits(wall_ms=1_500), expected=_ends_by(Verdict.TLE)),
    "memory": _Given(run=StageLimits(memory_bytes=256 * MEBIBYTE), expected=_ends_by(Verdict.MLE)),
    "many": _Given(expected=Expected(verdict=Verdict.PLE, exit_code=1)),
    "megabyte": _Given(expected=_prints(b"0123456789abcde\n" * 65_536)),
    "unicode": _Given(
        stdin="Zo\u00eb \u65e5\u672c \U0001f600\n".encode(),
        expected=_prints(
            "Gr\u00fc\u00dfe \u2211 \u65e5\u672c\u8a9e \U0001f680\nZo\u00eb \u65e5\u672c \U0001f600\n"
        ),
    ),
    "several_files": _Given(expected=_prints("area 12\nperimeter 14\nHello from below\n")),
}
"""What a program of this name is given in every language."""

PARTICULAR: dict[tuple[str, str], _Given] = {
    ("python", "broken"): _Given(expected=_fails(1, b"main.py", b"line 3", b"SyntaxError")),
    ("javascript", "broken"): _Given(expected=_fails(1, b"main.js:3", b"SyntaxError")),
    ("javascript", "es_module"): _Given(expected=_prints("6 undefined\n")),
    ("javascript", "package_type"): _Given(expected=_prints("MODULE\n")),
    ("javascript", "detected_module"): _Given(expected=_prints("/ undefined\n")),
    ("typescript", "broken"): _Given(expected=_does_not_compile(1, b"main.ts(3,19)", b"TS1109")),
    ("typescript", "type_error"): _Given(expected=_does_not_compile(1, b"main.ts(5,19)", b"TS2345")),
    ("typescript", "node_types_error"): _Given(expected=_does_not_compile(1, b"main.ts(3,7)", b"TS2322")),
    ("typescript", "error_in_another_file"): _Given(expected=_does_not_compile(1, b"lib/half.ts(1,")),
    ("typescript", "top_level_await"): _Given(stdin=b"one\ntwo\n", expected=_prints("2 2 a/b string\n")),
    ("typescript", "own_tsconfig"): _Given(expected=_prints("as without it\n")),
    ("bash", "broken"): _Given(
        expected=_fails(
            2, b"main.sh", b"line 3", b"syntax error", stdout=b"printed, as bash reads line by line\n"
        )
    ),
    ("bash", "many"): _Given(expected=Expected(verdict=Verdict.PLE, exit_code=2)),
    ("c", "broken"): _Given(expected=_does_not_compile(1, b"main.c:4", b"undeclared_name")),
    ("c", "segfault"): _Given(
        expected=Expected(verdict=Verdict.SIG, signal=SIGSEGV, stdout=b"before\n", stderr_empty=True)
    ),
    ("c", "posix_and_math"): _Given(stdin=b"a line\n", expected=_prints("a line\n9.8696 201710\n")),
    ("cpp", "broken"): _Given(expected=_does_not_compile(1, b"main.cpp:4", b"error:")),
    ("cpp", "segfault"): _Given(
        expected=Expected(verdict=Verdict.SIG, signal=SIGSEGV, stdout=b"before\n", stderr_empty=True)
    ),
    ("cpp", "uncaught"): _Given(
        expected=Expected(verdict=Verdict.SIG, signal=SIGABRT, stdout=b"before\n", stderr_contains=(b"boom",))
    ),
    ("cpp", "bits_header"): _Given(stdin=b"3 8 -2 7", expected=_prints("16 2 two -2 8 202002\n")),
    ("go", "broken"): _Given(expected=_does_not_compile(1, b"main.go:4", b"declared and not used")),
    ("go", "uncaught"): _Given(expected=_fails(2, b"panic: boom", b"main.go:10", stdout=b"before\n")),
    ("go", "many"): _Given(expected=Expected(verdict=Verdict.PLE, exit_code=2)),
    ("go", "own_module"): _Given(expected=_prints("6\n")),
    ("go", "main_below"): _Given(expected=_prints("42\n")),
    ("go", "another_package"): _Given(expected=_does_not_compile(1, b"main package")),
    ("ruby", "many"): _Given(expected=Expected(verdict=Verdict.PLE, exit_code=2)),
    ("ruby", "broken"): _Given(expected=_fails(1, b"main.rb:3", b"syntax error")),
    ("rust", "broken"): _Given(expected=_does_not_compile(1, b"main.rs:2", b"E0308")),
    ("rust", "uncaught"): _Given(expected=_fails(101, b"main.rs:3", b"boom", stdout=b"before\n")),
    ("rust", "segfault"): _Given(
        expected=Expected(verdict=Verdict.SIG, signal=SIGSEGV, stdout=b"before\n", stderr_empty=True)
    ),
    ("rust", "edition_2021"): _Given(expected=_prints("edition 2021 6\n")),
    ("java", "broken"): _Given(expected=_does_not_compile(1, b"Main.java:3", b"incompatible types")),
    ("java", "in_a_package"): _Given(expected=_prints("org.example.app.Application 1[]\n")),
    ("java", "no_public_class"): _Given(expected=_prints("helped Pair[a=1, b=2]\n")),
    ("java", "compact"): _Given(expected=_prints("compact 42\n")),
    ("java", "no_class"): _Given(expected=_fails(1, b"Main")),
    ("java", "garbage"): _Given(expected=_prints("1250000000\n")),
    ("csharp", "broken"): _Given(expected=_does_not_compile(1, b"main.cs(3,", b"CS0029")),
}
"""Programs of one language, and what common ones come to there instead."""

PARTICULAR.update(
    ((path.stem, "real"), _Given(expected=_prints(path.read_bytes()))) for path in OUTPUTS.glob("*.txt")
)


def all_cases() -> list[Case]:
    """Return the whole matrix, by language and name; raises ``LookupError`` where a part is missing."""
    cases = [case for language in LANGUAGES for case in _cases_of(language)]
    found = {(case.language, case.name) for case in cases}
    missing = {(language, name) for language in LANGUAGES for name in COMMON} | set(PARTICULAR)
    if missing - found:
        raise LookupError(f"expectations without a program: {sorted(missing - found)}")
    return cases


def _cases_of(language: str) -> list[Case]:
    cases = []
    for path in sorted((PROGRAMS / language).iterdir()):
        name = path.stem if path.is_file() else path.name
        given = PARTICULAR.get((language, name), COMMON.get(name))
        if given is None:
            raise LookupError(f"nothing is expected of {path}")
        cases.append(
            Case(
                language=language,
                name=name,
                files=_files(path),
                stdin=given.stdin,
                args=given.args,
                run=given.run,
                expected=given.expected,
            )
        )
    return cases


def _files(path: Path) -> tuple[SourceFile, ...]:
    if path.is_file():
        return (SourceFile("", path.read_bytes()),)
    names = sorted(
        (str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()),
        key=lambda name: (Path(name).stem.lower() != "main" or "/" in name, name),
    )
    return tuple(SourceFile(name, (path / name).read_bytes()) for name in names)
