"""Vertices that are changed by compare-and-set: the facts of a run, job, output, group or name, and its projections.

A document is a vertex with one token, `rev`. Every change of the vertex, and of anything that hangs on it, names the
token that it was computed from and sets another one. So all state that a write depends on is guarded: facts, the list
of edges that the last projection made, the mark of what it shows. A document in the cache may be old, never wrong: a
write that was computed from an old one fails, and is computed again from what is there.

A cached document is a lower bound of facts that only grow. Where something can be taken back, nothing is left out on
the word of the cache: documents that a computation used without writing them are collected in `Relied`, and their
tokens are compared with the store afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from cachetools import LRUCache

from consumer.errors import TransientError
from consumer.graph.store import Change, GraphStore, NotExists, Properties, PropertyEquals, Scalar, Step, Vertex
from consumer.projection.write_buffer import Sending

K = TypeVar("K", bound=Hashable)
F = TypeVar("F")

_PER_CHAR = 4
"""Bytes of memory that facts take for each character of their text, measured on those of jobs, runs and names."""
_AT_LEAST = 1_000
"""Bytes of any document."""

MOST_TRIES = 200
"""How often a change is tried against other writers before the batch is tried again as a whole."""

STEPS_PER_CHANGE = 100
"""How many steps go into one change; more of them go into further changes, each under the token of the one before."""


@dataclass(frozen=True, slots=True)
class Document(Generic[F]):
    """A document as it is in the store.

    Attributes:
        token: What the vertex's `rev` holds: a count of changes and a hash; empty if it is not in the store.
        facts: The facts.
        properties: The vertex's other properties.
        size: About how many bytes of memory it takes.
    """

    token: str
    facts: F
    properties: Properties = field(default_factory=dict)
    size: int = 0

    @property
    def stored(self) -> bool:
        """True if it is in the store."""
        return bool(self.token)


@dataclass(frozen=True, slots=True)
class Draft(Generic[F]):
    """What a document is to become.

    Attributes:
        facts: The facts.
        properties: Vertex properties to set.
        steps: What else to do in the same change.
        last: Steps for the end, when all others are done.
        begin: Properties that are true while only a part of the steps is done, if these take several changes.
        end: Properties to set with the last of several changes alone.
    """

    facts: F
    properties: Properties = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    last: tuple[Step, ...] = ()
    begin: Properties = field(default_factory=dict)
    end: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind(Generic[K, F]):
    """How facts of one kind are kept.

    Attributes:
        label: The label of their vertices.
        id_of: From a key to the id of its vertex.
        empty: The facts of a document that is not there.
        dump: From facts to their text.
        load: From their text to facts.
        new_token: Makes a part of the first token of a vertex. One that may be removed has another first token each
            time it is made, so that it is not taken for the one before, whose edges are gone.
    """

    label: str
    id_of: Callable[[K], str]
    empty: F
    dump: Callable[[F], str]
    load: Callable[[str], F]
    new_token: Callable[[], str] = str


class Updated(NamedTuple, Generic[K, F]):
    """What an update did.

    Attributes:
        documents: All documents that were asked for, as they are now.
        written: The keys of those that were written.
        failed: The keys of those that somebody else has changed meanwhile; only without retries.
    """

    documents: dict[K, Document[F]]
    written: set[K]
    failed: list[K]


class Documents(Generic[K, F]):
    """The documents of one kind, with a cache of those last used.

    Args:
        store: Where they are.
        kind: Which.
        cached: How many bytes of memory the cache may take.
    """

    def __init__(self, store: GraphStore, kind: Kind[K, F], cached: int) -> None:
        self._store = store
        self._kind = kind
        self._cached = cached
        self._cache: LRUCache[K, Document[F]] = LRUCache(cached, getsizeof=lambda document: document.size)

    def id_of(self, key: K) -> str:
        """The id of a document's vertex."""
        return self._kind.id_of(key)

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
            found |= self.read(unknown)
        return found

    def read(self, keys: Collection[K]) -> dict[K, Document[F]]:
        """Documents by key, read from the store."""
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
        text = str(properties["facts"])
        return Document(str(properties["rev"]), self._kind.load(text), rest, _size(len(text), rest))

    def absent(self) -> Document[F]:
        """A document that is not in the store."""
        return Document("", self._kind.empty, size=_AT_LEAST)

    def forget(self, keys: Iterable[K]) -> None:
        """Drops documents from the cache, so that they are read again."""
        for key in keys:
            self._cache.pop(key, None)

    def update(
        self,
        keys: Collection[K],
        plan: Callable[[Mapping[K, Document[F]]], Iterable[tuple[K, Draft[F]]]],
        *,
        presume_new: bool = False,
        relied: Relied | None = None,
        retry: bool = True,
    ) -> Updated[K, F]:
        """Brings documents to what a function drafts from what is there.

        Args:
            keys: Which documents.
            plan: From documents to the drafts of those that are to change, in the order of writing. It is called again
                for those that somebody else has changed meanwhile.
            presume_new: True if documents that the cache lacks are taken to be absent without a look; the write of one
                that is there fails.
            relied: Documents that were used before; those that are written here count as they are then.
            retry: False if documents that somebody else has changed meanwhile are left to the caller.

        Raises:
            TransientError: The store can't serve now, or others change the same documents all the time.
        """
        done: dict[K, Document[F]] = {}
        written: set[K] = set()
        waiting = list(keys)
        for attempt in range(MOST_TRIES):
            known = self._known(waiting, presume_new=presume_new and attempt == 0)
            drafted: dict[K, Document[F]] = {}
            sending = Sending(self._store)
            for key, draft in plan(known):
                drafted[key], changes = self._changes(key, known[key], draft)
                sending.add(changes)
            failed = sending.finish()
            waiting = [key for key in drafted if self._kind.id_of(key) in failed]
            self.forget(waiting)
            for key in known.keys() - set(waiting):
                if key in drafted:
                    written.add(key)
                    self._keep(key, drafted[key])
                    if relied is not None:
                        relied.advance(self._kind.id_of(key), known[key].token, drafted[key].token)
                done[key] = drafted.get(key, known[key])
            if not waiting or not retry:
                return Updated(done, written, waiting)
        raise TransientError(f"{len(waiting)} {self._kind.label} vertices are changed by others all the time")

    def _known(self, keys: Collection[K], *, presume_new: bool) -> dict[K, Document[F]]:
        if not presume_new:
            return self.get(keys)
        absent = self.absent()
        return {key: self._cache.get(key, absent) for key in keys}

    def _changes(self, key: K, known: Document[F], draft: Draft[F]) -> tuple[Document[F], list[Change]]:
        """What a document becomes, and the changes that make it so."""
        properties: dict[str, Scalar] = dict(draft.properties)
        size = known.size
        after = {**known.properties, **draft.properties}
        if not known.stored or draft.facts != known.facts:
            properties["facts"] = text = self._kind.dump(draft.facts)
            size = _size(len(text), after)
        salt = "" if known.stored else self._kind.new_token()
        owner = _Owner(self._kind.id_of(key), self._kind.label, known.token, salt)
        if len(draft.steps) + len(draft.last) <= STEPS_PER_CHANGE:
            changes = [owner.change(properties, (*draft.steps, *draft.last))]
        else:
            parts = [
                tuple(draft.steps[at : at + STEPS_PER_CHANGE]) for at in range(0, len(draft.steps), STEPS_PER_CHANGE)
            ]
            changes = [owner.change({**properties, **draft.begin})]
            changes += [owner.change({}, part) for part in parts]
            after |= draft.end
            changes.append(owner.change({**properties, **draft.end}, draft.last))
        return Document(owner.token, draft.facts, after, size), changes


