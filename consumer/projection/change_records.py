"""Change records of projections: what a drawing adds to, removes from and changes of what was shown before.

While only a part of a projection is written, the document keeps what the last whole one showed, in the property
`drawn`. So a record is written with the last part, and describes the whole change, also after a crash in between. A
projection that is only repaired, because something else damaged it, changes nothing and writes no record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import orjson

from consumer.graph import ids
from consumer.graph.change_log import steps_of
from consumer.graph.store import Edge, Properties, Scalar, Step
from consumer.lineage.changes import Change, ChangeRecord, Kind, column_changes, sort_key
from consumer.lineage.facts.current import executions_of
from consumer.lineage.facts.delta import JobFacts, NameFacts
from consumer.lineage.facts.executions import DECLARED
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import JobName
from consumer.projection import fingerprints
from consumer.projection.documents.fact_document import FactDocument
from schemas.naming import DatasetName

DRAWN = "drawn"
"""The property with what the last whole projection showed, while only a part of the next one is written."""

OWN = "own"
"""The property with a hash of what a job's runs and declarations said when its edges were drawn."""

EPOCH = "1970-01-01T00:00:00.000000Z"
"""The time of a change of which no event states the time."""

_NEW = "null"
"""The value of `DRAWN` where nothing was shown."""

_KINDS = {
    "reads": (Kind.READ_ADDED, Kind.READ_REMOVED),
    "writes": (Kind.WRITE_ADDED, Kind.WRITE_REMOVED),
    "edge": (Kind.EDGE_ADDED, Kind.EDGE_REMOVED),
    "column_edge": (Kind.COLUMN_EDGE_ADDED, Kind.COLUMN_EDGE_REMOVED),
}


class Cause(NamedTuple):
    """The run or event that changed a projection.

    Attributes:
        time: Event time since which the change holds.
        run: Id of the run; empty where no run did.
        job: The job of the run.
        commit: Version of the job's code.
    """

    time: str
    run: str = ""
    job: JobName | None = None
    commit: str = ""


# The edges of a job.


def shown_edges(properties: Properties) -> Mapping[str, int] | None:
    """Returns the elements that the last whole projection of a job made; None where that is not known."""
    drawn = properties.get(DRAWN)
    if drawn:
        return fingerprints.parse(str(drawn))
    return None if properties.get("partial") else fingerprints.load(properties)


def kept_edges(properties: Properties) -> str:
    """Returns the value of `DRAWN` of a job while only a part of its next projection is written."""
    before = shown_edges(properties)
    return "" if before is None else fingerprints.dump(before)


def of_job(
    job: JobName, document: FactDocument[JobFacts], edges: Mapping[str, Edge], made: Mapping[str, int], cause: Cause
) -> tuple[Step, ...]:
    """Returns the steps that record what a projection of a job's edges changes; none where it changes nothing.

    Args:
        job: The job.
        document: Its document, before.
        edges: What is shown afterwards, by id.
        made: The checksums of these.
        cause: What changed it.
    """
    before = shown_edges(document.properties)
    if before is None:
        return ()
    changes = sorted(_edge_changes(before, edges, made), key=sort_key)
    if not changes:
        return ()
    return steps_of(ChangeRecord(cause.time, tuple(changes), job, cause.run, None, cause.commit), document.token)


def _edge_changes(before: Mapping[str, int], edges: Mapping[str, Edge], made: Mapping[str, int]) -> Iterator[Change]:
    for id_, edge in edges.items():
        after = str(edge.properties.get("transformations", ""))
        if id_ not in before:
            yield from _change(id_, 0, after=after)
        elif before[id_] != made[id_] and id_.startswith("column_edge/"):
            for change in _change(id_, 0, after=after):
                yield change._replace(kind=Kind.COLUMN_EDGE_CHANGED)
    for id_ in before:
        if id_ not in edges:
            yield from _change(id_, 1)


def _change(id_: str, verb: int, after: str = "") -> Iterator[Change]:
    """Yields the change of an edge, by its id; none for an edge that shows no lineage."""
    kind, *parts = ids.parse(id_)
    if kind not in _KINDS:
        return
    found = _KINDS[kind][verb]
    if kind == "reads":
        yield Change(found, DatasetName(*parts[:2]))
    elif kind == "writes":
        yield Change(found, DatasetName(*parts[2:4]))
    elif kind == "edge":
        yield Change(found, DatasetName(*parts[2:4]), None, DatasetName(*parts[:2]))
    else:
        source, target = DatasetName(*parts[:2]), DatasetName(*parts[3:5])
        yield Change(found, target, parts[5], source, parts[2], after=after)


