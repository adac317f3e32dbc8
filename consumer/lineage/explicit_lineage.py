"""Lineage that a producer states itself: OpenLineage's lineage facets of jobs and datasets.

A job's facet is the whole of what flows through it, so an output that it does not name is fed by nothing. Its entries,
and their sources, may be jobs: those of the event's own job are reads and writes of it; flows from or to other jobs are
kept as such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

import orjson

from consumer.lineage.column_lineage import WHOLE, OutputLineage, Source, joined, pack, with_whole
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.registers import Value, as_json, value_of
from schemas.events import Body, Dataset, Job, OutputDataset
from schemas.facets import lineage_facets
from schemas.facets.base import DELETED, Deleted, read
from schemas.naming import DatasetName, canonical, engine, parts

Stated = lineage_facets.LineageFacet | lineage_facets.LineageDatasetEntry
"""The statement about one target dataset."""

OWN: JobName | None = None
"""The event's own job, as a facet names it: not at all."""

_LINEAGE_FACETS = (lineage_facets.ColumnLineageDatasetFacet.key, lineage_facets.LineageFacet.key)

FED_BY_NOTHING = value_of(pack(OutputLineage(frozenset(), {})))
"""The lineage of an output that nothing flows into."""


DECLARED = "headwater:declared"
"""The namespace of the jobs that stand for what DatasetEvents say of lineage."""


class Endpoint(NamedTuple):
    """A dataset or a job that data flows from or to."""

    kind: Literal["DATASET", "JOB"]
    namespace: str
    name: str


class Flow(NamedTuple):
    """Data flows from one to the other, and one of them is a job."""

    source: Endpoint
    target: Endpoint


class JobLineage(NamedTuple):
    """Lineage that a job's facet states.

    Attributes:
        targets: Lineage by target dataset.
        reads: Datasets that flow into the job itself.
        writes: Datasets that the job itself flows into.
        flows: Those from or to other jobs.
    """

    targets: dict[DatasetName, Value]
    reads: frozenset[DatasetName]
    writes: frozenset[DatasetName]
    flows: frozenset[Flow]


def table_name(namespace: str, name: str) -> DatasetName | None:
    """Returns the canonical name of a table; None for an empty one, or with too few parts, as an alias or a CTE has."""
    if not namespace.strip() or not name.strip():
        return None
    found = canonical(namespace, name)
    return found if engine(namespace) is None or parts(found) is not None else None


def kinds(transformations: Iterable[lineage_facets.Transformation]) -> list[str]:
    """Transformations as the graph spells them; one empty one if there are none."""
    return [f"{step.type}/{step.subtype}" if step.subtype else step.type for step in transformations] or [""]


def of_fields(fields: Iterable[lineage_facets.InputField | lineage_facets.LineageDatasetInput]) -> tuple[Source, ...]:
    """Returns the sources that a facet names, but for those that can't be tables."""
    named = ((table_name(field.namespace, field.name), field) for field in fields)
    return tuple(
        Source(name, field.field or WHOLE, kind)
        for name, field in named
        if name is not None
        for kind in kinds(field.transformations)
    )


def of_dataset(view: Stated) -> OutputLineage:
    """Returns the datasets and columns that a target is stated to be made from."""
    inputs = _datasets(view.inputs)
    whole = [said for said in inputs if said.field is not None]
    columns = {column: of_fields(_datasets(said.inputs)) for column, said in view.fields.items()}
    named = _tables(inputs)
    return OutputLineage(None if view.inputs is None else named, with_whole(columns, of_fields(whole)))


def _datasets(inputs: Iterable[lineage_facets.LineageInput] | None) -> list[lineage_facets.LineageDatasetInput]:
    return [said for said in inputs or () if isinstance(said, lineage_facets.LineageDatasetInput)]


def _tables(datasets: Iterable[lineage_facets.LineageDatasetInput]) -> frozenset[DatasetName]:
    found = (table_name(one.namespace, one.name) for one in datasets)
    return frozenset(name for name in found if name is not None)


