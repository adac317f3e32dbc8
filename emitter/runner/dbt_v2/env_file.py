"""The `.env` file of the working folder, as dbt v2's binary reads it before anything else.

dbt v2 reads it with the Rust crate dotenvy 0.15: the environment wins, and reading ends at the first line that is no
assignment. `shim.py` runs this file by itself, so nothing but the standard library is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

FILE = ".env"
# A line up to its comment; inside quotes it goes on after a line break.
_LINE = re.compile(
    r"""((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\(?=\n)|\\[^\n]|(?<=\S)\#|[^'"\\\#\n])*)(?:(?<!\S)\#[^\n]*)?(?:\n|\Z)""",
    re.DOTALL,
)
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\{([^}]*)\}|([^\W_]*)(.?))", re.DOTALL)
# A backslash at the end of a line stands for nothing.
_ESCAPED = {"": "", "n": "\n", **{char: char for char in "\\'\"$ "}}


class _Malformed(Exception):
    """The line is no assignment."""


def beneath(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment as dbt v2's binary sees it: the given one, and what `.env` adds to it.

    Args:
        environ: The environment variables.
        folder: The working folder; dbt v2 looks in no other.
    """
    found = dict(environ)
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return found
    for name, value in _assignments(text, lambda name: found.get(name, "")):
        found.setdefault(name, value)
    return found


def _assignments(text: str, lookup: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text) and (line := _LINE.match(text, place)):
        place = line.end()
        written = line[1].rstrip() if line[0] != line[1] else line[1]
        if not written.strip():
            continue
        assignment = _ASSIGNMENT.fullmatch(written)
        if assignment is None:
            return
        try:
            value = _Value(assignment[2], lookup).read()
        except _Malformed:
            return
        yield assignment[1], value


class _Value:
    """The right side of an assignment."""

    def __init__(self, text: str, lookup: Callable[[str], str]) -> None:
        self._text, self._lookup = text, lookup
        self._place = 0
        self._read: list[str] = []

    def read(self) -> str:
        """The value without quotes, escapes and references.

        Raises:
            _Malformed: A quote is open, an escape is unknown, or something follows after a blank.
        """
        if self._text.startswith("#"):
            return ""
        while self._place < len(self._text) and self._text[self._place] not in " \t":
            self._part(self._text[self._place], is_quoted=False)
        # The end of a line is removed with the blanks before it, but the end of the file is not.
        if self._place < len(self._text):
            raise _Malformed
        return "".join(self._read)

    def _part(self, char: str, *, is_quoted: bool) -> None:
        if char == "\\":
            self._escape()
        elif char == "$":
            self._reference()
        elif char == '"' and not is_quoted:
            self._weak()
        elif char == "'" and not is_quoted:
            self._strong()
        else:
            self._read.append(char)
            self._place += 1

    def _strong(self) -> None:
        end = self._text.find("'", self._place + 1)
        if end < 0:
            raise _Malformed
        self._read.append(self._text[self._place + 1 : end])
        self._place = end + 1

    def _weak(self) -> None:
        self._place += 1
        while self._place < len(self._text):
            if self._text[self._place] == '"':
                self._place += 1
                return
            self._part(self._text[self._place], is_quoted=True)
        raise _Malformed

    def _escape(self) -> None:
        char = self._text[self._place + 1 : self._place + 2]
        if char not in _ESCAPED:
            raise _Malformed
        self._read.append(_ESCAPED[char])
        self._place += 2

    def _reference(self) -> None:
        """The value of `${NAME}` or `$NAME`; what ends the second form is taken as it is, be it a quote or a blank."""
        found = _REFERENCE.match(self._text, self._place)
        if found is None or (self._text.startswith("${", self._place) and found[1] is None):
            raise _Malformed
        self._place = found.end()
        if found[1] is not None:
            self._read.append(self._lookup(found[1]))
            return
        self._read.append(self._lookup(found[2]))
        if found[3] == "$":
            self._place -= 1
        else:
            self._read.append(found[3])
