"""The judge of each kind of rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import Rule, RuleKind
from consumer.alerts.rules.appearances import renamed_datasets, unowned_sources
from consumer.alerts.rules.changed_columns import changed_columns
from consumer.alerts.rules.cycles import cycles
from consumer.alerts.rules.evaluation_round import Judge, Round
from consumer.alerts.rules.failed_runs import failed_runs
from consumer.alerts.rules.failed_tests import failed_tests
from consumer.alerts.rules.lost_sources import lost_sources
from consumer.alerts.rules.shared_tables import shared_tables
from consumer.alerts.rules.silent_jobs import silent_jobs
from consumer.alerts.rules.tagged_readers import tagged_readers

JUDGES: Final[Mapping[RuleKind, Judge]] = MappingProxyType(
    {
        "lost_source": lost_sources,
        "tagged_reader": tagged_readers,
        "column_changed": changed_columns,
        "stopped": silent_jobs,
        "run_failed": failed_runs,
        "quality_failed": failed_tests,
        "two_writers": shared_tables,
        "cycle": cycles,
        "renamed": renamed_datasets,
        "unowned_source": unowned_sources,
    }
)


def judge(rules: Iterable[Rule], judged: Round) -> Iterator[Finding]:
    """Applies rules to a round, in the order of their declaration.

    Raises:
        TransientError: The graph can't serve now.
    """
    for rule in rules:
        yield from JUDGES[rule.kind](rule, judged)
