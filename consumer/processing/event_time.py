"""An event's time against the clock of whoever passed it on: one far ahead would win over every later one, for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from consumer.errors import UsageError
from schemas.errors import RejectedEvent
from schemas.events import Event

DAY_S: Final = 86_400.0

_END = datetime.max.replace(tzinfo=UTC)


def require_past(before: str, now: str) -> None:
    """Checks a time before which something is deleted.

    Args:
        before: The time, as events spell it (`schemas.timestamps`).
        now: The present time, spelled likewise.

    Raises:
        UsageError: It is in the future, so that what is written meanwhile would be deleted.
    """
    if before > now:
        raise UsageError(
            f"all before {before} would be deleted, which is later than now, {now}: give a span in the past"
        )


def require_plausible(event: Event, timestamp_ms: int, max_ahead_s: float = DAY_S) -> None:
    """Checks that an event does not come from the future.

    Args:
        event: The event.
        timestamp_ms: When it was passed on, in milliseconds since 1970 in UTC: its record's own timestamp, or the
            reader's clock if that is earlier.
        max_ahead_s: How many seconds its own time may be ahead of that.

    Raises:
        RejectedEvent: It is further ahead.
    """
    # Kafka keeps any 64 bits as a timestamp, those of a producer that counts microseconds too.
    sent = _END if timestamp_ms >= _END.timestamp() * 1000 else datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    limit = _END if _END - sent <= timedelta(seconds=max_ahead_s) else sent + timedelta(seconds=max_ahead_s)
    # Both are written alike, so that they compare as strings (`schemas.timestamps`).
    if event.event_time > limit.strftime("%Y-%m-%dT%H:%M:%S.%fZ"):
        raise RejectedEvent(
            "$.eventTime",
            f"{event.event_time} is more than {max_ahead_s:g} s ahead of when it was passed on, {sent.isoformat()}:"
            " a clock is wrong, and the event would win over every later one; correct the producer's clock",
        )
