"""Texts that many rows have in common, by the integers that stand for them.

An entry is never removed or changed, so cached entries stay valid whatever process writes to the file.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

REMEMBERED: Final = 32_768
"""Entries of each kind that are remembered: the stems of the runs and groups of some 16,000 jobs."""


class Stem(NamedTuple):
    """A stem of ids, with the label of its vertices.

    Attributes:
        key: Its integer.
        label: The label.
    """

    key: int
    label: str


class Dictionary:
    """The tables of words and stems.

    Args:
        db: The file. What is added is added within the caller's transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._keys: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._stems: dict[str, tuple[Stem, ...]] = {}

    def forget(self) -> None:
        """Forgets what is remembered, as a transaction that added some of it was rolled back."""
        self._keys.clear()
        self._texts.clear()
        self._stems.clear()

    def known(self, text: str) -> int | None:
        """Returns the key of a word; None if the file does not have it."""
        key = self._keys.get(text)
        if key is None:
            row = self._db.execute("SELECT key FROM words WHERE text = ?", (text,)).fetchone()
            if row is None:
                return None
            key = int(row[0])
            self._remember(key, text)
        return key

    def key(self, text: str) -> int:
        """Returns the key of a word, which is added if the file does not have it."""
        key = self.known(text)
        if key is None:
            key = self._added("INSERT INTO words (text) VALUES (?)", text)
            self._remember(key, text)
        return key

    def text(self, key: int) -> str:
        """Returns the word of a key."""
        text = self._texts.get(key)
        if text is None:
            text = str(self._db.execute("SELECT text FROM words WHERE key = ?", (key,)).fetchone()[0])
            self._remember(key, text)
        return text

    def stems(self, text: str) -> tuple[Stem, ...]:
        """Returns the stems of a text: none, one, or one for each label of its vertices."""
        found = self._stems.get(text)
        if found is None:
            select = "SELECT s.key, w.text FROM stems s JOIN words w ON w.key = s.label WHERE s.text = ?"
            found = tuple(Stem(*row) for row in self._db.execute(select, (text,)))
            if found:
                self._remember_stems(text, found)
        return found

    def stem(self, text: str, label: str) -> Stem:
        """Returns the stem of a text and a label, which is added if the file does not have it."""
        stems = self.stems(text)
        for stem in stems:
            if stem.label == label:
                return stem
        made = Stem(self._added("INSERT INTO stems (text, label) VALUES (?, ?)", text, self.key(label)), label)
        self._remember_stems(text, (*stems, made))
        return made

    def _added(self, insert: str, *values: str | int) -> int:
        key = self._db.execute(insert, values).lastrowid
        if key is None:
            raise AssertionError("SQLite has inserted no row")
        return key

    def _remember(self, key: int, text: str) -> None:
        if len(self._keys) >= REMEMBERED:
            self._keys.clear()
            self._texts.clear()
        self._keys[text] = key
        self._texts[key] = text

    def _remember_stems(self, text: str, stems: tuple[Stem, ...]) -> None:
        if len(self._stems) >= REMEMBERED:
            self._stems.clear()
        self._stems[text] = stems
