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
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

from consumer.caches.packing_cache import PackingCache
from consumer.graph.facts import facts_text
from consumer.graph.facts_codec import Stored
from consumer.graph.store import Change, GraphStore, Scalar
from consumer.projection.blobs import BlobStore
from consumer.projection.documents.document_packing import DocumentPacking
from consumer.projection.documents.fact_document import FactDocument, FactKind, FactUpdate, absent, document_size
from consumer.projection.documents.guarded_changes import STEPS_PER_CHANGE, GuardedChanges, parts
from consumer.projection.documents.relied import Relied
from consumer.projection.documents.write_buffer import WriteBuffer
from consumer.projection.turn import Claims, turn_of
from consumer.retry import ConflictLimit
from schemas.counted import counted

K = TypeVar("K", bound=Hashable)
F = TypeVar("F")


class Updated(NamedTuple, Generic[K, F]):
    """The result of an update.

    Attributes:
        documents: All documents that were asked for, as they are now.
        written: The keys of those that were written.
        failed: The keys of those that somebody else has changed meanwhile; only without retries.
    """

    documents: dict[K, FactDocument[F]]
    written: set[K]
    failed: list[K]


class FactRepository(Generic[K, F]):
    """The documents of one kind, with a cache of those last used.

    Args:
        store: Where they are.
        kind: Which.
        cached: How many bytes of memory the cache may take.
        texts: Where structures are that many documents have; needed where `kind` says so.
    """

    def __init__(self, store: GraphStore, kind: FactKind[K, F], cached: int, texts: BlobStore | None = None) -> None:
        self._store = store
        self._texts = texts or BlobStore(store, cached // 8)
        self._kind = kind
        self._claims: Claims[K] = Claims(turn_of(store))
        self._watching: dict[int, set[K]] = {}
        packing = DocumentPacking(kind) if kind.is_kept else None
        self._cache: PackingCache[K, FactDocument[F]] = PackingCache(cached, packing)

    def id_of(self, key: K) -> str:
        """Returns the id of a document's vertex."""
        return self._kind.id_of(key)

    def get(self, keys: Iterable[K]) -> dict[K, FactDocument[F]]:
        """Returns documents by key; those that the cache lacks are read, in one request."""
        found: dict[K, FactDocument[F]] = {}
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

    def read(self, keys: Collection[K]) -> dict[K, FactDocument[F]]:
        """Returns documents by key, read from the store."""
        with self._watched() as touched:
            stored = self._store.read([self._kind.id_of(key) for key in keys])
            return self._take(keys, self._texts.structures(stored), touched)

    def _take(
        self, keys: Collection[K], stored: Mapping[str, Stored], touched: Collection[K]
    ) -> dict[K, FactDocument[F]]:
        """Returns documents by key, from the facts that a read of their vertices found.

        Args:
            keys: The keys.
            stored: The facts by id.
            touched: The keys whose cached documents other threads have changed or dropped since the read began.
        """
        found: dict[K, FactDocument[F]] = {}
        for key in keys:
            one = stored.get(self._kind.id_of(key))
            found[key] = absent(self._kind) if one is None else self._document(one)
            self._keep(key, found[key], touched)
        return found

    @contextmanager
    def _watched(self) -> Iterator[set[K]]:
        """Collects the keys whose cached documents are changed or dropped within."""
        touched: set[K] = set()
        self._watching[id(touched)] = touched
        try:
            yield touched
        finally:
            del self._watching[id(touched)]

    def _touch(self, key: K) -> None:
        for touched in self._watching.values():
            touched.add(key)

    def _keep(self, key: K, document: FactDocument[F], touched: Collection[K]) -> None:
        """Caches a document, unless it may be older than what another thread has cached, or dropped, meanwhile.

        So a thread that has written a document finds that one in the cache, or a later one, or reads it again.
        """
        if key in touched:
            known = self._cache.get(key)
            if known is None or known.changes >= document.changes:
                return
        self._touch(key)
        self._cache.put(key, document)

    def _document(self, stored: Stored) -> FactDocument[F]:
        structure, properties = stored
        rest = {name: value for name, value in properties.items() if name not in {"rev", "facts", "stamps"}}
        facts = self._kind.load(stored)
        # One of an older format has no stamps, and is written as a whole when it is written next.
        stamps = str(properties.get("stamps", ""))
        digest = structure_digest(structure) if "stamps" in properties else b""
        size = document_size(len(structure) + len(stamps), rest)
        return FactDocument(str(properties["rev"]), facts, rest, size, digest, stamps)

    def forget(self, keys: Iterable[K]) -> None:
        """Drops documents from the cache, so that they are read again."""
        for key in keys:
            self._touch(key)
            self._cache.pop(key)

    def forget_unless(self, key: K, token: str) -> None:
        """Drops a document from the cache unless it is the one of a token."""
        document = self._cache.get(key)
        if document is not None and document.token != token:
            self.forget([key])

    def forget_all(self) -> None:
        """Drops all documents from the cache."""
        self.forget(self._cache.keys())

    def update(
        self,
        keys: Collection[K],
        plan: Callable[[Mapping[K, FactDocument[F]]], Iterable[tuple[K, FactUpdate[F]]]],
        *,
        assume_absent: bool = False,
        relied: Relied | None = None,
        retry: bool = True,
    ) -> Updated[K, F]:
        """Brings documents to what a function drafts from what is there.

        Args:
            keys: Which documents.
            plan: From documents to the drafts of those that are to change, in the order of writing. It is called again
                for those that somebody else has changed meanwhile.
            assume_absent: True to assume, without a request, that documents that are not in the cache do not exist; the
                write of an existing one fails.
            relied: Documents that were used before; for those that are written here, the new token counts.
            retry: False if documents that somebody else has changed meanwhile, or since they were used before, are left
                to the caller.

        Raises:
            TransientError: The store can't serve now, or other writers change the same vertices at every attempt.
        """
        with self._claims.of(set(keys)):
            return self._update(keys, plan, assume_absent=assume_absent, relied=relied, retry=retry)

    def _update(
        self,
        keys: Collection[K],
        plan: Callable[[Mapping[K, FactDocument[F]]], Iterable[tuple[K, FactUpdate[F]]]],
        *,
        assume_absent: bool,
        relied: Relied | None,
        retry: bool,
    ) -> Updated[K, F]:
        done: dict[K, FactDocument[F]] = {}
        written: set[K] = set()
        waiting = list(keys)
        conflicts = ConflictLimit()
        while True:
            known = self._known(waiting, assume_absent=assume_absent)
            assume_absent = False
            other: list[K] = []
            if relied is not None and not retry:
                # What the plan knows of them is older than the documents, which it would be written on.
                other = [key for key, document in known.items() if relied.is_other(self.id_of(key), document.token)]
                known = {key: document for key, document in known.items() if key not in other}
            with self._watched() as touched:
                drafted: dict[K, FactDocument[F]] = {}
                sending = WriteBuffer(self._store)
                for changes in self._drafted(known, plan(known), drafted):
                    sending.add(changes)
                failed = sending.finish()
                waiting = [key for key in drafted if self._kind.id_of(key) in failed]
                for key in drafted.keys() - set(waiting):
                    written.add(key)
                    self._keep(key, drafted[key], touched)
                    if relied is not None:
                        relied.advance(self._kind.id_of(key), known[key].token, drafted[key].token)
            self.forget(waiting)
            done |= {key: drafted.get(key, known[key]) for key in known.keys() - set(waiting)}
            if not waiting or not retry:
                return Updated(done, written, [*waiting, *other])
            conflicts.count(f"{counted(len(waiting), 'vertex', 'vertices')} of {self._kind.label}")

    def _drafted(
        self,
        known: Mapping[K, FactDocument[F]],
        drafts: Iterable[tuple[K, FactUpdate[F]]],
        drafted: dict[K, FactDocument[F]],
    ) -> Iterator[list[Change]]:
        """Yields the changes of drafts, one document after the other; `drafted` gets what the documents become."""
        waiting: list[list[Change]] = []
        structures: dict[str, str] = {}
        for key, draft in drafts:
            drafted[key], changes = self._changes(key, known[key], draft, structures)
            if self._kind.is_shared:
                waiting.append(changes)
            else:
                yield changes
        # What runs refer to is there before they are.
        self._texts.put(structures)
        yield from waiting

    def migrate(self, keys: Collection[K]) -> None:
        """Writes those documents in this version's format that are stored in an older one."""

        def plan(known: Mapping[K, FactDocument[F]]) -> Iterator[tuple[K, FactUpdate[F]]]:
            for key, document in known.items():
                if document.stored and not document.structure:
                    yield key, FactUpdate(document.facts)

        self.update(keys, plan)

    def _known(self, keys: Collection[K], *, assume_absent: bool) -> dict[K, FactDocument[F]]:
        if not assume_absent:
            return self.get(keys)
        missing = absent(self._kind)
        return {key: self._cache.get(key) or missing for key in keys}

    def _changes(
        self, key: K, known: FactDocument[F], draft: FactUpdate[F], structures: dict[str, str]
    ) -> tuple[FactDocument[F], list[Change]]:
        """Returns the new state of a document, and the changes that lead to it.

        Args:
            key: Its key.
            known: Its state now.
            draft: The new content.
            structures: Gets the structures by reference that are to be stored before the changes are.
        """
        properties: dict[str, Scalar] = dict(draft.properties)
        size, structure, stamps = known.size, known.structure, known.stamps
        after = {**known.properties, **draft.properties}
        if not known.structure or draft.facts != known.facts:
            written = self._kind.dump(draft.facts)
            properties["stamps"] = stamps = written.stamps
            structure = structure_digest(written.structure)
            if structure != known.structure:
                shared = self._texts.shared if self._kind.is_shared else _own
                properties["facts"] = shared(written.structure, structure, structures)
            size = document_size(len(written.structure) + len(written.stamps), after)
        salt = "" if known.stored else self._kind.new_token()
        owner = GuardedChanges(self._kind.id_of(key), self._kind.label, known.token, salt)
        if len(draft.steps) + len(draft.last) <= STEPS_PER_CHANGE:
            changes = [owner.change(properties, (*draft.steps, *draft.last))]
        else:
            changes = [owner.change({**properties, **(draft.begin() if draft.begin is not None else {})})]
            changes += [owner.change({}, part) for part in parts(draft.steps)]
            after |= draft.end
            changes.append(owner.change({**properties, **draft.end}, draft.last))
        packed = known.packed if structure == known.structure and not draft.properties else b""
        return FactDocument(owner.token, draft.facts, after, size, structure, stamps, packed), changes


def _own(structure: str, digest: bytes, texts: dict[str, str]) -> str:  # noqa: ARG001 (as `BlobStore.shared`)
    """Returns the property for the structure of facts that one document alone has."""
    return facts_text.of_structure(structure)


def structure_digest(structure: str) -> bytes:
    """Returns the hash of a structure."""
    return hashlib.blake2b(structure.encode(), digest_size=12).digest()


def in_order(drafts: Mapping[K, FactUpdate[F]]) -> Iterator[tuple[K, FactUpdate[F]]]:
    """Drafts in the order of their keys, in which all writers write, so that two never wait for each other."""
    for key in sorted(drafts):  # type: ignore[type-var]
        yield key, drafts[key]
