"""Facts in vertices: read, join, and write on the very revision that was read.

A document is the facts of one run, job or name, in a vertex of their own. It is changed by compare-and-set: whoever
comes second reads again and joins again, and since joining loses nothing, neither does he. What the cache holds is
therefore never wrong, only perhaps old, and then the write says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cachetools import LRUCache

from consumer.errors import TransientError
from consumer.graph.store import Absent, Change, GraphStore, Is, Properties, Scalar, Step, Vertex

K = TypeVar("K", bound=Hashable)
F = TypeVar("F")

_PER_CHAR = 4
"""Bytes of memory that facts take for each character of their text, measured on those of jobs, runs and names."""
_AT_LEAST = 1_000
"""Bytes of any document."""

MOST_TRIES = 200
"""How often a change is tried against other writers before the batch is tried anew."""


@dataclass(frozen=True, slots=True)
class Document(Generic[F]):
    """Facts as they are in the store.

    Attributes:
        revision: How often they were changed; 0 if they are not in the store.
        token: The revision and a hash, which the vertex's `rev` holds.
        facts: The facts.
        properties: The vertex's other properties.
        size: About how many bytes of memory it takes.
        fresh: Whether it was just read, rather than kept from an earlier write of our own.
    """

    revision: int
    token: str
    facts: F
    properties: Properties = field(default_factory=dict)
    size: int = 0
    fresh: bool = False

    @property
    def stored(self) -> bool:
        """Whether it is in the store."""
        return self.revision > 0


@dataclass(frozen=True, slots=True)
class Draft(Generic[F]):
    """What a document is to become.

    Attributes:
        facts: The facts.
        properties: Vertex properties to set, a view of the facts.
        steps: What else to do in the same change.
        changed: Whether the facts are new; else only the steps are done.
    """

    facts: F
    properties: Properties = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Kind(Generic[K, F]):
    """How facts of one kind are kept."""

    label: str
    id_of: Callable[[K], str]
    empty: F
    dump: Callable[[F], str]
    load: Callable[[str], F]


class Documents(Generic[K, F]):
    """The documents of one kind, with those last used at hand.

    Args:
        store: Where they are.
        kind: Which.
        cached: How many bytes of memory those at hand may take.
    """

    def __init__(self, store: GraphStore, kind: Kind[K, F], cached: int) -> None:
        self._store = store
        self._kind = kind
        self._cached = cached
        self._cache: LRUCache[K, Document[F]] = LRUCache(cached, getsizeof=lambda document: document.size)

    def get(self, keys: Iterable[K]) -> dict[K, Document[F]]:
        """Documents by key; those that the cache lacks are read, in one request."""
        found: dict[K, Document[F]] = {}
        unknown: list[K] = []
        for key in keys:
            document = self._cache.get(key)
            if document is None:
                unknown.append(key)
            else:
                found[key] = document
        if unknown:
            found |= self._read(unknown)
        return found

    def _read(self, keys: Collection[K]) -> dict[K, Document[F]]:
        stored = self._store.read([self._kind.id_of(key) for key in keys])
        found: dict[K, Document[F]] = {}
        for key in keys:
            properties = stored.get(self._kind.id_of(key))
            found[key] = self.absent() if properties is None else self._document(properties)
            self._keep(key, found[key])
        return found

    def _keep(self, key: K, document: Document[F]) -> None:
        self._cache.pop(key, None)
        if document.size <= self._cached:
            self._cache[key] = document

    def _document(self, properties: Properties) -> Document[F]:
        rest = {name: value for name, value in properties.items() if name not in {"rev", "facts"}}
        token = str(properties["rev"])
        text = str(properties["facts"])
        return Document(
            int(token.partition(".")[0]), token, self._kind.load(text), rest, _size(len(text), rest), fresh=True
        )

    def absent(self) -> Document[F]:
        """What stands for a document that is not in the store."""
        return Document(0, "", self._kind.empty, size=_AT_LEAST)

    def forget(self, keys: Iterable[K]) -> None:
        """Drops documents from the cache, so that they are read again."""
        for key in keys:
            self._cache.pop(key, None)

    def update(
        self,
        keys: Collection[K],
        draft: Callable[[K, Document[F]], Draft[F] | None],
        *,
        presume_new: bool = False,
    ) -> dict[K, Document[F]]:
        """Brings documents to what a function drafts from what is there, in the order of the keys.

        Args:
            keys: Which documents.
            draft: From a key and what is in the store to what is to be there; None where nothing is to be done. It is
                called again when somebody else has changed the document meanwhile.
            presume_new: Whether documents that the cache lacks are taken to be absent, without asking; when one is
                there after all, the write finds out.

        Returns:
            The documents as they are now.

        Raises:
            TransientError: The store can't serve now, or others change the same documents all the time.
        """
        done: dict[K, Document[F]] = {}
        waiting = list(keys)
        for attempt in range(MOST_TRIES):
            known = self._known(waiting, presume_new=presume_new and attempt == 0)
            changes: list[Change] = []
            drafted: dict[K, Document[F]] = {}
            for key in waiting:
                plan = draft(key, known[key])
                if plan is None:
                    drafted[key] = known[key]
                    continue
                drafted[key], change = self._plan(key, known[key], plan)
                if plan.changed or plan.steps or plan.properties:
                    changes.append(change)
            failed = self._store.write(changes) if changes else set()
            again: list[K] = []
            for key in waiting:
                if self._kind.id_of(key) in failed:
                    self._cache.pop(key, None)
                    again.append(key)
                else:
                    done[key] = drafted[key]
                    self._keep(key, drafted[key])
            if not again:
                return done
            waiting = again
        raise TransientError(f"{len(waiting)} {self._kind.label} vertices are changed by others all the time")

    def _known(self, keys: Collection[K], *, presume_new: bool) -> dict[K, Document[F]]:
        if not presume_new:
            return self.get(keys)
        absent = self.absent()
        return {key: self._cache.get(key, absent) for key in keys}

    def _plan(self, key: K, known: Document[F], plan: Draft[F]) -> tuple[Document[F], Change]:
        properties: dict[str, Scalar] = dict(plan.properties)
        revision, token = known.revision, known.token
        after = {**known.properties, **plan.properties}
        size = known.size
        if plan.changed:
            text = self._kind.dump(plan.facts)
            size = _size(len(text), after)
            revision += 1
            token = f"{revision}.{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"
            properties |= {"rev": token, "facts": text}
        change = Change(
            owner=Vertex(self._kind.id_of(key), self._kind.label, properties),
            when=Is("rev", known.token) if known.stored else Absent(),
            token=Is("rev", token),
            steps=plan.steps,
        )
        facts = plan.facts if plan.changed else known.facts
        return Document(revision, token, facts, after, size), change

    def note(self, key: K, properties: Mapping[str, Scalar]) -> None:
        """Tells the cache of properties that were written by other means."""
        document = self._cache.get(key)
        if document is not None:
            after = {**document.properties, **properties}
            size = document.size + _size(0, after) - _size(0, document.properties)
            self._keep(key, Document(document.revision, document.token, document.facts, after, size))


def _size(chars: int, properties: Properties) -> int:
    """About how many bytes a document takes."""
    return _AT_LEAST + _PER_CHAR * chars + sum(len(str(value)) for value in properties.values())
