"""What one event says, for `tests.support.oracle.expected_graph`: keys of jobs, facets of outputs, and who is named.

It shares with the consumer how an event is decoded and a facet is read (`schemas`), and one thing more: which of two
values of one instant wins is decided by a hash, and that hash is the consumer's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from consumer.lineage.explicit_lineage import DECLARED, FED_BY_NOTHING, JobLineage, of_job
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.registers import as_json, value_of
from consumer.lineage.folding.kept_facets import JOB_FACETS, OUTPUT_FACETS, RUN_FACETS, read_facet, rest_of
from consumer.lineage.folding.sql.phantom_tables import Tables
from consumer.lineage.lifecycle import is_dropped
from schemas.errors import BadFacet
from schemas.events import DatasetEvent, Event, JobEvent, OutputDataset, RunEvent
from schemas.facets.base import DELETED, Facet, read
from schemas.facets.dataset_facets import (
    DatasourceDatasetFacet,
    LifecycleStateChangeDatasetFacet,
    SchemaDatasetFacet,
    SchemaField,
)
from schemas.facets.dbt_facets import DbtExposuresDatasetFacet, DbtNodeJobFacet, DbtRunRunFacet
from schemas.facets.job_facets import JobTypeJobFacet, ParentRunFacet, SQLJobFacet
from schemas.facets.lineage_facets import (
    ColumnLineageDatasetFacet,
    LineageDatasetEntry,
    LineageDatasetInput,
    LineageFacet,
)
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


def job_key(event: RunEvent | JobEvent) -> Key:
    """Three names that dbt has for one model are one job, and the tests on it are another one.

    A node of a package is another job in each project that runs it.
    """
    job = event.job
    node, kind = facet(DbtNodeJobFacet, job.facets), facet(JobTypeJobFacet, job.facets)
    if node is None or not node.unique_id:
        return job.namespace, job.name
    tests = kind is not None and kind.job_type == "TEST" and not node.unique_id.startswith("test.")
    name = f"{node.unique_id}.test" if tests else node.unique_id
    root = node.root_project
    if root is None and isinstance(event, RunEvent):
        run, parent = facet(DbtRunRunFacet, event.run.facets), facet(ParentRunFacet, event.run.facets)
        root = run.project_name if run else None
        if root is None and parent is not None and parent.job.name.startswith("dbt-run-"):
            root = parent.job.name.split("-")[2]
    return job.namespace, name if root in {None, node.unique_id.split(".")[1]} else f"{root}/{name}"


def is_statement(event: RunEvent) -> bool:
    """One SQL statement of a parent, without datasets: nothing of its own."""
    parent = facet(ParentRunFacet, event.run.facets)
    *_, kind, number = ("", *event.job.name.split("."))
    is_numbered = kind in {"sql", "query"} and number.isdigit()
    return is_numbered and not event.inputs and not event.outputs and parent is not None


class Above(NamedTuple):
    """The run that started another one, if its job is known, and what makes runs siblings: its id, else the root's."""

    parent: str | None
    group: str


class Told(NamedTuple):
    """What a facet of lineage says: the source datasets, and (target column, source, source column).

    It is stated where the datasets are given, if only to say that there are none; and partial where it names what is no
    table.
    """

    datasets: frozenset[DatasetName]
    columns: frozenset[tuple[str, DatasetName, str]]
    stated: bool = False
    partial: bool = False

    @property
    def says_something(self) -> bool:
        """Whether it tells of any source, or that there is none."""
        return self.stated or bool(self.columns)

    @property
    def sources(self) -> frozenset[DatasetName]:
        """All datasets that it names."""
        return self.datasets | {source for _, source, _ in self.columns}

    def with_(self, other: Told) -> Told:
        """Returns the sum of two statements."""
        datasets, columns = self.datasets | other.datasets, self.columns | other.columns
        return Told(datasets, columns, self.stated or other.stated, self.partial or other.partial)


class Said(NamedTuple):
    """One facet as one event says it; what is said is None where it was deleted."""

    stamp: str
    what: (
        Told
        | SchemaDatasetFacet
        | LifecycleStateChangeDatasetFacet
        | DbtNodeJobFacet
        | DbtExposuresDatasetFacet
        | Above
        | str
        | DatasetName
        | None
    )


def code_of(events: Iterable[RunEvent | JobEvent]) -> tuple[str, ...]:
    """What tells the code that a job ran: its SQL as it is kept, and dbt's checksum, each as it was said last."""
    queries: list[Said] = []
    checksums: list[Said] = []
    for event in events:
        queries += said(SQLJobFacet, event.job.facets, event.event_time).values()
        nodes = said(DbtNodeJobFacet, event.job.facets, event.event_time).values()
        checksums += [one._replace(what=one.what.checksum) for one in nodes if isinstance(one.what, DbtNodeJobFacet)]
    found = (last(queries), last(one for one in checksums if one.what))
    return tuple(code for code in found if code)


