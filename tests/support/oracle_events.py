"""What one event says, for `tests.support.oracle`: keys of jobs, facets of outputs, and who is named.

It shares with the consumer how an event is decoded and a facet is read (`schemas`), and one thing more: which of two
values of one instant wins is decided by a hash, and that hash is the consumer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from consumer.lineage.facets import JOB_FACETS, OUTPUT_FACETS, RUN_FACETS, explicit_of_job, read_facet
from schemas.errors import BadFacet
from schemas.events import Job, JobEvent, OutputDataset, RunEvent
from schemas.facets.datasets import SchemaDatasetFacet
from schemas.facets.dbt import DbtNodeJobFacet
from schemas.facets.jobs import JobTypeJobFacet, ParentRunFacet
from schemas.facets.lineage import ColumnLineageDatasetFacet, LineageDatasetEntry, LineageDatasetInput, LineageFacet
from schemas.facets.view import DELETED, Facet, read
from schemas.naming import DatasetName, canonical, engine, parts

F = TypeVar("F", bound=Facet)
Key = tuple[str, str]
"""A job's namespace, and what it is called or its dbt id."""

KEPT = OUTPUT_FACETS | RUN_FACETS | JOB_FACETS


def facet(view: type[F], facets: Mapping[str, object]) -> F | None:
    """A facet that says something: it is there, can be read, and is not deleted."""
    try:
        found = read(view, facets, "$")
    except BadFacet:
        return None
    return None if found is DELETED else found


def job_key(job: Job) -> Key:
    """Three names that dbt has for one model are one job, and the tests on it are another one."""
    node, kind = facet(DbtNodeJobFacet, job.facets), facet(JobTypeJobFacet, job.facets)
    if node is None or not node.unique_id:
        return job.namespace, job.name
    tests = kind is not None and kind.job_type == "TEST" and not node.unique_id.startswith("test.")
    return job.namespace, f"{node.unique_id}.test" if tests else node.unique_id


class Told(NamedTuple):
    """What a facet of lineage says: the source datasets, and (target column, source, source column).

    It is stated where the datasets are given, if only to say that there are none.
    """

    datasets: frozenset[DatasetName]
    columns: frozenset[tuple[str, DatasetName, str]]
    stated: bool = False

    @property
    def says_something(self) -> bool:
        """Whether it tells of any source, or that there is none."""
        return self.stated or bool(self.columns)

    @property
    def sources(self) -> frozenset[DatasetName]:
        """All datasets that it names."""
        return self.datasets | {source for _, source, _ in self.columns}


NOTHING = Told(frozenset(), frozenset())


class Said(NamedTuple):
    """One facet as one event says it; what is said is None where it was deleted."""

    stamp: str
    what: Told | SchemaDatasetFacet | str | None


def is_table(namespace: str, name: str) -> bool:
    """Whether this can name a table, rather than an alias in a query."""
    return engine(namespace) is None or parts(canonical(namespace, name)) is not None


def told_by(view: ColumnLineageDatasetFacet | LineageFacet | LineageDatasetEntry) -> Told:
    """What a facet of lineage says, without names that can't be tables."""
    if isinstance(view, ColumnLineageDatasetFacet):
        pairs = [(column, field) for column, said in view.fields.items() for field in said.input_fields]
        pairs += [("*", field) for field in view.dataset]
        columns = {(c, canonical(f.namespace, f.name), f.field) for c, f in pairs if is_table(f.namespace, f.name)}
        return Told(frozenset(), frozenset(columns))
    by_column = {column: said.inputs for column, said in view.fields.items()}
    columns = {(c, source, name or "*") for c, said in by_column.items() for source, name in sources(said)}
    whole = set(sources(view.inputs or ()))
    columns |= {("*", source, name) for source, name in whole if name is not None}
    return Told(frozenset(source for source, _ in whole), frozenset(columns), view.inputs is not None)


def sources(inputs: Iterable[object]) -> list[tuple[DatasetName, str | None]]:
    """The datasets among inputs that can be tables, each with the column that is named."""
    found = [said for said in inputs if isinstance(said, LineageDatasetInput) and is_table(said.namespace, said.name)]
    return [(canonical(said.namespace, said.name), said.field) for said in found]


def written(event: RunEvent | JobEvent) -> tuple[OutputDataset, ...]:
    """What a run writes; a run of a dbt test writes nothing, whatever it names (decision record 4)."""
    kind = facet(JobTypeJobFacet, event.job.facets)
    is_test = kind is not None and (kind.integration, kind.job_type) == ("DBT", "TEST")
    return () if is_test else event.outputs


def outputs_of(event: RunEvent | JobEvent) -> dict[DatasetName, dict[str, Said]]:
    """What an event says of its outputs, and of the targets of its job's explicit lineage."""
    found: dict[DatasetName, dict[str, Said]] = {}
    for output in written(event):
        facets = {**output.facets, **output.output_facets}
        known = found.setdefault(canonical(output.namespace, output.name), {})
        for view in (SchemaDatasetFacet, ColumnLineageDatasetFacet, LineageFacet):
            known.update(said(view, facets, event.event_time))
    explicit = facet(LineageFacet, event.job.facets)
    for entry in (explicit.entries or ()) if explicit else ():
        if isinstance(entry, LineageDatasetEntry) and is_table(entry.namespace, entry.name):
            target = canonical(entry.namespace, entry.name)
            digest = explicit_of_job(event.job.facets["lineage"], "$")[target].digest
            found.setdefault(target, {})["lineage"] = Said(f"{event.event_time} {digest[:12]}", told_by(entry))
    return found


def said(view: type[Facet], facets: Mapping[str, object], time: str) -> dict[str, Said]:
    """One facet with its stamp; nothing where it is missing or can't be read."""
    try:
        found = read(view, facets, "$")
    except BadFacet:
        return {}
    if found is None:
        return {}
    digest = read_facet(KEPT[view.key], facets[view.key], "$").value.digest
    what: Any = None if found is DELETED else found
    if isinstance(what, ParentRunFacet):
        what = what.run.run_id
    elif isinstance(what, JobTypeJobFacet):
        what = what.job_type
    elif isinstance(what, ColumnLineageDatasetFacet | LineageFacet):
        what = told_by(what)
    return {view.key: Said(f"{time} {digest[:12]}", what)}
