"""What documents show as code: fenced blocks, spans in backticks, and commands with what they print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Shown(NamedTuple):
    """A command that a document shows, and what it is said to print; `...` as the last line stands for more."""

    command: str
    output: str


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [dedent(body) for _, kind, body in _FENCE.findall(path.read_text(encoding="utf-8")) if kind == language]


def prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def spans(path: Path) -> list[str]:
    """The spans in backticks, each on one line."""
    return [" ".join(span.split()) for span in _SPAN.findall(prose(path))]


def code(path: Path) -> list[str]:
    """All lines of code: those of fenced blocks, and spans."""
    fenced = (body for _, _, body in _FENCE.findall(path.read_text(encoding="utf-8")))
    return [*spans(path), *(line for body in fenced for line in body.splitlines())]


def shown(path: Path) -> Iterator[Shown]:
    """The commands of `console` blocks, each begun by a dollar sign."""
    for block in blocks(path, "console"):
        for part in block.split("$ ")[1:]:
            command, _, output = part.partition("\n")
            yield Shown(command, output.strip("\n"))


def links(path: Path) -> list[str]:
    """Where the document's links and pictures lead."""
    return _LINK.findall(prose(path))


def anchors(path: Path) -> set[str]:
    """What can follow `#` in a link to the document: its headings, as GitHub spells them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose(path))}
