"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from schemas.counted import counted


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [
        (0, ("dataset",), "0 datasets"),
        (1, ("dataset",), "1 dataset"),
        (2_000, ("dead letter",), "2,000 dead letters"),
        (1, ("vertex", "vertices"), "1 vertex"),
        (2, ("vertex", "vertices"), "2 vertices"),
    ],
)
def test_the_noun_follows_the_number(number: int, nouns: tuple[str, ...], text: str) -> None:
    """Only after 1 it is singular."""
    assert counted(number, *nouns) == text
