"""Lineage as a projection of facts: the edges of a job, and what is shown of a dataset.

A projection depends on nothing but facts, so anyone can compute it again at any time, with the same result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import orjson

from consumer.lineage.column_lineage import (
    Extent,
    OutputLineage,
    Source,
    extent,
    joined,
    kinds,
    unpack,
)
from consumer.lineage.edge_limits import MAX_COLUMN_EDGES, MAX_EDGES, Room, chars, edges_to
from consumer.lineage.execution_places import ExecutionPlaces, PlaceOf, placed
from consumer.lineage.facts.current import declared_overruled, executions_of
from consumer.lineage.facts.delta import JobFacts, NameFacts
from consumer.lineage.facts.executions import Execution
from consumer.lineage.facts.facet_values import TextOf, facet_value
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE, LINEAGE, Carried, OutputFacts
from consumer.lineage.facts.registers import EMPTY, NO_REGISTERS, Registers, is_stored
from consumer.lineage.identity import HUB
from consumer.lineage.lifecycle import Placement
from schemas.naming import DatasetName, engine

Placements = Mapping[DatasetName, Placement]
"""By any of a dataset's names where its lineage is shown."""

Outputs = Mapping[DatasetName, OutputFacts]
"""The facets in force of a job's outputs, by each of their names."""

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
        beside: Names that it depends on and has no edge at, or that were dropped or renamed.
    """

    reads: frozenset[DatasetName]
    writes: frozenset[DatasetName]
    edges: frozenset[tuple[DatasetName, DatasetName]]
    columns: Mapping[ColumnEdge, str]
    tool: str
    left_out: int = 0
    beside: frozenset[DatasetName] = frozenset()


class Stated(NamedTuple):
    """The statements that the lineage of a job follows from.

    Attributes:
        executions: Its current executions.
        in_force: The lineage facets of outputs that are in force, by output and facet.
    """

    executions: Sequence[Execution]
    in_force: Sequence[tuple[DatasetName, str, Carried]]

    @property
    def refs(self) -> set[str]:
        """The references of the values of lineage facets, but for those that were deleted."""
        found = {carried.ref for _, _, carried in self.in_force}
        for execution in self.executions:
            found.update([one.ref for one in execution.lineage])
        return found - {EMPTY}

    @property
    def stored_refs(self) -> set[str]:
        """The references of the texts that `job_view` asks for."""
        return set(filter(is_stored, self.refs))


def targets_of(executions: Iterable[Execution]) -> set[DatasetName]:
    """Returns the names of the datasets that a job's current executions write, or state the lineage of."""
    found: set[DatasetName] = set()
    for execution in executions:
        found |= execution.outputs
        found.update([one.output for one in execution.lineage])
    return found


def in_force(job: JobFacts, outputs: Outputs) -> list[tuple[DatasetName, str, Carried]]:
    """Returns the lineage facets of outputs that are in force, but for a declaration that the latest run overrules."""
    overruled = job.declared.execution.id if job.declared is not None and declared_overruled(job) else None
    found: list[tuple[DatasetName, str, Carried]] = []
    for name, facts in outputs.items():
        of_one = facts.ran
        if facts.declared:
            of_one = of_one.join(facts.declared.where(lambda carrier: carrier.run != overruled))
        for facet in (COLUMN_LINEAGE, LINEAGE):
            carried = of_one.find(facet)
            if carried is not None:
                found.append((name, facet, carried))
    return found


def names_in(stated: Stated, outputs: Outputs, sources: Mapping[str, Collection[DatasetName]]) -> set[DatasetName]:
    """Returns the names that `job_view` asks for.

    Args:
        stated: What the lineage of the job follows from.
        outputs: The facets of its outputs.
        sources: The datasets that lineage facets come from, by the references of their values.
    """
    named = set(outputs)
    for execution in stated.executions:
        named.update(execution.inputs, execution.outputs, [one.output for one in execution.lineage])
    return named.union(*(sources[ref] for ref in stated.refs))


class _Lineage(NamedTuple):
    """The sources of an output of an execution, under their display names.

    Attributes:
        stated: Its sources.
        explicit: True if a lineage facet states them all.
        own: True if the execution carried it, rather than one before it.
    """

    stated: OutputLineage
    explicit: bool
    own: bool


