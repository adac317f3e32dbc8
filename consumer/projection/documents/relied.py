"""Documents that a computation used without writing them, to be compared with the store afterwards."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Protocol, TypeVar

from consumer.graph.store import GraphStore

K = TypeVar("K", bound=Hashable)
Key_contra = TypeVar("Key_contra", contravariant=True)


class Document(Protocol):
    """A document with the token that it had when it was read."""

    @property
    def token(self) -> str:
        """The token; empty if the document is not in the store."""


class Documents(Protocol[Key_contra]):
    """A cache of documents, `FactRepository`."""

    def id_of(self, key: Key_contra) -> str:
        """Returns the id of a document's vertex."""

    def forget_unless(self, key: Key_contra, token: str) -> None:
        """Drops a document from the cache unless it is the one of a token."""


class Relied:
    """Documents that a computation used without writing them, to be compared with the store afterwards.

    Args:
        store: Where they are.
        watched: The id of a vertex whose token is read with theirs; None for none.

    Attributes:
        watched_rev: The token of that vertex when they were compared last; empty if it is not there.
    """

    def __init__(self, store: GraphStore, watched: str | None = None) -> None:
        self._store = store
        self._watched = watched
        self.watched_rev = ""
        self._used: dict[str, tuple[Documents[Any], Any, str]] = {}
        self._seen: dict[str, str] = {}

    def see(self, documents: Documents[K], seen: Mapping[K, Document]) -> None:
        """Notes documents of which only a write that follows must be sure that they are as they were used."""
        for key, document in seen.items():
            self._seen.setdefault(documents.id_of(key), document.token)

    def is_other(self, id_: str, token: str) -> bool:
        """True if a document is not the one that was used, as somebody has changed it since."""
        used = self._used.get(id_)
        return token != (used[2] if used is not None else self._seen.get(id_, token))

    def add(self, documents: Documents[K], used: Mapping[K, Document]) -> None:
        """Notes documents with the tokens that they had when they were used."""
        for key, document in used.items():
            self._used.setdefault(documents.id_of(key), (documents, key, document.token))

    def advance(self, id_: str, before: str, after: str) -> None:
        """Notes that a document is written on the very token with which it was used."""
        used = self._used.get(id_)
        if used is not None and used[2] == before:
            self._used[id_] = (*used[:2], after)
        if self._seen.get(id_) == before:
            self._seen[id_] = after

    def merge(self, other: Relied) -> None:
        """Notes all that another one has."""
        for id_, used in other._used.items():
            self._used.setdefault(id_, used)
        for id_, token in other._seen.items():
            self._seen.setdefault(id_, token)

    def moved(self) -> bool:
        """Forgets documents that are not as they were used; returns True if there are any.

        Raises:
            TransientError: The store can't serve now.
        """
        self._seen.clear()
        if not self._used and self._watched is None:
            return False
        watched = [self._watched] if self._watched is not None else []
        stored = self._store.read([*self._used, *watched], ("rev",))
        self.watched_rev = str(stored.get(self._watched or "", {}).get("rev", ""))
        moved = False
        for id_, (documents, key, token) in self._used.items():
            now = str(stored.get(id_, {}).get("rev", ""))
            if now != token:
                documents.forget_unless(key, now)
                moved = True
        self._used.clear()
        return moved
