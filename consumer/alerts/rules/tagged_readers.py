"""A new reader of a tagged column: a table that takes values from it, or whose rows it decides.

A column inherits the tags of the columns that its values come from, so a reader of a copy is found too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.rules.evaluation_round import Changed, Round, listed
from consumer.graph import ids, schema
from consumer.lineage.changes import Kind
from consumer.lineage.facts.keys import JobName
from consumer.query.resolve import LineageNode
from consumer.query.traversal.impact import FAR
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName, last_part


class _Read(NamedTuple):
    """A tagged column, its tag, and the change by which it is read."""

    origin: LineageNode
    tag: str
    changed: Changed

    @property
    def spelled(self) -> str:
        return f"{self.origin.dataset.namespace}/{self.origin.dataset.name}.{self.origin.column}"


def tagged_readers(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds new readers, one finding for each table and run."""
    new = [one for one in judged.of(Kind.COLUMN_EDGE_ADDED) if _counts(rule, one)]
    found: defaultdict[tuple[DatasetName, JobName | None, str], list[_Read]] = defaultdict(list)
    origins: dict[LineageNode, list[tuple[LineageNode, str]]] = {}
    known = _known(judged, new)
    for one in new:
        source = LineageNode(one.change.source or one.change.dataset, one.change.source_column)
        if source not in origins:
            origins[source] = _tagged(rule, judged, source)
        for origin, tag in origins[source]:
            if (source, one.change.dataset) not in known:
                found[one.change.dataset, one.job, one.run].append(_Read(origin, tag, one))
    for (dataset, _, _), reads in found.items():
        yield _finding(rule, dataset, reads)


def _counts(rule: Rule, one: Changed) -> bool:
    change = one.change
    within = change.source == change.dataset
    return not within and rule.judges(change.dataset) and (rule.indirect or _is_direct(one))


def _is_direct(one: Changed) -> bool:
    return any(kind.startswith("DIRECT") for kind in one.change.after.split(","))


def _known(judged: Round, new: list[Changed]) -> set[tuple[LineageNode, DatasetName]]:
    """Returns the columns that a table has read before: it has an edge from them that is not new."""
    sources = {ids.column(one.change.source, one.change.source_column or "*") for one in new if one.change.source}
    edges = judged.store.edges_at(sorted(sources), schema.COLUMN_EDGE, "out") if sources else []
    there = {(edge.source, edge.target, str(edge.properties.get("job", ""))) for edge in edges}
    there -= {_edge(one) for one in new}
    return {(_target(source), _target(target).dataset) for source, target, _ in there}


def _edge(one: Changed) -> tuple[str, str, str]:
    change = one.change
    source = ids.column(change.source or change.dataset, change.source_column or "*")
    return source, ids.column(change.dataset, change.column or "*"), ids.job(one.job) if one.job else ""


def _target(column: str) -> LineageNode:
    _, namespace, name, called = ids.parse(column)
    return LineageNode(DatasetName(namespace, name), called)


def _tagged(rule: Rule, judged: Round, column: LineageNode) -> list[tuple[LineageNode, str]]:
    """Returns the tagged columns that the values of a column come from, itself among them, each with its tag."""
    above = lineage(judged.store, column, FAR, 0, direct=True)
    targets = [node.target for node in above.nodes if node.target.column is not None]
    summaries = judged.summaries(target.dataset for target in targets)
    return [
        (target, tag.text)
        for target in targets
        for tag in summaries[target.dataset].tags
        if tag.column in {None, target.column} and (tag.text in rule.tags or tag.key in rule.tags)
    ]


def _finding(rule: Rule, dataset: DatasetName, reads: list[_Read]) -> Finding:
    first = reads[0].changed
    columns = sorted({read.spelled for read in reads})
    names = sorted({f"{last_part(read.origin.dataset)}.{read.origin.column}" for read in reads})
    tags = sorted({read.tag for read in reads})
    is_direct = any(_is_direct(read.changed) for read in reads)
    title = last_part(dataset)
    way = f"{title} now reads" if is_direct else f"the rows of {title} now depend on"
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        dataset,
        (*(first.job or ()), *columns),
        f"{way} {listed(names)}, tagged {', '.join(tags)}",
        first.time,
        job=first.job,
        run=first.run,
        occurrence=1,
        details={
            "columns": columns,
            "tags": tags,
            "reads": "DIRECT" if is_direct else "INDIRECT",
            "into": sorted({read.changed.change.column or "*" for read in reads}),
        },
    )
