"""Which classes a Java compilation unit declares, found by a pass over its tokens.

``javac`` wants a public class in a file of its name, and ``java`` wants the name of the class to
start; a submission of one unnamed file gives neither. Comments, strings, text blocks and Unicode
escapes are read as the language specification says (chapter 3), declarations only at the top level.
Nothing is checked here: what is wrong in the source, the compiler says better.

- The file is called after the public class; without one after the class that is started.
- Started is the public class if it has a ``main``; else the first class that has one, a ``static``
  one before an instance one; else the public class, else the first class.
- A compact source file (Java 25: a ``main`` outside of any class) has no name of its own: it keeps
  the default name, and the class is called like the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_UNICODE_ESCAPE = re.compile(r"(?P<before>\\\\)|\\u+(?P<digits>[0-9a-fA-F]{4})")

# Each alternative also matches where its end is missing and gives nothing back, so that the pass is linear.
_TOKEN = re.compile(
    r"""
      //[^\r\n]*+                                           # comment to the end of the line
    | /\*(?:[^*]|\*(?!/))*+(?:\*/)?                         # comment
    | \"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")?             # text block
    | "(?:\\.|[^"\\\r\n])*+"?                               # string
    | '(?:\\.|[^'\\\r\n])*+'?                               # character
    | [0-9][\w.]*+                                          # number
    | (?P<token>(?:[^\W\d]|\$)[\w$]*+ | \S)                 # word, or one sign
    """,
    re.VERBOSE | re.DOTALL,
)

_DECLARES = frozenset({"class", "interface", "enum", "record"})
_MODIFIERS = frozenset({"public", "static"})
_OPENS, _CLOSES = frozenset("{(["), frozenset("})]")


class JavaUnit(Struct, frozen=True, kw_only=True):
    """What one file declares at its top level."""

    package: str = ""
    """Empty for the unnamed package."""
    file_class: str = ""
    """What the file has to be called after; empty where its name is free."""
    main_class: str = ""
    """What is to be started; empty where that is the file's name."""


class _Class(Struct):
    name: str
    public: bool
    main: bool = False
    static_main: bool = False


def read_unit(source: str) -> JavaUnit:
    """Return package, public class and class to start of a Java source text."""
    reader = _Reader()
    for lexeme in _tokens(source):
        reader.read(lexeme)
    return reader.unit()


def _tokens(source: str) -> Iterator[str]:
    for match in _TOKEN.finditer(_UNICODE_ESCAPE.sub(_unescaped, source)):
        if match["token"]:
            yield match["token"]


def _unescaped(match: re.Match[str]) -> str:
    return match["before"] or chr(int(match["digits"], 16))


class _Statement:
    """The tokens since the last declaration at this level ended; what is in brackets is left out."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.modifiers: set[str] = set()
        self.declares = False

    def add(self, lexeme: str) -> None:
        self.tokens.append(lexeme)
        if lexeme in _MODIFIERS:
            self.modifiers.add(lexeme)


class _Reader:
    """Reads tokens one by one, knowing how deep in brackets they stand."""

    def __init__(self) -> None:
        self._classes: list[_Class] = []
        self._package = ""
        self._compact = False
        self._open: list[str] = []
        self._statement = _Statement()

    def read(self, lexeme: str) -> None:
        if lexeme in _CLOSES:
            self._close(lexeme)
        elif lexeme in _OPENS:
            self._note_method(lexeme)
            self._open.append(lexeme)
            if lexeme == "{":
                self._statement = _Statement()
        elif self._open not in ([], ["{"]):
            return  # in a method, an argument list, an annotation, a nested class
        elif lexeme == ";":
            self._end_statement()
        else:
            self._statement.add(lexeme)
            self._note_class()

    def unit(self) -> JavaUnit:
        if self._compact or not self._classes:
            return JavaUnit(package=self._package)
        public = next((found for found in self._classes if found.public), None)
        if public and public.main:
            started = public
        else:
            mains = [found for found in self._classes if found.main]
            static = [found for found in mains if found.static_main]
            started = [*static, *mains, *([public] if public else []), *self._classes][0]
        return JavaUnit(package=self._package, file_class=(public or started).name, main_class=started.name)

    def _close(self, lexeme: str) -> None:
        if self._open:
            self._open.pop()
        if lexeme == "}" and self._open in ([], ["{"]):
            self._statement = _Statement()

    def _end_statement(self) -> None:
        tokens = self._statement.tokens
        if not self._open and "package" in tokens:
            name = tokens[tokens.index("package") + 1 :]
            self._package = "".join(part for part in name if part == "." or _is_name(part))
        self._statement = _Statement()

    def _note_class(self) -> None:
        """Note a class whose name has just been read: ``… class Name``, at the top level only."""
        statement = self._statement
        if self._open or statement.declares or len(statement.tokens) < 2:  # noqa: PLR2004  # keyword, name
            return
        before, keyword, name = ["", *statement.tokens[-3:]][-3:]
        if keyword in _DECLARES and before != "." and _is_name(name):
            statement.declares = True
            self._classes.append(_Class(name, public="public" in statement.modifiers))

    def _note_method(self, opening: str) -> None:
        """Note a ``void main(``: of the class at hand, or of the file itself."""
        if opening != "(" or self._statement.tokens[-2:] != ["void", "main"]:
            return
        if not self._open:
            self._compact = True
        elif self._open == ["{"] and self._classes:
            self._classes[-1].main = True
            self._classes[-1].static_main |= "static" in self._statement.modifiers


def _is_name(lexeme: str) -> bool:
    return lexeme[0].isalpha() or lexeme[0] in "_$"
