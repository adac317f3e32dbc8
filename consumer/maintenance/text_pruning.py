"""Removal of texts that no facts refer to any more, beside writers that may be about to refer to them.

A writer remembers which texts are stored and does not ask again. So a text goes in two prunes: one that finds no
reference marks it, and a later one that finds none either removes it. A writer that stores it meanwhile takes the mark
back. Each prune also counts up the edition of the texts, before it looks for references: a writer that finds another
edition at the end of a batch forgets what it remembers, and stores the texts of that batch again. What it wrote before
the prune looked is found there; for what it wrote later it has seen the new edition, or sees it now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from consumer.errors import TransientError
from consumer.graph import ids, schema
from consumer.graph.facts import facts_text
from consumer.graph.facts.packed_text import unpack
from consumer.graph.store import Change, DropVertices, GraphStore, NotExists, Properties, PropertyEquals, Vertex
from consumer.maintenance.leased_task import Scan
from consumer.projection.blobs import EDITION, marked, marked_at

GRACE_S: Final = 3_600.0
"""Seconds from the mark of a text to its removal at least: far longer than a batch takes to be written."""

_PAGE: Final = 1_000
_REF: Final = re.compile(r"#[0-9a-f]+")
_LABELS: Final = (schema.RUN, schema.RUN_DATASET, schema.JOB, schema.OUTPUT, schema.NAME, schema.STATEMENT)
"""Vertices whose facts refer to texts."""
_KEYS: Final = ("facts", "stamps")


class TextPruning:
    """Marks and removes texts without references, page by page.

    Args:
        store: The graph; others may write to it meanwhile.
        clock: Seconds since 1970.

    Attributes:
        removed: Number of texts that were removed.
    """

    def __init__(self, store: GraphStore, clock: Callable[[], float]) -> None:
        self.removed = 0
        self._store = store
        self._clock = clock
        self._refs: set[str] | None = None
        self._scans = {label: Scan(store, label, _PAGE) for label in (*_LABELS, schema.FACET)}

    def step(self, place: str) -> str | None:
        """Does the page after a place, at first an empty one; returns the next place, None at the end.

        Raises:
            TransientError: The graph can't serve now.
        """
        if self._refs is None:
            # References are known to the process alone that looked for them.
            self._refs, place = set(), ""
            self._count_up()
        label, _, last = (place or f"{_LABELS[0]} ").partition(" ")
        page = self._scans[label].after(last)
        if page and label == schema.FACET:
            self._prune(page, self._refs)
        elif page:
            self._refs.update(_referred(self._store.read(page, _KEYS).values()))
        if page:
            return f"{label} {page[-1]}"
        labels = (*_LABELS, schema.FACET)
        following = labels.index(label) + 1
        if following == len(_LABELS):
            self._follow(self._refs)
        return f"{labels[following]} " if following < len(labels) else None

    def _count_up(self) -> None:
        known = self._store.read([EDITION], ("rev",)).get(EDITION)
        token = PropertyEquals("rev", str(int(str(known["rev"])) + 1) if known is not None else "1")
        when = NotExists() if known is None else PropertyEquals("rev", known["rev"])
        if self._store.write([Change(Vertex(EDITION, schema.TASK, {"rev": token.value}), when, token)]):
            raise TransientError("the edition of the texts was written by another process at the same moment")

    def _follow(self, refs: set[str]) -> None:
        """Adds the references in the texts that are referred to, and in those in turn."""
        waiting = sorted(refs)
        while waiting:
            found: set[str] = set()
            for at in range(0, len(waiting), _PAGE):
                stored = self._store.read([ids.facet(ref) for ref in waiting[at : at + _PAGE]], ("text",))
                for properties in stored.values():
                    found.update(_REF.findall(unpack(str(properties["text"]))))
            waiting = sorted(found - refs)
            refs |= found

    def _prune(self, page: list[str], refs: set[str]) -> None:
        now = int(self._clock())
        changes: list[Change] = []
        going: list[str] = []
        for id_, properties in self._store.read(page, ("rev",)).items():
            ref, rev = ids.parse(id_)[1], str(properties["rev"])
            at = marked_at(rev)
            if ref in refs and at is not None:
                changes.append(_change(id_, rev, ref))
            elif ref not in refs and at is None:
                changes.append(_change(id_, rev, marked(ref, now)))
            elif ref not in refs and at is not None and at + GRACE_S <= now:
                going.append(id_)
                same = PropertyEquals("rev", rev)
                changes.append(Change(Vertex(id_, schema.FACET, {}), same, same, (DropVertices((id_,)),)))
        # What was changed meanwhile is in use.
        self._store.write(changes)
        self.removed += len(going) - len(self._store.read(going, ("rev",)) if going else {})


def _change(id_: str, before: str, after: str) -> Change:
    token = PropertyEquals("rev", after)
    return Change(Vertex(id_, schema.FACET, {"rev": after}), PropertyEquals("rev", before), token)


def _referred(found: Iterable[Properties]) -> Iterator[str]:
    """Yields what looks like a reference in the facts of vertices."""
    for properties in found:
        text = str(properties.get("facts") or "")
        yield from _REF.findall(facts_text.shared_ref(text) or facts_text.structure(text))
        yield from _REF.findall(str(properties.get("stamps") or ""))