def cause_of_job(facts: JobFacts, moved_at: str, *, by_names: bool) -> Cause:
    """Returns the cause of a change of a job's edges.

    Args:
        facts: The job's facts.
        moved_at: The latest time at which one of its datasets was linked, dropped or renamed; empty if none was.
        by_names: True if the job's own lineage is as it was, so that one of its datasets must have changed.
    """
    commit = str(facet_value(facts.facets, "sourceCodeLocation").get("version") or "")
    if by_names and moved_at:
        return Cause(moved_at)
    executions = executions_of(facts)
    if executions:
        latest = max(executions, key=lambda one: (one.time, one.id))
        run = "" if latest.id.startswith(DECLARED) else latest.id
        return Cause(latest.time or moved_at or EPOCH, run, commit=commit)
    finished = facts.ran.finished
    return Cause(moved_at or EPOCH) if finished is None else Cause(finished.time, finished.id, commit=commit)


# Datasets.


def has_stood(properties: Properties) -> bool:
    """True if a dataset was shown under a name by the last whole projection."""
    drawn = properties.get(DRAWN)
    return drawn != _NEW if drawn else bool(properties.get("projected") or properties.get("partial"))


def shown_columns(properties: Properties, columns: Scalar | None) -> tuple[bool, Mapping[str, str] | None]:
    """Returns the columns that the last whole projection of a dataset showed.

    Args:
        properties: The properties of the name's document.
        columns: The `columns` of the dataset's vertex, as JSON; None if there is no vertex.

    Returns:
        True if it is known; and types by column, or None where the dataset was not shown.
    """
    drawn = properties.get(DRAWN)
    if drawn:
        return True, _columns(str(drawn))
    if properties.get("partial"):
        return False, None
    if not properties.get("projected"):
        return True, None
    return True, _columns(str(columns or "[]"))


def _columns(text: str) -> Mapping[str, str] | None:
    found = orjson.loads(text)
    return None if found is None else {name: kind or "" for name, kind in found}


def kept_columns(known: tuple[bool, Mapping[str, str] | None]) -> str:
    """Returns the value of `DRAWN` of a dataset while only a part of its next projection is written."""
    is_known, columns = known
    if not is_known:
        return ""
    return _NEW if columns is None else orjson.dumps(sorted(columns.items())).decode()


def of_dataset(
    name: DatasetName, token: str, known: tuple[bool, Mapping[str, str] | None], after: Mapping[str, str], cause: Cause
) -> tuple[Step, ...]:
    """Returns the steps that record what a projection of a dataset changes; none where it changes nothing.

    Args:
        name: The dataset.
        token: The token of its document, before.
        known: What was shown before, as `shown_columns` returns it.
        after: Types by column.
        cause: What changed it.
    """
    is_known, before = known
    changes = tuple(sorted(column_changes(name, before, after), key=sort_key)) if is_known else ()
    if not changes:
        return ()
    return steps_of(ChangeRecord(cause.time, changes, cause.job, cause.run, name), token)


def of_gone(name: DatasetName, token: str, shown: DatasetName | None, cause: Cause) -> tuple[Step, ...]:
    """Returns the steps that record that a dataset is not shown under a name any more.

    Args:
        name: The name.
        token: The token of its document, before.
        shown: The name under which it is shown instead; None if it is not shown.
        cause: What changed it.
    """
    renamed = Change(Kind.DATASET_RENAMED, shown or name, source=name)
    change = Change(Kind.DATASET_REMOVED, name) if shown is None else renamed
    return steps_of(ChangeRecord(cause.time, (change,), cause.job, cause.run, name), token)


def cause_of_columns(members: Collection[NameFacts], stamp: str, changed_at: str, seen_at: Callable[[], str]) -> Cause:
    """Returns the cause of a change of a dataset's columns.

    Args:
        members: The facts under each of the dataset's names.
        stamp: The stamp of the schema in force; empty if there is none.
        changed_at: When the dataset was dropped or renamed; empty if it was not.
        seen_at: Returns when an event of this batch named it; empty if none did.
    """
    time = stamp.partition(" ")[0]
    if changed_at > time:
        return Cause(changed_at)
    for member in members:
        won = member.written.get("schema")
        if won is not None and won.carried.stamp == stamp:
            run = "" if won.carried.run.startswith(DECLARED) else won.carried.run
            return Cause(won.carried.ended_at or time, run, won.job)
    return Cause(time or seen_at() or EPOCH)
