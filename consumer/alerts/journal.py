"""Alerts as they are stored in the graph, each once, in the order in which they were raised.

The alerts of an evaluation and its new place among the changes are one guarded write. So an evaluation counts as a
whole or not at all, and of two processes that judge the same changes one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from consumer.alerts.alert import Alert, Severity
from consumer.alerts.cloud_event import CloudEvent
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore, Properties, Vertex
from consumer.time_parsing import format_timestamp
from schemas.naming import DatasetName

PAGE = 500


class Entry(NamedTuple):
    """A stored alert.

    Attributes:
        number: Its place, from 1.
        id: Identity of the finding.
        rule: Name of the rule.
        kind: Kind of the rule.
        severity: How much it matters.
        subject: The dataset.
        condition: What has to hold for it to stay open; empty for a change, which has no duration.
        open: True until the condition ends; a change closes at once.
        cause: The id of the alert that it was folded under; empty where it stands for itself.
        since: When it happened, by the event's time.
        recorded: When it was recorded, in seconds since 1970.
        known: True if it was there when alerting began, so that it is not delivered.
        body: The alert as JSON.
    """

    number: int
    id: str
    rule: str
    kind: str
    severity: Severity
    subject: DatasetName
    condition: str
    open: bool
    cause: str
    since: str
    recorded: int
    known: bool
    body: str

    @property
    def is_delivered(self) -> bool:
        """True if channels get it."""
        return not self.cause and not self.known

    def document(self) -> dict[str, Any]:
        """Returns the alert as JSON values."""
        return dict(orjson.loads(self.body))

    def event(self, source: str) -> CloudEvent:
        """Returns the alert as a CloudEvent.

        Args:
            source: URI reference of this instance.
        """
        subject = f"{self.subject.namespace}/{self.subject.name}"
        data = self.document()
        return CloudEvent(self.id, source, self.kind, subject, self.since, self.rule, self.severity.value, data)


def vertex(entry: Entry) -> Vertex:
    """Returns the vertex of an entry."""
    return Vertex(
        ids.alert(entry.number),
        schema.ALERT,
        {
            "alert": entry.id,
            "rule": entry.rule,
            "kind": entry.kind,
            "severity": entry.severity.value,
            "namespace": entry.subject.namespace,
            "name": entry.subject.name,
            "condition": entry.condition,
            "open": entry.open,
            "cause": entry.cause,
            "since": entry.since,
            "recorded": str(entry.recorded),
            "known": entry.known,
            "body": entry.body,
        },
    )


def entry_of(alert: Alert, number: int, recorded: float, *, cause: str = "", known: bool = False) -> Entry:
    """Makes the entry of an alert.

    Args:
        alert: The alert.
        number: Its place.
        recorded: Now, in seconds since 1970.
        cause: The id of the alert that it is folded under.
        known: True if it was there before alerting began.
    """
    finding = alert.finding
    since = finding.since or format_timestamp(int(recorded * 1000))
    condition = finding.condition
    return Entry(
        *(number, alert.id, finding.rule, finding.kind, finding.severity, finding.subject),
        *(condition, bool(condition), cause, since, int(recorded), known),
        orjson.dumps(alert.document()).decode(),
    )


def _entry(id_: str, found: Properties) -> Entry:
    return Entry(
        int(ids.parse(id_)[1]),
        str(found["alert"]),
        str(found["rule"]),
        str(found["kind"]),
        Severity(str(found["severity"])),
        DatasetName(str(found["namespace"]), str(found["name"])),
        str(found.get("condition") or ""),
        bool(found.get("open")),
        str(found.get("cause") or ""),
        str(found["since"]),
        int(str(found["recorded"])),
        bool(found.get("known")),
        str(found["body"]),
    )


class Journal:
    """Reads the stored alerts of a graph.

    Args:
        store: The graph.
    """

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def after(self, number: int, count: int = PAGE) -> list[Entry]:
        """Reads the alerts that follow a place, in order.

        Raises:
            TransientError: The store can't serve now.
        """
        found = self._store.ids(schema.ALERT, ids.alert(number), count)
        known = self._store.read(found) if found else {}
        # An alert that a prune removed between the two reads is left out.
        return [_entry(id_, known[id_]) for id_ in found if id_ in known]

    def all(self, wanted: Callable[[Entry], bool] = lambda _: True) -> Iterator[Entry]:
        """Reads all alerts that are stored, page by page, in order."""
        number = 0
        while page := self.after(number):
            yield from filter(wanted, page)
            number = page[-1].number
