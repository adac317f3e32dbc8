"""Lineage as boxes and arrows, and those as DOT (for GraphViz) and Mermaid.

Names come from outside and may hold anything, so they stand in labels only, escaped; ids are numbers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from consumer.lineage.views import ENGINES
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.traversal.answer import Link, title
from schemas.naming import DatasetName, engine, last_part, parts

_TEXT = "#1f2630"


class Colours(NamedTuple):
    """The colours of an engine's nodes: background and border."""

    fill: str
    line: str


COLOURS = {
    "Athena": Colours("#fdf0df", "#b45f06"),
    "Redshift": Colours("#e3eefc", "#1f5fae"),
    "": Colours("#f0f1f3", "#596270"),
}
"""By the name of the engine; the empty one is for all others."""

_AMAZON = re.compile(r"(?:\.redshift(?:-serverless)?)?\.amazonaws\.com(?:\.cn)?(?=:|$)")
_ATHENA_HOST = re.compile(r"^(?:awsathena://)(?:athena\.)?")


# Underscores at the edge of a word would be Markdown's emphasis.
_MERMAID = re.compile(r"[^\w \-./:,()@]|(?<!\w)_+|_+(?!\w)")


class DiagramNode(NamedTuple):
    """A dataset or column; `group` says what it is drawn inside of."""

    target: LineageNode
    label: str
    group: str
    engine: str


class DiagramEdge(NamedTuple):
    """From a box to one that is made from it; `inner` ones stay within one dataset."""

    source: LineageNode
    target: LineageNode
    label: str
    inner: bool


class Diagram(NamedTuple):
    """Boxes and arrows, each sorted, and the box that was asked about."""

    boxes: tuple[DiagramNode, ...]
    arrows: tuple[DiagramEdge, ...]
    root: LineageNode | None = None


def location_label(name: DatasetName) -> str:
    """Returns the location of a dataset in short form: `Redshift dev.imdb (wg.123456789012.us-east-1)`."""
    kind = engine(name.namespace)
    if kind is None:
        called = last_part(name)
        rest = name.name.removesuffix(called).strip("./") if name.name.endswith(called) else ""
        return f"{name.namespace} {rest}".strip()
    inside = ".".join((parts(name) or ())[:-1])
    return " ".join(filter(None, (ENGINES[kind], inside, f"({_where(kind, name.namespace)})")))


def location_label_of(target: LineageNode) -> str:
    """Returns the location of a dataset, or the owner of an exposure."""
    return location_label(target.dataset) if target.kind == DATASET else f"{target.kind} of {target.dataset.namespace}"


def _where(kind: str, namespace: str) -> str:
    if kind == "glue":
        return " ".join(namespace.split(":")[3:])
    host = _ATHENA_HOST.sub("", namespace) if kind == "athena" else namespace.removeprefix("redshift://")
    return _AMAZON.sub("", host).removesuffix(":5439")


def drawing(targets: Iterable[LineageNode], links: Iterable[Link], root: LineageNode | None = None) -> Diagram:
    """Returns the drawing of datasets or columns and the links between them; several jobs' links are one arrow."""
    said: defaultdict[tuple[LineageNode, LineageNode, bool], set[str]] = defaultdict(set)
    for link in links:
        said[link.source, link.target, link.inner].add(link.tool or link.transformations)
    arrows = [
        DiagramEdge(source, to, ", ".join(sorted(labels - {""})), inner) for (source, to, inner), labels in said.items()
    ]
    return Diagram(
        tuple(sorted((_box(target) for target in set(targets)), key=lambda box: (box.group, _order(box.target)))),
        tuple(sorted(arrows, key=lambda arrow: (_order(arrow.source), _order(arrow.target), arrow.label))),
        root,
    )


def _order(target: LineageNode) -> tuple[DatasetName, bool, str]:
    """Sorts a dataset before its columns."""
    return target.dataset, target.column is not None, target.column or ""


def _box(target: LineageNode) -> DiagramNode:
    kind = ENGINES.get(engine(target.dataset.namespace) or "", "") if target.kind == DATASET else ""
    if target.column is None:
        return DiagramNode(target, title(target), location_label_of(target), kind)
    return DiagramNode(target, target.column, f"{last_part(target.dataset)} - {location_label(target.dataset)}", kind)


