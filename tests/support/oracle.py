"""What the graph has to be: DESIGN's sections 5 and 6 once more, in the plainest way, with nothing incremental.

From a list of events straight to the object that `headwater export` prints. What one event says is read in
`oracle_events`, which names are one dataset in `oracle_identity`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from consumer.lineage.explicit import DECLARED, declared_by
from consumer.lineage.fold import fold
from consumer.lineage.identity import IdentityRules
from schemas.decode import decode_document
from schemas.events import Dataset, DatasetEvent, Event, JobEvent, RunEvent
from schemas.facets.datasets import SchemaDatasetFacet, SchemaField
from schemas.facets.jobs import JobTypeJobFacet, ParentRunFacet
from schemas.naming import DatasetName, canonical, last_part
from tests.support.oracle_events import (
    NOTHING,
    Key,
    Said,
    Told,
    inputs_of,
    is_statement,
    job_key,
    outputs_of,
    said,
    targets_of,
)
from tests.support.oracle_identity import Identity, mentions

Json = dict[str, list[Any]]

RANK = {"OTHER": 0, "START": 1, "RUNNING": 2, "COMPLETE": 3, "FAIL": 3, "ABORT": 3}


def expected(documents: Iterable[Any], same: Sequence[Sequence[str]] = (), *, by_table_name: bool = False) -> Json:
    """The export of the graph that these events make.

    Args:
        documents: Events as parsed JSON.
        same: The setting `identity.same`, as lists of prefixes.
        by_table_name: The setting `identity.by_table_name`.
    """
    decoded = [decode_document(document) for document in documents]
    events = [event for event in decoded if not (isinstance(event, RunEvent) and is_statement(event))]
    declared_of = [declared_by(event) for event in events if isinstance(event, DatasetEvent)]
    events += [event for event in declared_of if event is not None]
    identity = Identity([mention for event in events for mention in mentions(event)], same, by_table_name=by_table_name)
    runs = {event.run.run_id for event in events if isinstance(event, RunEvent)}
    history = History([RunOf(id_, events) for id_ in sorted(runs)], events)
    jobs = sorted({job_key(event) for event in events if not isinstance(event, DatasetEvent)})
    lineages = {job: current_lineage(job, history, identity) for job in jobs}
    return {
        "datasets": [dataset(shown, identity, history) for shown in sorted(set(identity.shown.values()))],
        "jobs": [job_object(job, events) for job in jobs],
        "runs": [run_object(run, identity) for run in history.runs],
        "reads": sorted([name, job] for job in jobs for name in lineages[job].reads),
        "writes": sorted([job, name] for job in jobs for name in lineages[job].writes),
        "dataset_edges": sorted([*edge, job] for job in jobs for edge in lineages[job].edges),
        "column_edges": sorted([*edge, job] for job in jobs for edge in lineages[job].columns),
    }


class RunOf:
    """A run, over all of its events."""

    def __init__(self, id_: str, events: Sequence[Event]) -> None:
        self.id = id_
        self.mine = [event for event in events if isinstance(event, RunEvent) and event.run.run_id == id_]

    @cached_property
    def job(self) -> Key:
        """The job that it was last said to be of."""
        return max((event.event_time, job_key(event)) for event in self.mine)[1]

    @cached_property
    def state(self) -> str:
        """The greatest state."""
        return max((RANK[event.event_type], event.event_time, event.event_type) for event in self.mine)[2]

    def times(self, *types: str) -> list[str]:
        """When events of these types happened."""
        return [event.event_time for event in self.mine if event.event_type in types]

    @property
    def started_at(self) -> str | None:
        """The least time of a START."""
        return min(self.times("START"), default=None)

    @property
    def ended_at(self) -> str | None:
        """The greatest time of a terminal event."""
        return max(self.times("COMPLETE", "FAIL", "ABORT"), default=None)

    @cached_property
    def inputs(self) -> frozenset[DatasetName]:
        """All that it read."""
        return frozenset().union(*(inputs_of(event) for event in self.mine))

    @cached_property
    def outputs(self) -> frozenset[DatasetName]:
        """All that it wrote."""
        return frozenset().union(*(targets_of(event) for event in self.mine))

    @cached_property
    def carried(self) -> dict[DatasetName, dict[str, Said]]:
        """Of each output and facet what was said last."""
        found: dict[DatasetName, dict[str, Said]] = {}
        for event in self.mine:
            for name, facets in outputs_of(event).items():
                for key, one in facets.items():
                    known = found.setdefault(name, {})
                    known[key] = max(one, known.get(key, one), key=lambda one: one.stamp)
        return found


class Done(NamedTuple):
    """Something that counts as a completed run; the first two fields order it."""

    time: str
    id: str
    inputs: frozenset[DatasetName]
    outputs: frozenset[DatasetName]
    carried: dict[DatasetName, dict[str, Said]]


@dataclass(frozen=True)
class History:
    """All runs, and all events."""

    runs: list[RunOf]
    events: list[Event]

    def completed(self, job: Key) -> list[Done]:
        """The completed runs of a job, and its JobEvents, the latest last."""
        runs = [run for run in self.runs if run.job == job and run.state == "COMPLETE"]
        found = [Done(run.ended_at or "", run.id, run.inputs, run.outputs, run.carried) for run in runs]
        found += [declared(e) for e in self.events if isinstance(e, JobEvent) and job_key(e) == job]
        return sorted(found, key=lambda done: done[:2])

    def unfinished(self, job: Key, after: str) -> list[RunOf]:
        """The runs of a job that started after a time and have not ended."""
        found = [run for run in self.runs if run.job == job and run.state in {"START", "RUNNING"}]
        return [run for run in found if (run.started_at or min(run.times("RUNNING"))) > after]


def original(event: JobEvent) -> Event:
    """The event that was sent: a DatasetEvent for a job that stands for one."""
    if event.job.namespace != DECLARED:
        return event
    (output,) = event.outputs
    dataset = Dataset(output.namespace, output.name, output.facets)
    return DatasetEvent(event.event_time, dataset, event.producer, event.schema_url)


def declared(event: JobEvent) -> Done:
    """A JobEvent as a completed run."""
    said = original(event)
    folded = next(iter(fold(said, IdentityRules.of()).jobs.values())).declared.latest
    assert folded is not None, "a JobEvent counts as a completed run"
    return Done(event.event_time, folded.id, inputs_of(event), targets_of(event), outputs_of(event))


class Lineage(NamedTuple):
    """What is current of a job, in shown names."""

    reads: set[DatasetName]
    writes: set[DatasetName]
    edges: set[tuple[DatasetName, DatasetName]]
    columns: set[tuple[tuple[str, str, str], tuple[str, str, str]]]


def current_lineage(job: Key, history: History, identity: Identity) -> Lineage:
    """The current inputs and outputs of a job, and the edges that follow from them."""
    completed = history.completed(job)
    latest = completed[-1:]
    current: list[Done | RunOf] = [*latest, *history.unfinished(job, latest[0].time if latest else "")]
    shown = identity.shown
    inputs = {shown[name] for run in current for name in run.inputs}
    outputs = {shown[name] for run in current for name in run.outputs}
    explicit = in_force("lineage", completed, outputs, identity)
    by_column = in_force("columnLineage", completed, outputs, identity)
    edges: set[tuple[DatasetName, DatasetName]] = set()
    for target in outputs | explicit.keys():
        sources: Iterable[DatasetName] = inputs
        if target in explicit:
            sources = explicit[target].sources
        elif len(outputs) > 1 and target in by_column:
            sources = by_column[target].sources
        edges |= {(shown.get(source, source), target) for source in sources}
    columns: set[tuple[tuple[str, str, str], tuple[str, str, str]]] = set()
    for target in explicit.keys() | by_column.keys():
        told = explicit.get(target, NOTHING).columns or by_column.get(target, NOTHING).columns
        columns |= {((*shown[source], name), (*target, column)) for column, source, name in told}
    return Lineage(inputs, outputs, edges, columns)


def in_force(key: str, completed: list[Done], outputs: set[DatasetName], identity: Identity) -> dict[DatasetName, Told]:
    """Of each output what the latest completed run that carried the facet says; an output no more written says none."""
    found: dict[DatasetName, Told | None] = {}
    for done in completed:
        said_now: dict[DatasetName, Said] = {}
        for name, facets in done.carried.items():
            target = identity.shown[name]
            if key in facets and (target in outputs or done is completed[-1]):
                said_now[target] = max(facets[key], said_now.get(target, facets[key]), key=lambda one: one.stamp)
        found |= {target: one.what if isinstance(one.what, Told) else None for target, one in said_now.items()}
    return {name: told for name, told in found.items() if told is not None and told.says_something}


def dataset(shown: DatasetName, identity: Identity, history: History) -> dict[str, Any]:
    """A dataset, with the columns of the schema that is in force."""
    schemas = [one for name, one in schemas_said(history) if identity.shown[name] == shown]
    latest = last(schemas)
    columns = dict(fields(latest.fields)) if isinstance(latest, SchemaDatasetFacet) else {}
    return {
        "namespace": shown.namespace,
        "name": shown.name,
        "node_name": last_part(shown),
        "aliases": sorted(identity.aliases[shown] - {shown}),
        "columns": [{"name": name, "type": columns[name]} for name in sorted(columns)],
    }


def last(found: Iterable[Said]) -> Any:
    """What was said last; None where nothing was said, or where it was deleted."""
    return max(found, key=lambda one: one.stamp, default=Said("", None)).what


def fields(found: Iterable[SchemaField], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Columns with their types; nested ones with dots."""
    for one in found:
        yield f"{prefix}{one.name}", one.type or None
        yield from fields(one.fields, f"{prefix}{one.name}.")


