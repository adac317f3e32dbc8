"""Lineage as a view of facts: what is current of a job, and what is shown of a dataset.

A view depends on nothing but facts, so it can be computed anew at any time, by anyone, with the same result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import orjson

from consumer.lineage.bounds import MAX_COLUMN_EDGES, MAX_EDGES, Room, chars, edges_to
from consumer.lineage.columns import Extent, OutputLineage, extent, kinds, sources, unpack
from consumer.lineage.current import COLUMN_LINEAGE, LINEAGE, Carried, Current, join_current
from consumer.lineage.delta import JobFacts, NameFacts, Output, Written, join_written
from consumer.lineage.identity import HUB
from consumer.lineage.memo import Memo
from consumer.lineage.registers import EMPTY, Register, Registers, is_stored, join_registers
from schemas.naming import DatasetName, engine

TextOf = Callable[[str], str]
"""From a register's reference to its text."""

ShownAs = Callable[[DatasetName], DatasetName]
"""From any of a dataset's names to the one that is shown."""

ENGINES = {"athena": "Athena", "glue": "Athena", "redshift": "Redshift"}


class ColumnEdge(NamedTuple):
    """A column and another one that is made from it."""

    source: DatasetName
    source_column: str
    target: DatasetName
    target_column: str


class JobView(NamedTuple):
    """The current lineage of one job, in shown names.

    Attributes:
        reads: Its current inputs.
        writes: Its current outputs.
        edges: From source to target dataset.
        columns: Column edges, each with its transformations.
        tool: What made the edges: `DBT/Athena`, `DBT/Redshift`, else the integration's or the producer's name.
        left_out: How many datasets have no edges, of one of the two kinds, since the job would have too many.
    """

    reads: frozenset[DatasetName]
    writes: frozenset[DatasetName]
    edges: frozenset[tuple[DatasetName, DatasetName]]
    columns: Mapping[ColumnEdge, str]
    tool: str
    left_out: int = 0


def current_of(job: JobFacts) -> Current:
    """What is current by a job's runs and by its JobEvents together."""
    return join_current(job.ran, job.declared)


def lineage_refs(job: JobFacts) -> list[str]:
    """References of the texts that `job_view` asks for."""
    return [
        carried.ref
        for facets in current_of(job).carried.values()
        for facet, carried in facets.items()
        if facet in {COLUMN_LINEAGE, LINEAGE} and is_stored(carried.ref)
    ]


def names_in(job: JobFacts, text: TextOf) -> set[DatasetName]:
    """The names that `job_view` asks for, but for those of texts that are not in force."""
    current = current_of(job)
    told = (
        carried.ref
        for facets in current.carried.values()
        for facet, carried in facets.items()
        if facet in {COLUMN_LINEAGE, LINEAGE}
    )
    return set(current.carried).union(current.inputs, current.outputs, *(sources(text(ref)) for ref in told))


def _lineage(current: Current, facet: str, shown_as: ShownAs, text: TextOf) -> dict[DatasetName, OutputLineage]:
    """What is in force of a facet, by output.

    That is what the latest run that carried it said, as long as the job still writes the output, under whatever name.
    """
    outputs = {shown_as(name) for name in current.outputs}
    found: dict[DatasetName, Carried] = {}
    for name, facets in current.carried.items():
        carried = facets.get(facet)
        if carried is None:
            continue
        target = shown_as(name)
        just_said = current.latest is not None and (carried.ended_at, carried.run) == current.latest.order
        known = found.get(target)
        if (target in outputs or just_said) and (known is None or carried.rank(facet) > known.rank(facet)):
            found[target] = carried
    told = {target: unpack(text(carried.ref)) for target, carried in found.items() if carried.ref != EMPTY}
    return {target: lineage for target, lineage in told.items() if lineage.says_something}


