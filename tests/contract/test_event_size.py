"""The emitter and the consumer agree how large an event may be; neither imports the other."""

from __future__ import annotations

import json

import pytest

from emitter.brokers.kafka_broker import require_size
from emitter.config.transport_config import KafkaConfig
from emitter.errors import TooLargeError
from emitter.record import MAX_BYTES, Record
from schemas.decode import decode
from schemas.errors import RejectedEvent

EVENT = {
    "eventType": "COMPLETE",
    "eventTime": "2026-01-01T00:00:00Z",
    "producer": "https://example.com/producer",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": "0f7e6c6e-6d0c-5e0a-9a5b-5a2f8f1f4c11"},
    "job": {"namespace": "n", "name": "j"},
    "inputs": [],
    "outputs": [],
}


def of_size(size: int) -> bytes:
    """An event of so many bytes, which are few once compressed."""
    return json.dumps(EVENT).encode().ljust(size)


def test_what_is_sent_is_read() -> None:
    """The largest that the emitter sends is one that the consumer takes."""
    require_size(Record("t", b"k", of_size(MAX_BYTES), 0), KafkaConfig(bootstrap_servers=("b:1",)))
    decode(of_size(MAX_BYTES))


def test_what_is_not_read_is_not_sent() -> None:
    """One byte more is too large for both."""
    with pytest.raises(RejectedEvent):
        decode(of_size(MAX_BYTES + 1))
    with pytest.raises(TooLargeError):
        require_size(Record("t", b"k", of_size(MAX_BYTES + 1), 0), KafkaConfig(bootstrap_servers=("b:1",)))
