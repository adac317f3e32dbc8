"""Limits of the lineage that one event may state, so that what is drawn of it is bounded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from consumer.lineage.column_lineage import Extent, extent_of, sources
from consumer.lineage.edge_limits import (
    ID_CHARS,
    MAX_COLUMN_EDGES,
    MAX_EDGES,
    MAX_NAMES,
    SURELY_DRAWN,
    Room,
    chars,
    edges_to,
    total,
)
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE, LINEAGE
from schemas.counted import counted
from schemas.events import Job
from schemas.naming import DatasetName

TOO_MUCH_LINEAGE: Final = (
    f"with it the event's lineage would name more than {MAX_NAMES} datasets, or be more than {MAX_COLUMN_EDGES} edges "
    f"between columns or {MAX_COLUMN_EDGES * ID_CHARS} characters of their ids, so the facet is left out: send an "
    "event for each output"
)


class LineageLimits:
    """The room that is left for lineage of one event's job.

    Args:
        job: The job.
    """

    def __init__(self, job: Job) -> None:
        self._job_chars = len(job.namespace) + len(job.name)
        self._named: frozenset[DatasetName] = frozenset()
        self._column_edges = Room(MAX_COLUMN_EDGES)

    def take(self, lineage: Mapping[DatasetName, str], named: Iterable[DatasetName] = ()) -> bool:
        """Takes the room for more lineage if there is enough; returns True if so.

        Args:
            lineage: Packed texts by target.
            named: Other datasets that only this lineage names.
        """
        names = self._named.union(named, *(sources(text) for text in lineage.values()))
        extents = (edges_to(target, extent_of(text), self._job_chars) for target, text in lineage.items())
        if len(names) > MAX_NAMES or not self._column_edges.take(total(extents)):
            return False
        self._named = names
        return True

    def excess(
        self,
        inputs: Collection[DatasetName],
        outputs: Collection[DatasetName],
        carried: Mapping[DatasetName, Collection[str]],
    ) -> str:
        """Returns the reason why some edges of all inputs to all outputs will not be drawn; empty if all will.

        Args:
            inputs: Datasets read.
            outputs: Datasets written.
            carried: The facets that outputs carry.
        """
        if len(inputs) * len(outputs) <= SURELY_DRAWN:
            return ""
        telling = {LINEAGE, COLUMN_LINEAGE} if len(outputs) > 1 else {LINEAGE}
        fed = [name for name in outputs if telling.isdisjoint(carried.get(name, ()))]
        one = Extent(len(inputs), chars(inputs))
        edges = total(edges_to(name, one, self._job_chars) for name in fed)
        if Room(MAX_EDGES).has(edges):
            return ""
        return (
            f"{counted(len(inputs), 'input')} of each of {counted(len(fed), 'output')} are {edges.edges} edges between "
            f"datasets, with {edges.chars} characters in their ids; at most {MAX_EDGES} with {MAX_EDGES * ID_CHARS} "
            "are drawn of a job, to the first outputs by name: say in facets of lineage what each output is made of"
        )
