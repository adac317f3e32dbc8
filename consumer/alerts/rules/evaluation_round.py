"""The input of rules: net changes since the last evaluation, the state of jobs, and the graph for questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import Rule
from consumer.alerts.job_states import JobState
from consumer.graph.store import GraphStore
from consumer.lineage.changes import Change, ChangeRecord, Kind
from consumer.lineage.facts.keys import JobName
from consumer.query.catalog.datasets import Summary, summaries
from schemas.naming import DatasetName


class Changed(NamedTuple):
    """One change with the record that it is from.

    Attributes:
        change: The change.
        time: Event time since which it holds.
        job: The job that did it; None where a dataset changed by itself.
        run: The run; empty where no run did it.
    """

    change: Change
    time: str
    job: JobName | None
    run: str


_OPPOSITE: Mapping[Kind, Kind] = {
    Kind.DATASET_ADDED: Kind.DATASET_REMOVED,
    Kind.COLUMN_ADDED: Kind.COLUMN_REMOVED,
    Kind.READ_ADDED: Kind.READ_REMOVED,
    Kind.WRITE_ADDED: Kind.WRITE_REMOVED,
    Kind.EDGE_ADDED: Kind.EDGE_REMOVED,
    Kind.COLUMN_EDGE_ADDED: Kind.COLUMN_EDGE_REMOVED,
}
_ELEMENT: Mapping[Kind, Kind] = {**{kind: kind for kind in Kind}, **{gone: made for made, gone in _OPPOSITE.items()}}


def net(records: Iterable[ChangeRecord]) -> list[Changed]:
    """Joins the changes of records, in the order of their time; what was added and removed again is left out.

    A run that starts shows its inputs before it has completed, and takes them back if it fails: neither is news. Nor is
    it that the edges of a renamed dataset are those of its new name.
    """
    ordered = sorted(records, key=lambda one: (one.time, one.id))
    renamed = _renamed(ordered)
    found: dict[tuple[object, ...], Changed] = {}
    for record in ordered:
        for change in (_under_new_names(change, renamed) for change in record.changes):
            element = (
                *(_ELEMENT[change.kind], change.dataset, change.column, change.source, change.source_column),
                record.job if change.kind.value.partition(".")[0] in {"edge", "column_edge", "read", "write"} else None,
            )
            changed = _after(found.pop(element, None), Changed(change, record.time, record.job, record.run))
            if changed is not None:
                found[element] = changed
    return list(found.values())


def _renamed(records: Iterable[ChangeRecord]) -> dict[DatasetName, DatasetName]:
    """Returns the last name of each renamed dataset by its names before."""
    renamed: dict[DatasetName, DatasetName] = {}
    for record in records:
        for change in record.changes:
            if change.kind is Kind.DATASET_RENAMED and change.source is not None:
                renamed = {old: change.dataset if new == change.source else new for old, new in renamed.items()}
                renamed[change.source] = change.dataset
    return {old: new for old, new in renamed.items() if old != new}


def _under_new_names(change: Change, renamed: Mapping[DatasetName, DatasetName]) -> Change:
    if change.kind is Kind.DATASET_RENAMED or not renamed:
        return change
    source = None if change.source is None else renamed.get(change.source, change.source)
    return change._replace(dataset=renamed.get(change.dataset, change.dataset), source=source)


def _after(known: Changed | None, changed: Changed) -> Changed | None:
    """Two changes of one element as one; None if they cancel each other."""
    if known is None:
        return changed
    if known.change.kind is not changed.change.kind:
        return None
    joined = changed.change._replace(before=known.change.before)
    retyped = joined.kind in {Kind.TYPE_CHANGED, Kind.COLUMN_EDGE_CHANGED}
    return None if retyped and joined.before == joined.after else changed._replace(change=joined)


@dataclass(slots=True)
class Round:
    """One evaluation.

    Attributes:
        store: The graph as it is now.
        changes: Net changes since the evaluation before, in the order of their time.
        jobs: The states of jobs that write datasets.
        failing: Datasets with failed tests, each with the event time of the results.
        now: Seconds since 1970.
    """

    store: GraphStore
    changes: Sequence[Changed]
    jobs: Mapping[JobName, JobState]
    failing: Mapping[DatasetName, str]
    now: float
    _summaries: dict[DatasetName, Summary] = field(default_factory=dict)

    def of(self, *kinds: Kind) -> Iterator[Changed]:
        """Yields the changes of some kinds."""
        return (one for one in self.changes if one.change.kind in kinds)

    def summaries(self, names: Iterable[DatasetName]) -> dict[DatasetName, Summary]:
        """Reads summaries of datasets, each once a round."""
        wanted = list(dict.fromkeys(names))
        missing = [name for name in wanted if name not in self._summaries]
        if missing:
            self._summaries |= summaries(self.store, missing)
        return {name: self._summaries[name] for name in wanted}


Judge = Callable[[Rule, Round], Iterable[Finding]]
"""A rule: it returns what it finds in a round."""


def listed(names: Sequence[str], most: int = 5) -> str:
    """Joins names for a sentence: the first ones, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
