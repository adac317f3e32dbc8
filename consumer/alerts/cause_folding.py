"""One alert a cause: a finding that follows from another one upstream is folded under it.

Only kinds that can follow from each other are joined: a late table downstream of a failed run is a symptom, a new cycle
is news of its own. The nearest cause counts; where it is a symptom itself, its own cause does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from consumer.alerts.alert import Finding
from consumer.alerts.job_states import seconds
from consumer.graph.store import GraphStore
from consumer.query.resolve import LineageNode
from consumer.query.traversal.impact import FAR
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName

WITHIN_S: Final[Mapping[str, float]] = {"tagged_reader": 3_600.0}
"""Seconds between a change and its symptom, by the symptom's kind; a condition is a cause for as long as it lasts."""
A_DAY_S: Final = 86_400.0
"""The same for other kinds."""

MOST_LOOKED_AT: Final = 200
"""Findings of one evaluation whose causes are looked for: each costs a walk upstream."""

FOLLOWS_FROM: Final[Mapping[str, frozenset[str]]] = {
    "lost_source": frozenset({"renamed"}),
    "tagged_reader": frozenset({"tagged_reader"}),
    "column_changed": frozenset({"column_changed", "lost_source", "renamed"}),
    "run_failed": frozenset({"run_failed", "column_changed", "lost_source", "renamed", "quality_failed"}),
    "stopped": frozenset({"stopped", "run_failed", "quality_failed"}),
    "quality_failed": frozenset({"quality_failed", "run_failed", "stopped", "column_changed", "lost_source"}),
}
"""By kind, the kinds upstream that explain it."""

_ORDER: Final = ("renamed", "lost_source", "column_changed", "run_failed", "quality_failed", "stopped", "tagged_reader")
"""Order in which causes at one dataset count."""

MOST_OF_A_RULE: Final = 20
"""Findings of one rule in one evaluation; more have one cause, such as a graph that is filled, and are one alert."""


class Candidate(NamedTuple):
    """A finding or stored alert that may be a cause.

    Attributes:
        id: Its id.
        kind: Kind of its rule.
        subject: Its dataset.
        since: When it happened.
        lasts: True while its condition holds.
    """

    id: str
    kind: str
    subject: DatasetName
    since: str
    lasts: bool


class Folded(NamedTuple):
    """A finding with the alert that it is folded under.

    Attributes:
        finding: The finding.
        cause: The id of that alert; empty where the finding stands for itself.
    """

    finding: Finding
    cause: str


def fold(
    store: GraphStore, findings: Sequence[Finding], stored: Iterable[Candidate], roots: Mapping[str, str]
) -> list[Folded]:
    """Folds findings under their causes.

    Args:
        store: The graph.
        findings: New findings.
        stored: Alerts that are stored already and may be causes.
        roots: Of stored alerts that are symptoms, the id of the alert that they are folded under.

    Returns:
        The findings, causes before symptoms.

    Raises:
        TransientError: The graph can't serve now.
    """
    by_subject: defaultdict[DatasetName, list[Candidate]] = defaultdict(list)
    for one in (*stored, *map(_candidate, findings)):
        by_subject[one.subject].append(one)
    under = dict(roots)
    looked_at = [finding.subject for finding in findings if finding.kind in FOLLOWS_FROM][:MOST_LOOKED_AT]
    depths = {subject: _upstream(store, subject) for subject in dict.fromkeys(looked_at)}
    # The one with fewest causes above it is judged first, so that a symptom finds its cause's own cause.
    ordered = sorted(findings, key=lambda one: (len(depths.get(one.subject, ())), _rank(one.kind), one.id))
    folded: list[Folded] = []
    for finding in ordered:
        cause = _nearest(finding, depths.get(finding.subject, {}), by_subject, under)
        if cause:
            under[finding.id] = cause
        folded.append(Folded(finding, cause))
    return _bounded(folded)


def _candidate(finding: Finding) -> Candidate:
    return Candidate(finding.id, finding.kind, finding.subject, finding.since, finding.lasts)


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _upstream(store: GraphStore, dataset: DatasetName) -> dict[DatasetName, int]:
    answer = lineage(store, LineageNode(dataset), FAR, 0)
    return {node.target.dataset: node.depth for node in answer.nodes}


def _nearest(
    finding: Finding,
    depths: Mapping[DatasetName, int],
    by_subject: Mapping[DatasetName, Sequence[Candidate]],
    under: Mapping[str, str],
) -> str:
    """Returns the id of the alert under which a finding is folded; empty if it has no cause."""
    causes = [
        (depth, _rank(one.kind), one.id)
        for dataset, depth in depths.items()
        for one in by_subject.get(dataset, ())
        if _explains(one, finding, depth)
    ]
    for _, _, id_ in sorted(causes):
        root = under.get(id_, id_)
        # In a cycle each is upstream of the other; the one that was judged first is the cause.
        if root != finding.id:
            return root
    return ""


def _explains(one: Candidate, finding: Finding, depth: int) -> bool:
    if one.id == finding.id or one.kind not in FOLLOWS_FROM.get(finding.kind, ()):
        return False
    if depth == 0 and _rank(one.kind) >= _rank(finding.kind):
        return False
    return one.lasts or _is_close(one.since, finding.since, WITHIN_S.get(finding.kind, A_DAY_S))


def _is_close(one: str, other: str, within_s: float) -> bool:
    try:
        return abs(seconds(one) - seconds(other)) <= within_s
    except ValueError:
        return False


def _bounded(folded: Sequence[Folded]) -> list[Folded]:
    """Folds the findings of a rule that has very many under its first one."""
    by_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding, cause in folded:
        if not cause:
            by_rule[finding.rule].append(finding)
    first = {rule: found[0].id for rule, found in by_rule.items() if len(found) > MOST_OF_A_RULE}
    return list(_under_first(folded, first))


def _under_first(folded: Iterable[Folded], first: Mapping[str, str]) -> Iterator[Folded]:
    for finding, cause in folded:
        leading = first.get(finding.rule, finding.id)
        yield Folded(finding, cause or ("" if leading == finding.id else leading))
