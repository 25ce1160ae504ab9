"""Sources that editors, clients and accidents produce, and what each language makes of them.

One plain program a language prints two lines; a case changes one thing about it. What follows is the
language's own ending, whichever that is: it runs, or its compiler or interpreter says what it dislikes.
"""

from __future__ import annotations

from cellblock.model import SourceFile, Stage, Verdict
from languages.cases import LANGUAGES, Case, Expected

PLAIN = {
    "python": "print('a')\n#@\nprint('b')\n",
    "javascript": "console.log('a')\n//@\nconsole.log('b')\n",
    "typescript": "const a: string = 'a'\n//@\nconsole.log(a)\nconsole.log('b')\n",
    "bash": "echo a\n#@\necho b\n",
    "c": '#include <stdio.h>\n//@\nint main(void) {\n  puts("a");\n  puts("b");\n}\n',
    "cpp": '#include <cstdio>\n//@\nint main() {\n  puts("a");\n  puts("b");\n}\n',
    "go": 'package main\n\nimport "fmt"\n\n//@\nfunc main() {\n\tfmt.Println("a")\n\tfmt.Println("b")\n}\n',
    "ruby": "puts 'a'\n#@\nputs 'b'\n",
    "rust": 'fn main() {\n    //@\n    println!("a");\n    println!("b");\n}\n',
    "java": (
        "public class Odd {\n    //@\n    public static void main(String[] args) {\n"
        '        System.out.println("a");\n        System.out.println("b");\n    }\n}\n'
    ),
    "csharp": (
        "using System;\n//@\nclass Odd {\n    static void Main() {\n"
        '        Console.WriteLine("a");\n        Console.WriteLine("b");\n    }\n}\n'
    ),
}
"""A program that prints ``a`` and ``b``; ``@`` stands in a comment."""

TWO_BYTES = {
    "python": r"import sys; sys.stdout.buffer.write(b'a\xff\xfeb\n')",
    "javascript": "process.stdout.write(Buffer.from([97, 255, 254, 98, 10]))",
    "typescript": "process.stdout.write(Buffer.from([97, 255, 254, 98, 10]))",
    "bash": r"printf 'a\xff\xfeb\n'",
    "c": '#include <stdio.h>\nint main(void) { puts("a\\xff\\xfe" "b"); }',
    "cpp": '#include <cstdio>\nint main() { puts("a\\xff\\xfe" "b"); }',
    "go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("a\\xff\\xfeb") }\n',
    "ruby": r'puts "a\xff\xfeb"',
    "rust": r'use std::io::Write; fn main() { std::io::stdout().write_all(b"a\xff\xfeb\n").unwrap(); }',
    "java": (
        "void main() { for (int b : new int[] {97, 255, 254, 98, 10}) System.out.write(b);"
        " System.out.flush(); }"
    ),
    "csharp": (
        "class Odd { static void Main() { var bytes = new byte[] {97, 255, 254, 98, 10};"
        " System.Console.OpenStandardOutput().Write(bytes, 0, 5); } }"
    ),
}
"""A program that prints two bytes that no UTF-8 has."""

HALF_A_PAIR = {
    "python": r"print('\ud800')",
    "javascript": r"console.log('\ud800')",
    "typescript": r"console.log('\ud800')",
    "bash": r"echo $'\ud800'",
    "c": '#include <stdio.h>\nint main(void) { puts("\\ud800"); }',
    "cpp": '#include <cstdio>\nint main() { puts("\\ud800"); }',
    "go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("\\ud800") }\n',
    "ruby": r'puts "\ud800"',
    "rust": r'fn main() { println!("\u{d800}"); }',
    "java": r'void main() { System.out.println("\ud800"); }',
    "csharp": r'class Odd { static void Main() { System.Console.WriteLine("\ud800"); } }',
}
"""A program whose own escape names half of a surrogate pair."""

OTHER_FILE = {
    "python": ("import other\nprint(other.A)\n", "other.py", "A = 'x%s'  # %s\n"),
    "javascript": ("console.log(require('./other.js').A)\n", "other.js", "exports.A = 'x%s' // %s\n"),
    "typescript": (
        "import { A } from './other'\nconsole.log(A)\n",
        "other.ts",
        "export const A = 'x%s' // %s\n",
    ),
    "bash": (". ./other.sh\necho $A\n", "other.sh", "A='x%s' # %s\n"),
    "c": (
        '#include <stdio.h>\n#include "other.h"\nint main(void) { puts(A); }\n',
        "other.h",
        '#define A "x%s" // %s\n',
    ),
    "cpp": (
        '#include <cstdio>\n#include "other.h"\nint main() { puts(A); }\n',
        "other.h",
        '#define A "x%s" // %s\n',
    ),
    "go": (
        'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(A) }\n',
        "other.go",
        "package main\n\nconst A = `x%s` // %s\n",
    ),
    "ruby": ("require_relative 'other'\nputs A\n", "other.rb", "A = 'x%s' # %s\n"),
    "rust": (
        'mod other;\nfn main() { println!("{}", other::A); }\n',
        "other.rs",
        'pub const A: &str = "x%s"; // %s\n',
    ),
    "java": (
        "public class Odd { public static void main(String[] args) { System.out.println(Other.A); } }\n",
        "Other.java",
        'class Other { static final String A = "x%s"; /* %s */ }\n',
    ),
    "csharp": (
        "class Odd { static void Main() { System.Console.WriteLine(Other.A); } }\n",
        "other.cs",
        'class Other { public const string A = "x%s"; /* %s */ }\n',
    ),
}
"""A program, and the file that it takes a text from; text and a comment of it can be added to."""

