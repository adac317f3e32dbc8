"""Limits on the facts of one event and on the lineage of one job, beyond those on one facet or list.

A bound looks at one event alone, or, for what is drawn of a job, at all of its facts: never at what came before what.
So the same events still give the same graph in any order.
"""

from __future__ import annotations

from collections.abc import Iterable

from consumer.lineage.column_lineage import Extent
from schemas.naming import DatasetName

MAX_NAMES = 2_000
"""Symlinks of all datasets of an event; also, datasets that all of its facets of lineage name."""

MAX_EDGES = 10_000
"""Edges between the datasets of one job: a hundred inputs of each of a hundred outputs."""

MAX_COLUMN_EDGES = 16_000
"""Edges between the columns of one job's datasets: ten to each column of Redshift's widest table."""

ID_CHARS = 400
"""Characters in the id of an edge, on average: one of dbt's has 300, but a name may have four thousand by itself."""


SURELY_DRAWN = 100
"""So many edges are within the bounds, however long their ids: three names and namespaces, of 2,048 characters each."""


class Room:
    """The remaining number of edges of one kind.

    Args:
        edges: How many there may be at first.
    """

    def __init__(self, edges: int) -> None:
        self._left = Extent(edges, edges * ID_CHARS)

    def has(self, wanted: Extent) -> bool:
        """True if that many more edges are within the limit."""
        return wanted.edges <= self._left.edges and wanted.chars <= self._left.chars

    def take(self, wanted: Extent) -> bool:
        """Takes the room for so many if it is there; says whether it was."""
        if not self.has(wanted):
            return False
        self._left = Extent(self._left.edges - wanted.edges, self._left.chars - wanted.chars)
        return True


def chars(names: Iterable[DatasetName]) -> int:
    """Returns the characters of names."""
    return sum(len(name.namespace) + len(name.name) for name in names)


def edges_to(target: DatasetName, made_of: Extent, job_chars: int) -> Extent:
    """Returns the edges to a dataset, or to its columns, with all that is in their ids.

    Args:
        target: The dataset.
        made_of: How many there are, and the characters of what differs between them.
        job_chars: Characters of the job's name.
    """
    return Extent(made_of.edges, made_of.chars + made_of.edges * (chars([target]) + job_chars))


def total(extents: Iterable[Extent]) -> Extent:
    """Returns all of them together."""
    edges, characters = 0, 0
    for extent in extents:
        edges, characters = edges + extent.edges, characters + extent.chars
    return Extent(edges, characters)
