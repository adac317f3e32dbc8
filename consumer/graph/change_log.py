"""Change records in the graph: the log, which stays, and the outbox, from which each is taken once it is delivered.

A record is written in the guarded change that draws what it describes. So it is there exactly if the projection is,
and no second writer writes another one. Its id begins with its time, so a scan by id is a scan by time.
"""

from __future__ import annotations

import zlib
from base64 import b85decode
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from consumer.graph import ids, schema
from consumer.graph.facts import facts_text
from consumer.graph.format_version import formatted, seal
from consumer.graph.store import Change as StoreChange
from consumer.graph.store import DropVertices, Edge, GraphStore, PropertyEquals, Step, Vertex
from consumer.lineage.changes import Change, ChangeRecord, Kind
from consumer.lineage.facts.keys import JobName
from schemas.naming import DatasetName

_REV = "1"
"""The token of an entry of the outbox, which never changes."""

_PACKED_1 = "deflate:"
_RAW_1 = -15
"""Long records in format 1."""

PLACE_CHARS = 10
"""Characters of a record's id in its place in the log, which begins with its time and ends with its token."""

MOST_NAMES = 50
"""Datasets of a record that lead to it; of a job that changes more of them, the first by name."""


class Entry(NamedTuple):
    """A record of the log, and its place.

    Attributes:
        cursor: The place: entries sort by it, by event time first.
        record: The record.
    """

    cursor: str
    record: ChangeRecord


def steps_of(record: ChangeRecord, token: str) -> tuple[Step, ...]:
    """Returns the steps that write a record, its entry in the outbox, and its edges to the job and names that changed.

    Args:
        record: The record.
        token: The token of the document that guards it. A projection that came and went and came again within one
            event time has equal records, which are two.
    """
    place = record.time, record.id[:PLACE_CHARS], token.partition(".")[0] or "0"
    id_ = ids.make("change", *place)
    edges = (
        Edge(ids.make("change_of", *place, str(number)), schema.CHANGE_OF, id_, owner, {})
        for number, owner in enumerate(_owners(record))
    )
    return (
        Vertex(id_, schema.CHANGE, {"facts": dump(record)}),
        Vertex(_outbox_id(id_), schema.OUTBOX, {"rev": _REV}),
        *edges,
    )


def _owners(record: ChangeRecord) -> list[str]:
    """Returns the ids of the job, and of the names of the datasets, that a record is of."""
    named = {change.dataset for change in record.changes}
    # The source of a column edge is that of an edge too; where only its columns changed, the target leads to it.
    sources = (change.source for change in record.changes if change.source_column is None)
    named |= {source for source in sources if source is not None}
    jobs = [] if record.job is None or record.dataset is not None else [ids.job(record.job)]
    return [*jobs, *(ids.name(name) for name in sorted(named)[:MOST_NAMES])]


def changes_since(store: GraphStore, cursor: str, limit: int) -> list[Entry]:
    """Reads the records that follow a place in the log, oldest first.

    A record of an event that came late stands where its time says, so a reader that must see each record once takes
    the outbox.

    Args:
        store: The graph.
        cursor: The `cursor` of the last entry that was read; empty for the beginning, or `cursor_at` of a time.
        limit: Maximum number of records.

    Raises:
        TransientError: The store can't serve now.
    """
    return _read(store, store.ids(schema.CHANGE, cursor, limit))


def cursor_at(time: str) -> str:
    """Returns the place before all records of a time (canonical, see `schemas.timestamps`)."""
    return ids.make("change", time)


def changes_of(store: GraphStore, owners: Collection[str]) -> list[Entry]:
    """Reads all records of jobs and names, given by the ids of their vertices, oldest first.

    Raises:
        TransientError: The store can't serve now.
    """
    edges = store.edges_at(owners, schema.CHANGE_OF, "in") if owners else []
    return _read(store, sorted({edge.source for edge in edges}))


def pending(store: GraphStore, limit: int, cursor: str = "", until: str = "~") -> list[Entry]:
    """Reads records that are in the outbox, oldest first.

    Args:
        store: The graph.
        limit: Maximum number of records.
        cursor: Place after which to begin; empty for the beginning, which also has what came late.
        until: Event time before which the changes have to be.

    Raises:
        TransientError: The store can't serve now.
    """
    after = _outbox_id(cursor) if cursor else ""
    waiting = [ids.parse(id_)[1:] for id_ in store.ids(schema.OUTBOX, after, limit)]
    return _read(store, [ids.make("change", *place) for place in waiting if place[0] < until])


def acknowledge(store: GraphStore, entries: Sequence[Entry]) -> None:
    """Takes delivered records out of the outbox; those that are not there any more don't matter.

    Raises:
        TransientError: The store can't serve now; any of them may be there still.
    """
    same = PropertyEquals("rev", _REV)
    outbox = [_outbox_id(entry.cursor) for entry in entries]
    if outbox:
        store.write(
            [StoreChange(Vertex(id_, schema.OUTBOX, {}), same, same, (DropVertices((id_,)),)) for id_ in outbox]
        )


def _outbox_id(id_: str) -> str:
    return ids.make("outbox", *ids.parse(id_)[1:])


def _read(store: GraphStore, wanted: Sequence[str]) -> list[Entry]:
    found = store.read(wanted, ("facts",)) if wanted else {}
    return [Entry(id_, load(str(found[id_]["facts"]))) for id_ in wanted if id_ in found]


# The text: names are written once, and pointed to by their position.


def dump(record: ChangeRecord) -> str:
    """Returns a record as text."""
    named = {change.dataset for change in record.changes}
    named |= {change.source for change in record.changes if change.source is not None}
    names = sorted(named)
    at = {name: index for index, name in enumerate(names)}
    changes = [
        _trimmed(
            [
                change.kind,
                at[change.dataset],
                change.column,
                None if change.source is None else at[change.source],
                change.source_column,
                change.before,
                change.after,
            ]
        )
        for change in record.changes
    ]
    said: dict[str, object] = {"time": record.time, "names": names, "changes": changes, "commit": record.commit}
    said |= {"job": record.job, "run": record.run, "dataset": record.dataset}
    return facts_text.of_structure(seal({key: value for key, value in said.items() if value}))


def _trimmed(parts: list[Any]) -> list[Any]:
    while not parts[-1] and parts[-1] != 0:
        parts.pop()
    return parts


def load(text: str) -> ChangeRecord:
    """Returns a record from its text."""
    if text.startswith(_PACKED_1):
        text = zlib.decompress(b85decode(text.removeprefix(_PACKED_1)), _RAW_1).decode()
    raw = formatted(facts_text.structure(text))
    names = [DatasetName(*name) for name in raw["names"]]
    job, dataset = raw.get("job"), raw.get("dataset")
    return ChangeRecord(
        raw["time"],
        tuple(_change(parts, names) for parts in raw["changes"]),
        JobName(*job) if job else None,
        raw.get("run", ""),
        DatasetName(*dataset) if dataset else None,
        raw.get("commit", ""),
    )


def _change(parts: Sequence[Any], names: Sequence[DatasetName]) -> Change:
    full: list[Any] = [*parts, *[None] * (7 - len(parts))]
    kind, dataset, column, source, source_column, before, after = full
    origin = None if source is None else names[source]
    return Change(Kind(kind), names[dataset], column, origin, source_column, before or "", after or "")
