"""dbt v2's `.env` file: the expected values are those that dotenvy 0.15.7 gave, the crate that dbt v2 uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.runner.dbt_v2.env_file import beneath

ENVIRON = {"B": "bee", "C": "sea", "B_C": "beesea"}


def added(folder: Path, text: str) -> dict[str, str]:
    """What a file of this text adds to the environment."""
    (folder / ".env").write_text(text, newline="")
    return {name: value for name, value in beneath(ENVIRON, folder).items() if name not in ENVIRON}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", "1"),
        ("", ""),
        (" b", "b"),
        ("a=b", "a=b"),
        ("{B}", "{B}"),
        ("'a b'", "a b"),
        ('"a b"', "a b"),
        ("'a\nb'", "a\nb"),
        ('"a\nb" # c', "a\nb"),
        ("'a'\"b\"c", "abc"),
        (r"'a\nb'", r"a\nb"),
        (r'"a\nb"', "a\nb"),
        (r'"a\"b"', 'a"b'),
        (r"a\ b", "a b"),
        ("a # c", "a"),
        ("a\t# c", "a"),
        ("a#c", "a#c"),
        ("'a'#c", "a#c"),
        ("#c", ""),
        ("$B", "bee"),
        ("${B_C}", "beesea"),
        ("$B_C", "bee_C"),
        ("$B$C", "beesea"),
        ("${B}x$C y", "beexsea y"),
        ("${NOT_SET}", ""),
        ("'$B'", "$B"),
        (r'"\$B"', "$B"),
        ("$", ""),
        ("a\\", "a"),
    ],
)
def test_a_value(tmp_path: Path, written: str, value: str) -> None:
    """Quotes, escapes, comments and references, on a line that is followed by another one."""
    assert added(tmp_path, f"A={written}\nZ=1\n") == {"A": value, "Z": "1"}


@pytest.mark.parametrize(
    "line",
    [
        "A=a b",
        "A=a\\b",
        r'A="a\tb"',
        'A="a" b',
        "A=a'b",
        'A="a',
        'A="a $B"',
        "A=${B",
        "A-B=1",
        "1A=1",
        "A:1",
        "A",
        "export A",
    ],
)
def test_reading_ends_at_a_line_that_is_no_assignment(tmp_path: Path, line: str) -> None:
    """What stands before it counts."""
    assert added(tmp_path, f"Y=1\n{line}\nZ=1\n") == {"Y": "1"}


@pytest.mark.parametrize("line", ["A=1", " A=1", "A = 1", "export A=1", "\ufeffA=1", "# c\n\n  \nA=1", "A=1\r"])
def test_a_line(tmp_path: Path, line: str) -> None:
    """The forms of an assignment."""
    assert added(tmp_path, f"{line}\n") == {"A": "1"}


def test_what_is_set_wins(tmp_path: Path) -> None:
    """In the environment, then by the first line; a value sees the lines above it."""
    assert added(tmp_path, "B=file\nA=1\nA=2\nZ=$B-$A\n") == {"A": "1", "Z": "bee-1"}


def test_without_a_file(tmp_path: Path) -> None:
    """Nothing is added: no file, a folder of the name, or bytes that are no text."""
    assert beneath(ENVIRON, tmp_path) == ENVIRON
    (tmp_path / ".env").mkdir()
    assert beneath(ENVIRON, tmp_path) == ENVIRON
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".env").write_bytes(b"A=\xff\n")
    assert beneath(ENVIRON, tmp_path / "other") == ENVIRON


@given(st.text("AB=$'\"\\{} #\n\t\r", max_size=60))
def test_any_text_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """No file keeps dbt from running, and only assignments count."""
    assert all(re.fullmatch("[AB]+", name) for name in added(tmp_path_factory.mktemp("text"), text))
