"""The processing status of posted events: DataZone accepts an event first and processes it later."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from consumer.datazone.domain import Domain, PostedEvent, Processing
from schemas.events import EVENT_TYPES
from schemas.timestamps import canonical_time

IN_PROGRESS: Final = (Processing.REQUESTED, Processing.PROCESSING)
POLL_INTERVAL_S: Final = 2.0
"""Seconds between two requests for the events in progress."""

MAX_FAILED: Final = 100
"""Maximum number of failed events to examine, latest first; each costs a request, and many share one reason."""

NO_REASON: Final = (
    "DataZone gives no reason, and the event has all that OpenLineage requires: open a support case with the event's id"
)

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FailedEvent:
    """An event that DataZone accepted and failed to process, with the reasons that its document shows."""

    event: PostedEvent
    reasons: tuple[str, ...]


@dataclass(slots=True)
class DomainStatus:
    """The events of one domain.

    Attributes:
        domain_id: The domain.
        counts: Number of events of each status.
        failed: Failed events, latest first, at most `MAX_FAILED` of them.
    """

    domain_id: str
    counts: Counter[Processing] = field(default_factory=Counter)
    failed: list[FailedEvent] = field(default_factory=list)

    @property
    def in_progress(self) -> int:
        """Number of events that are not processed yet."""
        return sum(self.counts[status] for status in IN_PROGRESS)


def read_status(domain: Domain, since: datetime | None) -> DomainStatus:
    """Returns the status of a domain's events whose time is after a timestamp.

    Raises:
        HeadwaterError: The domain does not respond.
    """
    status = DomainStatus(domain.target.domain_id)
    for event in domain.events(since):
        status.counts[event.status] += 1
        if event.status is Processing.FAILED and len(status.failed) < MAX_FAILED:
            reasons = tuple(violations(domain.document(event.id))) or (NO_REASON,)
            status.failed.append(FailedEvent(event, reasons))
    return status


def wait_until_processed(
    domain: Domain, since: datetime | None, wait_s: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Waits until no event is in progress, or until `wait_s` seconds have passed.

    Raises:
        HeadwaterError: The domain does not respond.
    """
    deadline = clock() + wait_s
    while any(next(domain.events(since, status), None) for status in IN_PROGRESS):
        left = deadline - clock()
        if left <= 0:
            return
        sleep(min(POLL_INTERVAL_S, left))


def violations(document: Any) -> Iterator[str]:
    """Yields the parts of a run event that violate the OpenLineage specification.

    The API reports that an event failed, not the reason; missing and malformed parts are known reasons.
    """
    event = document if isinstance(document, dict) else {}
    yield from _time_violations(event.get("eventTime"))
    yield from (f"{key} is missing" for key in ("producer", "schemaURL") if not _is_text(event.get(key)))
    kind = event.get("eventType", "OTHER")
    if kind not in EVENT_TYPES:
        yield f"eventType is {str(kind)[:40]!r}, which is not a valid type"
    run = _object(event.get("run"))
    if not _UUID.fullmatch(str(run.get("runId", ""))):
        yield f"run.runId is {str(run.get('runId', ''))[:80]!r}, which is not a UUID"
    yield from _name_violations("job", _object(event.get("job")))
    for key in ("inputs", "outputs"):
        for number, dataset in enumerate(event.get(key) or ()):
            yield from _name_violations(f"{key}[{number}]", _object(dataset))


def _time_violations(value: Any) -> Iterator[str]:
    try:
        canonical_time(value if isinstance(value, str) else "")
    except ValueError as error:
        yield f"eventTime: {error}"


def _name_violations(place: str, entity: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{place}.{key} is missing or empty" for key in ("namespace", "name") if not _is_text(entity.get(key)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
