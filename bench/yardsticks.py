"""The programs that are timed, with the only answer that counts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

SIEVE_CODE = """\
def primes(limit):
    sieve = bytearray([1]) * (limit + 1)
    sieve[0:2] = b"\\0\\0"
    for number in range(2, int(limit ** 0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
    return sum(sieve)

print(primes(500_000))
"""


class BenchError(Exception):
    """Something could not be measured."""


class WrongAnswerError(BenchError):
    """A run did not print what it must print; no figure counts then."""


class Yardstick(NamedTuple):
    """One program, its language and its answer."""

    name: str
    language: str
    command: tuple[str, ...]
    suffix: str
    code: str
    answer: str

    def run_bare(self, directory: Path) -> None:
        """Start it as a shell would and check the answer; raises ``WrongAnswerError``."""
        path = directory / f"{self.name}{self.suffix}"
        if not path.exists():
            path.write_text(self.code, encoding="utf-8")
        done = subprocess.run([*self.command, path], capture_output=True, text=True, check=False)
        self.check(done.stdout)

    def check(self, stdout: str) -> None:
        """Compare with the only right answer."""
        if stdout != self.answer:
            raise WrongAnswerError(f"{self.name} printed {stdout!r} instead of {self.answer!r}")


HELLO = Yardstick("hello", "python", ("/usr/bin/python3",), ".py", "print(2 + 2)\n", "4\n")
SIEVE = Yardstick("sieve", "python", ("/usr/bin/python3",), ".py", SIEVE_CODE, "41538\n")


class Program(NamedTuple):
    """A program that prints one number, ``@N@`` in its source: with another number it is fresh source.

    Commands run bare in the toolchains' root, in a directory with the source.
    """

    name: str
    language: str
    file: str
    code: str
    build: tuple[str, ...]
    """How a user would compile it; empty where nothing is compiled."""
    run: tuple[str, ...]
    version: tuple[str, ...]
    """A command that says the toolchain's version."""

    def with_number(self, number: int) -> Yardstick:
        """Return the program that prints this number."""
        code = self.code.replace("@N@", str(number))
        return Yardstick(self.name, self.language, (), "", code, f"{number}\n")


_C = '#include <stdio.h>\n\nint main(void) { printf("%d\\n", @N@); }\n'
_IOSTREAM = "#include <iostream>\n\nint main() { std::cout << @N@ << std::endl; }\n"
_BITS = """\
#include <bits/stdc++.h>
using namespace std;

int main() {
    vector<int> numbers{@N@, 0};
    cout << accumulate(numbers.begin(), numbers.end(), 0) << endl;
}
"""
_JAVA = """\
import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int sum = @N@;
        while (in.hasNextInt()) sum += in.nextInt();
        System.out.println(sum);
    }
}
"""
_TYPESCRIPT = """\
interface Point { readonly x: number; readonly y: number }

const sum = (points: readonly Point[]): number => points.reduce((total, { x, y }) => total + x + y, 0);

console.log(sum([{ x: @N@, y: 0 }]));
"""
_GO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(@N@) }\n'
_RUST = 'fn main() { println!("{}", @N@); }\n'
_CSHARP = "using System;\n\nclass Program { static void Main() { Console.WriteLine(@N@); } }\n"

_NODE_26 = "/opt/node-26/bin/node"
_NODE_24 = "/opt/node-24/bin/node"
_TSC = "/opt/typescript-7/lib/tsc"
_GO_TOOL = "/opt/go-1.27/bin/go"
_MONO = "/usr/bin/mono"
_GCC_BUILD = ("gcc", "-O2", "main.c", "-o", "main")
_GXX_BUILD = ("g++", "-O2", "main.cpp", "-o", "main")
_GCC_VERSION, _GXX_VERSION = ("gcc", "-dumpfullversion"), ("g++", "-dumpfullversion")

C = Program("C hello", "c", "main.c", _C, _GCC_BUILD, ("./main",), _GCC_VERSION)
IOSTREAM = Program("C++ iostream", "cpp", "main.cpp", _IOSTREAM, _GXX_BUILD, ("./main",), _GXX_VERSION)
BITS = Program("C++ bits", "cpp", "main.cpp", _BITS, _GXX_BUILD, ("./main",), _GXX_VERSION)
JAVA = Program(
    *("java", "java", "Main.java", _JAVA),
    *(("javac", "Main.java"), ("java", "Main"), ("java", "--version")),
)
JAVASCRIPT = Program(
    *("javascript", "javascript", "main.js", "console.log(@N@)\n"),
    *((), (_NODE_26, "main.js"), (_NODE_26, "--version")),
)
TYPESCRIPT = Program(
    *("typescript", "typescript", "main.ts", _TYPESCRIPT),
    *((_TSC, "--outDir", "out", "main.ts"), (_NODE_24, "out/main.js"), (_TSC, "--version")),
)
GO = Program(
    *("go", "go", "main.go", _GO),
    *((_GO_TOOL, "build", "-o", "main", "main.go"), ("./main",), (_GO_TOOL, "version")),
)
RUST = Program(
    *("rust", "rust", "main.rs", _RUST),
    *(("rustc", "-O", "main.rs", "-o", "main"), ("./main",), ("rustc", "--version")),
)
CSHARP = Program(
    *("csharp", "csharp", "main.cs", _CSHARP),
    *((_MONO, "/usr/lib/mono/4.5/mcs.exe", "main.cs"), (_MONO, "main.exe"), (_MONO, "--version")),
)
RUBY = Program("ruby", "ruby", "main.rb", "puts @N@\n", (), ("ruby", "main.rb"), ("ruby", "--version"))
BASH = Program("bash", "bash", "main.sh", "echo @N@\n", (), ("bash", "main.sh"), ("bash", "--version"))

COMPILED = (C, IOSTREAM, JAVA, TYPESCRIPT, GO, RUST, CSHARP)
