"""Documents and texts as people read them."""

import json

import pytest

from consumer.cli.json_highlight import MOST_DEPTH, MOST_VALUES, marked
from consumer.safe_text import printable, printable_json

DOCUMENT = {"run": {"facets": {}}, "inputs": [{"name": "a"}, {"name": 1}], "odd key": {"x": None}}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("$.inputs[1].name", '"name": 1'),
        ("$.run.runId", '"run": {'),
        ("$.inputs[7]", '"inputs": ['),
        ('$["odd key"].x', '"x": null'),
        ("$.runs", "{"),
        ("$", "{"),
    ],
)
def test_the_place_or_what_is_nearest_above(path: str, line: str) -> None:
    """One line has the mark: that of the place, or where the place would be."""
    lines = marked(json.dumps(DOCUMENT).encode(), path)
    (found,) = [text for text in lines if text.startswith("> ")]
    assert found.removeprefix("> ").strip() == line, "\n".join(lines)
    assert json.loads("\n".join(text[2:] for text in lines)) == DOCUMENT, "what is shown is the document"


@pytest.mark.parametrize(
    "number", ["1", "-0.0", "1.10", "1e2", "18446744073709551615", "18446744073709551616", "1" * 38]
)
def test_numbers_are_as_they_are_written(number: str) -> None:
    """Also those of more than 64 bits, which is what some documents are rejected for."""
    assert marked(f'{{"rowCount": {number}}}'.encode(), "$.rowCount") == ["  {", f'>   "rowCount": {number}', "  }"]


def test_what_is_no_json_is_text() -> None:
    """Bytes that are no JSON are shown all the same, and so is what nests too deep."""
    assert marked(b"{]\xff\x1b", "$") == ["  {]\\xff\\x1b"]
    deep = "\n".join(marked(b"[" * 500 + b"]" * 500, "$"))
    assert deep.count("[\n") == MOST_DEPTH, "cut where it is rejected anyway"
    assert "[...]" in deep


def test_a_terminal_is_not_moved() -> None:
    """Control characters, marks of direction and half characters are spelled out; a line's end is one."""
    assert printable("a\x1b[2J\r\u202eb\ud800é\n") == "a\\x1b[2J\\r\\u202eb\\ud800é\n"


def test_json_that_a_terminal_does_not_obey() -> None:
    """It is the same document, without a raw control character or mark of direction."""
    document = {"\x9b31m": "a\x85b\u202ec\u2066d\x7f", "ok": "Büro 😀\n"}
    text = printable_json(json.dumps(document, ensure_ascii=False))
    assert json.loads(text) == document
    assert not set(text) & set("\x9b\x85\u202e\u2066\x7f")
    assert "Büro 😀" in text


def test_a_document_of_very_many_values_is_shown_as_text() -> None:
    """A line for each would be gigabytes."""
    value = b"[" + b"0," * MOST_VALUES + b"0]"
    assert marked(value, "$") == ["  " + value.decode()]
