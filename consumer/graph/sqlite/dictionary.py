"""Texts that many rows have in common, by the integers that stand for them.

An entry is never removed or changed, so cached entries stay valid whatever process writes to the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

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

    What is added is added within a write transaction of the caller, and written by `flush`, which has to be called
    before anything else reads the tables of words and stems, and before the transaction ends.

    Args:
        db: The file.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._keys: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._stems: dict[str, tuple[Stem, ...]] = {}
        self._absent: set[str] = set()
        self._new_words: list[tuple[int, str]] = []
        self._new_stems: list[tuple[int, str, int]] = []

    def forget(self) -> None:
        """Forgets what is remembered, as a transaction that added some of it was rolled back."""
        self._keys.clear()
        self._texts.clear()
        self._stems.clear()
        self._absent.clear()
        self._new_words.clear()
        self._new_stems.clear()

    def flush(self) -> None:
        """Writes what was added; from then on, others may add what was absent."""
        self._db.executemany("INSERT INTO words (key, text) VALUES (?, ?)", self._new_words)
        self._db.executemany("INSERT INTO stems (key, text, label) VALUES (?, ?, ?)", self._new_stems)
        self._absent.clear()
        self._new_words.clear()
        self._new_stems.clear()

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
        key = self._keys.get(text) or self.known(text)
        if key is None:
            key = self._new_words[-1][0] + 1 if self._new_words else self._next_key("words")
            self._new_words.append((key, text))
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
            if text in self._absent:
                return ()
            select = "SELECT s.key, w.text FROM stems s JOIN words w ON w.key = s.label WHERE s.text = ?"
            found = tuple(Stem(*row) for row in self._db.execute(select, (text,)))
            if found:
                self._remember_stems(text, found)
        return found

    def look_up(self, texts: Iterable[str]) -> None:
        """Looks for the stems of texts with one statement, within a write transaction; `stems` then knows them."""
        unknown = {text for text in texts if text not in self._stems}
        if not unknown:
            return
        select = (
            "SELECT s.text, s.key, w.text FROM json_each(?) j CROSS JOIN stems s ON s.text = j.value"
            " CROSS JOIN words w ON w.key = s.label"
        )
        found: dict[str, tuple[Stem, ...]] = {}
        for text, key, label in self._db.execute(select, (orjson.dumps(list(unknown)).decode(),)):
            found[text] = (*found.get(text, ()), Stem(key, label))
        for text, stems in found.items():
            self._remember_stems(text, stems)
        self._absent |= unknown - found.keys()

    def stem(self, text: str, label: str) -> Stem:
        """Returns the stem of a text and a label, which is added if the file does not have it."""
        stems = self.stems(text)
        for stem in stems:
            if stem.label == label:
                return stem
        key = self._new_stems[-1][0] + 1 if self._new_stems else self._next_key("stems")
        made = Stem(key, label)
        self._new_stems.append((key, text, self.key(label)))
        self._remember_stems(text, (*stems, made))
        return made

    def _next_key(self, table: str) -> int:
        select = f"SELECT ifnull(max(key), 0) + 1 FROM {table}"  # noqa: S608 - of constants
        return int(self._db.execute(select).fetchone()[0])

    def _remember(self, key: int, text: str) -> None:
        if len(self._keys) >= REMEMBERED:
            self.flush()
            self._keys.clear()
            self._texts.clear()
        self._keys[text] = key
        self._texts[key] = text

    def _remember_stems(self, text: str, stems: tuple[Stem, ...]) -> None:
        if len(self._stems) >= REMEMBERED:
            self.flush()
            self._stems.clear()
        self._stems[text] = stems