def last(found: Iterable[Said]) -> Any:
    """What was said last; None where nothing was said, or where it was deleted."""
    return max(found, key=lambda one: one.stamp, default=Said("", None)).what


def is_table(namespace: str, name: str) -> bool:
    """Whether this can name a table, rather than an alias in a query."""
    return engine(namespace) is None or parts(canonical(namespace, name)) is not None


def told_by(view: ColumnLineageDatasetFacet | LineageFacet | LineageDatasetEntry) -> Told:
    """What a facet of lineage says, without names that can't be tables."""
    if isinstance(view, ColumnLineageDatasetFacet):
        pairs = [(column, field) for column, said in view.fields.items() for field in said.input_fields]
        pairs += [("*", field) for field in view.dataset]
        tables = [(column, field) for column, field in pairs if is_table(field.namespace, field.name)]
        columns = {(column, canonical(field.namespace, field.name), field.field) for column, field in tables}
        return Told(frozenset(), frozenset(columns), partial=len(tables) < len(pairs))
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
        known.update(schema_said(facets, event.event_time))
        for view in (LifecycleStateChangeDatasetFacet, ColumnLineageDatasetFacet, LineageFacet):
            known.update(said(view, facets, event.event_time))
        known.update(exposures_said(event, facets))
    stated = stated_by_job(event, found)
    renamed = [
        (name, facets["lifecycleStateChange"]) for name, facets in found.items() if "lifecycleStateChange" in facets
    ]
    for target, one in stated.items():
        found.setdefault(target, {})["lineage"] = one
    for name, change in renamed:
        previous = previous_name(name, change)
        if previous is not None:
            found.setdefault(previous, {})["renamed"] = renamed_to(name, change)
    return found


def exposures_said(event: Event, facets: Mapping[str, object]) -> dict[str, Said]:
    """What an event says of a table's exposures, by the project that says it: `exposures dbt p`, or just `exposures`.

    A node of dbt that has completed says of each of its tables all exposures, so if need be that there are none.
    """
    found = said(DbtExposuresDatasetFacet, facets, event.event_time).get(DbtExposuresDatasetFacet.key)
    project = None if isinstance(event, DatasetEvent) else project_of(event)
    if isinstance(event, DatasetEvent) or project is None:
        return {} if found is None else {"exposures": found}
    kind = facet(JobTypeJobFacet, event.job.facets)
    is_node = kind is not None and kind.job_type in {"MODEL", "SEED", "SNAPSHOT"}
    is_done = not isinstance(event, RunEvent) or event.event_type == "COMPLETE"
    if found is None and is_node and is_done and said(DatasourceDatasetFacet, facets, event.event_time):
        found = Said(f"{event.event_time} {value_of('').digest[:12]}", None)
    return {} if found is None else {f"exposures {event.job.namespace} {project}": found}


def project_of(event: RunEvent | JobEvent) -> str | None:
    """The project whose node an event is of."""
    node = facet(DbtNodeJobFacet, event.job.facets)
    if node is None or not node.unique_id:
        return None
    key = job_key(event)[1]
    return key.partition("/")[0] if "/" in key else node.unique_id.split(".")[1]


def renamed_to(name: DatasetName, change: Said) -> Said:
    """What a dataset's lifecycle facet says of the name that it had before."""
    return Said(f"{change.stamp.partition(' ')[0]} {value_of(as_json(name)).digest[:12]}", name)


def previous_name(name: DatasetName, change: Said) -> DatasetName | None:
    """The name that a dataset had before, by its lifecycle facet; None if it was not renamed."""
    what = change.what
    if not isinstance(what, LifecycleStateChangeDatasetFacet) or what.lifecycle_state_change != "RENAME":
        return None
    said = what.previous_identifier
    previous = canonical(said.namespace, said.name) if said is not None else name
    return previous if previous != name else None


def stated_by_job(
    event: RunEvent | JobEvent, outputs: Mapping[DatasetName, Mapping[str, Said]]
) -> dict[DatasetName, Said]:
    """What the job's lineage facet says of each target, and of outputs that it does not name."""
    raw = event.job.facets.get("lineage")
    try:
        stated = of_job(raw, "$", JobName(*job_key(event)))
    except BadFacet:
        return {}
    if stated is None:
        return {}
    unnamed = [name for name, facets in outputs.items() if "lineage" not in facets]
    nothing = Said(f"{event.event_time} {value_of('').digest[:12]}", None)
    if not isinstance(stated, JobLineage):
        return dict.fromkeys(unnamed, nothing)
    fed_by_nothing = Said(
        f"{event.event_time} {FED_BY_NOTHING.digest[:12]}", Told(frozenset(), frozenset(), stated=True)
    )
    found = dict.fromkeys(unnamed, fed_by_nothing)
    found |= dict.fromkeys((name for name in unnamed if "columnLineage" in outputs[name]), nothing)
    for target, value in stated.targets.items():
        found[target] = Said(f"{event.event_time} {value.digest[:12]}", entries_of(event, target))
    return found


