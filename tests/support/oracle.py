"""What the graph has to be: DESIGN's sections 5 and 6 once more, in the plainest way, with nothing incremental.

From a list of events straight to the object that `headwater export` prints. What one event says is read in
`oracle_events`, what is current of a job in `oracle_runs`, which names are one dataset in `oracle_identity`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from consumer.lineage.explicit import declared_by
from schemas.decode import decode_document
from schemas.events import Dataset, DatasetEvent, Event, JobEvent, RunEvent
from schemas.facets.datasets import SchemaDatasetFacet, SchemaField
from schemas.facets.jobs import JobTypeJobFacet, ParentRunFacet
from schemas.naming import DatasetName, canonical, last_part
from tests.support.oracle_events import Key, Said, Told, is_statement, job_key, last, outputs_of, said
from tests.support.oracle_identity import Identity, mentions
from tests.support.oracle_runs import Done, History, RunOf

Json = dict[str, list[Any]]


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
    history = History(events)
    jobs = sorted({job_key(event) for event in events if not isinstance(event, DatasetEvent)})
    lineages = {job: current_lineage(job, history, identity) for job in jobs}
    return {
        "datasets": [dataset(shown, identity, history) for shown in sorted(set(identity.shown.values()))],
        "jobs": [job_object(job, events) for job in jobs],
        "runs": [run_object(run, identity) for run in sorted(history.runs, key=lambda run: (run.id, run.job))],
        "reads": sorted([name, job] for job in jobs for name in lineages[job].reads),
        "writes": sorted([job, name] for job in jobs for name in lineages[job].writes),
        "dataset_edges": sorted([*edge, job] for job in jobs for edge in lineages[job].edges),
        "column_edges": sorted([*edge, job] for job in jobs for edge in lineages[job].columns),
    }


class Lineage(NamedTuple):
    """What is current of a job, in shown names."""

    reads: set[DatasetName]
    writes: set[DatasetName]
    edges: set[tuple[DatasetName, DatasetName]]
    columns: set[tuple[tuple[str, str, str], tuple[str, str, str]]]


def current_lineage(job: Key, history: History, identity: Identity) -> Lineage:
    """The current inputs and outputs of a job, and the edges that follow from them."""
    found = Lineage(set(), set(), set(), set())
    for done in history.current(job):
        inputs = {identity.shown[name] for name in done.inputs}
        outputs = {identity.shown[name] for name in done.outputs}
        own = lineage_of(done, identity)
        found.reads.update(inputs)
        found.writes.update(outputs)
        for target in outputs | own.keys():
            key, told = own.get(target) or lineage_before(target, inputs, history.carried(job), identity)
            sources = told.sources if told is not None else set[DatasetName]()
            if (key == "lineage" and told is not None) or (
                len(outputs) > 1 and told is not None and sources & inputs and not told.partial
            ):
                found.edges.update((source, target) for source in sources)
            else:
                found.edges.update((source, target) for source in inputs | sources)
            if target in own and key == "columnLineage":
                found.reads.update(sources)
            for column, source, name in told.columns if told is not None else ():
                found.columns.add(((*source, name), (*target, column)))
    return found


def lineage_of(done: Done, identity: Identity) -> dict[DatasetName, tuple[str, Told]]:
    """What an execution says itself that its outputs are made of; an explicit facet goes before column lineage."""
    found: dict[DatasetName, tuple[str, Told]] = {}
    for key in ("columnLineage", "lineage"):
        for name in sorted(done.carried):
            one = done.carried[name].get(key)
            if one is not None and isinstance(one.what, Told) and one.what.says_something:
                found[identity.shown[name]] = key, in_shown_names(one.what, identity)
    return found


def lineage_before(
    target: DatasetName,
    inputs: set[DatasetName],
    carried: Mapping[DatasetName, Mapping[str, tuple[str, str, Said]]],
    identity: Identity,
) -> tuple[str, Told | None]:
    """What the latest execution with a facet said of an output, as far as its sources are still read."""
    latest: dict[str, tuple[str, str, str, Said]] = {}
    for name, facets in carried.items():
        for key, (time, id_, one) in facets.items():
            if key in {"columnLineage", "lineage"} and identity.shown[name] == target:
                latest[key] = max(latest.get(key, ("",)), (time, id_, one.stamp, one), key=lambda found: found[:3])  # type: ignore[type-var]
    # Of one execution the explicit facet counts, of several the later one.
    key = max(latest, key=lambda key: (latest[key][:2], key == "lineage"), default="")
    what = latest[key][3].what if key else None
    if not isinstance(what, Told) or not what.says_something:
        return "", None
    told = in_shown_names(what, identity)
    kept = told._replace(
        datasets=told.datasets & inputs, columns=frozenset(one for one in told.columns if one[1] in inputs)
    )
    return (key, kept) if kept.sources or not told.sources else ("", None)


def in_shown_names(told: Told, identity: Identity) -> Told:
    """Lineage between the datasets that are shown."""
    shown = identity.shown
    columns = frozenset((column, shown[source], name) for column, source, name in told.columns)
    return told._replace(datasets=frozenset(shown[name] for name in told.datasets), columns=columns)


def dataset(shown: DatasetName, identity: Identity, history: History) -> dict[str, Any]:
    """A dataset, with the columns of the schema that is in force."""
    columns = columns_of([one for name, one in schemas_said(history) if identity.shown[name] == shown])
    return {
        "namespace": shown.namespace,
        "name": shown.name,
        "node_name": last_part(shown),
        "aliases": sorted(identity.aliases[shown] - {shown}),
        "columns": [{"name": name, "type": columns[name]} for name in sorted(columns)],
    }


def columns_of(schemas: Sequence[Said]) -> dict[str, str | None]:
    """The columns of the last schema; one without a type has that of the last schema with types, then with all types."""
    columns = typed(last(schemas))
    some = typed(last(one for one in schemas if one.what is None or any(typed(one.what).values())))
    full = typed(last(one for one in schemas if one.what is None or has_all_types(typed(one.what))))
    return {name: kind or some.get(name) or full.get(name) for name, kind in columns.items()}


def has_all_types(columns: Mapping[str, str | None]) -> bool:
    """True if there are columns, and each has a type."""
    return bool(columns) and all(columns.values())


def typed(schema: object) -> dict[str, str | None]:
    """The types of a schema's columns by name; none of a schema that was deleted."""
    return dict(fields(schema.fields)) if isinstance(schema, SchemaDatasetFacet) else {}


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
    done = [run.carried for run in history.runs if run.counts]
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
    return {
        "id": run.id,
        "job": run.job,
        "state": run.state,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "parent": run.latest_of(ParentRunFacet),
        "inputs": sorted({identity.shown[name] for name in run.inputs}),
        "outputs": sorted({identity.shown[name] for name in run.outputs}),
    }
