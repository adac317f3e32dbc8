"""Texts of long values by their reference, of which some are made only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

MakeTexts = Callable[[], Mapping[str, str]]
"""Makes texts by reference, at least those that it was promised for."""


class Contents(Mapping[str, str]):
    """Texts by reference.

    A store knows most of them already, and a value that was seen before is kept without its text. So the reference is
    there at once, and the text is made again from the event for a store that lacks it.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._promised: dict[str, MakeTexts] = {}

    def add(self, texts: Mapping[str, str]) -> None:
        """Adds texts."""
        self._texts.update(texts)

    def promise(self, refs: Iterable[str], make: MakeTexts) -> None:
        """Adds references whose texts are made when they are asked for."""
        for ref in refs:
            self._promised.setdefault(ref, make)

    def update(self, other: Contents) -> None:
        """Adds all that another one has."""
        self._texts.update(other._texts)
        self._promised.update(other._promised)

    def __getitem__(self, ref: str) -> str:
        if ref not in self._texts:
            self._texts.update(self._promised[ref]())
        return self._texts[ref]

    def __iter__(self) -> Iterator[str]:
        yield from self._texts
        yield from self._promised.keys() - self._texts.keys()

    def __len__(self) -> int:
        return len(self._texts.keys() | self._promised.keys())

    def __contains__(self, ref: object) -> bool:
        return ref in self._texts or ref in self._promised

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return f"Contents({sorted(self)!r})"
