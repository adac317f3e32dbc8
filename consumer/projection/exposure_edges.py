"""The edges from a dataset to the exposures that use it, and the vertices of these.

A part of the projection of a dataset. A vertex is shared by all datasets that an exposure uses, so it shows nothing but
the exposure's key, and it is gone with its last edge; what else is known stands on the edges, each of one dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from consumer.graph import ids, schema
from consumer.graph.facts.packed_text import unpack
from consumer.graph.store import DropEdges, DropOrphans, Edge, Properties, Scalar, Step, Vertex
from consumer.lineage.exposures import KIND, Exposure
from consumer.projection import fingerprints
from schemas.naming import DatasetName

TOOL = "DBT/exposure"
_EXPOSED = "exposed"
"""The property of a name's document with the edges that were made, each with a checksum."""


class Drawing(NamedTuple):
    """The changes that update a dataset's edges to exposures.

    Attributes:
        properties: Properties of the document.
        begin: The same while only a part of the steps is done.
        steps: What to do.
        last: What to do at the end.
    """

    properties: Properties
    begin: Properties
    steps: tuple[Step, ...]
    last: tuple[Step, ...]


def drawing(name: DatasetName, exposures: Iterable[Exposure], known: Properties) -> Drawing:
    """Returns the drawing of a dataset's exposures.

    Args:
        name: The name under which the dataset is shown.
        exposures: All that use it.
        known: The properties of the document.
    """
    drawn = [_edge(name, exposure) for exposure in exposures]
    edges = {edge.id: edge for edge in drawn}
    after = {id_: fingerprints.mark(edge.properties) for id_, edge in edges.items()}
    before, trusted = made(known), not known.get("partial")
    if not (after or before):
        return Drawing({}, {}, (), ())
    new = [edge for id_, edge in edges.items() if not trusted or before.get(id_) != after[id_]]
    gone = tuple(sorted(before.keys() - after.keys()))
    drop = (DropEdges(gone),) if gone else ()
    return Drawing(
        {_EXPOSED: _dump(after)},
        {_EXPOSED: _dump({**before, **after})},
        (*_new(new), *drop),
        tuple(lonely(gone)),
    )


def made(properties: Properties) -> dict[str, int]:
    """Returns the edges that the last drawing made, by id."""
    found: dict[str, int] = orjson.loads(unpack(str(properties.get(_EXPOSED) or "{}")))
    return found


def listing(properties: Properties, strays: Iterable[str]) -> dict[str, Scalar]:
    """Returns the property of a document that also lists edges which no drawing has made."""
    more = dict.fromkeys(strays, 0)
    return {_EXPOSED: _dump({**made(properties), **more})} if more else {}


def emptied(properties: Properties) -> dict[str, Scalar]:
    """Returns the property of a document whose dataset is shown no more."""
    return {_EXPOSED: ""} if properties.get(_EXPOSED) else {}


def lonely(edges: Iterable[str]) -> Iterator[Step]:
    """Returns the steps that remove the exposures at the ends of removed edges, unless others use them."""
    ends = tuple(sorted({ids.make(KIND, *ids.parse(id_)[-2:]) for id_ in edges}))
    if ends:
        yield DropOrphans(ends, "in_schema", schema.EDGE)


def _dump(marks: Mapping[str, int]) -> str:
    return fingerprints.dump(marks) if marks else ""


def _edge(name: DatasetName, exposure: Exposure) -> Edge:
    properties = {"edge_name": TOOL, "type": exposure.type, "url": exposure.url, "owner": exposure.owner}
    source, target = ids.dataset(name), ids.exposure(exposure.key)
    return Edge(ids.edge_id(schema.EDGE, source, target), schema.EDGE, source, target, properties)


def _new(edges: Iterable[Edge]) -> Iterator[Step]:
    for edge in edges:
        _, namespace, name = ids.parse(edge.target)
        shown = {"kind": KIND, "namespace": namespace, "name": name, "node_name": name.rpartition(".")[2]}
        yield Vertex(edge.target, schema.NODE, shown)
        yield edge
