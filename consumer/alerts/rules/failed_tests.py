"""A dataset whose tests fail, and that others are made from."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.rules.evaluation_round import Round, listed
from consumer.graph import ids, schema
from consumer.query.catalog.datasets import Summary
from schemas.naming import DatasetName, last_part

WARN = "warn"


def failed_tests(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds datasets with failed tests and readers, one finding for each; a test that only warns does not count."""
    judged_names = [name for name in judged.failing if rule.judges(name)]
    read = _read(judged, judged_names)
    for name, summary in judged.summaries(judged_names).items():
        failed = [test for test in summary.failed_tests if test.severity != WARN]
        if failed and name in read:
            yield _finding(rule, judged, summary)


def _read(judged: Round, names: list[DatasetName]) -> set[DatasetName]:
    edges = judged.store.edges_at(sorted(map(ids.dataset, names)), schema.EDGE, "out") if names else []
    return {ids.dataset_name(edge.source) for edge in edges if edge.source != edge.target}


def _finding(rule: Rule, judged: Round, summary: Summary) -> Finding:
    failed = [test for test in summary.failed_tests if test.severity != WARN]
    since = judged.failing[summary.dataset]
    columns = {test.column for test in failed if test.column}
    writer = next((state for state in judged.jobs.values() if summary.dataset in state.outputs), None)
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        summary.dataset,
        (since,),
        f"tests of {last_part(summary.dataset)} fail: {listed([test.name for test in failed], 3)}",
        since,
        job=writer.job if writer else None,
        run=writer.completed.key.id if writer and writer.completed else "",
        details={
            "tests": [{"name": test.name, "column": test.column} for test in failed],
            "columns": sorted(columns),
        },
        lasts=True,
    )