def job_view(job: JobFacts, shown_as: ShownAs, text: TextOf, job_chars: int = 0) -> JobView:
    """The current lineage of a job.

    An explicit lineage facet wins; else, where the job writes several datasets, the sources of the output's column
    lineage; else every input feeds every output. Of more edges than a job may have (`consumer.lineage.bounds`), those
    to the first datasets by name are there, and those to the others are not.

    Args:
        job: Its facts.
        shown_as: From any name to the shown one.
        text: From a register's reference to its text.
        job_chars: Characters of the job's own name.
    """
    current = current_of(job)
    explicit = _lineage(current, LINEAGE, shown_as, text)
    by_column = _lineage(current, COLUMN_LINEAGE, shown_as, text)
    inputs = frozenset(shown_as(name) for name in current.inputs)
    outputs = frozenset(shown_as(name) for name in current.outputs)
    edges: set[tuple[DatasetName, DatasetName]] = set()
    told = explicit if len(outputs) == 1 else by_column | explicit
    room, input_chars, left_out = Room(MAX_EDGES), chars(inputs), 0
    for target in sorted(outputs | explicit.keys()):
        made_of = {shown_as(source) for source in told[target].sources} if target in told else inputs
        source_chars = input_chars if made_of is inputs else chars(made_of)
        if room.take(edges_to(target, Extent(len(made_of), source_chars), job_chars)):
            edges.update((source, target) for source in made_of)
        else:
            left_out += 1
    columns = by_column | {target: told for target, told in explicit.items() if told.columns}
    fitting = _fitting(columns, job_chars)
    left_out += len(columns) - len(fitting)
    return JobView(inputs, outputs, frozenset(edges), _column_edges(fitting, shown_as), _tool(job, current), left_out)


def _fitting(columns: Mapping[DatasetName, OutputLineage], job_chars: int) -> dict[DatasetName, OutputLineage]:
    """The lineage of as many datasets as a job may have column edges for, first those that come first by name."""
    room = Room(MAX_COLUMN_EDGES)
    return {
        target: columns[target]
        for target in sorted(columns)
        if room.take(edges_to(target, extent(columns[target]), job_chars))
    }


def _column_edges(lineage: Mapping[DatasetName, OutputLineage], shown_as: ShownAs) -> dict[ColumnEdge, str]:
    found: defaultdict[ColumnEdge, set[str]] = defaultdict(set)
    for target, told in lineage.items():
        for column, made_of in told.columns.items():
            for source in made_of:
                edge = ColumnEdge(shown_as(source.dataset), source.column, target, column)
                found[edge].add(source.kind)
    return {edge: kinds(said) for edge, said in found.items()}


def _tool(job: JobFacts, current: Current) -> str:
    integration = str(facet_value(job.facets, "jobType").get("integration") or "")
    engines = sorted({engine(name.namespace) or "" for name in (current.outputs or current.inputs)} - {""})
    if integration.upper() == "DBT" and engines:
        return f"DBT/{ENGINES[engines[0]]}"
    if integration:
        return integration
    producer = job.facets.get("producer")
    said = str(orjson.loads(producer.ref)) if producer and producer.ref and not is_stored(producer.ref) else ""
    return said.rstrip("/").rpartition("/")[2] or "OpenLineage"


# By bytes: the schema of a wide table has a megabyte, and as objects several times as much.
_PARSED: Memo[str, Mapping[str, object]] = Memo(16 * 1024 * 1024)
_PARSED_FACTOR = 6


def _parsed(ref: str) -> Mapping[str, object]:
    found = _PARSED.get(ref)
    if found is None:
        read = orjson.loads(ref)
        found = _PARSED.put(ref, read if isinstance(read, dict) else {}, len(ref) * _PARSED_FACTOR)
    return found


def facet_value(facets: Mapping[str, Register], key: str, text: TextOf | None = None) -> Mapping[str, object]:
    """What a facet says, as JSON; empty where there is none, where it was deleted, or where its text is not at hand."""
    register = facets.get(key)
    if register is None or register.ref == EMPTY:
        return {}
    if is_stored(register.ref):
        return _parsed(text(register.ref)) if text is not None else {}
    return _parsed(register.ref)


class NodeView(NamedTuple):
    """A dataset as it is shown.

    Attributes:
        name: The name that is shown.
        aliases: All its other names and spellings.
        facets: What is in force of each facet.
    """

    name: DatasetName
    aliases: frozenset[DatasetName]
    facets: Registers


def dataset_facets(members: Iterable[NameFacts]) -> Registers:
    """What is in force of a dataset's facets, over all its names."""
    facets: Registers = {}
    written: dict[Output, Written] = {}
    for member in members:
        facets = join_registers(facets, member.heard)
        if member.written:
            written = join_written(written, member.written)
    for said in written.values():
        facets = join_registers(facets, said.facets)
    return facets


def node_view(name: DatasetName, members: Mapping[DatasetName, NameFacts]) -> NodeView:
    """A dataset as it is shown.

    Args:
        name: The name to show.
        members: What is known under each of its names.
    """
    names = set(members).union(*(member.spellings for member in members.values()))
    aliases = frozenset(alias for alias in names if alias != name and alias.namespace != HUB)
    return NodeView(name, aliases, dataset_facets(members.values()))
