"""The error of refinement. It never leaves the refiner: the affected lineage is missing, and counted."""

import re

from emitter.errors import EmitterError

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""Escape sequences of terminals (ECMA-48), with which sqlglot underlines the place of an error."""

_TOKEN = re.compile(r"<Token token_type: [\w.]*, text: (.*?), line: \d+, .*?>", re.DOTALL)
"""A token as sqlglot prints it in a message, with all of its attributes."""

_MOST_CHARS = 200


class SqlNotUnderstood(EmitterError):
    """A SQL text can't be read, so its own column lineage is missing; the message names its table and the place."""


def reason_of(error: Exception) -> str:
    """Returns the message of a parser's error as one short line of plain text, for logs and terminals alike."""
    return plain(_TOKEN.sub(r"\1", str(error)))[:_MOST_CHARS] or type(error).__name__


def plain(text: str) -> str:
    """Returns a text as one line without control characters; a SQL text that it quotes may have some of its own."""
    printable = "".join(char if char.isprintable() else " " for char in _ESCAPE.sub("", text))
    return " ".join(printable.split())
