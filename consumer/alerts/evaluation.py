"""Evaluation: takes change records from the outbox, applies the rules, and stores the alerts.

The alerts and the removal of the records from the outbox are one write, guarded by the lease. So each change is judged
once, whatever dies when: an evaluation that was cut off leaves the outbox as it was, and the next one finds the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from consumer.alerts.alert import MOST_SYMPTOMS, Finding, Symptom
from consumer.alerts.cause_folding import Candidate, Folded, fold
from consumer.alerts.declarations import Rule
from consumer.alerts.failing_datasets import failing_datasets
from consumer.alerts.impact_summary import AlertMaker
from consumer.alerts.job_states import JobStates
from consumer.alerts.journal import Entry, Journal, entry_of, vertex
from consumer.alerts.meter import AlertMeter
from consumer.alerts.rules.evaluation_round import Round, net
from consumer.alerts.rules.judges import judge
from consumer.alerts.settling import Settling
from consumer.graph import change_log, ids, schema
from consumer.graph.change_log import Entry as Record
from consumer.graph.store import MAX_STEPS, DropVertices, GraphStore, Step, Vertex
from consumer.maintenance.leased_task import JobLease, LeaseHeld

MOST_RECORDS: Final = 2_000
"""Change records of one evaluation."""

_IN_A_WRITE: Final = MAX_STEPS // 2 - 2
"""Alerts of one write, and conditions that it closes; it also takes records out of the outbox."""

BEGUN: Final = "begun"
"""The lease's place once alerting has begun on a graph."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an evaluation.

    Attributes:
        store: The graph.
        rules: The rules, in the order of their declaration.
        lease: The evaluation's vertex.
        page_url: URL of the page; empty for alerts without links to it.
        settling: Says when the lineage has come to rest.
        clock: Seconds since 1970.
        meter: Counts what is found.
        keep_s: Seconds after which an alert that is not open is removed.
    """

    store: GraphStore
    rules: Sequence[Rule]
    lease: JobLease
    page_url: str
    settling: Settling
    clock: Callable[[], float]
    meter: AlertMeter
    keep_s: float


class Evaluation:
    """Judges what has changed since the last time.

    Args:
        parts: What it works with.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        self._states = JobStates(parts.store)
        self._maker = AlertMaker(parts.store, parts.page_url)
        self._journal = Journal(parts.store)
        self._entries: dict[str, Entry] | None = None

    def last(self) -> int:
        """Number of the last alert that is stored; 0 if there is none.

        Raises:
            TransientError: The graph can't serve now.
        """
        return max((entry.number for entry in self._journal.all()), default=0)

    def turn(self) -> bool:
        """Judges what is pending, once the lineage has come to rest; returns True if it judged.

        Raises:
            TransientError: The graph can't serve now.
        """
        records = change_log.pending(self._store, MOST_RECORDS)
        self._count(records)
        if not self._parts.settling.is_at_rest([record.cursor for record in records]):
            return False
        try:
            place = self._parts.lease.acquire("")
        except LeaseHeld as busy:
            _log.debug("alerts are evaluated elsewhere", reason=str(busy))
            return False
        try:
            self._evaluate(begun=place == BEGUN)
        except BaseException:
            # A write of unknown outcome: the next evaluation reads what is stored.
            self._entries = None
            raise
        self._parts.settling.judged()
        return True

    def close(self) -> None:
        """Leaves the evaluation to other processes."""
        if self._entries is not None:
            self._parts.lease.release()

    def _evaluate(self, *, begun: bool) -> None:
        if self._entries is None or not self._parts.lease.was_kept:
            self._entries = {entry.id: entry._replace(body="") for entry in self._journal.all()}
        # Read under the lease: another process may have taken some of them.
        records = change_log.pending(self._store, MOST_RECORDS)
        if begun:
            self._judge(records)
        else:
            self._begin(records)

    def _count(self, records: Sequence[Record]) -> None:
        oldest = self._parts.settling.waited_s()
        self._parts.meter.waiting(len(records), oldest if records else 0.0)

    def _begin(self, records: Sequence[Record]) -> None:
        """Takes what is there for known: no graph's history is news."""
        while records:
            change_log.acknowledge(self._store, records)
            records = change_log.pending(self._store, MOST_RECORDS)
        findings = [finding for finding in judge(self._parts.rules, self._round(())) if finding.lasts]
        known = [Folded(finding, "") for finding in findings]
        self._write(known, (), known=True)
        _log.info("alerting begun", conditions=len(known))

    def _judge(self, records: Sequence[Record]) -> None:
        entries = self._known()
        judged = self._round(records)
        found = list(judge(self._parts.rules, judged))
        new, ended = _new(found, entries), _ended(found, entries)[:_IN_A_WRITE]
        old = self._outlived(entries.values())
        if not (records or new or ended or old):
            return
        stored, roots = _candidates(entries.values())
        folded = fold(self._store, new, stored, roots) if new else []
        steps = [*_closed(ended), *_taken(records), *_removed(old)]
        self._write(folded, steps)
        for entry in ended:
            entries[entry.id] = entry._replace(open=False)
        for entry in old:
            del entries[entry.id]

    def _outlived(self, entries: Iterable[Entry]) -> list[Entry]:
        before = self._parts.clock() - self._parts.keep_s
        newest = max((entry.number for entry in entries), default=0)
        # The newest one stays, since it has the number from which the next ones are counted.
        old = [entry for entry in entries if not entry.open and entry.recorded < before and entry.number != newest]
        return old[:MOST_RECORDS]

    def _known(self) -> dict[str, Entry]:
        if self._entries is None:
            raise RuntimeError("the lease is not held")
        return self._entries

    def _round(self, records: Sequence[Record]) -> Round:
        return Round(
            self._store,
            net(record.record for record in records),
            self._states.refresh(),
            failing_datasets(self._store),
            self._parts.clock(),
        )

    def _write(self, folded: Sequence[Folded], steps: Sequence[Step], *, known: bool = False) -> None:
        """Stores alerts; with the last of them, what was judged is taken out of the outbox."""
        made = list(self._made(folded, known=known))
        while len(made) > _IN_A_WRITE:
            portion, made = made[:_IN_A_WRITE], made[_IN_A_WRITE:]
            place = BEGUN if not known else ""
            self._parts.lease.checkpoint(place, [vertex(entry) for entry in portion])
            self._note(portion)
        self._parts.lease.checkpoint(BEGUN, [*(vertex(entry) for entry in made), *steps])
        self._note(made)

    def _made(self, folded: Sequence[Folded], *, known: bool) -> Iterator[Entry]:
        number = max((entry.number for entry in self._known().values()), default=0)
        symptoms: defaultdict[str, list[Finding]] = defaultdict(list)
        for finding, cause in folded:
            symptoms[cause].append(finding)
        now = self._parts.clock()
        for number_, (finding, cause) in enumerate(folded, number + 1):
            own = symptoms.get(finding.id, [])
            listed = [Symptom(one.id, one.kind, one.subject, one.summary) for one in own[:MOST_SYMPTOMS]]
            alert = self._maker.complete(finding, listed, max(0, len(own) - MOST_SYMPTOMS))
            yield entry_of(alert, number_, now, cause=cause, known=known)

    def _note(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._known()[entry.id] = entry._replace(body="")
            if entry.cause:
                self._parts.meter.folded(entry.rule)
            elif not entry.known:
                self._parts.meter.raised(entry.rule)
                _log.info(
                    "alert raised", rule=entry.rule, dataset=entry.subject.name, alert=entry.id, since=entry.since
                )


def _unique(found: Iterable[Finding]) -> list[Finding]:
    return list({finding.id: finding for finding in found}.values())


def _new(found: Iterable[Finding], entries: Mapping[str, Entry]) -> list[Finding]:
    """Returns the findings that are not stored yet, and whose condition has no open alert."""
    open_ = {entry.condition for entry in entries.values() if entry.open}
    numbered = (_numbered(finding, entries) for finding in _unique(found))
    return [one for one in numbered if one.id not in entries and one.condition not in open_]


def _ended(found: Iterable[Finding], entries: Mapping[str, Entry]) -> list[Entry]:
    """Returns the open alerts whose condition is not found any more."""
    conditions = {finding.condition for finding in found if finding.lasts}
    return [entry for entry in entries.values() if entry.open and entry.condition not in conditions]


def _numbered(finding: Finding, entries: Mapping[str, Entry]) -> Finding:
    """Returns the finding with its occurrence, if equal ones of other times are stored; those of one time are one."""
    while finding.occurrence and finding.id in entries and entries[finding.id].since != finding.since:
        finding = replace(finding, occurrence=finding.occurrence + 1)
    return finding


def _candidates(entries: Iterable[Entry]) -> tuple[list[Candidate], Mapping[str, str]]:
    """Returns the stored alerts that may be causes, and those that are symptoms with their causes."""
    stored = [
        Candidate(entry.id, entry.kind, entry.subject, entry.since, entry.open)
        for entry in entries
        if entry.open or not entry.condition
    ]
    return stored, {entry.id: entry.cause for entry in entries if entry.cause}


def _closed(ended: Iterable[Entry]) -> Iterator[Step]:
    for entry in ended:
        yield Vertex(ids.alert(entry.number), schema.ALERT, {"open": False})


def _taken(records: Sequence[Record]) -> Iterator[Step]:
    """Yields the step that takes records out of the outbox."""
    if records:
        yield DropVertices(tuple(ids.make("outbox", *ids.parse(record.cursor)[1:]) for record in records))


def _removed(old: Sequence[Entry]) -> Iterator[Step]:
    if old:
        yield DropVertices(tuple(ids.alert(entry.number) for entry in old))
