"""The producer: records are on the broker's replicas before a write returns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer, errors

from consumer.config.settings import KafkaSettings
from consumer.errors import TransientError
from consumer.kafka.client_options import client_options, translate_errors
from consumer.processing.ports import Outgoing, TooLargeError

SEND_TIMEOUT_S = 30.0
"""Seconds for all records of one call to be acknowledged."""

_UNBOUNDED = 2**31 - 1

_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class TopicProducer:
    """Producer with acks=all and idempotence; connects at the first write."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Any = None

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Sends all records, then waits for each acknowledgement."""
        with translate_errors(f"writing to topic {topic}", self._settings):
            try:
                self._send(topic, records)
            except BaseException:
                # A producer that failed once may hold records back or be fenced; the retry starts with a new one.
                self._close_producer()
                raise

    def close(self) -> None:
        """Closes the connections; every write has waited, so nothing is unsent."""
        self._close_producer()

    def _send(self, topic: str, records: Sequence[Outgoing]) -> None:
        refused = self._refused(topic, list(enumerate(records)))
        if refused:
            # An idempotent producer fails every record after a rejected one, so each is sent once more by itself.
            self._close_producer()
            refused = [number for number in refused if self._is_refused_alone(topic, number, records[number])]
        if refused:
            raise TooLargeError(topic, refused)

    def _is_refused_alone(self, topic: str, number: int, record: Outgoing) -> bool:
        is_refused = bool(self._refused(topic, [(number, record)]))
        if is_refused:
            self._close_producer()
        return is_refused

    def _refused(self, topic: str, records: Sequence[tuple[int, Outgoing]]) -> list[int]:
        """Sends records and waits for each; returns the indexes of those that are rejected for their size."""
        if self._producer is None:
            self._producer = KafkaProducer(**producer_options(self._settings))
        # A record must have a key or a value; a tombstone without a key gets an empty one.
        sent = [
            (
                number,
                self._producer.send(
                    topic, key=b"" if key is None and value is None else key, value=value, headers=[*headers]
                ),
            )
            for number, (key, value, headers) in records
        ]
        # No flush: kafka-python 3.0 fails it if the broker refuses a batch for its size, which is then sent in halves.
        return [number for number, future in sent if _is_too_large(future)]

    def _close_producer(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            with suppress(TransientError), translate_errors("closing the producer", self._settings):
                producer.close(timeout=0)


def _is_too_large(future: Any) -> bool:
    """Waits for the acknowledgement of a record; True if the record is rejected for its size."""
    try:
        future.get(timeout=SEND_TIMEOUT_S)
    except _TOO_LARGE:
        return True
    return False


def producer_options(settings: KafkaSettings) -> dict[str, Any]:
    """Returns the keyword arguments of a `KafkaProducer`."""
    request_ms = int(min(settings.request_timeout_s, SEND_TIMEOUT_S / 2) * 1000)
    return client_options(settings) | {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "zstd",
        # With kafka-python's 16 KB an event of 10 KB is a batch of its own, and a request: a tenth of the rate.
        "batch_size": 128 * 1024,
        # The client measures before compression, the topic's limit applies after it: leave the check to the broker.
        "max_request_size": _UNBOUNDED,
        "max_block_ms": int(SEND_TIMEOUT_S * 1000 / 2),
        "request_timeout_ms": request_ms,
        "delivery_timeout_ms": int(SEND_TIMEOUT_S * 1000),
        "linger_ms": 5,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
