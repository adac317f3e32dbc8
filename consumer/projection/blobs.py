"""Long facet values: written once, under their hash, and read when a view needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from cachetools import LRUCache

from consumer.caches.recent_set import RecentSet
from consumer.errors import TransientError
from consumer.graph import ids, schema
from consumer.graph.facts import facts_text
from consumer.graph.facts.packed_text import LONG, pack, unpack
from consumer.graph.facts_codec import Stored
from consumer.graph.store import Change, GraphStore, NotExists, Properties, PropertyEquals, Vertex
from consumer.graph.stored_facts import MissingText, missing, structures_by
from consumer.lineage.facts.registers import EMPTY, compact, is_stored

__all__ = ["BlobStore", "MissingText"]

CACHED_REFS = 30_000
"""Number of references of texts that are known to be in the graph; up to twice as many are."""


EDITION: Final = ids.task("texts")
"""Vertex with a number that each prune of texts counts up."""

_MARK: Final = " "


def marked(ref: str, seconds: int) -> str:
    """Returns the token of a text that no facts referred to at a time, in seconds since 1970."""
    return f"{ref}{_MARK}{seconds}"


def marked_at(rev: str) -> int | None:
    """Returns the time at which a text was marked, by its token; None if it is not."""
    _, mark, seconds = rev.partition(_MARK)
    return int(seconds) if mark else None


class BlobStore:
    """The texts of a graph's long values.

    Args:
        store: Where they are.
        cached: Maximum number of characters of cached texts.
    """

    def __init__(self, store: GraphStore, cached: int) -> None:
        self._store = store
        self._cached = cached
        self._cache: LRUCache[str, str] = LRUCache(cached, getsizeof=len)
        self._written: RecentSet[bytes] = RecentSet(CACHED_REFS)
        self._seen: RecentSet[bytes] = RecentSet(CACHED_REFS)
        self._edition: str | None = None

    def forget_all(self) -> None:
        """Drops all texts from the cache, and what is known to be stored."""
        self._cache.clear()
        self._written.clear()
        self._edition = None

    def put(self, texts: Mapping[str, str]) -> None:
        """Stores texts by reference; those that are known to be there are left out, and not asked for."""
        new = {ref: texts[ref] for ref in texts if compact(ref) not in self._written}
        if not new:
            return
        changes = [
            Change(
                Vertex(ids.facet(ref), schema.FACET, {"rev": ref, "text": pack(text)}),
                NotExists(),
                PropertyEquals("rev", ref),
            )
            for ref, text in sorted(new.items())
        ]
        failed = self._store.write(changes)
        if failed:
            self._unmark([change for change in changes if change.owner.id in failed])
        for ref, text in new.items():
            self._written.add(compact(ref))
            self._keep(ref, text)

    def _unmark(self, changes: Sequence[Change]) -> None:
        """Takes back the marks of a prune, which then keeps these texts; one that it has removed is made again."""
        known = self._store.read([change.owner.id for change in changes], ("rev",))
        again = [
            replace(change, when=PropertyEquals("rev", known[change.owner.id]["rev"]))
            if change.owner.id in known
            else change
            for change in changes
        ]
        if self._store.write(again):
            raise TransientError("long values were written by others at the same moment")

    def edition(self) -> str:
        """Returns the edition of the texts under which it is known which of them are stored.

        Raises:
            TransientError: The store can't serve now.
        """
        if self._edition is None:
            self._edition = str(self._store.read([EDITION], ("rev",)).get(EDITION, {}).get("rev", ""))
        return self._edition

    def put_again(self, texts: Mapping[str, str]) -> None:
        """Stores texts whatever is known of them, and forgets what is: a prune may have removed some."""
        self._edition = None
        self.edition()
        self._written.clear()
        self.put(texts)

    def shared(self, structure: str, digest: bytes, texts: dict[str, str]) -> str:
        """Returns the property for the structure of a run's facts, which is a reference if several runs have it.

        A structure that only one run has goes with that run when it is pruned.

        Args:
            structure: The structure.
            digest: Its hash.
            texts: Gets the texts that are to be stored before the property is.
        """
        if len(structure) < LONG:
            return facts_text.of_structure(structure)
        ref = f"#{digest.hex()}"
        if digest not in self._written and ref not in texts:
            if digest not in self._seen:
                self._seen.add(digest)
                return facts_text.of_structure(structure)
            texts[ref] = structure
        return facts_text.of_shared(ref)

    def structures(self, stored: Mapping[str, Properties]) -> dict[str, Stored]:
        """Returns the stored facts of vertices by id.

        Args:
            stored: Properties by id, those of `facts_codec.KEYS` at least.

        Raises:
            MissingText: The graph lacks a structure that runs share.
        """
        return structures_by(stored, self.fetch)

    def fetch(self, refs: Iterable[str]) -> dict[str, str]:
        """Returns texts by reference.

        Raises:
            MissingText: The graph does not hold one of them.
        """
        found: dict[str, str] = {}
        unknown: set[str] = set()
        for ref in refs:
            text = self._cache.get(ref) if is_stored(ref) else ref
            if text is None:
                unknown.add(ref)
            else:
                found[ref] = text
        stored = self._store.read([ids.facet(ref) for ref in unknown], ("text",)) if unknown else {}
        for ref in unknown:
            properties = stored.get(ids.facet(ref))
            if properties is None:
                raise missing(ref)
            found[ref] = text = unpack(str(properties["text"]))
            self._keep(ref, text)
        found[EMPTY] = EMPTY
        return found

    def _keep(self, ref: str, text: str) -> None:
        if len(text) <= self._cached:
            self._cache[ref] = text
