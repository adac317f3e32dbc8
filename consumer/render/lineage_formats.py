"""One dataset's or column's lineage as text: a tree for people, JSON for programs, pictures as Mermaid and DOT."""

from __future__ import annotations

import csv as csv_library
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from consumer.query.resolve import DATASET, LineageNode
from consumer.query.traversal.answer import Lineage, Link, Node, title
from consumer.render import diagram
from consumer.render import svg as svg_picture
from consumer.render.ansi import bold, dim
from consumer.render.answers import spreadsheet_safe
from schemas.naming import last_part

REPEATED = "(*)"
"""Marks what is there more than once, where its branches are shown at another place."""


class _Branch(NamedTuple):
    """A child in the tree, and the jobs that make it."""

    target: LineageNode
    by: str


def tree(lineage: Lineage) -> str:
    """Returns a tree for people, first what is upstream, then what is downstream.

    A dataset's branches are shown once, where it is nearest to the root, and `(*)` stands where they are left out.
    Places and tools are dim, by ANSI codes; `click.echo` leaves these out where the output is no terminal.
    """
    lines = [bold(_safe(title(lineage.root))) + _dim(diagram.location_label_of(lineage.root))]
    for heading, branches in _sections(lineage):
        if branches:
            lines += [dim(heading), *_lines(lineage.root, branches)]
    if len(lines) == 1:
        lines.append(dim(_nothing(lineage)))
    return "\n".join([*lines, ""])


def _sections(lineage: Lineage) -> Iterator[tuple[str, dict[LineageNode, list[_Branch]]]]:
    """Yields the tree's parts: known lineage in each direction, then the tables beyond the end of column lineage."""
    unknown = lineage.unknown
    yield "← upstream", _branches(lineage.upstream, against=True)
    yield "← upstream by table, as column lineage is unknown", _from_starts(lineage, unknown.upstream, against=True)
    yield "→ downstream", _branches(lineage.downstream, against=False)
    yield (
        "→ downstream by table, as column lineage is unknown",
        _from_starts(lineage, unknown.downstream, against=False),
    )


def _from_starts(lineage: Lineage, links: Iterable[Link], *, against: bool) -> dict[LineageNode, list[_Branch]]:
    """Returns the branches of links by table, below the column that was asked about."""
    branches = _branches(links, against=against)
    starts = [_Branch(start, "") for start in lineage.unknown.starts if start in branches]
    return {**branches, lineage.root: starts} if starts else {}


def _nothing(lineage: Lineage) -> str:
    if not lineage.asked:
        return "no step was asked for"
    what = "nothing" if lineage.root.column is None else "no column"
    return f"{what} {' or '.join(sorted(lineage.asked, reverse=True))}"


def _dim(*texts: str) -> str:
    return "".join("  " + dim(_safe(text)) for text in texts if text)


def _safe(text: str) -> str:
    """Returns a text from outside without what would move a terminal's cursor or break the line."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _branches(links: Iterable[Link], *, against: bool) -> dict[LineageNode, list[_Branch]]:
    """Returns the children of each node, sorted, with the jobs between two nodes combined."""
    said: defaultdict[tuple[LineageNode, LineageNode], set[str]] = defaultdict(set)
    for link in links:
        ends = (link.target, link.source) if against else (link.source, link.target)
        said[ends].add(link.tool or link.transformations)
    found: defaultdict[LineageNode, list[_Branch]] = defaultdict(list)
    for (parent, child), by in sorted(said.items(), key=lambda item: (title(item[0][1]), item[0])):
        found[parent].append(_Branch(child, ", ".join(sorted(by - {""}))))
    return dict(found)


def _homes(root: LineageNode, branches: Mapping[LineageNode, list[_Branch]]) -> dict[LineageNode, LineageNode | None]:
    """Below which parent each thing's own branches are shown: the first of those that are nearest to the root."""
    homes: dict[LineageNode, LineageNode | None] = {root: None}
    level = [root]
    while level:
        below: list[LineageNode] = []
        for parent in level:
            for branch in branches.get(parent, ()):
                if branch.target not in homes:
                    homes[branch.target] = parent
                    below.append(branch.target)
        level = below
    return homes


def _lines(root: LineageNode, branches: Mapping[LineageNode, list[_Branch]]) -> Iterator[str]:
    """Yields the lines below the root. A stack, since lineage may be deeper than Python's calls."""
    homes = _homes(root, branches)
    waiting = _hanging(root, branches, "")
    while waiting:
        parent, branch, indent, is_last = waiting.pop()
        below = _hanging(branch.target, branches, indent + ("    " if is_last else "│   "))
        is_home = homes[branch.target] == parent
        mark = REPEATED if below and not is_home else ""
        notes = _dim(diagram.location_label_of(branch.target), branch.by, mark)
        yield f"{indent}{'└── ' if is_last else '├── '}{_safe(title(branch.target))}{notes}"
        if is_home:
            waiting += below


