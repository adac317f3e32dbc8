"""Changes of lineage: what a projection added and removed, by which job and run, and since when.

A record is a value that follows from what a projection showed before and shows now, so a redelivered event makes no
second record, and the id of a record is the same for every writer.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.registers import as_json
from schemas.naming import DatasetName


class Kind(StrEnum):
    """The kinds of changes; the part before the dot is the element, the part after it what became of it."""

    DATASET_ADDED = "dataset.added"
    DATASET_REMOVED = "dataset.removed"
    DATASET_RENAMED = "dataset.renamed"
    COLUMN_ADDED = "column.added"
    COLUMN_REMOVED = "column.removed"
    TYPE_CHANGED = "column.type_changed"
    READ_ADDED = "read.added"
    READ_REMOVED = "read.removed"
    WRITE_ADDED = "write.added"
    WRITE_REMOVED = "write.removed"
    EDGE_ADDED = "edge.added"
    EDGE_REMOVED = "edge.removed"
    COLUMN_EDGE_ADDED = "column_edge.added"
    COLUMN_EDGE_REMOVED = "column_edge.removed"
    COLUMN_EDGE_CHANGED = "column_edge.changed"


BREAKING = frozenset(
    {
        Kind.DATASET_REMOVED,
        Kind.DATASET_RENAMED,
        Kind.COLUMN_REMOVED,
        Kind.TYPE_CHANGED,
        Kind.WRITE_REMOVED,
    }
)
"""Changes that may break a reader of the dataset."""


class Change(NamedTuple):
    """One element that a projection added, removed or changed.

    Attributes:
        kind: The kind of change.
        dataset: The dataset that changed; of an edge, its target; display names throughout.
        column: The column that changed; of a column edge, the target's.
        source: Of an edge, its source; of a renamed dataset, its display name before.
        source_column: Of a column edge, the source's column.
        before: The column's type before, or the transformations of a column edge before; empty where unknown.
        after: The same, afterwards.
    """

    kind: Kind
    dataset: DatasetName
    column: str | None = None
    source: DatasetName | None = None
    source_column: str | None = None
    before: str = ""
    after: str = ""

    @property
    def is_breaking(self) -> bool:
        """True if the change may break a reader of the dataset."""
        return self.kind in BREAKING


class ChangeRecord(NamedTuple):
    """The changes of one job's edges, or of one dataset, by one projection.

    Attributes:
        time: Event time since which the changes hold: the end of the run, or the time of the facet or declaration.
        changes: The changes, sorted; never empty.
        job: The job whose edges changed, or whose run changed the dataset; None where no job did.
        run: Id of the run that changed them; empty where no run did, as by a JobEvent or a symlink.
        dataset: The dataset that changed; None where the edges of a job did.
        commit: Version of the job's code by its `sourceCodeLocation` facet; empty where unknown.
    """

    time: str
    changes: tuple[Change, ...]
    job: JobName | None = None
    run: str = ""
    dataset: DatasetName | None = None
    commit: str = ""

    @property
    def id(self) -> str:
        """A hash of the record's content: equal records have equal ids, in every store."""
        return urlsafe_b64encode(hashlib.blake2b(as_json(self).encode(), digest_size=12).digest()).decode()

    @property
    def is_breaking(self) -> bool:
        """True if one of the changes may break a reader."""
        return any(change.is_breaking for change in self.changes)


def sort_key(change: Change) -> tuple[object, ...]:
    """Returns the order of changes: by dataset and column, then by kind and source."""
    return (
        change.dataset,
        change.column or "",
        change.kind,
        change.source or (),
        change.source_column or "",
        change.before,
        change.after,
    )


def column_changes(
    name: DatasetName, before: Mapping[str, str] | None, after: Mapping[str, str] | None
) -> Iterator[Change]:
    """Compares the columns of a dataset.

    Args:
        name: The dataset.
        before: Types by column; None where the dataset was not shown.
        after: The same, afterwards.
    """
    if before is None and after is not None:
        yield Change(Kind.DATASET_ADDED, name)
    if before is not None and after is None:
        yield Change(Kind.DATASET_REMOVED, name)
    old, new = before or {}, after or {}
    for column in sorted({*old, *new}):
        if column not in old:
            yield Change(Kind.COLUMN_ADDED, name, column, after=new[column])
        elif column not in new:
            yield Change(Kind.COLUMN_REMOVED, name, column, before=old[column])
        elif old[column] != new[column]:
            yield Change(Kind.TYPE_CHANGED, name, column, before=old[column], after=new[column])
