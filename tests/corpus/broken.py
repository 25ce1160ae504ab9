"""Sources that make the compilers that may be started ahead speak: broken ones, and such that earn a warning.

Each is the main file, or it and others by name; nothing of it is in the corpus, because few of them run.
"""

from __future__ import annotations

from cellblock.model import SourceFile
from corpus.programs import Program

_JAVA_MAIN = "public class Main { public static void main(String[] args) { %s } }\n"
_RUST_MAIN = "fn main() { %s }\n"
_CSHARP_MAIN = "using System;\nclass Program { static void Main() { %s } }\n"

_SOURCES: dict[str, dict[str, bytes | str | tuple[bytes | str, dict[str, bytes | str]]]] = {
    "java": {
        "empty": "",
        "syntax": "public class Main { void f( { } }",
        "unclosed comment": "public class Main { /* ",
        "unknown names": _JAVA_MAIN % "Lisst<String> names = new ArrayList<>(); names.ad(nothing);",
        "types": _JAVA_MAIN % 'int number = "text"; String text = 5; long l = 1.5; return 1;',
        "a hundred and more errors": _JAVA_MAIN % "".join(f"int a{n} = b{n};\n" for n in range(150)),
        "no such import": "import java.util.Lisst;\n" + _JAVA_MAIN % "",
        "no such module's package": "import javafx.stage.Stage;\n" + _JAVA_MAIN % "",
        "unchecked": _JAVA_MAIN % "java.util.List all = new java.util.ArrayList(); all.add(1);",
        "deprecated": _JAVA_MAIN % "System.out.println(new Integer(5)); Thread.currentThread().stop();",
        "not UTF-8": b'public class Main { String text = "\xff\xfe\xe4"; }\n',
        "not UTF-8 in a comment": b"// \xff\n" + (_JAVA_MAIN % "").encode(),
        "surrogates and marks": "\ufeffpublic class Main { String \u00fc\U0001d538 = 1; }\n",
        "two public classes": _JAVA_MAIN % "" + "public class Other { }\n",
        "exhausted switch": "sealed interface S { record A() implements S { } record B() implements S { } }\n"
        + _JAVA_MAIN % "S s = new S.A(); int n = switch (s) { case S.A a -> 1; };",
        "uncaught exception": _JAVA_MAIN % "throw new Exception();",
        "cyclic": "class A extends B { }\nclass B extends A { }\n" + _JAVA_MAIN % "",
        "constant too large": _JAVA_MAIN % f'String text = "{"x" * 70_000}";',
        "another file's error": (
            _JAVA_MAIN % "Other.go();",
            {"Other.java": "class Other { void go() { 1 } }\n"},
        ),
        "another file's class": (
            _JAVA_MAIN % "Other.go();",
            {"Other.java": "class Other { static void go() { } }\n"},
        ),
        "a class that is none": (_JAVA_MAIN % "new Other();", {"Other.class": b"\xca\xfe\xba\xbe garbage"}),
        "services beside it": (
            _JAVA_MAIN % "",
            {
                "META-INF/services/com.sun.source.util.Plugin": "org.example.Plugin\n",
                "META-INF/services/javax.annotation.processing.Processor": "org.example.Processor\n",
            },
        ),
        "a module": (_JAVA_MAIN % "", {"module-info.java": "module app { requires java.sql; }\n"}),
        "in a package of another name": (
            "package org.example;\n" + _JAVA_MAIN % "lib.Half.of(1);",
            {"lib/Half.java": "package lib; public class Half { public static int of(int n) { return n; } }"},
        ),
    },
    "rust": {
        "empty": "",
        "syntax": "fn main( { }",
        "unclosed comment": "fn main() { } /* ",
        "unknown names": _RUST_MAIN % "let v: Vect<i32> = nothing(); v.psh(1);",
        "types": _RUST_MAIN % 'let n: i32 = "text"; let s: String = 5; n + 1.5',
        "borrows": _RUST_MAIN
        % 'let mut v = vec![1]; let first = &v[0]; v.push(2); drop(v); println!("{first}");',
        "lifetimes": "fn longest(a: &str, b: &str) -> &str { a }\n" + _RUST_MAIN % "",
        "many errors": _RUST_MAIN % "".join(f"let a{n} = b{n};\n" for n in range(60)),
        "no such crate": "use serde::Serialize;\n" + _RUST_MAIN % "",
        "no main": "fn other() { }\n",
        "warnings": "struct Unused; fn dead() {}\n"
        + _RUST_MAIN % "let x = 1; let mut y = 2; #[allow(bad)] loop { break; }",
        "denied warnings": "#![deny(warnings)]\n" + _RUST_MAIN % "let x = 1;",
        "not UTF-8": b'fn main() { let text = "\xff\xfe\xe4"; }\n',
        "surrogates and marks": "\ufefffn main() { let \u00fc = \u2018a\u2019; }\n",
        "a module that is not there": "mod other;\n" + _RUST_MAIN % "",
        "a module with an error": (
            "mod other;\n" + _RUST_MAIN % "",
            {"other.rs": "pub fn f() -> i32 { true }\n"},
        ),
        "a text that is included": (
            _RUST_MAIN % 'print!("{}", include_str!("a.txt"))',
            {"a.txt": "read at compile time\n"},
        ),
        "a variable that is not set": _RUST_MAIN % 'println!("{}", env!("NOT_SET"));',
        "its own place": _RUST_MAIN % 'println!("{} {} {}", file!(), line!(), module_path!());',
        "endless macro": "macro_rules! again { () => { again!() } }\n" + _RUST_MAIN % "again!();",
        "constants that cannot be": "const BAD: usize = [1][2];\n"
        + _RUST_MAIN % "let _ = BAD; let a = 255u8 + 1;",
        "a panic in a constant": 'const BAD: () = panic!("at compile time");\n' + _RUST_MAIN % "BAD",
        "what the linker misses": 'extern "C" { fn nowhere_to_be_found(); }\n'
        + _RUST_MAIN % "unsafe { nowhere_to_be_found() }",
        "its own refusal": 'compile_error!("by the source");\n' + _RUST_MAIN % "",
        "unstable": "#![feature(box_patterns)]\n" + _RUST_MAIN % "",
    },
    "csharp": {
        "empty": "",
        "syntax": "class Program { static void Main( { } }",
        "unclosed comment": "class Program { /* ",
        "unknown names": _CSHARP_MAIN % "Lisst<string> names = new List<string>(); names.Ad(nothing);",
        "types": _CSHARP_MAIN % 'int number = "text"; string text = 5; float f = 1.5; return 1;',
        "many errors": _CSHARP_MAIN % "".join(f"int a{n} = b{n};\n" for n in range(150)),
        "no such namespace": "using System.Wep;\n" + _CSHARP_MAIN % "",
        "no Main": "class Program { }\n",
        "two Mains": "class A { static void Main() { } }\nclass B { static void Main() { } }\n",
        "warnings": _CSHARP_MAIN % "int unused = 1; if (false) { Console.WriteLine(); } int never;",
        "obsolete": _CSHARP_MAIN % "new Old();" + '[Obsolete("old")] class Old { }\n',
        "its own error": "#error by the source\n#warning and a warning\n" + _CSHARP_MAIN % "",
        "another's line": '#line 77 "other.txt"\n' + _CSHARP_MAIN % "x = 1;",
        "not UTF-8": b'class Program { static void Main() { string text = "\xff\xfe\xe4"; } }\n',
        "marks": "\ufeffclass Program { static void Main() { int \u00fc = 1; int \U0001d538 = 2; } }\n",
        "unsafe": _CSHARP_MAIN % "unsafe { int* p = null; }",
        "newer than the compiler": _CSHARP_MAIN % "int Twice(int n) => 2 * n; Console.WriteLine(Twice(2));",
        "uncaught in a constant": _CSHARP_MAIN
        % "int a = 1 / 0; byte b = 256; int c = checked(int.MaxValue + 1);",
        "cyclic": _CSHARP_MAIN % "" + "class A : B { }\nclass B : A { }\n",
        "another file's error": (
            _CSHARP_MAIN % "Other.Go();",
            {"Other.cs": "class Other { void Go() { 1 } }\n"},
        ),
        "another file's class": (
            _CSHARP_MAIN % "Other.Go();",
            {"Other.cs": "class Other { public static void Go() { } }\n"},
        ),
        "a library of a known name": (_CSHARP_MAIN % "", {"System.Xml.dll": b"MZ garbage"}),
    },
}

_MASKS = {"rust": "rustc[A-Za-z0-9]{6}"}
"""Rust names the directory of its temporary files, where it tells of its linker."""


def broken(language: str) -> list[Program]:
    """Return the language's sources that are not right; how they end is not known."""
    return [_program(language, name, given) for name, given in _SOURCES[language].items()]


def _program(
    language: str, name: str, given: bytes | str | tuple[bytes | str, dict[str, bytes | str]]
) -> Program:
    main, others = given if isinstance(given, tuple) else (given, {})
    return Program(
        language=language,
        name=name.replace(" ", "_"),
        files=(
            SourceFile("", _bytes(main)),
            *(SourceFile(name, _bytes(text)) for name, text in others.items()),
        ),
        mask=_MASKS.get(language, ""),
    )


def _bytes(content: bytes | str) -> bytes:
    return content if isinstance(content, bytes) else content.encode()
