"""CloudEvents 1.0: the envelope in which every channel carries an alert.

The attributes are those of the CloudEvents specification, version 1.0. `rule` and `severity` are extension attributes,
so that a receiver can filter without reading `data`. Structured mode is one JSON document, binary mode is the data with
the attributes as headers; both follow the specification's JSON event format and Kafka protocol binding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from schemas.counted import counted

TYPE_PREFIX: Final = "io.headwater.alert"
DIGEST: Final = "digest"
"""The kind of an event that holds several alerts."""

STRUCTURED: Final = "application/cloudevents+json"
"""Content type of an event in structured mode."""

JSON: Final = "application/json"

MOST_IN_DIGEST: Final = 100
"""Alerts that a digest lists; further ones are counted by rule. SNS and EventBridge take 256 KB."""

_IN_DIGEST: Final = ("kind", "severity", "summary", "dataset", "column", "since", "links")
"""The values of an alert that a digest repeats."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event.

    Attributes:
        id: Identifies the event: two deliveries of one alert have one id.
        source: URI reference of the instance that raised it.
        kind: The last part of its type, such as `lost_source`.
        subject: The dataset, as `namespace/name`.
        time: When it happened (RFC 3339).
        rule: Name of the rule.
        severity: `breaking`, `warning` or `info`.
        data: The alert as JSON values.
    """

    id: str
    source: str
    kind: str
    subject: str
    time: str
    rule: str
    severity: str
    data: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The event's type with its version."""
        return f"{TYPE_PREFIX}.{self.kind}.v1"

    def attributes(self) -> dict[str, str]:
        """Returns the context attributes, but for the content type of `data`."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "rule": self.rule,
            "severity": self.severity,
        }

    def structured(self) -> bytes:
        """Returns the event as one JSON document."""
        return orjson.dumps({**self.attributes(), "datacontenttype": JSON, "data": dict(self.data)})

    def binary(self) -> tuple[tuple[tuple[str, bytes], ...], bytes]:
        """Headers and body of the Kafka protocol binding's binary mode."""
        named = tuple((f"ce_{name}", value.encode()) for name, value in self.attributes().items())
        return (("content-type", JSON.encode()), *named), orjson.dumps(dict(self.data))


def digest(events: Sequence[CloudEvent], channel: str, window: tuple[str, str]) -> CloudEvent:
    """Joins the alerts of one window into one event, whose id follows from theirs.

    Args:
        events: At least one, in the order of their delivery.
        channel: The channel's name: two channels may choose different alerts.
        window: Begin and end (RFC 3339).
    """
    said = orjson.dumps([channel, *window, [event.id for event in events]])
    counts: dict[str, int] = {}
    for event in events:
        counts[event.rule] = counts.get(event.rule, 0) + 1
    worst = min(events, key=lambda event: ("breaking", "warning", "info").index(event.severity))
    return CloudEvent(
        hashlib.sha256(said).hexdigest()[:32],
        events[0].source,
        DIGEST,
        channel,
        max(event.time for event in events),
        DIGEST,
        worst.severity,
        {
            "summary": f"{counted(len(events), 'alert')} from {window[0]} to {window[1]}",
            "from": window[0],
            "to": window[1],
            "by_rule": counts,
            "alerts": [_brief(event) for event in events[:MOST_IN_DIGEST]],
            "more_alerts": max(0, len(events) - MOST_IN_DIGEST),
        },
    )


def _brief(event: CloudEvent) -> dict[str, Any]:
    return {"id": event.id, "rule": event.rule, **{name: event.data.get(name) for name in _IN_DIGEST}}


def trial_event(source: str, time: str) -> CloudEvent:
    """Makes an event by which people see that a channel works.

    Args:
        source: URI reference of this instance.
        time: Now (RFC 3339), which is its identity too.
    """
    id_ = hashlib.sha256(f"{source} {time}".encode()).hexdigest()[:32]
    data: dict[str, Any] = {
        "rule": "test",
        "kind": "test",
        "severity": "info",
        "summary": "Test of an alert channel of Headwater",
        "since": time,
        "job": None,
        "impact": {"datasets": 0, "nearest": [], "exposures": []},
        "links": {},
        "symptoms": [],
    }
    return CloudEvent(id_, source, "test", "headwater/test", time, "test", "info", data)
