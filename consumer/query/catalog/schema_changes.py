"""Columns of datasets that were removed or retyped since a moment, by the change records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from consumer.graph import change_log, ids
from consumer.graph.store import GraphStore
from consumer.lineage.changes import Change, Kind
from schemas.naming import DatasetName

_KINDS: Final = frozenset({Kind.COLUMN_ADDED, Kind.COLUMN_REMOVED, Kind.TYPE_CHANGED})


class SchemaChange(NamedTuple):
    """The change of a dataset's schema.

    Attributes:
        time: Event time of the latest change.
        what: Each column with its change, sorted: `column x was removed`, `column y is text, was int`.
    """

    time: str
    what: tuple[str, ...]


class _Column(NamedTuple):
    """A column that is not what it was: its type before and now; None for one that is not there."""

    time: str
    before: str | None
    now: str | None


def since(store: GraphStore, datasets: Iterable[DatasetName], moment: str) -> dict[DatasetName, SchemaChange]:
    """Finds the datasets of which columns were removed or retyped after a moment; what was taken back is no change.

    Args:
        store: The graph.
        datasets: Their display names.
        moment: The moment, as events have it.

    Raises:
        TransientError: The store can't serve now.
    """
    wanted = set(datasets)
    columns: defaultdict[DatasetName, dict[str, _Column]] = defaultdict(dict)
    for _, record in change_log.changes_of(store, sorted(map(ids.name, wanted))):
        for change in record.changes if record.time > moment else ():
            if change.kind in _KINDS and change.dataset in wanted and change.column is not None:
                _note(columns[change.dataset], change.column, change, record.time)
    found = {name: _changed(own) for name, own in columns.items()}
    return {name: change for name, change in found.items() if change.what}


def _note(columns: dict[str, _Column], name: str, change: Change, time: str) -> None:
    now = None if change.kind is Kind.COLUMN_REMOVED else change.after
    before = None if change.kind is Kind.COLUMN_ADDED else change.before
    columns[name] = _Column(time, columns[name].before if name in columns else before, now)


def _changed(columns: dict[str, _Column]) -> SchemaChange:
    # A type that became known, or unknown, is what the graph knows of it, not a change of the column.
    other = {
        name: one
        for name, one in columns.items()
        if one.before is not None and (one.now is None or (one.before and one.now and one.before != one.now))
    }
    what = sorted(_words(name, one) for name, one in other.items())
    return SchemaChange(max((one.time for one in other.values()), default=""), tuple(what))


def _words(name: str, one: _Column) -> str:
    return f"column {name} was removed" if one.now is None else f"column {name} is {one.now}, was {one.before}"