NO_PROGRAM = {
    "c": "int helper(void) { return 1; }\n",
    "cpp": "int helper() { return 1; }\n",
    "go": "func main() {}\n",
    "rust": "fn helper() {}\n",
    "java": "class Empty { }\n",
    "csharp": "class Empty { }\n",
}
"""A source without what is to be started."""


def _prints(text: str) -> Expected:
    return Expected(verdict=Verdict.AC, exit_code=0, stdout=text.encode(), stderr_empty=True)


def _fails(stderr: str, *, stdout: str = "") -> Expected:
    return Expected(
        verdict=Verdict.RE, exit_code=1, stdout=stdout.encode(), stderr_contains=(stderr.encode(),)
    )


def _does_not_compile(stderr: str) -> Expected:
    return Expected(
        verdict=Verdict.RE, stage=Stage.COMPILE, exit_code=1, stdout=b"", stderr_contains=(stderr.encode(),)
    )


def _complains(stdout: str, stderr: str) -> Expected:
    """It goes on, and to a clean end."""
    return Expected(
        verdict=Verdict.AC, exit_code=0, stdout=stdout.encode(), stderr_contains=(stderr.encode(),)
    )


REPLACED = "\N{REPLACEMENT CHARACTER}"
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
NO_UTF8 = b"\xff\xfe\x80"

NUL = {
    "python": _fails("source code cannot contain null bytes"),
    "go": _does_not_compile("unexpected NUL in input"),
}
CRLF = {"bash": _prints("a\r\nb\r\n")}
WITH_BOM = {
    "bash": _complains("b\n", f"{BOM}echo: command not found"),
    "java": _does_not_compile("Odd.java:1: error: illegal character: '\\ufeff'"),
}
SURROGATE = {
    "python": _fails("surrogates not allowed"),
    "javascript": _prints(f"{REPLACED}\n"),
    "typescript": _prints(f"{REPLACED}\n"),
    "bash": _prints(f"{REPLACED * 3}\n"),
    "c": _does_not_compile(r"\ud800 is not a valid universal character"),
    "cpp": _does_not_compile(r"\ud800 is not a valid universal character"),
    "go": _does_not_compile("main.go:5:34: escape is invalid Unicode code point U+D800"),
    "ruby": _fails("invalid Unicode codepoint"),
    "rust": _does_not_compile("unicode escape must not be a surrogate"),
    "java": _prints("?\n"),
    "csharp": _prints(f"{REPLACED}\n"),
}
COMMENT = {
    "go": _does_not_compile("other.go:3:18: invalid UTF-8 encoding"),
    "rust": _does_not_compile("couldn't read other.rs: stream did not contain valid UTF-8"),
    "java": _does_not_compile("Other.java:1: error: unmappable character (0xFF) for encoding UTF-8"),
}
TEXT = {
    **COMMENT,
    "python": _fails("(unicode error) 'utf-8' codec can't decode byte 0xff"),
    "go": _does_not_compile("other.go:3:13: invalid UTF-8 encoding"),
    "ruby": _fails("other.rb:1: invalid multibyte char (UTF-8)"),
}
BLANK = {
    "c": _does_not_compile("undefined symbol: main"),
    "cpp": _does_not_compile("undefined symbol: main"),
    "go": _does_not_compile("expected 'package', found 'EOF'"),
    "rust": _does_not_compile("`main` function not found"),
    "java": _fails("Could not find or load main class Main"),
    "csharp": _does_not_compile("does not contain a static `Main' method"),
}
UNSTARTABLE = {
    **BLANK,
    "go": _does_not_compile("main.go:1:1: expected 'package', found 'func'"),
    "java": _fails("Main method not found in class Empty"),
}


def odd_cases() -> list[Case]:
    """Return every odd source in every language that it can be written in."""
    return [case for language in LANGUAGES for case in _cases_of(language)]


def _cases_of(language: str) -> list[Case]:
    plain = PLAIN[language]
    main, other_name, other = OTHER_FILE[language]
    both, one = _prints("a\nb\n"), _prints(f"x{REPLACED * 3}\n")
    cases = [
        _case(language, "nul_byte", NUL.get(language, both), plain.replace("@", "\0")),
        _case(language, "crlf", CRLF.get(language, both), plain.replace("\n", "\r\n")),
        _case(language, "bom", WITH_BOM.get(language, both), BOM + plain),
        _case(language, "no_utf8_out", _prints(f"a{REPLACED * 2}b\n"), TWO_BYTES[language]),
        _case(language, "half_a_pair", SURROGATE[language], HALF_A_PAIR[language]),
        _case(language, "blank", BLANK.get(language, _prints("")), "\n"),
    ]
    if language in NO_PROGRAM:
        cases.append(_case(language, "no_program", UNSTARTABLE[language], NO_PROGRAM[language]))
    for name, texts, expected in (
        ("no_utf8_comment", (b"", NO_UTF8), COMMENT.get(language, _prints("x\n"))),
        ("no_utf8_text", (NO_UTF8, b""), TEXT.get(language, one)),
    ):
        beside = SourceFile(other_name, other.encode() % texts)
        cases.append(_case(language, name, expected, main, beside))
    return cases


def _case(language: str, name: str, expected: Expected, source: str, *others: SourceFile) -> Case:
    files = (SourceFile("", source.encode()), *others)
    return Case(language=language, name=name, files=files, expected=expected)
