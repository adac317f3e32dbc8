"""Printing of answers: text for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import orjson

from consumer.safe_text import printable_json

T = TypeVar("T")


def print_answer(
    answer: T, text: Callable[[T], str], document: Callable[[T], dict[str, Any]], *, as_json: bool
) -> None:
    """Prints an answer on stdout.

    Args:
        answer: The answer of a query.
        text: Renders it for people; names in it are safe for terminals.
        document: Renders it as a JSON object.
        as_json: True for JSON, indented, with sorted keys.
    """
    if as_json:
        data = orjson.dumps(document(answer), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
        click.echo(printable_json(data.decode()))
        return
    rendered = text(answer)
    click.echo(rendered, nl=not rendered.endswith("\n"))
