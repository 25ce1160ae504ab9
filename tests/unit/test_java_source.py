"""Which class a Java file is called after, and which one is started."""

from __future__ import annotations

import time

import pytest

from cellblock.attacks.names import LAUNCHED
from cellblock.languages.java_source import JavaUnit, read_unit
from cellblock.languages.sources import MainFile, name_main_file
from cellblock.model import SourceFile

MAIN = "public static void main(String[] args) { }"


def java(source: str, name: str = "") -> MainFile:
    return name_main_file("java_public_class", "Main.java", SourceFile(name, source.encode()))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (f"public class Solution {{ {MAIN} }}", "Solution"),
        (f"public final class Solution {{ {MAIN} }}", "Solution"),
        (f"final public strictfp class Solution {{ {MAIN} }}", "Solution"),
        (
            f"public sealed class Solution permits A {{ {MAIN} }} final class A extends Solution {{}}",
            "Solution",
        ),
        (f"public class Solution<T extends Comparable<T>> {{ {MAIN} }}", "Solution"),
        (f"public record Solution(int a, int b) {{ {MAIN} }}", "Solution"),
        (f"public record Solution<T>(T a) {{ {MAIN} }}", "Solution"),
        (f"public enum Solution {{ A, B {{ int f() {{ return 1; }} }}; {MAIN} }}", "Solution"),
        ("public interface Solution { static void main(String... args) { } }", "Solution"),
        ("public @interface Solution { }", "Solution"),
        (
            f'@Deprecated(since = "class Fake {{") @Names({{"a", "b"}}) public class Solution {{ {MAIN} }}',
            "Solution",
        ),
        (f"public class Gr\u00f6\u00dfe {{ {MAIN} }}", "Gr\u00f6\u00dfe"),
        (f"public class $a_1 {{ {MAIN} }}", "$a_1"),
        (f"public\nclass\n\tSolution\n{{ {MAIN} }}", "Solution"),
        (f"public/**/class/* x */Solution{{ {MAIN} }}", "Solution"),
    ],
)
def test_file_is_called_after_its_public_class(source, name):
    assert java(source) == MainFile(name=f"{name}.java", main_class=name)


@pytest.mark.parametrize(
    "disguise",
    [
        "// public class Fake { }",
        "/* public class Fake { } */",
        "/** public class Fake { } **/",
        "/* // */",
        "// /*",
        'class Other { String s = "public class Fake { public static void main("; }',
        r'class Other { String s = "\" public class Fake { "; }',
        r'class Other { String s = "\\"; String t = "} public class Fake {"; }',
        "class Other { char a = '\"', b = '{', c = '\\''; }",
        'class Other { String s = """\n  public class Fake { "quoted" ""\n  \\""" } }\n  """; }',
        "class Other { public class Fake { } public static class Fake2 { } }",
        "class Other { void f() { class Fake { public static void main(String[] a) { } } } }",
        "class Other { Class<?> c = String.class; int classy = 1, record = 2; }",
        "interface Other { default void f() { if (true) { } } }",
        "import java.util.*; import static java.lang.Math.max;",
        "import module java.base;",
        ";;",
    ],
)
def test_what_only_looks_like_a_class_is_not_one(disguise):
    assert java(f"{disguise}\npublic class Solution {{ {MAIN} }}\n{disguise}").name == "Solution.java"


def test_package_belongs_to_the_class_to_start_and_not_to_the_file_name():
    found = java(f"/* package no; */ package org . example\n.app; public class Solution {{ {MAIN} }}")
    assert found == MainFile(name="Solution.java", main_class="org.example.app.Solution")


def test_without_a_public_class_the_one_with_main_is_taken():
    found = java(
        f"class Helper {{ void mainly() {{ }} int main; }} record R(int x) {{ }} class App {{ {MAIN} }}"
    )
    assert found == MainFile(name="App.java", main_class="App")


def test_public_class_without_main_names_the_file_and_another_is_started():
    found = java(f"public class Shape {{ }} class App {{ {MAIN} }}")
    assert found == MainFile(name="Shape.java", main_class="App")


def test_public_class_with_an_instance_main_is_started_before_another_with_a_static_one():
    assert java(f"class Other {{ {MAIN} }} public class App {{ void main() {{ }} }}").main_class == "App"


