"""Events from the future."""

from __future__ import annotations

import orjson
import pytest

from consumer.errors import UsageError
from consumer.processing.batch import decode_record
from consumer.processing.event_time import DAY_S, reject_future_event, require_past_time
from consumer.processing.record import Record
from schemas.decode import decode
from schemas.errors import RejectedEvent
from schemas.events import Event

NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z."""

DAY_MS = 86_400_000


def body(time: str) -> bytes:
    """The JSON of an event of a time."""
    return orjson.dumps(
        {
            "eventTime": time,
            "eventType": "START",
            "producer": "https://example.com",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
            "run": {"runId": "0199d3f2-0000-7000-8000-000000000000"},
            "job": {"namespace": "ns", "name": "job"},
        }
    )


def event(time: str) -> Event:
    """An event of a time."""
    return decode(body(time))


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2026-01-01T12:00:01Z", "2026-01-02T14:00:00+02:00"])
def test_a_day_ahead_is_taken(time: str) -> None:
    """Old events, and those of a clock that is at most a day ahead."""
    reject_future_event(event(time), NOON_MS)


@pytest.mark.parametrize("time", ["2026-01-02T12:00:00.000001Z", "2027-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_more_than_a_day_ahead_is_rejected(time: str) -> None:
    """The reason names both times, and what to do."""
    with pytest.raises(
        RejectedEvent,
        match=r"86400 s after the event was delivered, 2026-01-01T12:00:00\.000000Z; .*correct the producer",
    ) as e:
        reject_future_event(event(time), NOON_MS)
    assert e.value.path == "$.eventTime"


def test_a_timestamp_at_the_end_of_time() -> None:
    """The limit can't be beyond what a time can say."""
    reject_future_event(event("9999-12-31T23:59:59Z"), 253_402_300_799_000)


@pytest.mark.parametrize(
    ("by_broker", "our_ms", "taken"),
    [
        (True, NOON_MS - 400 * DAY_MS, True),
        (True, NOON_MS + 400 * DAY_MS, True),
        (False, NOON_MS - 400 * DAY_MS, False),
        (False, NOON_MS + 400 * DAY_MS, True),
    ],
    ids=["our clock went back", "our clock jumped forward", "back, and the producer's time", "forward, and that"],
)
def test_a_broker_knows_the_time_better_than_we_do(by_broker: bool, our_ms: int, taken: bool) -> None:  # noqa: FBT001
    """Where the broker stamps records, a wrong clock of this machine rejects nothing."""
    record = Record("t", 0, 1, None, body("2026-01-01T12:00:00Z"), NOON_MS, by_broker=by_broker)
    rejected: list[RejectedEvent] = []
    try:
        decode_record(record, decode, DAY_S, our_ms)
    except RejectedEvent as error:
        rejected.append(error)
    assert bool(rejected) is not taken


def test_a_broker_tells_events_from_the_future() -> None:
    """By its own time, whatever ours is."""
    record = Record("t", 0, 1, None, body("2027-01-01T12:00:00Z"), NOON_MS, by_broker=True)
    with pytest.raises(RejectedEvent, match="after the event was delivered"):
        decode_record(record, decode, DAY_S, NOON_MS + 400 * DAY_MS)


def test_nothing_is_deleted_before_a_time_in_the_future() -> None:
    """A cutoff later than now is refused in words; one that is now or earlier is taken."""
    now = "2026-01-02T00:00:00.000000Z"
    require_past_time(now, now)
    require_past_time("2025-01-01T00:00:00.000000Z", now)
    with pytest.raises(UsageError, match=r"later than now .2026-01-02.*give a past time"):
        require_past_time("2026-01-02T00:00:00.000001Z", now)