def _hanging(
    parent: LineageNode, branches: Mapping[LineageNode, list[_Branch]], indent: str
) -> list[tuple[LineageNode, _Branch, str, bool]]:
    """Returns the children of a node, the first at the end: parent, child, indentation, and True for the last."""
    found = branches.get(parent, [])
    return [(parent, branch, indent, branch is found[-1]) for branch in reversed(found)]


def document(lineage: Lineage) -> dict[str, Any]:
    """Returns one JSON object, its lists sorted; tuples stand for arrays.

    ```
    {"root":  {"namespace": "...", "name": "...", "node_name": "..."},
     "nodes": [{"namespace": "...", "name": "...", "node_name": "...", "direction": "upstream", "depth": 1}],
     "edges": [{"source": ["ns", "name"], "target": ["ns", "name"], "job": ["ns", "name"], "tool": "DBT/Redshift"}],
     "unknown": {"nodes": [], "edges": []}}
    ```
    `direction` is root, upstream, downstream, or both (in a cycle), and `depth` the least number of steps from the
    root. By columns, root and nodes have a `column`, the ends of edges a third part, the column, and an edge has
    `transformations`, such as `["DIRECT/IDENTITY"]`, in place of `tool`. An edge whose `job` is null leads to an
    exposure, or between a column of a dataset and the column `*`, which stands for all of them. A node that is no
    dataset has a `kind`, such as `exposure`. `unknown` holds, by table, where column
    lineage is unknown: the tables at which it ends, those beyond them, and the edges between them. It is empty if
    column lineage is known to the end, and where a table was asked about.
    """
    return {
        "root": _named(lineage.root),
        "nodes": _nodes(lineage.nodes),
        "edges": [_edge(link) for link in lineage.links],
        "unknown": {
            "nodes": _nodes(lineage.unknown.nodes),
            "edges": [_edge(link) for link in lineage.unknown.links],
        },
    }


def json(lineage: Lineage) -> str:
    """Returns `document` as JSON, indented and with sorted keys."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document(lineage), default=tuple, option=options).decode()


def _nodes(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    return [{**_named(node.target), "direction": node.direction, "depth": node.depth} for node in nodes]


def _named(target: LineageNode) -> dict[str, Any]:
    named: dict[str, Any] = {**target.dataset._asdict(), "node_name": last_part(target.dataset)}
    if target.kind != DATASET:
        return {**named, "kind": target.kind}
    return named if target.column is None else {**named, "column": target.column}


def _edge(link: Link) -> dict[str, Any]:
    edge = {"source": _end(link.source), "target": _end(link.target), "job": link.job}
    if link.source.column is None:
        return {**edge, "tool": link.tool}
    return {**edge, "transformations": link.transformations.split(",") if link.transformations else []}


def _end(target: LineageNode) -> tuple[str, ...]:
    return target.dataset if target.column is None else (*target.dataset, target.column)


def _drawn(lineage: Lineage) -> diagram.Diagram:
    """Returns the drawing of a lineage; a table at which column lineage ends hangs on its own columns."""
    columns, tables = lineage.nodes, lineage.unknown
    ends = [Link(node.target, start, None) for start in tables.starts for node in columns if _is_of(node, start)]
    targets = [node.target for node in (*columns, *tables.nodes)]
    return diagram.drawing(targets, [*lineage.links, *ends, *tables.links], lineage.root)


def _is_of(node: Node, table: LineageNode) -> bool:
    return node.target.dataset == table.dataset


def mermaid(lineage: Lineage) -> str:
    """Returns a Mermaid flowchart, which GitHub and most notebooks show as a picture."""
    return diagram.mermaid(_drawn(lineage))


def dot(lineage: Lineage) -> str:
    """Returns a graph for GraphViz: `headwater lineage titles --format dot | dot -Tsvg`."""
    return diagram.dot(_drawn(lineage))


def svg(lineage: Lineage) -> str:
    """Returns an SVG picture."""
    return svg_picture.svg(_drawn(lineage))


CSV_HEADINGS = ("direction", "depth", "namespace", "name", "column", "unknown")


def csv(lineage: Lineage) -> str:
    """Returns the nodes as CSV with a heading; `unknown` is true of tables beyond the end of known column lineage."""
    out = io.StringIO()
    writer = csv_library.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADINGS)
    for unknown, nodes in ((False, lineage.nodes), (True, lineage.unknown.nodes)):
        for node in sorted(nodes, key=lambda node: (node.direction, node.depth, node.target)):
            (namespace, name), column, _ = node.target
            texts = (namespace, name, column or "", str(unknown).lower())
            writer.writerow([node.direction, node.depth, *map(spreadsheet_safe, texts)])
    return out.getvalue()


FORMATS: Mapping[str, Callable[[Lineage], str]] = {
    "tree": tree,
    "json": json,
    "csv": csv,
    "svg": svg,
    "mermaid": mermaid,
    "dot": dot,
}
"""Formats of `headwater lineage --format`."""
