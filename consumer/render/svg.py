"""Lineage as an SVG picture, without Graphviz: a box for each dataset, with a row for each column that is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple

from consumer.lineage.column_lineage import WHOLE
from consumer.query.resolve import LineageNode
from consumer.render.diagram import COLOURS, Diagram, location_label_of
from consumer.render.layout import Layout, Point, Size, layout
from consumer.safe_text import printable
from schemas.naming import DatasetName, last_part

CHAR, LINE, PAD, MARGIN = 6.9, 18.0, 10.0, 16.0
"""Width of a character, height of a line, space within a box and around the picture, in pixels."""
MOST_CHARS = 44
"""Characters of a label; a longer one is cut, and whole in its title."""

_STYLE = (
    "text{font:12px Helvetica,Arial,sans-serif;fill:#1f2630}.where{font-size:9px;fill:#57606a}"
    ".edge{fill:none;stroke-width:1.2}.indirect{stroke-dasharray:4 3}.root{stroke-width:2.5}"
)


class _Box(NamedTuple):
    """A dataset's box.

    Attributes:
        rows: The columns that have a row, sorted.
        engine: The engine that colours it.
        where: The location that stands below its name.
    """

    rows: tuple[str, ...]
    engine: str
    where: str

    def size(self, dataset: DatasetName) -> Size:
        """Width and height in pixels."""
        longest = max(len(_cut(text)) for text in (last_part(dataset), *self.rows))
        where = len(_cut(self.where)) * CHAR * 0.75
        return Size(max(longest * CHAR, where) + 2 * PAD, LINE * (2 + len(self.rows)) + PAD)


def svg(drawing: Diagram) -> str:
    """Draws datasets or columns and the links between them, as a document of its own."""
    boxes = _boxes(drawing)
    sizes = {dataset: box.size(dataset) for dataset, box in boxes.items()}
    flows = {(arrow.source.dataset, arrow.target.dataset) for arrow in drawing.arrows}
    flows = {(source, target) for source, target in flows if source != target}
    found = layout(sizes, sorted(flows))
    width, height = (round(side + 2 * MARGIN) for side in found.size)
    frame = f'viewBox="{-MARGIN:g} {-MARGIN:g} {width} {height}" width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" aria-label="lineage">',
        f"<style>{_STYLE}</style>",
        f'<rect x="{-MARGIN:g}" y="{-MARGIN:g}" width="{width}" height="{height}" fill="#ffffff"/>',
        *_edges(drawing, boxes, found, sizes),
        *_nodes(drawing, boxes, found, sizes),
        "</svg>",
    ]
    return "\n".join([*lines, ""])


def _boxes(drawing: Diagram) -> dict[DatasetName, _Box]:
    rows: defaultdict[DatasetName, set[str]] = defaultdict(set)
    shown: dict[DatasetName, tuple[str, str]] = {}
    for box in drawing.boxes:
        shown[box.target.dataset] = (box.engine, location_label_of(box.target))
        column = box.target.column
        rows[box.target.dataset] |= {column} if column and column != WHOLE else set()
    return {name: _Box(tuple(sorted(rows[name])), *shown[name]) for name in sorted(rows)}


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 1]}…"


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    safe = escape(printable(" ".join(text.split())))
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{safe}</text>'


def _nodes(
    drawing: Diagram, boxes: Mapping[DatasetName, _Box], found: Layout[DatasetName], sizes: Mapping[DatasetName, Size]
) -> Iterator[str]:
    root = drawing.root.dataset if drawing.root else None
    for dataset, box in boxes.items():
        (x, y), (width, height), colours = found.places[dataset], sizes[dataset], COLOURS[box.engine]
        title = escape(printable(f"{dataset.namespace}/{dataset.name}"))
        kind = ' class="root"' if dataset == root else ""
        yield f"<g><title>{title}</title>"
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6"{kind}'
            f' fill="{colours.fill}" stroke="{colours.line}"/>'
        )
        yield _text(x + PAD, y + LINE, _cut(last_part(dataset)))
        yield _text(x + PAD, y + LINE + 13, _cut(box.where), "where")
        for number, column in enumerate(box.rows):
            yield _text(x + PAD, y + LINE * (number + 3) - 1, _cut(column))
        yield "</g>"


def _row(target: LineageNode, boxes: Mapping[DatasetName, _Box], found: Layout[DatasetName]) -> float:
    """Returns the height at which an edge meets a dataset or column."""
    y, rows = found.places[target.dataset].y, boxes[target.dataset].rows
    line = rows.index(target.column) + 3 if target.column in rows else 1
    return y + LINE * line - 5


def _edges(
    drawing: Diagram, boxes: Mapping[DatasetName, _Box], found: Layout[DatasetName], sizes: Mapping[DatasetName, Size]
) -> Iterator[str]:
    for arrow in drawing.arrows:
        source, target = arrow.source.dataset, arrow.target.dataset
        if source == target:
            continue  # within a box: a column and the dataset as a whole
        start = Point(found.places[source].x + sizes[source].width, _row(arrow.source, boxes, found))
        end = Point(found.places[target].x, _row(arrow.target, boxes, found))
        colour = COLOURS[boxes[target].engine].line
        indirect = arrow.source.column is not None and "DIRECT" not in _kinds(arrow.label)
        kind = "edge indirect" if indirect else "edge"
        path = _curve([start, *found.bends.get((source, target), ()), end])
        label = f"<title>{escape(printable(arrow.label))}</title>" if arrow.label else ""
        yield f'<path class="{kind}" stroke="{colour}" d="{path}">{label}</path>'
        yield f'<path fill="{colour}" d="M{end.x:.1f} {end.y:.1f}l-6 -3v6z"/>'


def _kinds(label: str) -> set[str]:
    return {kind.strip().partition("/")[0] for kind in label.split(",")}


def _curve(points: Iterable[Point]) -> str:
    """Returns a smooth line through points, level at each of them."""
    first, *rest = points
    parts = [f"M{first.x:.1f} {first.y:.1f}"]
    last = first
    for point in rest:
        middle = (last.x + point.x) / 2
        parts.append(f"C{middle:.1f} {last.y:.1f} {middle:.1f} {point.y:.1f} {point.x:.1f} {point.y:.1f}")
        last = point
    return "".join(parts)
