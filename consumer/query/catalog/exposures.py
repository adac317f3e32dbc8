"""The declared uses of datasets outside of dbt: dashboards, notebooks, applications."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from consumer.graph import ids, schema
from consumer.graph.store import Edge, GraphStore
from schemas.naming import DatasetName


class Exposure(NamedTuple):
    """A dashboard, notebook or other use of a dataset that dbt declares.

    Attributes:
        name: Its name.
        type: Its type, such as `dashboard`; empty where unknown.
        url: Where it is; empty where unknown.
        owner: Who answers for it; empty where unknown.
    """

    name: str
    type: str = ""
    url: str = ""
    owner: str = ""


def exposures(store: GraphStore, datasets: Iterable[DatasetName]) -> dict[DatasetName, tuple[Exposure, ...]]:
    """Reads the declared uses of datasets, sorted by name; those without any are left out.

    Raises:
        TransientError: The store can't serve now.
    """
    by_id = {ids.dataset(name): name for name in datasets}
    found: defaultdict[DatasetName, set[Exposure]] = defaultdict(set)
    for edge in store.edges_at(list(by_id), schema.EDGE, "out") if by_id else ():
        if "job" not in edge.properties:
            found[by_id[edge.source]].add(exposure_of(edge))
    return {name: tuple(sorted(uses)) for name, uses in found.items()}


def exposure_of(edge: Edge) -> Exposure:
    """Reads an exposure from the edge to it."""
    about = (str(edge.properties.get(key) or "") for key in ("type", "url", "owner"))
    return Exposure(ids.parse(edge.target)[-1].rpartition(".")[2], *about)