def entries_of(event: RunEvent | JobEvent, target: DatasetName) -> Told:
    """What all entries of a target say together."""
    view = facet(LineageFacet, event.job.facets)
    entries = [one for one in (view.entries or ()) if isinstance(one, LineageDatasetEntry)] if view else []
    told = [told_by(one) for one in entries if canonical(one.namespace, one.name) == target]
    datasets: frozenset[DatasetName] = frozenset().union(*(one.datasets for one in told))
    columns: frozenset[tuple[str, DatasetName, str]] = frozenset().union(*(one.columns for one in told))
    return Told(datasets, columns, any(one.stated for one in told))


def flowing(event: RunEvent | JobEvent) -> tuple[frozenset[DatasetName], frozenset[DatasetName]]:
    """What the job's lineage facet says that the job itself reads and writes."""
    try:
        stated = of_job(event.job.facets.get("lineage"), "$", JobName(*job_key(event)))
    except BadFacet:
        stated = None
    return (stated.reads, stated.writes) if isinstance(stated, JobLineage) else (frozenset(), frozenset())


def inputs_of(event: RunEvent | JobEvent) -> frozenset[DatasetName]:
    """What the event's job reads; a DatasetEvent's reads all that its lineage names."""
    by_sql = Tables(event.body).read_by_dbt()
    told = {canonical(one.namespace, one.name) for one in event.inputs}
    named = (told if by_sql is None else by_sql) | flowing(event)[0]
    if event.job.namespace == DECLARED:
        lineage = [one.what for facets in outputs_of(event).values() for one in facets.values()]
        named = named.union(*(one.sources for one in lineage if isinstance(one, Told)))
    return frozenset(named)


def targets_of(event: RunEvent | JobEvent) -> frozenset[DatasetName]:
    """What the event's job writes."""
    names = {canonical(one.namespace, one.name) for one in written(event)}
    dropped = {canonical(one.namespace, one.name) for one in written(event) if is_dropped(one.facets)}
    return frozenset(names - dropped) | flowing(event)[1]


def schema_said(facets: Mapping[str, object], time: str) -> dict[str, Said]:
    """A schema, which may also be the last word on types: where it has some, or where it has all."""
    found = said(SchemaDatasetFacet, facets, time)
    for one in list(found.values()):
        types = list(typed(one.what).values())
        if one.what is None or any(types):
            found["some types"] = one
        if one.what is None or (types and all(types)):
            found["all types"] = one
    return found


def typed(schema: object) -> dict[str, str | None]:
    """The types of a schema's columns by name; none of a schema that was deleted."""
    return dict(fields(schema.fields)) if isinstance(schema, SchemaDatasetFacet) else {}


def fields(found: Iterable[SchemaField], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Columns with their types; nested ones with dots."""
    for one in found:
        yield f"{prefix}{one.name}", one.type or None
        yield from fields(one.fields, f"{prefix}{one.name}.")


def above(kept: Mapping[str, Any]) -> Above:
    """The ids in a facet `parent`, as far as it can be read."""
    return Above(kept["run"] if kept["run"] and all(kept["job"]) else None, kept["run"] or kept["root"])


def said(view: type[Facet], facets: Mapping[str, object], time: str) -> dict[str, Said]:
    """One facet with its stamp; nothing where it is missing or can't be read."""
    try:
        found = read(view, facets, "$")
    except BadFacet:
        rest = rest_of(KEPT[view.key], facets[view.key])
        return {} if rest is None else {view.key: Said(f"{time} {rest.digest[:12]}", above(json.loads(rest.ref)))}
    if found is None:
        return {}
    value = read_facet(KEPT[view.key], facets[view.key], "$").value
    what: Any = None if found is DELETED else found
    if isinstance(what, ParentRunFacet):
        what = above(json.loads(value.ref))
    elif isinstance(what, JobTypeJobFacet):
        what = what.job_type
    elif isinstance(what, SQLJobFacet):
        what = value.ref
    elif isinstance(what, ColumnLineageDatasetFacet | LineageFacet):
        what = told_by(what)
    return {view.key: Said(f"{time} {value.digest[:12]}", what)}
