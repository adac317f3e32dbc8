"""What the graph has to be: DESIGN's sections 5 and 6 once more, in the plainest way, with nothing incremental.

From a list of events straight to the object that `headwater export` prints. What one event says is read in
`oracle_events`, what is current of a job in `oracle_runs`, which names are one dataset in `oracle_identity`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from consumer.lineage.explicit_lineage import declared_of
from consumer.lineage.facts.output_facets import BY_RUN
from schemas.decode import decode_document
from schemas.events import Body, Dataset, DatasetEvent, Event, JobEvent, RunEvent
from schemas.facets.dataset_facets import LifecycleStateChangeDatasetFacet
from schemas.facets.dbt_facets import DbtExposuresDatasetFacet
from schemas.facets.job_facets import JobTypeJobFacet, ParentRunFacet
from schemas.naming import DatasetName, canonical, last_part
from tests.support.oracle.expected_facts import (
    Key,
    Said,
    Told,
    exposures_said,
    is_statement,
    job_key,
    last,
    outputs_of,
    previous_name,
    renamed_to,
    said,
    schema_said,
    typed,
)
from tests.support.oracle.expected_identity import Identity, mentions
from tests.support.oracle.expected_runs import Done, History, RunOf

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
    events += [JobEvent(event.event_time, body) for event in events for body in stated_by_datasets(event)]
    identity = Identity([mention for event in events for mention in mentions(event)], same, by_table_name=by_table_name)
    history = History(events)
    jobs = sorted({job_key(event) for event in events if not isinstance(event, DatasetEvent)})
    lives = Lives(history, identity)
    lineages = {job: current_lineage(job, history, lives) for job in jobs}
    uses = [use for shown in sorted(identity.used) for use in exposures_of(shown, identity, history, lives)]
    return {
        "exposures": sorted({use[1] for use in uses}),
        "exposure_edges": sorted(uses),
        "datasets": [dataset(shown, identity, history) for shown in sorted(identity.used)],
        "jobs": [job_object(job, events) for job in jobs],
        "runs": [run_object(run, identity) for run in sorted(history.runs, key=lambda run: (run.id, run.job))],
        "reads": sorted([name, job] for job in jobs for name in lineages[job].reads),
        "writes": sorted([job, name] for job in jobs for name in lineages[job].writes),
        "dataset_edges": sorted([*edge, job] for job in jobs for edge in lineages[job].edges),
        "column_edges": sorted([*edge, job] for job in jobs for edge in lineages[job].columns),
    }


def stated_by_datasets(event: Event) -> Iterator[Body]:
    """Lineage that datasets state of themselves: that of a DatasetEvent, and the inputs of a JobEvent."""
    said: list[Body | None] = []
    if isinstance(event, DatasetEvent):
        said = [declared_of(event.dataset, event.producer, event.schema_url)]
    elif isinstance(event, JobEvent):
        said = [declared_of(one, event.body.producer, event.body.schema_url) for one in event.body.inputs]
    yield from (body for body in said if body is not None)


class Lineage(NamedTuple):
    """What is current of a job, in shown names."""

    reads: set[DatasetName]
    writes: set[DatasetName]
    edges: set[tuple[DatasetName, DatasetName]]
    columns: set[tuple[tuple[str, str, str], tuple[str, str, str]]]


class Lives:
    """What became of the names of datasets: which were dropped, and which renamed."""

    def __init__(self, history: History, identity: Identity) -> None:
        self._identity = identity
        self._dropped: dict[DatasetName, str] = {}
        self._renamed: dict[DatasetName, tuple[str, DatasetName]] = {}
        for name, change in latest_by_name(facets_said("lifecycleStateChange", history)).items():
            what = change.what
            if isinstance(what, LifecycleStateChangeDatasetFacet) and what.lifecycle_state_change.upper() == "DROP":
                self._dropped[name] = time_of(change)
        for name, to in latest_by_name(facets_said("renamed", history)).items():
            assert isinstance(to.what, DatasetName)
            self._renamed[name] = time_of(to), to.what

    def place(self, name: DatasetName, time: str) -> DatasetName | None:
        """The name at which something is shown that was said at a time; None if the dataset was dropped since."""
        since = ""
        while True:
            # Of a drop and a renaming at one instant the renaming counts.
            changes: list[tuple[str, int, DatasetName | None]]
            changes = [(self._dropped[name], 1, None)] if name in self._dropped else []
            if name in self._renamed and self._renamed[name][0] > since:
                changes.append((self._renamed[name][0], 0, self._renamed[name][1]))
            next_ = min((one for one in changes if one[0] >= max(time, since)), key=lambda one: one[:2], default=None)
            if next_ is None:
                break
            if next_[2] is None:
                return None
            since, name = next_[0], next_[2]
        shown = self.shown(name)
        return shown if shown in self._identity.used else None

    def shown(self, name: DatasetName) -> DatasetName:
        """The name that a dataset is shown under, if it is shown."""
        return self._identity.shown[name]

    def places(self, names: Iterable[DatasetName], time: str) -> frozenset[DatasetName]:
        """The places of names, but for those of datasets that were dropped."""
        return frozenset(place for name in names if (place := self.place(name, time)) is not None)

    def renamed(self, name: DatasetName) -> str:
        """When a dataset of a name got another one; empty if it did not."""
        return self._renamed.get(name, ("",))[0]

    def changed(self, name: DatasetName) -> str:
        """When a name was dropped or renamed; empty if it was not."""
        return max(self._dropped.get(name, ""), self.renamed(name))

    def told(self, told: Told, time: str) -> Told:
        """Lineage between the places of its datasets."""
        columns = ((column, self.place(source, time), name) for column, source, name in told.columns)
        kept = frozenset((column, source, name) for column, source, name in columns if source is not None)
        return told._replace(datasets=self.places(told.datasets, time), columns=kept)


def current_lineage(job: Key, history: History, lives: Lives) -> Lineage:
    """The current inputs and outputs of a job, and the edges that follow from them."""
    found = Lineage(set(), set(), set(), set())
    executions = history.current(job)
    # Only facets of datasets that are written now, under any of their names, can still hold: not under one that a
    # dataset had before it was renamed.
    stated = {name for done in executions for name, facets in done.carried.items() if BY_RUN & facets.keys()}
    written = {lives.shown(name) for name in stated.union(*(done.outputs for done in executions))}
    carried = {name: facets for name, facets in history.carried(job).items() if lives.shown(name) in written}
    for done in executions:
        outputs = lives.places(done.outputs, done.time)
        own = lineage_of(done, lives)
        found.writes.update(outputs)
        if not outputs | own.keys():
            found.reads.update(lives.places(done.inputs, done.time))
        for target in outputs | own.keys():
            inputs = lives.places(done.inputs - former(done.inputs, target, done, lives), done.time)
            found.reads.update(inputs)
            key, told = own.get(target) or lineage_before(target, inputs, carried, lives, done)
            sources = told.sources if told is not None else frozenset[DatasetName]()
            by_columns = len(outputs) > 1 and told is not None and sources & inputs and not told.partial
            made_of = sources if key == "lineage" or by_columns else inputs | sources
            found.edges.update((source, target) for source in made_of)
            if target in own and key == "columnLineage":
                found.reads.update(sources)
            for column, source, name in told.columns if told is not None else ():
                found.columns.add(((*source, name), (*target, column)))
    return found


def former(names: frozenset[DatasetName], target: DatasetName, done: Done, lives: Lives) -> frozenset[DatasetName]:
    """Those that only a renaming has led to an output: nothing flows from them to it, unless they are written too."""
    lineages = {name for name, facets in done.carried.items() if BY_RUN & facets.keys()}
    written = {lives.shown(name) for name in done.outputs | lineages}
    renamed = {name for name in names if lives.renamed(name) >= done.time and lives.shown(name) not in written}
    return frozenset(name for name in renamed if lives.place(name, done.time) == target)


def without(told: Told, names: frozenset[DatasetName]) -> Told:
    """Lineage without what comes from some datasets."""
    columns = frozenset(one for one in told.columns if one[1] not in names)
    return told._replace(datasets=told.datasets - names, columns=columns)


def lineage_of(done: Done, lives: Lives) -> dict[DatasetName, tuple[str, Told]]:
    """What an execution says itself that its outputs are made of; an explicit facet goes before column lineage."""
    found: dict[DatasetName, tuple[str, Told]] = {}
    for key in ("columnLineage", "lineage"):
        for name in sorted(done.carried):
            one, target = done.carried[name].get(key), lives.place(name, done.time)
            if target is not None and one is not None and isinstance(one.what, Told) and one.what.says_something:
                told = lives.told(without(one.what, former(one.what.sources, target, done, lives)), done.time)
                # Under several names of one output, what each says counts.
                known = found.get(target, ("", told))
                found[target] = key, told.with_(known[1]) if known[0] == key else told
    return found


def lineage_before(
    target: DatasetName,
    inputs: frozenset[DatasetName],
    carried: Mapping[DatasetName, Mapping[str, tuple[str, str, Said]]],
    lives: Lives,
    done: Done,
) -> tuple[str, Told | None]:
    """What the latest execution with column lineage said of an output, as far as its sources are still read.

    An explicit facet counts for its own execution alone.
    """
    by_name = [
        facets["columnLineage"]
        for name, facets in carried.items()
        if lives.place(name, done.time) == target
        if "columnLineage" in facets
    ]
    what = max(by_name, key=lambda found: (found[:2], found[2].stamp))[2].what if by_name else None
    if not isinstance(what, Told) or not what.says_something:
        return "", None
    told = lives.told(without(what, former(what.sources, target, done, lives)), done.time)
    kept = told._replace(
        columns=frozenset((column, source, name) for column, source, name in told.columns if source in inputs)
    )
    return ("columnLineage", kept) if kept.sources or not told.sources else ("", None)


def dataset(shown: DatasetName, identity: Identity, history: History) -> dict[str, Any]:
    """A dataset, with the columns of the schema that is in force."""
    columns = columns_of(shown, identity, history)
    return {
        "namespace": shown.namespace,
        "name": shown.name,
        "node_name": last_part(shown),
        "aliases": sorted(identity.aliases[shown] - {shown}),
        "columns": [{"name": name, "type": columns[name]} for name in sorted(columns)],
    }


def columns_of(shown: DatasetName, identity: Identity, history: History) -> dict[str, str | None]:
    """The columns of the last schema; one without a type has that of the last schema with types, or with all types."""
    columns, some, full = (
        typed(last(one for name, one in facets_said(key, history) if identity.shown[name] == shown))
        for key in ("schema", "some types", "all types")
    )
    return {name: kind or some.get(name) or full.get(name) for name, kind in columns.items()}


def exposures_of(shown: DatasetName, identity: Identity, history: History, lives: Lives) -> list[tuple[Any, ...]]:
    """The exposures that use a dataset, by what each project has said last, since it was dropped or renamed."""
    found: dict[Key, tuple[Any, ...]] = {}
    keys = {key for event in history.events for key in exposure_keys(event)}
    for key in sorted(keys):
        told = [one for name, one in facets_said(key, history) if identity.shown[name] == shown]
        latest = max(told, key=lambda one: one.stamp, default=None)
        if latest is None or time_of(latest) <= lives.changed(shown):
            continue
        _, namespace, project = key.split(" ") if " " in key else ("", "dbt", "")
        for one in latest.what.exposures if isinstance(latest.what, DbtExposuresDatasetFacet) else ():
            own = not project or str(one.unique_id).split(".")[1] == project
            name = str(one.unique_id) if own else f"{project}/{one.unique_id}"
            found[namespace, name] = (*shown,), (namespace, name), one.type or "", one.url or "", one.owner or ""
    return list(found.values())


def exposure_keys(event: Event) -> set[str]:
    """The projects that an event says exposures of, as `facets_said` knows them."""
    of_event = [event.dataset] if isinstance(event, DatasetEvent) else [*event.inputs, *event.outputs]
    return {key for one in of_event for key in exposures_said(event, one.facets)}


def latest_by_name(found: Iterable[tuple[DatasetName, Said]]) -> dict[DatasetName, Said]:
    """Of each name what was said last."""
    return dict(sorted(found, key=lambda one: one[1].stamp))


def time_of(one: Said) -> str:
    """When something was said."""
    return one.stamp.partition(" ")[0]


def facets_said(key: str, history: History) -> Iterator[tuple[DatasetName, Said]]:
    """Every facet that counts: of inputs and DatasetEvents at once, of outputs once their run has completed."""
    for event in history.events:
        heard: list[tuple[Dataset, Mapping[str, object]]] = []
        if isinstance(event, DatasetEvent):
            heard = [(event.dataset, event.dataset.facets)]
        else:
            heard = [(one, {**one.facets, **one.input_facets}) for one in event.inputs]
        for one, facets in heard:
            name = canonical(one.namespace, one.name)
            changes = list(said(LifecycleStateChangeDatasetFacet, facets, event.event_time).values())
            schemas = {**schema_said(facets, event.event_time), **exposures_said(event, facets)}
            if key in schemas:
                yield name, schemas[key]
            elif key == "lifecycleStateChange":
                yield from ((name, change) for change in changes)
            elif key == "renamed":
                previous = [(previous_name(name, change), change) for change in changes]
                yield from ((before, renamed_to(name, change)) for before, change in previous if before is not None)
    done = [run.carried for run in history.runs if run.counts]
    for carried in (*done, *(outputs_of(event) for event in history.events if isinstance(event, JobEvent))):
        yield from ((name, of_one[key]) for name, of_one in carried.items() if key in of_one)


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
        "parent": above.parent if (above := run.latest_of(ParentRunFacet)) is not None else None,
        "inputs": sorted({identity.known_as(name) for name in run.inputs}),
        "outputs": sorted({identity.known_as(name) for name in run.outputs}),
    }
