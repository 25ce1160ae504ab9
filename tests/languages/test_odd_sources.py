"""What cannot be run as it was sent is refused in words, or ends as its compiler says."""

from __future__ import annotations

import pytest

from languages.conftest import ask
from pace import TIME_SCALE

PUBLIC = "public class Abc { public static void main(String[] args) { System.out.println(1); } }\n"
TYPESCRIPT = "const text: string = 'ran'\nconsole.log(text)\n"


def execute(service, language, *files):
    """Run files of name and content; an empty name is none."""
    bodies = [{"content": content, **({"name": name} if name else {})} for name, content in files]
    times = {"run_timeout": 10_000 * TIME_SCALE, "compile_timeout": 30_000 * TIME_SCALE}
    body = {"language": language, "files": bodies, **times}
    return ask(service, "POST", "/v1/execute", body)


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        (PUBLIC, "Abc.java"),
        (PUBLIC.removeprefix("public "), "Abc.java"),
        (PUBLIC, "Abc.java/data.txt"),
        ("void main() { }\n", "Main.java"),
    ],
    ids=["public", "not_public", "directory", "compact"],
)
def test_unnamed_java_file_beside_one_of_its_name_is_refused(service, source, taken):
    name = taken.split("/")[0]
    status, answer = execute(service, "java", ("", source), (taken, "class Other { }\n"))
    assert (status, answer["error"]["code"]) == (400, "invalid_request")
    assert answer["error"]["message"] == (
        f"files: the main file has to be called '{name}', which another file is called"
    )
    body = {
        "language": "java",
        "version": "*",
        "files": [{"content": source}, {"name": taken, "content": ""}],
    }
    status, answer = ask(service, "POST", "/api/v2/execute", body)
    assert (status, list(answer)) == (400, ["message"])
    assert f"'{name}'" in answer["message"]


def test_unnamed_java_file_beside_its_name_elsewhere_runs(service):
    status, answer = execute(
        service, "java", ("", PUBLIC), ("data/Abc.java", "package data; class Abc { }\n")
    )
    assert (status, answer["run"]["stdout"]) == (200, "1\n"), answer


@pytest.mark.parametrize("name", ["a*b.ts", "a=b.ts", "a\\b.ts", "*/main.ts", "a/=.ts", "\\.ts"])
def test_typescript_main_file_that_its_compilers_misread_is_a_compile_error_that_says_so(service, name):
    status, answer = execute(service, "typescript", (name, TYPESCRIPT))
    assert (status, answer["run"]["code"]) == (200, 2)
    assert answer["run"]["stderr"] == (
        f'error: the main file "{name}" has a *, = or backslash in its name, '
        "which the TypeScript compilers read as something else\n"
    )


@pytest.mark.parametrize("name", ["main", "main.js", "ts", "main.ts.txt"])
def test_typescript_main_file_with_another_ending_is_a_compile_error_that_says_so(service, name):
    status, answer = execute(service, "typescript", (name, TYPESCRIPT))
    assert (status, answer["run"]["code"]) == (200, 2)
    assert answer["run"]["stderr"] == (
        f'error: the main file "{name}" does not end in .ts, .mts, .cts or .tsx\n'
    )


@pytest.mark.parametrize(
    "name",
    ["a b.ts", "-a.ts", "@a.ts", "a?[b]{c,d}.ts", "$(echo) ' \".ts", "a%20#b.ts", "node:fs.mts", "ü.tsx"],
)
def test_typescript_main_file_of_any_other_name_runs(service, name):
    status, answer = execute(service, "typescript", (name, TYPESCRIPT))
    assert (status, answer["run"]["stdout"]) == (200, "ran\n"), answer


@pytest.mark.parametrize(("name", "expected"), [("a=b", "other\n"), ("a*b", ""), ("a\\b", "")])
def test_typescript_import_of_an_odd_name_works_or_is_a_compile_error(service, name, expected):
    source = "import { A } from './" + name.replace("\\", "\\\\") + "'\nconsole.log(A)\n"
    status, answer = execute(
        service, "typescript", ("", source), (f"{name}.ts", "export const A = 'other'\n")
    )
    assert (status, answer["run"]["stdout"]) == (200, expected), answer
    assert expected or name in answer["run"]["stderr"]


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\ud800x" * 9, r"\udc00\ud800"])
def test_half_of_a_surrogate_pair_is_refused_in_every_dialect(service, half):
    source = half.encode().decode("unicode_escape")
    files = {"language": "python", "version": "*", "files": [{"content": source}]}
    for path, body in (
        ("/api/submit?wait=true", {"language": "python", "code": source}),
        ("/v1/execute", files),
        ("/api/v2/execute", files),
    ):
        status, answer = ask(service, "POST", path, body)
        assert status == 400, answer
        assert "surrogate" in str(answer), answer


def test_two_packages_of_one_go_directory_are_a_compile_error(service):
    status, answer = execute(
        service, "go", ("", "package main\n\nfunc main() {}\n"), ("b.go", "package other\n")
    )
    assert (status, answer["compile"]["code"]) == (200, 1)
    assert "found packages other (b.go) and main (main.go)" in answer["compile"]["stderr"]
    assert answer["run"] == answer["compile"]
