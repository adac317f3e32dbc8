"""Checks of an event's time: one far in the future would win over every later event, permanently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from consumer.errors import UsageError
from schemas.errors import RejectedEvent
from schemas.events import Event
from schemas.timestamps import canonical_time

DAY_S: Final = 86_400.0

_END = datetime.max.replace(tzinfo=UTC)


def require_past_time(before: str, now: str) -> None:
    """Checks a time before which records or facts are deleted.

    Args:
        before: The time, spelled as in events (`schemas.timestamps`).
        now: The present time, in the same spelling.

    Raises:
        UsageError: The time is in the future, so that concurrent writes would be deleted.
    """
    if before > now:
        raise UsageError(
            f"everything before {before} would be deleted, which is later than now ({now}); give a past time"
        )


def reject_future_event(event: Event, timestamp_ms: int, max_ahead_s: float = DAY_S) -> None:
    """Rejects an event from the future.

    Args:
        event: The event.
        timestamp_ms: When the event was delivered, in milliseconds since 1970 in UTC: the record's timestamp, or the
            reader's clock if that is earlier.
        max_ahead_s: Seconds by which the event's time may be ahead of `timestamp_ms`.

    Raises:
        RejectedEvent: The event's time is further ahead.
    """
    # Kafka keeps any 64-bit timestamp, including that of a producer that counts microseconds.
    sent = _END if timestamp_ms >= _END.timestamp() * 1000 else datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    limit = _END if _END - sent <= timedelta(seconds=max_ahead_s) else sent + timedelta(seconds=max_ahead_s)
    # Equal formats compare as strings (`schemas.timestamps`).
    if event.event_time > limit.strftime("%Y-%m-%dT%H:%M:%S.%fZ"):
        raise RejectedEvent(
            "$.eventTime",
            f"{event.event_time} is more than {max_ahead_s:g} s after the event was delivered,"
            f" {canonical_time(sent.isoformat())};"
            " the event would win over every later one, so correct the producer's clock",
        )
