"""From a finding to an alert: its impact, the commit that did it, possible causes upstream, and links."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from consumer.alerts.alert import Alert, Commit, Finding, Hits, Links, Near, Symptom, Use
from consumer.graph import facts_codec, ids
from consumer.graph.store import GraphStore
from consumer.graph.stored_facts import unpacked
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import JobName
from consumer.query.resolve import LineageNode
from consumer.query.traversal.impact import Affected, Impact, impact
from consumer.query.traversal.root_cause import Cause, diagnose
from consumer.render.page.page_links import page_link
from schemas.naming import last_part
from schemas.timestamps import canonical_time

NEAREST: Final = 5
MOST_USES: Final = 20
MOST_OWNERS: Final = 20
MOST_COLUMNS: Final = 10
"""Columns of one finding whose impact is joined."""
MOST_CAUSES: Final = 3

_JUST_BEFORE: Final = timedelta(milliseconds=1)
_WITH_CAUSES: Final = frozenset({"stopped", "run_failed", "quality_failed"})


class AlertMaker:
    """Completes findings.

    Args:
        store: The graph.
        page_url: URL of the page; empty for alerts without links to it.
    """

    def __init__(self, store: GraphStore, page_url: str) -> None:
        self._store = store
        self._page_url = page_url

    def complete(self, finding: Finding, symptoms: Iterable[Symptom] = (), more_symptoms: int = 0) -> Alert:
        """Makes the alert of a finding.

        Args:
            finding: The finding.
            symptoms: The findings that were folded under it, the first ones.
            more_symptoms: Number of further ones.

        Raises:
            TransientError: The graph can't serve now.
        """
        commit = self._commit(finding.job) if finding.job is not None else None
        links = Links(
            self._link(finding, {"at": finding.since}),
            self._link(finding, {"from": _just_before(finding.since), "to": finding.since}),
            commit.url if commit else "",
        )
        causes = self._causes(finding) if finding.kind in _WITH_CAUSES else ()
        return Alert(finding, commit, self._hits(finding), links, tuple(symptoms), more_symptoms, causes)

    def _hits(self, finding: Finding) -> Hits:
        columns = _columns(finding) or [""]
        answers = [
            impact(self._store, LineageNode(finding.subject, column or None), finding.change)
            for column in columns[:MOST_COLUMNS]
        ]
        affected: dict[object, Affected] = {}
        for one in sorted((one for answer in answers for one in answer.affected), key=lambda one: one.depth):
            affected.setdefault(one.summary.dataset, one)
        own = {Use(*use) for answer in answers for use in answer.exposures}
        uses = own | {Use(*use) for one in affected.values() for use in one.exposures}
        return _hits(list(affected.values()), uses, answers)

    def _commit(self, job: JobName) -> Commit | None:
        found = self._store.read([ids.job(job)], facts_codec.KEYS).get(ids.job(job))
        if found is None or not found.get("facts"):
            return None
        facets = facts_codec.load_job(unpacked(found)).facets
        said, node = facet_value(facets, "sourceCodeLocation"), facet_value(facets, "dbt_node")
        commit = Commit(
            str(said.get("url") or ""),
            str(said.get("repoUrl") or ""),
            str(said.get("version") or ""),
            str(said.get("branch") or ""),
            str(said.get("path") or node.get("original_file_path") or ""),
        )
        return commit if any(commit) else None

    def _causes(self, finding: Finding) -> tuple[str, ...]:
        found = diagnose(self._store, LineageNode(finding.subject)).findings
        upstream = [one for one in found if one.depth and one.cause is not Cause.STALE]
        return tuple(f"{last_part(one.summary.dataset)}: {one.detail}" for one in upstream[:MOST_CAUSES])

    def _link(self, finding: Finding, moment: dict[str, str]) -> str:
        if not self._page_url or not all(moment.values()):
            return ""
        return page_link(self._page_url, finding.subject, **moment)


def _columns(finding: Finding) -> list[str]:
    if finding.kind != "column_changed":
        return [finding.column] if finding.column else []
    return [str(one["column"]) for one in finding.details.get("columns", ())]


def _hits(affected: list[Affected], uses: set[Use], answers: list[Impact]) -> Hits:
    affected.sort(key=lambda one: (one.depth, one.summary.node_name, one.summary.dataset))
    by_depth: dict[int, int] = {}
    owners: dict[str, int] = {}
    for one in affected:
        by_depth[one.depth] = by_depth.get(one.depth, 0) + 1
        for owner in one.summary.owners:
            owners[owner] = owners.get(owner, 0) + 1
    ranked = sorted(owners.items(), key=lambda item: (-item[1], item[0]))
    return Hits(
        by_depth,
        tuple(Near(one.summary.dataset, one.depth, one.summary.owners) for one in affected[:NEAREST]),
        dict(ranked[:MOST_OWNERS]),
        tuple(sorted(uses)[:MOST_USES]),
        max((len(answer.unknown_at) for answer in answers), default=0),
    )


def _just_before(time: str) -> str:
    """Returns the last moment before an event's time; empty where the time can't be read."""
    try:
        return canonical_time((datetime.fromisoformat(time) - _JUST_BEFORE).isoformat())
    except ValueError:
        return ""
