"""Refinement on the way out: what changes an event, and what leaves its bytes alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emitter.brokers.broker import DeliveryCallback
from emitter.brokers.refining_broker import RefiningBroker, refined
from emitter.record import Record
from emitter.shrink import MARKER


def record(value: bytes) -> Record:
    """A record with a value."""
    return Record("topic", b"key", value, 0)


def renamed(event: dict[str, Any]) -> dict[str, Any]:
    """A refinement that renames the job `a`, and lets all else pass."""
    return {**event, "job": "better"} if event.get("job") == "a" else event


def test_an_event_is_refined() -> None:
    """What refinement says goes out, under the same key."""
    found = refined(record(b'{"job": "a"}'), renamed)
    assert json.loads(found.value) == {"job": "better"}
    assert found.key == b"key", "the key decides the order and must stay"


@pytest.mark.parametrize(
    "value",
    [b'{"job":  "b"}', b"no JSON", b"[1]", json.dumps({"job": "a", "run": {"facets": {MARKER: {}}}}).encode()],
)
def test_what_is_not_refined_keeps_its_bytes(value: bytes) -> None:
    """An event that does not change, that is none, or that was reduced for its size goes as it was emitted."""
    assert refined(record(value), renamed).value == value, "bytes changed that nobody had to change"


def test_the_broker_behind_takes_the_refined_event() -> None:
    """Sending and closing reach the broker behind."""
    seen: list[bytes] = []

    class Behind:
        def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
            seen.append(record.value)
            on_delivery(None)

        def close(self) -> None:
            seen.append(b"closed")

    broker = RefiningBroker(Behind(), renamed)
    broker.send(record(b'{"job": "a"}'), lambda _: None)
    broker.close()
    assert seen == [b'{"job": "better"}', b"closed"]
