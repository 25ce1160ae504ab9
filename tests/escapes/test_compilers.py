"""Class B without a cell: the same compilers in the same tree, beside the bait, tell the secret.

What a compiler refuses by itself, wherever it runs, says so here too: its cell is not what stops it.
"""

from __future__ import annotations

import pytest

from cellblock.attacks.beside import MACRO, PROCESSOR, with_macro, with_processor
from cellblock.model import SourceFile
from escapes.bare_compilers import CGO, MAIN
from escapes.seen import sees


@sees("B/include-str", "B/include-source", "B/incbin-rust", "B/link", "B/path-module", "B/reference")
@pytest.mark.parametrize(
    "name",
    [
        *("B/include-str/bait/rust", "B/include-source/bait/rust", "B/incbin-rust/bait/rust"),
        *(
            "B/link/bait/rust",
            "B/path-module/bait/rust",
            "B/reference/bait/typescript",
            "B/include/bait/cpp",
            "B/incbin/bait/cpp",
        ),
    ],
)
def test_without_a_cell_compilers_tell_the_secret(name, beside):
    ran = beside.run(name.rpartition("/")[2], beside.code(name))
    assert beside.ground.told((ran.stdout + ran.stderr).decode()), ran


@sees("B/cgo")
@pytest.mark.parametrize("name", ["B/cgo/bait/go", "B/cgo/options/go"])
def test_with_cgo_and_without_a_cell_the_secret_is_told(name, beside):
    source = SourceFile("main.go", beside.code(name).encode())
    ran = beside.compile("go", source, argv=lambda _: ("/bin/sh", "-c", CGO), CGO_ENABLED="1")
    assert beside.ground.told(ran.stderr.decode()), ran


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("B/embed-go/bait/go", "invalid pattern syntax"),
        ("B/proc-macro/rust", "only usable with crates of the `proc-macro` crate type"),
        ("B/pragma/precompiled/c", "pragma should only be used with"),
    ],
)
def test_some_compilers_refuse_by_themselves(name, refused, beside):
    """Of which the README says why no test has them succeed, but for the last."""
    language = name.rpartition("/")[2]
    source = SourceFile(MAIN[language], beside.code(name).encode())
    ran = beside.compile(language, source)
    assert ran.exit_code != 0
    assert refused in (ran.stdout + ran.stderr).decode()


@sees("B/processor", "B/proc-macro-beside")
@pytest.mark.parametrize(
    ("language", "code", "beside_it", "switches"),
    [("java", PROCESSOR, with_processor, ("-proc:full",)), ("rust", MACRO, with_macro, ("-L", "."))],
)
@pytest.mark.parametrize("switched", [True, False])
def test_compilers_that_are_told_to_run_what_a_program_brings_reach_the_bait(
    language, code, beside_it, switches, switched, beside
):
    """So ``processor`` and ``proc-macro-beside`` succeed."""
    made = beside.run(language, code.replace("BAIT", f"{beside.bait}/open"))
    files = [
        SourceFile(each["name"], (bytes.fromhex if "encoding" in each else str.encode)(each["content"]))
        for each in beside_it(made.stdout.decode().strip())
    ]
    told = switches if switched else ()
    ran = beside.compile(
        language, *files, argv=lambda argv: (*(each for each in argv if each != "-proc:none"), *told)
    )
    assert (b"it ran" in ran.stderr) is switched, ran
    assert any(line.startswith("files in") for line in beside.ground.turned()) is switched