def test_static_main_goes_before_an_instance_main_where_nothing_is_public():
    assert java(f"class One {{ void main() {{ }} }} class Two {{ {MAIN} }}").main_class == "Two"


def test_instance_main_of_java_25_is_a_main():
    assert java("class Helper { } class App { void main() { } }").main_class == "App"


def test_first_class_is_taken_where_none_has_a_main():
    assert java("class One { } class Two { }") == MainFile(name="One.java", main_class="One")


@pytest.mark.parametrize(
    "source",
    [
        'void main() { IO.println("public class Fake { }"); }',
        'record Pair(int a, int b) { }\nString hi() { return "hi"; }\nvoid main() { IO.println(hi()); }',
        "static int n = 3; void main(String[] args) { }",
        "class Helper { public static void main(String[] a) { } }\nvoid main() { }",
    ],
)
def test_compact_source_file_keeps_the_default_name(source):
    assert java(source) == MainFile(name="Main.java", main_class="Main")


def test_unicode_escapes_are_read_before_anything_else():
    source = r"\u0070ublic cl\u0061ss Sol\uuu0075tion { String s = \u0022} public class Fake {\u0022; }"
    assert read_unit(source) == JavaUnit(file_class="Solution", main_class="Solution")


def test_escaped_backslash_before_u_is_no_unicode_escape():
    assert read_unit(r'class A { String s = "\\u0022; } class B { "; }').file_class == "A"


@pytest.mark.parametrize(
    "source",
    ["", "// nothing", "\ufeff", "package a.b;", "}}}}", "class", "{{{{ class A", '"', "'", '"""', "/*"],
)
def test_source_without_a_class_is_left_to_the_compiler(source):
    assert java(source).name == "Main.java"


def test_name_that_the_submission_gave_is_kept():
    found = java(f"package app; public class Solution {{ {MAIN} }}", "src/app/Solution.java")
    assert found == MainFile(name="src/app/Solution.java", main_class="app.Solution")


def test_class_of_a_compact_file_is_called_like_the_file():
    assert java("void main() { }", "tools/Tool.java") == MainFile(name="tools/Tool.java", main_class="Tool")


def test_names_too_long_for_a_file_are_left_to_the_compiler():
    long = "A" * 300
    assert java(f"public class {long} {{ }}") == MainFile(name="Main.java", main_class="Main")
    assert java(f"package {long}; public class B {{ }}").main_class == "B"


@pytest.mark.parametrize("name", [*LAUNCHED, "@args.java"])
def test_a_file_whose_class_is_too_long_to_start_names_no_option_of_the_launcher(name):
    long = "A" * 130
    found = java(f"package {long}; class {long} {{ }}", name)
    assert found == MainFile(name=name, main_class=name.removesuffix(".java").lstrip("-@"))


@pytest.mark.parametrize("piece", ["/*", '"""', '"', "'\\", "{", "class A ", "\\u", "@A(", "/**", '\\"""'])
def test_hostile_source_is_read_in_linear_time(piece):
    source = piece * (1_000_000 // len(piece))
    started = time.process_time()
    read_unit(source)
    assert time.process_time() - started < 5


def test_of_a_long_source_the_beginning_is_read_for_everybody_waits_meanwhile():
    started = time.process_time()
    found = java(f"public class Begun {{ {MAIN} }}" + ";" * (16 << 20) + "public class Ended { }")
    assert found == MainFile(name="Begun.java", main_class="Begun")
    assert time.process_time() - started < 1  # all of it: 8 s


def test_lone_surrogates_never_reach_a_name():
    found = java(r"package a.\ud800; public class B\ud800 { }")
    assert found.main_class.encode() == b"a..B"


def test_invalid_utf8_is_left_to_the_compiler():
    file = SourceFile("", b"public class A\xff { }")
    assert name_main_file("java_public_class", "Main.java", file).name == "A.java"


def test_fixed_rule_takes_the_languages_name_unless_there_is_one():
    assert name_main_file("fixed", "main.py", SourceFile("", b"")) == MainFile(name="main.py")
    assert name_main_file("fixed", "main.py", SourceFile("a/b.py", b"")) == MainFile(name="a/b.py")
