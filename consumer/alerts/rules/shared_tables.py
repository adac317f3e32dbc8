"""Two writers of one table: a job that began to write what another one writes."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.rules.evaluation_round import Changed, Round, listed
from consumer.graph import ids
from consumer.lineage.changes import Kind
from consumer.query.catalog.datasets import producers
from schemas.naming import DatasetName, last_part


def shared_tables(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds tables with a new writer beside another one, one finding for each."""
    new: dict[DatasetName, Changed] = {}
    for one in judged.of(Kind.WRITE_ADDED):
        if rule.judges(one.change.dataset):
            new[one.change.dataset] = one
    writers = producers(judged.store, new) if new else {}
    for dataset, one in new.items():
        jobs = writers.get(dataset, [])
        if len(jobs) > 1:
            yield _finding(rule, one, [ids.parse(job)[1:] for job in jobs])


def _finding(rule: Rule, one: Changed, jobs: list[tuple[str, ...]]) -> Finding:
    dataset = one.change.dataset
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        dataset,
        tuple(part for job in jobs for part in job),
        f"{last_part(dataset)} has {len(jobs)} writers: {listed([name for _, name in jobs])}",
        one.time,
        job=one.job,
        run=one.run,
        details={"jobs": [{"namespace": namespace, "name": name} for namespace, name in jobs]},
    )
