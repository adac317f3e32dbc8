"""The surroundings of a job: its inputs and outputs, and the datasets beyond them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from consumer.errors import UsageError
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName
from consumer.query import runs
from consumer.query.catalog.datasets import Summary
from consumer.query.job_names import jobs_of
from consumer.query.resolve import LineageNode
from consumer.query.traversal import neighbourhood as surroundings
from consumer.query.traversal.answer import Link, Node, Way, in_order
from consumer.query.traversal.neighbourhood import Card, Neighbourhood
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName

JOB = "job"
PREFIX = "job:"
"""Before the namespace of a job where a dataset may be named too."""


class _Side(NamedTuple):
    """The datasets on one side of a job.

    Attributes:
        near: The datasets that it reads or writes.
        depths: These and those beyond, with their steps from the job.
        links: The links between them.
    """

    near: tuple[LineageNode, ...]
    depths: Mapping[LineageNode, int]
    links: frozenset[Link]


def is_job(text: str) -> bool:
    """True if a text names a job where a dataset may be named too."""
    return text.startswith(PREFIX)


def job_target(store: GraphStore, text: str) -> LineageNode:
    """Returns the job that `job:` and its name, or namespace/name, mean.

    Raises:
        UsageError: It means no job, or several.
        TransientError: The store can't serve now.
    """
    found = jobs_of(store, text.removeprefix(PREFIX))
    if len(found) != 1:
        raise UsageError(f"{text} names {len(found)} jobs; name one as job:namespace/name")
    return LineageNode(DatasetName(PREFIX + found[0].namespace, found[0].name), None, JOB)


def job_neighbourhood(
    store: GraphStore, target: LineageNode, upstream: int, downstream: int, limit: int, *, states: bool = False
) -> Neighbourhood:
    """Reads the datasets around a job, which is the root; see `neighbourhood`.

    Raises:
        TransientError: The store can't serve now.
    """
    job = job_name(target)
    above, below = _side(store, job, "upstream", upstream), _side(store, job, "downstream", downstream)
    root = _root(store, target, (len(above.near), len(below.near)), states=states)
    own = {Link(one, target, job) for one in above.near} | {Link(target, one, job) for one in below.near}
    around = {*above.depths, *below.depths}
    nodes = [Node(one, above.depths.get(one), below.depths.get(one)) for one in around]
    nodes = sorted(nodes, key=lambda node: (node.depth, node.target))[: limit - 1]
    kept = {target, *(node.target for node in nodes)}
    return Neighbourhood(
        target,
        (root, *surroundings.cards(store, nodes, states=states)),
        in_order(one for one in own | above.links | below.links if {one.source, one.target} <= kept),
        surroundings.counted(above.depths.values()),
        surroundings.counted(below.depths.values()),
        len(around) + 1,
    )


def _root(store: GraphStore, target: LineageNode, near: tuple[int, int], *, states: bool) -> Card:
    job = job_name(target)
    known = store.read([ids.job(job)], ("integration", "description")).get(ids.job(job), {})
    description, integration = (str(known.get(key) or "") for key in ("description", "integration"))
    summary = Summary(target.dataset, description, materialized=integration)
    last_run = runs.latest(store, [job]).get(job) if states else None
    return Card(Node(target, 0, 0), summary, None, *near, None, last_run)


def job_name(target: LineageNode) -> JobName:
    """Returns the name of a job from the root that stands for it."""
    return JobName(target.dataset.namespace.removeprefix(PREFIX), target.dataset.name)


def datasets_of(store: GraphStore, target: LineageNode) -> set[DatasetName]:
    """Returns the datasets that a job reads and writes."""
    ways: tuple[Way, Way] = ("upstream", "downstream")
    return {one.dataset for way in ways for one in _near(store, job_name(target), way)}


def _near(store: GraphStore, job: JobName, way: Way) -> Sequence[LineageNode]:
    if way == "upstream":
        found = (edge.source for edge in store.edges_at([ids.job(job)], schema.READS, "in"))
    else:
        found = (edge.target for edge in store.edges_at([ids.job(job)], schema.WRITES, "out"))
    return sorted(LineageNode(ids.dataset_name(id_)) for id_ in set(found))


def _side(store: GraphStore, job: JobName, way: Way, steps: int) -> _Side:
    near = tuple(_near(store, job, way)) if steps > 0 else ()
    depths = dict.fromkeys(near, 1)
    links: set[Link] = set()
    for one in near if steps > 1 else ():
        beyond = lineage(store, one, *((steps - 1, 0) if way == "upstream" else (0, steps - 1)))
        links.update(beyond.links)
        _nearer(depths, beyond.nodes)
    return _Side(near, depths, frozenset(links))


def _nearer(depths: dict[LineageNode, int], nodes: Iterable[Node]) -> None:
    for node in nodes:
        depths[node.target] = min(node.depth + 1, depths.get(node.target, node.depth + 1))
