"""An alert as a value: what changed, since when, by which run and commit, and what it affects.

A rule returns findings. A finding with its impact, its links and the symptoms that were folded under it is an alert.
Its id is a hash of what happened, so that the same change has the same id however often it is judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from consumer.lineage.facts.keys import JobName
from consumer.query.traversal.impact import Change
from schemas.naming import DatasetName, last_part

MOST_SYMPTOMS = 20
"""Symptoms that an alert names; further ones are counted."""


class Severity(StrEnum):
    """Importance of an alert: `breaking` stops a reader, `warning` may, `info` adds something."""

    BREAKING = "breaking"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Place from the least severity, 0."""
        return list(reversed(Severity)).index(self)


class Commit(NamedTuple):
    """Location of a job's code, by its facet `sourceCodeLocation`.

    Attributes:
        url: The file or folder.
        repo: URL of the repository.
        version: The commit; empty where the producer does not give it.
        branch: The branch.
        path: The file within the repository.
    """

    url: str = ""
    repo: str = ""
    version: str = ""
    branch: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found.

    Attributes:
        rule: Name of the rule's declaration.
        kind: The kind of rule, such as `lost_source`.
        severity: How much it matters.
        subject: The dataset that it is about.
        key: What changed, or the run that failed: with rule, subject and occurrence it is the finding's identity. A
            change is not identified by its run: a reader's event may show new columns before that of the run which
            made them has arrived.
        summary: One sentence.
        since: When it happened, by the event's time (RFC 3339, UTC).
        column: The column that it is about; empty where the dataset as a whole is.
        job: The job that did it; None where unknown.
        run: The run that did it; empty where unknown.
        details: Further values, by name.
        change: The kind of change for which the impact is counted.
        lasts: True for a condition that holds until it ends; False for a change.
        occurrence: Number of this change among equal ones, from 1: a table may lose the same source again. 0 for a
            finding that is raised once only.
    """

    rule: str
    kind: str
    severity: Severity
    subject: DatasetName
    key: tuple[str, ...]
    summary: str
    since: str
    column: str = ""
    job: JobName | None = None
    run: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    change: Change = Change.STOP
    lasts: bool = False
    occurrence: int = 0

    @property
    def condition(self) -> str:
        """The identity of a condition that lasts, whatever run it was found by; empty for a change."""
        said = orjson.dumps([self.rule, self.kind, *self.subject, self.column, *(self.job or ())])
        return hashlib.sha256(said).hexdigest()[:32] if self.lasts else ""

    @property
    def id(self) -> str:
        """A hash of what happened; the same on every evaluation."""
        again = [self.occurrence] if self.occurrence > 1 else []
        said = orjson.dumps([self.rule, self.kind, *self.subject, self.column, *self.key, *again])
        return hashlib.sha256(said).hexdigest()[:32]

    @property
    def title(self) -> str:
        """The subject as people call it."""
        called = last_part(self.subject)
        return f"{called}.{self.column}" if self.column else called


class Near(NamedTuple):
    """An affected dataset close to the change.

    Attributes:
        dataset: Its display name.
        depth: Steps downstream.
        owners: Names of its owners.
    """

    dataset: DatasetName
    depth: int
    owners: tuple[str, ...]


class Use(NamedTuple):
    """An exposure that the change reaches."""

    name: str
    type: str
    url: str
    owner: str


class Hits(NamedTuple):
    """The datasets and exposures that a change affects.

    Attributes:
        by_depth: Number of datasets at each depth.
        nearest: The nearest ones, with owners.
        owners: Number of affected datasets by owner.
        exposures: The affected exposures.
        unknown_at: Number of tables beyond which column lineage is unknown.
    """

    by_depth: Mapping[int, int] = {}
    nearest: tuple[Near, ...] = ()
    owners: Mapping[str, int] = {}
    exposures: tuple[Use, ...] = ()
    unknown_at: int = 0

    @property
    def total(self) -> int:
        """Number of affected datasets."""
        return sum(self.by_depth.values())


class Symptom(NamedTuple):
    """A finding that follows from an alert's cause, and is no alert of its own."""

    id: str
    kind: str
    subject: DatasetName
    summary: str


class Links(NamedTuple):
    """URLs of the page; empty where `alerts.page_url` is not set.

    Attributes:
        lineage: The lineage of the subject as of the change.
        diff: The difference between just before the change and the change.
        code: The code that ran.
    """

    lineage: str = ""
    diff: str = ""
    code: str = ""


_NO_HITS = Hits()
_NO_LINKS = Links()


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding that somebody should know of.

    Attributes:
        finding: What was found.
        commit: The code that did it; None where unknown.
        hits: What it affects.
        links: Where to look.
        symptoms: The findings downstream that follow from it, the first ones.
        more_symptoms: Number of further ones.
        causes: Possible causes upstream that are no alerts themselves, in sentences.
    """

    finding: Finding
    commit: Commit | None = None
    hits: Hits = _NO_HITS
    links: Links = _NO_LINKS
    symptoms: tuple[Symptom, ...] = ()
    more_symptoms: int = 0
    causes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Identity of the finding."""
        return self.finding.id

    def document(self) -> dict[str, Any]:
        """Returns the alert as JSON values: the `data` of its CloudEvent."""
        finding = self.finding
        return {
            "rule": finding.rule,
            "kind": finding.kind,
            "severity": finding.severity.value,
            "summary": finding.summary,
            "dataset": _dataset(finding.subject),
            "column": finding.column or None,
            "since": finding.since,
            "job": _job(finding.job),
            "run": finding.run or None,
            "commit": self.commit._asdict() if self.commit else None,
            "details": dict(finding.details),
            "impact": _hits(self.hits),
            "links": {name: url for name, url in self.links._asdict().items() if url},
            "symptoms": [_symptom(one) for one in self.symptoms],
            "more_symptoms": self.more_symptoms,
            "causes": list(self.causes),
        }


def _dataset(name: DatasetName) -> dict[str, str]:
    return {"namespace": name.namespace, "name": name.name, "node_name": last_part(name)}


def _job(job: JobName | None) -> dict[str, str] | None:
    return None if job is None else {"namespace": job.namespace, "name": job.name}


def _symptom(one: Symptom) -> dict[str, Any]:
    return {"id": one.id, "kind": one.kind, "dataset": _dataset(one.subject), "summary": one.summary}


def _hits(hits: Hits) -> dict[str, Any]:
    return {
        "datasets": hits.total,
        "by_depth": {str(depth): count for depth, count in sorted(hits.by_depth.items())},
        "nearest": [
            {**_dataset(near.dataset), "depth": near.depth, "owners": list(near.owners)} for near in hits.nearest
        ],
        "owners": dict(hits.owners),
        "exposures": [use._asdict() for use in hits.exposures],
        "unknown_at": hits.unknown_at,
    }
