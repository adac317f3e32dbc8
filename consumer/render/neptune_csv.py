"""The graph in the format of Neptune's bulk loader for Gremlin (its page "Gremlin load data format").

Two tables: the vertices, and the edges, which the loader wants in a file of their own. Everything is in them, what the
writers keep for themselves too, so that a graph that was loaded can be written on.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence

from consumer.graph import format_version, identity_rules, schema
from consumer.graph.store import Edge, GraphStore, Scalar, Vertex

VERTICES = "vertices.csv"
EDGES = "edges.csv"

_INT = 2**31


def files(store: GraphStore) -> dict[str, str]:
    """Returns the files to put into one S3 folder for the loader, by name.

    Raises:
        TransientError: The store can't serve now.
    """
    vertices = sorted(vertex for label in _labels("vertex") for vertex in store.vertices(label))
    vertices += format_version.format_vertices(store)
    vertices += identity_rules.rules_vertices(store)
    edges = sorted(edge for label in _labels("edge") for edge in store.edges(label))
    return {VERTICES: _vertex_table(vertices), EDGES: _edge_table(edges)}


def _labels(kind: str) -> list[str]:
    return [element.label for element in schema.ELEMENTS if element.kind == kind]


def text(store: GraphStore) -> str:
    """Returns both tables as one text, with an empty line between them.

    Cut it where the header of the edges begins: `csplit - '/^~id,~label,~from,~to/'`.
    """
    return "\n".join(files(store).values())


def _vertex_table(vertices: Sequence[Vertex]) -> str:
    types = _types(vertices)
    # Without a cardinality the loader would add to what is there, and the property would have two values.
    header = ["~id", "~label", *(f"{key}:{kind}(single)" for key, kind in types.items())]
    return _table(header, ([vertex.id, vertex.label, *_values(vertex, types)] for vertex in vertices))


def _edge_table(edges: Sequence[Edge]) -> str:
    types = _types(edges)
    header = ["~id", "~label", "~from", "~to", *(f"{key}:{kind}" for key, kind in types.items())]
    return _table(header, ([edge.id, edge.label, edge.source, edge.target, *_values(edge, types)] for edge in edges))


def _types(elements: Iterable[Vertex | Edge]) -> dict[str, str]:
    """Returns the loader's type of each property, sorted by its name."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for element in elements:
        for key, value in element.properties.items():
            seen[key].add(_type(value))
    return {key: _common(kinds) for key, kinds in sorted(seen.items())}


def _type(value: Scalar) -> str:
    if isinstance(value, bool):
        return "Bool"
    if isinstance(value, int):
        return "Int" if -_INT <= value < _INT else "Long"
    return "String"


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "Long" if kinds == {"Int", "Long"} else "String"


def _values(element: Vertex | Edge, types: Iterable[str]) -> list[str]:
    return [_text(element.properties.get(key, "")) for key in types]


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table as RFC 4180 with other line ends; an empty field is a property that is not set."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return table.getvalue()
