"""Requests to compilers that take several files: what one file points to, and whose program is answered."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.ground import Ground

Files = list[dict[str, str]]

_CALLS_ASSEMBLY = 'package main\n\nfunc told()\n\nfunc main() {\n\tprintln("attempt")\n\ttold()\n}\n'
_OUTSIDE = ("/etc/shadow", "/proc/1/environ")
_IMPORTS = (
    '// @ts-ignore\nimport told from "{name}" with {{ type: "text" }};\nconsole.log("attempt", told);\n'
)
_TELLS = """
#include <stdio.h>
static const char *const told[] = {{
#include "one.h"
"|",
#include "two.h"
#ifdef __cplusplus
"+",
#endif
0}};
int main(void) {{
    for (int at = 0; told[at]; at++) fputs(told[at], stdout);
    puts("{mark}");
    return 0;
}}
"""


def with_assembly(target: str) -> Files:
    """Return the files of a Go program beside which assembly includes another file of its machine."""
    climbed = f"../../../../../../../..{target}"  # an absolute name is sought below the assembler's own
    return [
        {"name": "main.go", "content": _CALLS_ASSEMBLY},
        {"name": "told.s", "content": f'#include "{climbed}"\nTEXT ·told(SB), 4, $0\n\tRET\n'},
    ]


def assembly_that_includes(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Have Go's assembler include files of the host beside a program; each must not be there."""
    wrong = []
    for target in (ground.values["SECRET"], f"/proc/1/root{ground.values['SECRET']}", *_OUTSIDE):
        answer = caller.execute("go", files=with_assembly(target))
        answers.append(answer)
        if f"open {target}: no such file" not in answer.text:
            wrong.append(f"{target} was not sought, or was there: {answer.text[-300:]}")
    return wrong


def with_configuration(target: str) -> Iterator[tuple[str, Files, str]]:
    """Make TypeScript programs whose configuration points to another file of their machine.

    Each with what it is called, and what is heard where that file was not reached.
    """
    directory, _, name = target.rpartition("/")
    climbed = f"../../../../../../../..{target}"
    plain, missing = 'console.log("attempt");\n', "Cannot find package '{}'"
    ways = (
        ("extends", plain, "tsconfig.json", {"extends": target}, "attempt"),
        ("paths", "told", "tsconfig.json", {"compilerOptions": {"paths": {"told": [target]}}}, missing),
        ("baseUrl", name, "tsconfig.json", {"compilerOptions": {"baseUrl": directory}}, missing),
        ("package", "./told", "told/package.json", {"main": climbed}, 'Could not resolve "./told"'),
    )
    for way, imported, file, configuration, heard in ways:
        main = imported if imported is plain else _IMPORTS.format(name=imported)
        beside = {"name": file, "content": json.dumps(configuration)}
        yield way, [{"name": "main.ts", "content": main}, beside], heard.format(imported)


def tsconfig_that_extends(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Have a TypeScript program's configuration extend or name files of the host; none must be there."""
    wrong = []
    for target in (ground.values["SECRET"], f"/proc/1/root{ground.values['SECRET']}", *_OUTSIDE):
        for way, files, heard in with_configuration(target):
            answer = caller.execute("typescript", files=files)
            answers.append(answer)
            run = answer.json().get("run") or {}
            if heard not in f"{run.get('stdout')}{run.get('stderr')}":
                wrong.append(f"{way} {target}: not {heard!r}, but {answer.text[-300:]}")
    return wrong


def programs_that_look_alike(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Send programs twice that differ by where a byte stands, or by language; each must answer for itself."""
    wrong = []
    for _ in range(2):
        for language, files, expected in _alike(ground.mark):
            answer = caller.execute(language, files=files)
            answers.append(answer)
            told = (answer.json().get("run") or {}).get("stdout")
            if answer.status != http.client.OK or told != expected:
                wrong.append(f"{expected!r} in {language} was answered {answer.status}: {answer.text[-300:]}")
    return wrong


def _alike(mark: str) -> Iterator[tuple[str, Files, str]]:
    """Make programs with the same bytes in the same files' names and contents, and what each prints.

    The mark is of this attack alone: none of them was compiled before.
    """
    for language, end in (("c", ""), ("cpp", "+")):
        for one, two in (("x", "y"), ("y", "x"), ("xy", ""), ("", "xy")):
            headers = (("one.h", one), ("two.h", two))
            for turned in (False, True):
                main = {"name": f"main.{language}", "content": _TELLS.format(mark=mark)}
                beside = [
                    {"name": name, "content": "".join(f'"{each}",\n' for each in text)}
                    for name, text in headers
                ]
                files = [main, *(reversed(beside) if turned else beside)]
                yield language, files, f"{one}|{two}{end}{mark}\n"