def _groups(boxes: Iterable[DiagramNode]) -> Mapping[str, list[DiagramNode]]:
    groups: defaultdict[str, list[DiagramNode]] = defaultdict(list)
    for box in boxes:
        groups[box.group].append(box)
    return groups


def _ids(boxes: Iterable[DiagramNode]) -> dict[LineageNode, str]:
    return {box.target: f"n{number}" for number, box in enumerate(boxes)}


_DOT_HEAD = """\
digraph lineage {
  graph [rankdir=LR, nodesep=0.16, ranksep=0.75, pad=0.3, fontname="Helvetica,Arial,sans-serif", fontsize=12];
  node [shape=box, style="rounded,filled", height=0.34, margin="0.14,0.05", \
fontname="Helvetica,Arial,sans-serif", fontsize=12];
  edge [arrowsize=0.6, fontname="Helvetica,Arial,sans-serif", fontsize=9];
"""


def _quoted(text: str) -> str:
    """Returns a text as GraphViz's quoted string, in which it would read backslashes and entities."""
    escaped = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", " ", escaped) + '"'


def dot(drawn: Diagram) -> str:
    """Returns a drawing for GraphViz: left to right, one cluster for each place, coloured by engine."""
    ids, lines = _ids(drawn.boxes), [_DOT_HEAD]
    for number, (group, boxes) in enumerate(_groups(drawn.boxes).items()):
        colours = COLOURS[boxes[0].engine]
        lines.append(f"  subgraph cluster_{number} {{\n    label={_quoted(group)}; style=rounded; labeljust=l;\n")
        lines.append(f'    color="{colours.line}"; fontcolor="{colours.line}"; penwidth=0.6;\n')
        lines.append(f'    node [color="{colours.line}", fillcolor="{colours.fill}", fontcolor="{_TEXT}"];\n')
        for box in boxes:
            root = ", penwidth=3" if box.target == drawn.root else ""
            hint = _quoted(f"{box.target.dataset.namespace}/{box.target.dataset.name}")
            lines.append(f"    {ids[box.target]} [label={_quoted(box.label)}, tooltip={hint}{root}];\n")
        lines.append("  }\n")
    engines = {box.target: box.engine for box in drawn.boxes}
    for arrow in drawn.arrows:
        # The tool is shown by the colour and on pointing; as text on every arrow it would bury the names.
        look = f'color="{COLOURS[engines[arrow.target]].line}", tooltip={_quoted(arrow.label)}'
        inner = ", style=dashed, arrowhead=none" if arrow.inner else ""
        lines.append(f"  {ids[arrow.source]} -> {ids[arrow.target]} [{look}{inner}];\n")
    return "".join([*lines, "}\n"])


def _entities(text: str) -> str:
    """Returns a text as Mermaid's label; characters with a meaning in entities or Markdown become numbers."""
    return _MERMAID.sub(lambda found: "".join(f"#{ord(character)};" for character in found[0]), text)


def mermaid(drawn: Diagram) -> str:
    """Returns a drawing as a Mermaid flowchart, which GitHub and most notebooks show as a picture."""
    ids, lines = _ids(drawn.boxes), ["flowchart LR"]
    for number, (group, boxes) in enumerate(_groups(drawn.boxes).items()):
        lines.append(f'  subgraph s{number}["{_entities(group)}"]')
        lines += [f'    {ids[box.target]}["{_entities(box.label)}"]:::{box.engine or "Other"}' for box in boxes]
        lines.append("  end")
    for arrow in drawn.arrows:
        line = "-.-" if arrow.inner else "-->"
        label = f'|"{_entities(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  {ids[arrow.source]} {line}{label} {ids[arrow.target]}")
    for name, colours in COLOURS.items():
        lines.append(f"  classDef {name or 'Other'} fill:{colours.fill},stroke:{colours.line},color:{_TEXT}")
    if drawn.root is not None:
        lines += ["  classDef Root stroke-width:3px", f"  class {ids[drawn.root]} Root"]
    return "\n".join([*lines, ""])