def schemas_said(history: History) -> Iterator[tuple[DatasetName, Said]]:
    """Every schema that counts: of inputs and DatasetEvents at once, of outputs once their run has completed."""
    for event in history.events:
        heard: list[tuple[Dataset, Mapping[str, object]]] = []
        if isinstance(event, DatasetEvent):
            heard = [(event.dataset, event.dataset.facets)]
        else:
            heard = [(one, {**one.facets, **one.input_facets}) for one in event.inputs]
        for one, facets in heard:
            for found in said(SchemaDatasetFacet, facets, event.event_time).values():
                yield canonical(one.namespace, one.name), found
    done = [run.carried for run in history.runs if run.state == "COMPLETE"]
    for carried in (*done, *(outputs_of(event) for event in history.events if isinstance(event, JobEvent))):
        yield from ((name, of_one["schema"]) for name, of_one in carried.items() if "schema" in of_one)


def job_object(job: Key, events: Iterable[Event]) -> dict[str, Any]:
    """A job, with all its names."""
    mine = [event for event in events if not isinstance(event, DatasetEvent) and job_key(event) == job]
    kinds = [one for e in mine for one in said(JobTypeJobFacet, e.job.facets, e.event_time).values()]
    names = sorted({event.job.name for event in mine})
    return {"namespace": job[0], "name": job[1], "type": last(kinds), "names": names}


def run_object(run: RunOf, identity: Identity) -> dict[str, Any]:
    """A run."""
    parents = [one for e in run.mine for one in said(ParentRunFacet, e.run.facets, e.event_time).values()]
    return {
        "id": run.id,
        "job": run.job,
        "state": run.state,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "parent": last(parents),
        "inputs": sorted({identity.shown[name] for name in run.inputs}),
        "outputs": sorted({identity.shown[name] for name in run.outputs}),
    }