def _jobs(view: Stated | lineage_facets.LineageJobEntry) -> list[JobName | None]:
    """Returns the jobs that flow into a target; OWN for the event's own."""
    found = [*(view.inputs or ())]
    if not isinstance(view, lineage_facets.LineageJobEntry):
        found += [said for field in view.fields.values() for said in field.inputs]
    return [_job(said) for said in found if isinstance(said, lineage_facets.LineageJobInput)]


def _job(said: lineage_facets.LineageJobInput | lineage_facets.LineageJobEntry) -> JobName | None:
    return OWN if said.namespace is None or said.name is None else JobName(said.namespace, said.name)


def of_job(raw: object, at: str, own: JobName) -> JobLineage | Deleted | None:
    """Lineage that a job's facet states.

    Args:
        raw: The facet as it is in the event.
        at: The JSON path of the facets that it is among.
        own: The key of the event's own job.

    Returns:
        None where there is no facet, DELETED where it no longer holds.

    Raises:
        BadFacet: It can't be read.
    """
    view = read(lineage_facets.LineageFacet, {lineage_facets.LineageFacet.key: raw}, at)
    if view is None or view is DELETED:
        return view
    stated: defaultdict[DatasetName, list[OutputLineage]] = defaultdict(list)
    reads: set[DatasetName] = set()
    writes: set[DatasetName] = set()
    flows: set[Flow] = set()
    for entry in view.entries or ():
        if isinstance(entry, lineage_facets.LineageJobEntry):
            job = _job(entry)
            named = _tables(_datasets(entry.inputs))
            reads |= named if job in {OWN, own} else set()
            flows |= _flows(named if job not in {OWN, own} else (), _jobs(entry), job or own, own)
        elif (target := table_name(entry.namespace, entry.name)) is not None:
            stated[target].append(of_dataset(entry))
            jobs = _jobs(entry)
            writes |= {target} if OWN in jobs or own in jobs else set()
            flows |= _flows((), [job for job in jobs if job not in {OWN, own}], target, own)
    targets = {target: value_of(pack(joined(said))) for target, said in stated.items()}
    return JobLineage(targets, frozenset(reads), frozenset(writes), frozenset(flows))


def declared_of(dataset: Dataset, producer: str, schema_url: str) -> Body | None:
    """Returns a JobEvent's body that stands for the lineage that a dataset states of itself, as of a view; else None.

    An edge is of a job, and no job says that it makes the dataset; so each dataset has one of its own.
    """
    said = {key: dataset.facets[key] for key in _LINEAGE_FACETS if key in dataset.facets}
    if not said:
        return None
    namespace, name = canonical(dataset.namespace, dataset.name)
    job = Job(DECLARED, f"{namespace} {name}", {"jobType": {"processingType": "BATCH", "jobType": "DECLARED"}})
    output = OutputDataset(dataset.namespace, dataset.name, said, {})
    return Body(job, (), (output,), producer, schema_url)


def flows_into(raw: object, at: str, target: DatasetName, own: JobName) -> frozenset[Flow]:
    """Returns the flows from other jobs than the event's own into a dataset, by the dataset's facet.

    Raises:
        BadFacet: The facet can't be read.
    """
    view = read(lineage_facets.LineageFacet, {lineage_facets.LineageFacet.key: raw}, at)
    if view is None or view is DELETED:
        return frozenset()
    return frozenset(_flows((), [job for job in _jobs(view) if job not in {OWN, own}], target, own))


def _flows(
    datasets: Iterable[DatasetName], jobs: Iterable[JobName | None], target: DatasetName | JobName, own: JobName
) -> set[Flow]:
    to = _endpoint(target)
    sources = [*map(_endpoint, datasets), *(_endpoint(job or own) for job in jobs)]
    return {Flow(source, to) for source in sources if source != to}


def _endpoint(name: DatasetName | JobName) -> Endpoint:
    return Endpoint("JOB" if isinstance(name, JobName) else "DATASET", *name)


def pack_flows(flows: Iterable[Flow]) -> Value:
    """Flows as a value to keep."""
    return value_of(as_json({"flows": sorted(flows)}))


def unpack_flows(text: str) -> frozenset[Flow]:
    """Returns the flows of a packed text; none of the empty text, of a deleted facet."""
    found = orjson.loads(text)["flows"] if text else ()
    return frozenset(Flow(Endpoint(*source), Endpoint(*target)) for source, target in found)
