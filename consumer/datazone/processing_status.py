"""What became of the events that were posted: DataZone takes them first and processes them later."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from consumer.datazone.domain import Domain, Posted, Processing
from schemas.events import EVENT_TYPES
from schemas.timestamps import canonical_time

UNDER_WAY: Final = (Processing.REQUESTED, Processing.PROCESSING)
ASK_AGAIN_S: Final = 2.0
"""Seconds between two looks at what is under way."""

MOST_FAILED: Final = 100
"""Failed events that are looked into, the latest; each is a request, and many mostly have one reason."""

UNTOLD: Final = (
    "DataZone does not say why, and the event has all that OpenLineage requires: open a case with the event's id"
)

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failed:
    """An event that DataZone took and could not process; `reasons` are what is wrong with it."""

    event: Posted
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Status:
    """The events of one domain.

    Attributes:
        domain_id: The domain.
        counts: How many there are of each status.
        failed: Those that failed, the latest first, and at most `MOST_FAILED` of them.
    """

    domain_id: str
    counts: Counter[Processing] = field(default_factory=Counter)
    failed: list[Failed] = field(default_factory=list)

    @property
    def under_way(self) -> int:
        """How many are not processed yet."""
        return sum(self.counts[status] for status in UNDER_WAY)


def look(domain: Domain, since: datetime | None) -> Status:
    """Returns the state of a domain's events whose time is after a moment.

    Raises:
        HeadwaterError: The domain does not answer.
    """
    status = Status(domain.target.domain_id)
    for event in domain.events(since):
        status.counts[event.status] += 1
        if event.status is Processing.FAILED and len(status.failed) < MOST_FAILED:
            reasons = tuple(faults(domain.document(event.id))) or (UNTOLD,)
            status.failed.append(Failed(event, reasons))
    return status


def settle(
    domain: Domain, since: datetime | None, wait_s: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Waits until no event is under way, or for so many seconds.

    Raises:
        HeadwaterError: The domain does not answer.
    """
    deadline = clock() + wait_s
    while any(next(domain.events(since, status), None) for status in UNDER_WAY):
        left = deadline - clock()
        if left <= 0:
            return
        sleep(min(ASK_AGAIN_S, left))


def faults(document: Any) -> Iterator[str]:
    """What an event lacks of what the OpenLineage specification requires of a run event.

    The API tells that an event failed and not why; a missing or ill-formed part is what is known to make it fail.
    """
    event = document if isinstance(document, dict) else {}
    yield from _fault_of_time(event.get("eventTime"))
    yield from (f"{key} is missing" for key in ("producer", "schemaURL") if not _is_text(event.get(key)))
    kind = event.get("eventType", "OTHER")
    if kind not in EVENT_TYPES:
        yield f"eventType is {str(kind)[:40]!r}, which there is not"
    run = _object(event.get("run"))
    if not _UUID.fullmatch(str(run.get("runId", ""))):
        yield f"run.runId is {str(run.get('runId', ''))[:80]!r}, which is no UUID"
    yield from _unnamed("job", _object(event.get("job")))
    for key in ("inputs", "outputs"):
        for number, dataset in enumerate(event.get(key) or ()):
            yield from _unnamed(f"{key}[{number}]", _object(dataset))


def _fault_of_time(value: Any) -> Iterator[str]:
    try:
        canonical_time(value if isinstance(value, str) else "")
    except ValueError as error:
        yield f"eventTime: {error}"


def _unnamed(place: str, entity: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{place}.{key} is missing or empty" for key in ("namespace", "name") if not _is_text(entity.get(key)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
