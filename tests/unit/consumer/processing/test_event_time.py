"""Events from the future."""

from __future__ import annotations

import orjson
import pytest

from consumer.errors import UsageError
from consumer.processing.event_time import require_past, require_plausible
from schemas.decode import decode
from schemas.errors import RejectedEvent
from schemas.events import Event

NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z."""


def event(time: str) -> Event:
    """An event of a time."""
    return decode(
        orjson.dumps(
            {
                "eventTime": time,
                "eventType": "START",
                "producer": "https://example.com",
                "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
                "run": {"runId": "0199d3f2-0000-7000-8000-000000000000"},
                "job": {"namespace": "ns", "name": "job"},
            }
        )
    )


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2026-01-01T12:00:01Z", "2026-01-02T14:00:00+02:00"])
def test_a_day_ahead_is_taken(time: str) -> None:
    """Old events, and those of a clock that is at most a day ahead."""
    require_plausible(event(time), NOON_MS)


@pytest.mark.parametrize("time", ["2026-01-02T12:00:00.000001Z", "2027-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_more_than_a_day_ahead_is_rejected(time: str) -> None:
    """The reason names both times, and what to do."""
    with pytest.raises(
        RejectedEvent, match=r"86400 s ahead of .*2026-01-01T12:00:00.*correct the producer's clock"
    ) as e:
        require_plausible(event(time), NOON_MS)
    assert e.value.path == "$.eventTime"


def test_a_timestamp_at_the_end_of_time() -> None:
    """The limit can't be beyond what a time can say."""
    require_plausible(event("9999-12-31T23:59:59Z"), 253_402_300_799_000)


def test_nothing_is_deleted_before_a_time_in_the_future() -> None:
    """A cutoff later than now is refused in words; one that is now or earlier is taken."""
    now = "2026-01-02T00:00:00.000000Z"
    require_past(now, now)
    require_past("2025-01-01T00:00:00.000000Z", now)
    with pytest.raises(UsageError, match=r"later than now, 2026-01-02.*give a span in the past"):
        require_past("2026-01-02T00:00:00.000001Z", now)