class _Owner:
    """The owner of changes that follow each other, each under the token that the one before set."""

    def __init__(self, id_: str, label: str, token: str, salt: str) -> None:
        self._id = id_
        self._label = label
        self._salt = salt
        self.token = token

    def change(self, properties: Properties, steps: tuple[Step, ...] = ()) -> Change:
        count = int(self.token.partition(".")[0] or 0) + 1
        # What differs in a step follows from the properties, but for which vertices and edges are there.
        text = orjson.dumps([properties, [step[0] for step in steps]], default=tuple, option=orjson.OPT_SORT_KEYS)
        said = hashlib.blake2b(text + self._salt.encode(), digest_size=6).hexdigest()
        when = PropertyEquals("rev", self.token) if self.token else NotExists()
        self.token = f"{count}.{said}"
        return Change(
            Vertex(self._id, self._label, {**properties, "rev": self.token}),
            when,
            PropertyEquals("rev", self.token),
            steps,
        )


class Relied:
    """Documents that a computation used without writing them, to be compared with the store afterwards.

    Args:
        store: Where they are.
    """

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._used: dict[str, tuple[Documents[Any, Any], Any, str]] = {}

    def add(self, documents: Documents[K, F], used: Mapping[K, Document[F]]) -> None:
        """Notes documents with the tokens that they had when they were used."""
        for key, document in used.items():
            self._used.setdefault(documents.id_of(key), (documents, key, document.token))

    def advance(self, id_: str, before: str, after: str) -> None:
        """Notes that a document is written on the very token with which it was used."""
        used = self._used.get(id_)
        if used is not None and used[2] == before:
            self._used[id_] = (*used[:2], after)

    def merge(self, other: Relied) -> None:
        """Notes all that another one has."""
        for id_, used in other._used.items():
            self._used.setdefault(id_, used)

    def moved(self) -> bool:
        """Forgets documents that are not as they were used; returns True if there are any.

        Raises:
            TransientError: The store can't serve now.
        """
        if not self._used:
            return False
        stored = self._store.read(list(self._used), ("rev",))
        moved = False
        for id_, (documents, key, token) in self._used.items():
            if str(stored.get(id_, {}).get("rev", "")) != token:
                documents.forget([key])
                moved = True
        self._used.clear()
        return moved


def _size(chars: int, properties: Properties) -> int:
    """About how many bytes a document takes."""
    return _AT_LEAST + _PER_CHAR * chars + sum(len(str(value)) for value in properties.values())


def in_order(drafts: Mapping[K, Draft[F]]) -> Iterator[tuple[K, Draft[F]]]:
    """Drafts in the order of their keys, in which all writers write, so that two never wait for each other."""
    for key in sorted(drafts):  # type: ignore[type-var]
        yield key, drafts[key]
