"""The answer to a question about lineage: nodes, the links between them, and the tables where columns are unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import repeat
from typing import Any, Literal, NamedTuple, TypeVar

from consumer.graph import ids
from consumer.graph.store import Edge
from consumer.lineage.facts.keys import JobName
from consumer.query.resolve import DATASET, LineageNode
from schemas.naming import DatasetName, last_part

T = TypeVar("T", bound=tuple[Any, ...])

Way = Literal["upstream", "downstream"]


class Node(NamedTuple):
    """A dataset or column of an answer.

    Attributes:
        target: Which it is.
        upstream: How many steps it lies upstream of what was asked about; None where it does not.
        downstream: How many steps it lies downstream; in a cycle a node may be both.
    """

    target: LineageNode
    upstream: int | None
    downstream: int | None

    @property
    def direction(self) -> Literal["root", "upstream", "downstream", "both"]:
        """Returns the direction, as seen from the root."""
        if self.depth == 0:
            return "root"
        if self.upstream is not None and self.downstream is not None:
            return "both"
        return "upstream" if self.upstream is not None else "downstream"

    @property
    def depth(self) -> int:
        """The least number of steps from the root."""
        return min(depth for depth in (self.upstream, self.downstream) if depth is not None)


class Link(NamedTuple):
    """From a dataset or column to one that a job makes from it.

    Attributes:
        source: What it is made from.
        target: What is made.
        job: The job; None to an exposure, which no job makes, and where `source` and `target` are a dataset's column
            and the `*` that stands for it too.
        tool: What made it, such as `DBT/Athena`; empty for columns.
        transformations: For columns, `DIRECT/IDENTITY` and the like, joined by commas.
    """

    source: LineageNode
    target: LineageNode
    job: JobName | None
    tool: str = ""
    transformations: str = ""

    @property
    def inner(self) -> bool:
        """True if the link stays within one dataset."""
        return self.job is None and self.source.dataset == self.target.dataset


class Tables(NamedTuple):
    """Tables that may be upstream or downstream of a column, since no column lineage is known on the way.

    Attributes:
        starts: The tables at which column lineage ends, sorted.
        nodes: These and the tables beyond them, sorted.
        upstream: The links between them against the flow of data, sorted.
        downstream: Those with it.
    """

    starts: tuple[LineageNode, ...] = ()
    nodes: tuple[Node, ...] = ()
    upstream: tuple[Link, ...] = ()
    downstream: tuple[Link, ...] = ()

    @property
    def links(self) -> tuple[Link, ...]:
        """All links, sorted, each once."""
        return in_order({*self.upstream, *self.downstream})


NO_TABLES = Tables()


@dataclass(frozen=True, slots=True)
class Lineage:
    """The upstream and downstream lineage of a dataset or column.

    Attributes:
        root: What was asked about; the column `*` where a dataset was asked about by column.
        nodes: The root and all that was reached, sorted.
        upstream: The links that the walk upstream found, sorted.
        downstream: Those of the walk downstream.
        asked: The directions that were asked for.
        unknown: Of an answer by columns, the tables beyond the end of known column lineage.
    """

    root: LineageNode
    nodes: tuple[Node, ...]
    upstream: tuple[Link, ...]
    downstream: tuple[Link, ...]
    asked: frozenset[Way] = frozenset(("upstream", "downstream"))
    unknown: Tables = NO_TABLES

    @property
    def links(self) -> tuple[Link, ...]:
        """All links, sorted, each once."""
        return in_order({*self.upstream, *self.downstream})


def in_order(links: Iterable[Link]) -> tuple[Link, ...]:
    """Links, sorted."""
    return tuple(sorted(links, key=_order))


def _order(link: Link) -> tuple[object, ...]:
    source, target, job, tool, transformations = link
    return source, target, job or (), tool, transformations


@lru_cache(maxsize=32768)
def target_of(id_: str) -> LineageNode:
    """Returns the dataset, column or exposure of a vertex's id."""
    kind, namespace, name, *column = ids.parse(id_)
    dataset = DatasetName(namespace, name)
    return LineageNode(dataset, column[0]) if column else LineageNode(dataset, None, kind)


def targets_of(stem: str, tails: Sequence[str]) -> Iterator[LineageNode]:
    """Returns the datasets, columns or exposures of ids with one stem.

    Args:
        stem: The ids up to their last slash.
        tails: The rest of each.
    """
    kind, namespace, *name = ids.parse(stem)[:-1]
    called = map(ids.unescape, tails)
    if name:
        return named(LineageNode, repeat(DatasetName(namespace, *name)), called, repeat(DATASET))
    return named(LineageNode, named(DatasetName, repeat(namespace), called), repeat(None), repeat(kind))


def named(kind: type[T], *fields: Iterable[object]) -> Iterator[T]:
    """Makes named tuples of their fields, in less time than with a call for each tuple.

    Args:
        kind: The type of the tuples.
        fields: The values of each field of the type; the shortest of these decides how many tuples there are.
    """
    return map(maker(kind), zip(*fields, strict=False))


def maker(kind: type[T]) -> Callable[[Iterable[object]], T]:
    """Returns a function that makes a named tuple of all its fields, which are given as one tuple."""
    return partial(tuple.__new__, kind)


def id_of(target: LineageNode) -> str:
    """Returns the id of the vertex of a target."""
    if target.column is not None:
        return ids.column(target.dataset, target.column)
    return ids.make(target.kind, *target.dataset)


def link_of(edge: Edge) -> Link:
    """Returns a dataset or column edge of the store as a link."""
    properties = edge.properties
    return Link(
        target_of(edge.source),
        target_of(edge.target),
        ids.job_name(str(properties["job"])) if "job" in properties else None,
        str(properties.get("edge_name", "")),
        str(properties.get("transformations", "")),
    )


def title(target: LineageNode) -> str:
    """Returns the short label: `titles`, or `titles.title_type`."""
    called = last_part(target.dataset)
    return called if target.column is None else f"{called}.{target.column}"
