"""Texts by reference, of which some are made when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from consumer.lineage.facts.contents import Contents


class Maker:
    """Makes texts, and counts how often."""

    def __init__(self, **texts: str) -> None:
        self.made = 0
        self._texts = texts

    def __call__(self) -> Mapping[str, str]:
        """The texts."""
        self.made += 1
        return self._texts


def test_a_promised_text_is_made_once_and_only_when_asked_for() -> None:
    """Its reference is there before; all that was made with it is there then."""
    contents, make = Contents(), Maker(a="A", b="B")
    contents.promise(["a", "b"], make)
    contents.add({"c": "C"})
    assert (set(contents), len(contents), "a" in contents, make.made) == ({"a", "b", "c"}, 3, True, 0)
    assert (contents["c"], make.made) == ("C", 0)
    assert (contents["a"], contents["b"], contents["a"], make.made) == ("A", "B", "A", 1)


def test_a_text_that_is_there_is_not_made() -> None:
    """Whether it was added before it was promised or after."""
    contents, make = Contents(), Maker(a="A")
    contents.add({"a": "A"})
    contents.promise(["a"], make)
    assert (dict(contents), make.made) == ({"a": "A"}, 0)


def test_what_is_not_there() -> None:
    """A reference that nobody gave is missing."""
    with pytest.raises(KeyError):
        Contents()["a"]


def test_joining() -> None:
    """All of both is there, made or not; equal texts are equal contents."""
    one, other = Contents(), Contents()
    one.add({"a": "A"})
    other.promise(["b"], Maker(b="B"))
    one.update(other)
    assert one == {"a": "A", "b": "B"}
