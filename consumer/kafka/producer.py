"""Records on their way to a topic: kept by the broker's replicas before the call returns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer, errors

from consumer.config.settings import KafkaSettings
from consumer.errors import TransientError
from consumer.kafka.client_options import client_options, talking
from consumer.processing.ports import Outgoing, TooLargeError

SEND_TIMEOUT_S = 30.0
"""Seconds for all records of one call to be acknowledged."""

_UNBOUNDED = 2**31 - 1

_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class TopicProducer:
    """Writes to Kafka with acks=all and idempotence; connects at the first write."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Any = None

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Sends all, then asks each for its acknowledgement."""
        with talking(f"writing to topic {topic}", self._settings):
            try:
                self._send(topic, records)
            except BaseException:
                # A producer that failed once may hold records back or be fenced; the next try begins with a new one.
                self._abandon()
                raise

    def close(self) -> None:
        """Gives back the connections; nothing is unsent, as every write waits."""
        self._abandon()

    def _send(self, topic: str, records: Sequence[Outgoing]) -> None:
        refused = self._refused(topic, list(enumerate(records)))
        if refused:
            # An idempotent producer fails every record after one that was refused, so each is sent once more by itself.
            self._abandon()
            refused = [number for number in refused if self._is_refused_alone(topic, number, records[number])]
        if refused:
            raise TooLargeError(topic, refused)

    def _is_refused_alone(self, topic: str, number: int, record: Outgoing) -> bool:
        is_refused = bool(self._refused(topic, [(number, record)]))
        if is_refused:
            self._abandon()
        return is_refused

    def _refused(self, topic: str, records: Sequence[tuple[int, Outgoing]]) -> list[int]:
        """Sends records and waits for each; returns the numbers of those that failed for their size."""
        if self._producer is None:
            self._producer = KafkaProducer(**producer_options(self._settings))
        # A record must have a key or a value; that of a tombstone without a key is empty.
        sent = [
            (
                number,
                self._producer.send(
                    topic, key=b"" if key is None and value is None else key, value=value, headers=[*headers]
                ),
            )
            for number, (key, value, headers) in records
        ]
        self._producer.flush(timeout=SEND_TIMEOUT_S)
        return [number for number, future in sent if _is_too_large(future)]

    def _abandon(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            with suppress(TransientError), talking("closing the producer", self._settings):
                producer.close(timeout=0)


def _is_too_large(future: Any) -> bool:
    """Waits for the acknowledgement of a record; True if the record is refused for its size."""
    try:
        future.get(timeout=SEND_TIMEOUT_S)
    except _TOO_LARGE:
        return True
    return False


def producer_options(settings: KafkaSettings) -> dict[str, Any]:
    """The keyword arguments of a `KafkaProducer`."""
    request_ms = int(min(settings.request_timeout_s, SEND_TIMEOUT_S / 2) * 1000)
    return client_options(settings) | {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "gzip",
        # The client would measure what is not compressed yet; the topic's limit, of what is, is for the broker to tell.
        "max_request_size": _UNBOUNDED,
        "max_block_ms": int(SEND_TIMEOUT_S * 1000 / 2),
        "request_timeout_ms": request_ms,
        "delivery_timeout_ms": int(SEND_TIMEOUT_S * 1000),
        "linger_ms": 5,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
