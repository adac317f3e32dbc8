"""Answers of the tools: documents of the query layer, made short enough for an assistant.

Each answer distinguishes "none" from "unknown": `unknown` counts or lists where lineage could not be resolved.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import Any, Literal

from consumer.errors import UsageError
from consumer.graph.store import GraphStore
from consumer.history.past_graph import as_of
from consumer.mcp.pages import MOST_CHARS, answered, part, start_of
from consumer.query.catalog.datasets import summaries
from consumer.query.catalog.describe import describe_node
from consumer.query.catalog.fresh_index import FreshIndex
from consumer.query.diff import diff
from consumer.query.job_names import all_jobs, jobs_of
from consumer.query.resolve import LineageNode, resolve, spelled
from consumer.query.runs import fed_newest, history
from consumer.query.traversal import root_cause, traverse
from consumer.query.traversal.answer import Lineage, Link, Node, title
from consumer.query.traversal.impact import Affected, Change, impact
from consumer.query.traversal.paths import shortest_paths
from consumer.render import changes, documents, export_json
from consumer.render.diagram import location_label
from consumer.render.lineage_formats import mermaid
from consumer.time_parsing import parse_moment, require_order

Answer = dict[str, Any]
Direction = Literal["upstream", "downstream", "both"]


READ_AT_ONCE = 200
"""Maximum number of matches of one page."""


def find(index: FreshIndex, query: str, cursor: str | None = None) -> Answer:
    """Finds datasets by words of their names, columns, descriptions, tags or owners."""
    start = start_of(cursor)
    found = index.search(query, READ_AT_ONCE, start)
    items = [
        {
            "name": spelled(one.summary.dataset),
            "where": location_label(one.summary.dataset),
            "owners": list(one.summary.owners),
            "matched": one.matched,
            "columns": list(one.columns),
        }
        for one in found.matches
    ]
    return part({}, items, start, found.total)


def dataset(store: GraphStore, name: str, cursor: str | None = None) -> Answer:
    """Describes a dataset: columns, owners, tags, tests, job, last run, counts up and down."""
    document = documents.description(describe_node(store, resolve(store, name)))
    found = answered(document, document.pop("columns"), cursor)
    columns, total = found.pop("items"), found.pop("total")
    return {**found, "columns": columns, "columns_total": total}


def lineage(
    store: GraphStore,
    name: str,
    direction: Direction = "both",
    depth: int = 1,
    cursor: str | None = None,
    *,
    direct: bool = False,
) -> Answer:
    """Answers what a dataset or column is made from, and what is made from it."""
    up = depth if direction in {"upstream", "both"} else 0
    down = depth if direction in {"downstream", "both"} else 0
    target = resolve(store, name)
    found = traverse.lineage(store, target, up, down, direct=direct and target.column is not None)
    known = summaries(store, {node.target.dataset for node in found.nodes})
    items = [_node(node, known[node.target.dataset].owners) for node in _nearest_first(found.nodes)]
    counts: dict[str, int] = {}
    for node in found.nodes:
        key = f"{node.direction} {node.depth}"
        counts[key] = counts.get(key, 0) + 1
    rest = {
        "root": _called(found.root),
        "counts": counts,
        "unknown": [spelled(start.dataset) for start in found.unknown.starts],
        "unknown_tables": len(found.unknown.nodes),
    }
    return answered(rest, items, cursor)


def _nearest_first(nodes: tuple[Node, ...]) -> list[Node]:
    return sorted((node for node in nodes if node.depth), key=lambda node: (node.depth, node.direction, node.target))


def _called(target: LineageNode) -> str:
    name = spelled(target.dataset)
    return name if target.column is None else f"{name}.{target.column}"


def _node(node: Node, owners: tuple[str, ...]) -> Answer:
    return {"name": _called(node.target), "direction": node.direction, "depth": node.depth, "owners": list(owners)}


def _affected(one: Affected) -> Answer:
    return {
        "name": spelled(one.summary.dataset),
        "depth": one.depth,
        "certainty": one.certainty.value,
        "columns": list(one.columns),
        "owners": list(one.summary.owners),
        "exposures": [use.name for use in one.exposures],
    }


def diagram(store: GraphStore, name: str) -> str:
    """Draws two steps of lineage each way as a Mermaid flowchart; of a large neighbourhood what is nearest."""
    found = traverse.lineage(store, resolve(store, name), 2, 2)
    nodes = _nearest_first(found.nodes)
    text, shown = mermaid(found), len(nodes)
    while len(text) > MOST_CHARS and shown:
        shown //= 2
        some = _only(found, {found.root, *(node.target for node in nodes[:shown])})
        text = f"{mermaid(some)}%% {shown} of {len(nodes)} nodes are shown, the nearest\n"
    return text


def _only(found: Lineage, targets: set[LineageNode]) -> Lineage:
    return replace(
        found,
        nodes=tuple(node for node in found.nodes if node.target in targets),
        upstream=tuple(link for link in found.upstream if {link.source, link.target} <= targets),
        downstream=tuple(link for link in found.downstream if {link.source, link.target} <= targets),
    )


def impact_of(store: GraphStore, name: str, change: str = "drop", cursor: str | None = None) -> Answer:
    """Answers what breaks if a dataset or column changes."""
    found = impact(store, resolve(store, name), Change(change))
    items = list(map(_affected, found.affected))
    rest = {
        "root": _called(found.root),
        "change": found.change.value,
        "by_depth": {str(depth): count for depth, count in sorted(found.by_depth.items())},
        "owners": [{"owner": owner, "datasets": count} for owner, count in found.owners.items()],
        "unknown": [spelled(name) for name in found.unknown_at],
        "exposures": [use.name for use in found.exposures],
    }
    return answered(rest, items, cursor)


def changes_of(
    store: GraphStore, since: str, until: str | None = None, name: str | None = None, cursor: str | None = None
) -> Answer:
    """Lists what changed between two moments, by job and dataset."""
    require_order(since, until, time.time(), ("since", "until"))
    about = None
    with past(store, until, "until") as later:
        # A dataset that is gone by then is looked for in the earlier graph.
        with suppress(UsageError):
            about = resolve(later, name).dataset if name is not None else None
        after = export_json.document(later)
    with past(store, since, "since") as earlier:
        if name is not None and about is None:
            about = resolve(earlier, name).dataset
        found = diff(export_json.document(earlier), after, {about} if about is not None else None)
    items = [
        {
            "change": f"{change.kind.value} {changes.phrase(change)}",
            "breaking": found.breaks(record, change),
            "job": record.job.name if record.job else None,
            "run": record.run or None,
            "time": record.time or None,
        }
        for record in found.records
        for change in record.changes
    ]
    return answered({"breaking": len(found.breaking)}, items, cursor)


@contextmanager
def past(store: GraphStore, at: str | None, parameter: str = "as_of") -> Iterator[GraphStore]:
    """Yields the graph as of a moment; as it is for None. An error names the parameter."""
    if at is None:
        yield store
        return
    with closing(as_of(store, parse_moment(at, time.time(), parameter))) as found:
        yield found


def path(store: GraphStore, source: str, target: str) -> Answer:
    """Answers how data gets from one dataset or column to another."""
    found = shortest_paths(store, resolve(store, source), resolve(store, target))
    rest = {"source": _called(found.source), "target": _called(found.target), "unknown": found.unknown}
    answer = answered(rest, [_steps(steps) for steps in found.paths])
    del answer["next"], answer["total"]
    return {**answer, "paths": answer.pop("items"), "truncated": found.truncated or answer["truncated"]}


def _steps(links: tuple[Link, ...]) -> str:
    return " -> ".join([title(links[0].source), *(title(link.target) for link in links)])


def runs(
    store: GraphStore, name: str | None = None, state: str | None = None, limit: int = 10, cursor: str | None = None
) -> Answer:
    """Lists the latest runs of a job or of the jobs that write a dataset, with what fed the newest."""
    jobs = all_jobs(store) if name is None else jobs_of(store, name)
    start = start_of(cursor)
    found, total = history(store, jobs, start + limit, [state] if state else ())
    fed = fed_newest(store, found) if name is not None else {}
    upstream = [
        {"name": spelled(dataset), "state": run.state, "ended_at": run.ended_at or None} for dataset, run in fed.items()
    ]
    return part({"fed_by": upstream}, list(map(documents.run, found[start:])), start, total)


def why(store: GraphStore, name: str, depth: int = 100, cursor: str | None = None) -> Answer:
    """Lists what may be wrong upstream of a dataset, nearest first."""
    found = root_cause.diagnose(store, resolve(store, name), depth)
    rest = {
        "root": spelled(found.root),
        "checked": found.checked,
        "unknown": [spelled(name) for name in found.without_runs],
    }
    return answered(rest, list(map(documents.finding, found.findings)), cursor)