class _View:
    """The view of one job, put together execution by execution."""

    def __init__(self, job: JobFacts, outputs: Outputs, placements: Placements, text: TextOf) -> None:
        self._placements = placements
        self._text = text
        self._in_force = in_force(job, outputs)
        self.reads: set[DatasetName] = set()
        self.writes: set[DatasetName] = set()
        self.edges: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
        self.columns: defaultdict[DatasetName, list[OutputLineage]] = defaultdict(list)

    def add(self, execution: Execution) -> None:
        """Adds the lineage of an execution."""
        places = ExecutionPlaces(execution, self._placements)
        own, before = self._own(execution, places), self._before(places.of)
        targets = places.outputs | own.keys()
        self.reads |= places.read(targets)
        self.writes |= places.outputs
        for target in targets:
            inputs = places.inputs_of(target)
            lineage = own.get(target) or self._earlier(before.get(target), inputs, places.source_of(target))
            self.edges[target] |= self._sources(lineage, inputs, places.outputs)
            if lineage is not None:
                self.columns[target].append(lineage.stated)
                if lineage.own and not lineage.explicit:
                    self.reads |= lineage.stated.sources

    @staticmethod
    def _sources(
        lineage: _Lineage | None, inputs: frozenset[DatasetName], outputs: Collection[DatasetName]
    ) -> frozenset[DatasetName]:
        """Returns the datasets that an output is made from."""
        if lineage is None:
            return inputs
        stated = lineage.stated.sources
        if lineage.explicit:
            return stated
        says_all = len(outputs) > 1 and not lineage.stated.partial and bool(stated & inputs)
        return stated if says_all else inputs | stated

    def _own(self, execution: Execution, places: ExecutionPlaces) -> dict[DatasetName, _Lineage]:
        """Returns the lineage that an execution carried; an explicit one supersedes column lineage.

        An execution may call one output by several of its names: what it says under each counts.
        """
        stated: defaultdict[tuple[DatasetName, str], list[OutputLineage]] = defaultdict(list)
        for output, facet, ref in execution.lineage:
            target = places.of(output)
            of_one = self._unpacked(ref, places.source_of(target)) if target is not None else None
            if target is not None and of_one is not None:
                stated[target, facet].append(of_one)
        # `columnLineage` comes before `lineage`.
        in_order = sorted(stated, key=itemgetter(1))
        return {
            target: _Lineage(joined(stated[target, facet]), facet == LINEAGE, own=True) for target, facet in in_order
        }

    def _before(self, place_of: PlaceOf) -> dict[DatasetName, Carried]:
        """Returns the column lineage of each target that is in force, whichever execution carried it.

        An explicit facet is the whole truth of its own run alone: the next one may not carry any.
        """
        found: dict[DatasetName, Carried] = {}
        for name, facet, carried in self._in_force:
            target = place_of(name) if facet == COLUMN_LINEAGE else None
            if target is not None:
                known = found.get(target)
                found[target] = carried if known is None or carried.rank(facet) > known.rank(facet) else known
        return found

    def _earlier(self, carried: Carried | None, inputs: frozenset[DatasetName], place_of: PlaceOf) -> _Lineage | None:
        """Returns the lineage that an execution before this one carried, as far as its sources are still read."""
        stated = self._unpacked(carried.ref, place_of) if carried is not None else None
        kept = _only(stated, inputs) if stated is not None else None
        return _Lineage(kept, explicit=False, own=False) if kept is not None else None

    def _unpacked(self, ref: str, place_of: PlaceOf) -> OutputLineage | None:
        if ref == EMPTY:
            return None
        stated = unpack(self._text(ref))
        return _renamed(stated, place_of) if stated.says_something else None


def _renamed(stated: OutputLineage, place_of: PlaceOf) -> OutputLineage:
    datasets = None if stated.datasets is None else placed(stated.datasets, place_of)
    columns: dict[str, tuple[Source, ...]] = {}
    for column, made_of in stated.columns.items():
        places = ((source, place_of(source.dataset)) for source in made_of)
        columns[column] = tuple(source._replace(dataset=found) for source, found in places if found is not None)
    return stated._replace(datasets=datasets, columns={column: of_one for column, of_one in columns.items() if of_one})


def _only(stated: OutputLineage, inputs: frozenset[DatasetName]) -> OutputLineage | None:
    """Returns the part of a lineage that comes from some datasets; None if nothing is left of it."""
    columns: dict[str, tuple[Source, ...]] = {}
    for column, made_of in stated.columns.items():
        kept = tuple(source for source in made_of if source.dataset in inputs)
        if kept:
            columns[column] = kept
    datasets = None if stated.datasets is None else stated.datasets & inputs
    return stated._replace(datasets=datasets, columns=columns) if columns or datasets or not stated.sources else None


