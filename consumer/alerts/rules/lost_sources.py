"""A table that lost a source: its job completed without reading it, or the source was dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.rules.evaluation_round import Changed, Round, listed
from consumer.graph import change_log, ids, schema
from consumer.lineage.changes import Kind
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.query.runs import FAILED
from consumer.query.traversal.impact import Change
from schemas.counted import counted
from schemas.naming import DatasetName, last_part


def lost_sources(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds tables that lost a source, one finding for each table and run, and sources that were dropped."""
    gone = {one.change.dataset: one for one in judged.of(Kind.DATASET_REMOVED)}
    lost: defaultdict[tuple[DatasetName, JobName | None, str], list[Changed]] = defaultdict(list)
    dropped: defaultdict[DatasetName, list[Changed]] = defaultdict(list)
    for one in _removed(judged):
        if one.change.source in gone:
            dropped[gone[one.change.source].change.dataset].append(one)
        elif one.change.dataset not in gone:
            lost[one.change.dataset, one.job, one.run].append(one)
    for (dataset, _, _), of_one in lost.items():
        if rule.judges(dataset):
            yield _lost(rule, dataset, of_one)
    for source, readers in dropped.items():
        if rule.judges(source):
            yield _dropped(rule, gone[source], readers)


def _removed(judged: Round) -> Iterator[Changed]:
    """Returns the edges between two datasets that no job has any more, and that a run without failure took away."""
    removed = [one for one in judged.of(Kind.EDGE_REMOVED) if one.change.source is not None]
    still = _still_there(judged, {one.change.dataset for one in removed})
    gone = [one for one in removed if (one.change.source, one.change.dataset) not in still]
    failed, added = _failed(judged, gone), _added(judged, gone)
    for one in gone:
        # What a failed run takes back was added by it: after the run that is current again had ended.
        if (one.job, one.run) not in failed and added.get(_edge(one), "") <= one.time:
            yield one


_Edge = tuple[JobName | None, DatasetName, DatasetName | None]


def _edge(one: Changed) -> _Edge:
    return one.job, one.change.dataset, one.change.source


def _added(judged: Round, removed: list[Changed]) -> dict[_Edge, str]:
    """Returns when edges were last added, by the log of their jobs' changes."""
    jobs = sorted({ids.job(one.job) for one in removed if one.job is not None})
    added: dict[_Edge, str] = {}
    for entry in change_log.changes_of(judged.store, jobs):
        for change in entry.record.changes:
            if change.kind is Kind.EDGE_ADDED:
                edge = (entry.record.job, change.dataset, change.source)
                added[edge] = max(entry.record.time, added.get(edge, ""))
    return added


def _still_there(judged: Round, datasets: set[DatasetName]) -> set[tuple[DatasetName | None, DatasetName]]:
    at = sorted(map(ids.dataset, datasets))
    edges = judged.store.edges_at(at, schema.EDGE, "in") if at else []
    return {(ids.dataset_name(edge.source), ids.dataset_name(edge.target)) for edge in edges}


def _failed(judged: Round, removed: list[Changed]) -> set[tuple[JobName | None, str]]:
    """Returns the runs that failed: what they take back is what they had added before."""
    by_id = {ids.run(RunKey(one.job, one.run)): (one.job, one.run) for one in removed if one.job and one.run}
    known = judged.store.read(sorted(by_id), ("state",)) if by_id else {}
    return {by_id[id_] for id_, properties in known.items() if properties.get("state") in FAILED}


def _lost(rule: Rule, dataset: DatasetName, removed: list[Changed]) -> Finding:
    sources = sorted({one.change.source for one in removed if one.change.source is not None})
    names = listed([last_part(source) for source in sources])
    first = removed[0]
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        dataset,
        (*(first.job or ()), *(part for source in sources for part in source)),
        f"{last_part(dataset)} lost its {'source' if len(sources) == 1 else 'sources'} {names}",
        first.time,
        job=first.job,
        run=first.run,
        occurrence=1,
        details={"sources": [f"{source.namespace}/{source.name}" for source in sources]},
    )


def _dropped(rule: Rule, gone: Changed, readers: list[Changed]) -> Finding:
    source = gone.change.dataset
    datasets = sorted({one.change.dataset for one in readers})
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        source,
        ("dropped",),
        f"{last_part(source)} was dropped; {counted(len(datasets), 'dataset reads', 'datasets read')} it",
        gone.time,
        job=gone.job,
        run=gone.run,
        occurrence=1,
        details={"readers": [f"{name.namespace}/{name.name}" for name in datasets]},
        change=Change.DROP,
    )
