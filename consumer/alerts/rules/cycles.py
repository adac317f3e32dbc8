"""A new cycle: a table that is made from itself by way of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.rules.evaluation_round import Changed, Round
from consumer.graph import ids, schema
from consumer.lineage.changes import Kind
from schemas.naming import DatasetName, last_part

Path = tuple[DatasetName, ...]


def cycles(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds cycles that a new edge closes, one finding for each set of datasets.

    A table that is made from itself alone, such as an incremental model, is no cycle.
    """
    new = [one for one in judged.of(Kind.EDGE_ADDED) if one.change.source not in {None, one.change.dataset}]
    onward = _edges(judged, {one.change.dataset for one in new})
    found: dict[Path, tuple[Changed, Path]] = {}
    for one in new:
        if rule.judges(one.change.dataset) and one.change.source is not None:
            path = _path(onward, one.change.dataset, one.change.source)
            if path:
                found.setdefault(tuple(sorted(path)), (one, path))
    for members, (one, path) in found.items():
        yield _finding(rule, one, members, path)


def _edges(judged: Round, starts: set[DatasetName]) -> Mapping[str, set[str]]:
    """Reads all edges downstream of datasets, level by level, each dataset once."""
    onward: defaultdict[str, set[str]] = defaultdict(set)
    frontier, reached = {ids.dataset(name) for name in starts}, set()
    while frontier:
        reached |= frontier
        edges = [
            edge for edge in judged.store.edges_at(sorted(frontier), schema.EDGE, "out") if "job" in edge.properties
        ]
        for edge in edges:
            onward[edge.source].add(edge.target)
        frontier = {edge.target for edge in edges} - reached
    return onward


def _path(onward: Mapping[str, set[str]], start: DatasetName, end: DatasetName) -> Path:
    """Returns the shortest way from one dataset to another; empty if there is none."""
    first, last = ids.dataset(start), ids.dataset(end)
    before = {first: ""}
    frontier = [first]
    while frontier and last not in before:
        following = [(near, far) for near in frontier for far in sorted(onward.get(near, ())) if far not in before]
        for near, far in following:
            before.setdefault(far, near)
        frontier = list(dict.fromkeys(far for _, far in following))
    if last not in before:
        return ()
    way = [last]
    while way[-1] != first:
        way.append(before[way[-1]])
    return tuple(ids.dataset_name(id_) for id_ in reversed(way))


def _finding(rule: Rule, one: Changed, members: Path, path: Path) -> Finding:
    turned = path.index(members[0])
    round_trip = [*path[turned:], *path[:turned], members[0]]
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        members[0],
        tuple(part for name in members for part in name),
        f"a cycle: {' -> '.join(last_part(name) for name in round_trip)}",
        one.time,
        job=one.job,
        run=one.run,
        occurrence=1,
        details={"datasets": [f"{name.namespace}/{name.name}" for name in round_trip]},
    )