def job_view(job: JobFacts, outputs: Outputs, placements: Placements, text: TextOf, job_chars: int = 0) -> JobView:
    """Returns the current lineage of a job.

    An explicit lineage facet is the whole truth for its output. Else an output is made of the run's inputs and the
    sources of its column lineage; where the run has several outputs and the column lineage names one of its inputs, of
    these sources alone. Of more edges than a job may have (`consumer.lineage.edge_limits`), those to the first datasets
    by name are there, and those to the others are not.

    Args:
        job: Its facts.
        outputs: The facets of its current outputs that are in force, by every name of these datasets.
        placements: Where the lineage of each name is shown.
        text: From a register's reference to its text.
        job_chars: Characters of the job's own name.
    """
    executions = executions_of(job)
    view = _View(job, outputs, placements, text)
    for execution in executions:
        view.add(execution)
    room, left_out = Room(MAX_EDGES), 0
    edges: set[tuple[DatasetName, DatasetName]] = set()
    for target in sorted(view.edges):
        made_of = view.edges[target]
        if room.take(edges_to(target, Extent(len(made_of), chars(made_of)), job_chars)):
            edges.update((source, target) for source in made_of)
        else:
            left_out += 1
    columns, too_many = _column_edges(view.columns, job_chars)
    with_edges = view.reads.union(view.writes, *edges)
    return JobView(
        frozenset(view.reads),
        frozenset(view.writes),
        frozenset(edges),
        columns,
        _tool(job, executions),
        left_out + too_many,
        frozenset(name for name, placed in placements.items() if placed.changed or placed.shown not in with_edges),
    )


def _column_edges(
    lineage: Mapping[DatasetName, list[OutputLineage]], job_chars: int
) -> tuple[dict[ColumnEdge, str], int]:
    """Column edges to as many datasets as a job may have them for, first by name; and how many were left out."""
    found: defaultdict[ColumnEdge, set[str]] = defaultdict(set)
    room, left_out = Room(MAX_COLUMN_EDGES), 0
    for target in sorted(lineage):
        for stated in _distinct(lineage[target]):
            if not room.take(edges_to(target, extent(stated), job_chars)):
                left_out += 1
                continue
            for column, made_of in stated.columns.items():
                for source in made_of:
                    found[ColumnEdge(source.dataset, source.column, target, column)].add(source.kind)
    return {edge: kinds(said) for edge, said in found.items()}, left_out


def _distinct(lineages: Iterable[OutputLineage]) -> list[OutputLineage]:
    found: list[OutputLineage] = []
    for lineage in lineages:
        if lineage not in found:
            found.append(lineage)
    return found


def _engines(executions: Collection[Execution]) -> list[str]:
    """Returns the engines that executions write in, sorted; those that they read from where they write nothing."""
    named = set().union(*(one.outputs for one in executions)) or set().union(*(one.inputs for one in executions))
    return sorted({engine(name.namespace) or "" for name in named} - {""})


def _tool(job: JobFacts, executions: Collection[Execution]) -> str:
    integration = str(facet_value(job.facets, "jobType").get("integration") or "")
    if integration.upper() == "DBT" and (engines := _engines(executions)):
        return f"DBT/{ENGINES[engines[0]]}"
    if integration:
        return integration
    producer = job.facets.ref("producer")
    said = str(orjson.loads(producer)) if producer and not is_stored(producer) else ""
    return said.rstrip("/").rpartition("/")[2] or "OpenLineage"


class NodeView(NamedTuple):
    """A dataset as it is shown.

    Attributes:
        name: The name that is shown.
        aliases: All its other names and spellings.
        facets: What is in force of each facet.
        apart: Names that symlinks lead to or from, of other datasets: each is claimed by several tables of a catalog.
    """

    name: DatasetName
    aliases: frozenset[DatasetName]
    facets: Registers
    apart: frozenset[DatasetName] = frozenset()


def dataset_facets(members: Iterable[NameFacts]) -> Registers:
    """Returns the facets in force of a dataset, over all its names."""
    facets = NO_REGISTERS
    for member in members:
        facets = facets.join(member.heard).join(member.written.registers)
    return facets


def node_view(name: DatasetName, members: Mapping[DatasetName, NameFacts]) -> NodeView:
    """Returns a dataset as it is shown.

    Args:
        name: The name to show.
        members: What is known under each of its names.
    """
    names = set(members).union(*(member.spellings for member in members.values()))
    aliases = frozenset(alias for alias in names if alias != name and alias.namespace != HUB)
    return NodeView(name, aliases, dataset_facets(members.values()))
