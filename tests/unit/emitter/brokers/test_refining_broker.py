"""Refinement on the way out: what changes an event, and what leaves its bytes alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emitter.brokers.broker import DeliveryCallback
from emitter.brokers.refining_broker import RefiningBroker, refined
from emitter.errors import DeliveryError, UnavailableError
from emitter.record import Record
from emitter.reduction import MARKER


def record(value: bytes) -> Record:
    """A record with a value."""
    return Record("topic", b"key", value, 0)


def renamed(event: dict[str, Any]) -> list[dict[str, Any]]:
    """A refinement that renames the job `a`, makes two of `hooked`, and lets all else pass."""
    if event.get("job") == "hooked":
        return [event, {"job": "hook"}]
    return [{**event, "job": "better"} if event.get("job") == "a" else event]


class Behind:
    """A broker that keeps records.

    Args:
        is_waiting: True if the callbacks are left to the test.
        refuses: The error with which no record is accepted.
    """

    def __init__(self, *, is_waiting: bool = False, refuses: DeliveryError | None = None) -> None:
        self.values: list[bytes] = []
        self.keys: set[bytes] = set()
        self.callbacks: list[DeliveryCallback] = []
        self.is_closed = False
        self._is_waiting, self._refuses = is_waiting, refuses

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Keeps the record."""
        if self._refuses is not None:
            raise self._refuses
        self.values.append(record.value)
        self.keys.add(record.key)
        self.callbacks.append(on_delivery)
        if not self._is_waiting:
            on_delivery(None)

    def close(self) -> None:
        """Notes it."""
        self.is_closed = True


def test_an_event_is_refined() -> None:
    """What refinement says goes out, under the same key."""
    [found] = refined(record(b'{"job": "a"}'), renamed)
    assert json.loads(found.value) == {"job": "better"}
    assert found.key == b"key", "the key decides the order and must stay"


@pytest.mark.parametrize(
    "value",
    [b'{"job":  "b"}', b"no JSON", b"[1]", json.dumps({"job": "a", "run": {"facets": {MARKER: {}}}}).encode()],
)
def test_what_is_not_refined_keeps_its_bytes(value: bytes) -> None:
    """An event that does not change, that is none, or that was reduced for its size goes as it was emitted."""
    [found] = refined(record(value), renamed)
    assert found.value == value, "bytes changed that nobody had to change"


def test_the_broker_behind_takes_the_refined_event() -> None:
    """Sending and closing reach the broker behind."""
    behind = Behind()
    broker = RefiningBroker(behind, renamed)
    broker.send(record(b'{"job": "a"}'), lambda _: None)
    broker.close()
    assert (behind.values, behind.is_closed) == ([b'{"job": "better"}'], True)


def test_a_node_with_hooks_is_one_delivery_of_several_records() -> None:
    """It is stored when all of its records are, under one key and with the node's own bytes unchanged."""
    behind, results = Behind(is_waiting=True), list[DeliveryError | None]()
    RefiningBroker(behind, renamed).send(record(b'{"job":  "hooked"}'), results.append)
    assert behind.values == [b'{"job":  "hooked"}', b'{"job": "hook"}']
    assert behind.keys == {b"key"}, "the key decides the order"
    behind.callbacks[1](None)
    assert results == [], "the node's own record is not stored yet"
    behind.callbacks[0](None)
    assert results == [None]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_of_one_record_is_the_error_of_all(failing: int) -> None:
    """So they are all sent again; each settles once, also if the broker does not accept it."""
    error = UnavailableError("down")
    behind, results = Behind(is_waiting=True), list[DeliveryError | None]()
    RefiningBroker(behind, renamed).send(record(b'{"job": "hooked"}'), results.append)
    behind.callbacks[failing](error)
    behind.callbacks[1 - failing](None)
    assert results == [error]
    refusing, refused = Behind(refuses=error), list[DeliveryError | None]()
    RefiningBroker(refusing, renamed).send(record(b'{"job": "hooked"}'), refused.append)
    assert refused == [error]
