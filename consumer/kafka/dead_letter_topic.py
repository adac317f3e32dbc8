"""Dead letters in a topic: records that can never be folded, with the reason and the origin.

Key, value and headers are those of the original record, so that it can be redriven unchanged once the fault is fixed.
Headwater adds headers whose names begin with `headwater.`, as UTF-8 text.

A value that is longer than an event may be can never be redriven: its first `TRUNCATED_BYTES` are kept, with its length
and its SHA-256. The same holds for a dead letter that the topic rejects for its size, with as much as the topic
accepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import Outgoing, Producer, TooLargeError
from consumer.processing.record import TRUNCATED_BYTES, Headers, Record, Truncation
from schemas.strict_json import MAX_BYTES

PREFIX = "headwater."

MAX_TEXT = 4000
"""Characters of a reason or path that are kept, since brokers bound the size of a record with its headers."""


MAX_HEADER_BYTES: Final = 256 * 1024
"""Bytes of key and headers, together, that are kept beside a truncated value."""

_SHORTER_FORMS: Final = ((TRUNCATED_BYTES, MAX_TEXT), (4_096, MAX_TEXT), (0, 200))
"""Bytes of the value, and characters of reason and path, in the shorter forms of a dead letter."""

_log = structlog.get_logger(__name__)


class TopicDeadLetters:
    """Dead letters in a topic, through any `Producer`."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Writes and waits for the replicas.

        The dead letter's timestamp is the time of the rejection, from which retention counts; a header has the
        record's.
        """
        if not letters:
            return
        bounded = [truncate(letter) if _is_long(letter) else letter for letter in letters]
        try:
            self._producer.write(self._topic, [_outgoing(letter) for letter in bounded])
        except TooLargeError as error:
            for number in error.refused:
                self._write_shortened(bounded[number])

    def _write_shortened(self, letter: DeadLetter) -> None:
        """Writes as much of a dead letter as the topic accepts.

        Raises:
            TooLargeError: The topic does not even accept the reason.
        """
        _log.warning("dead letter shortened", record=str(letter.record), bytes=letter.record.size)
        *forms, last = [truncate(letter, *form) for form in _SHORTER_FORMS]
        for form in forms:
            try:
                self._producer.write(self._topic, [_outgoing(form)])
            except TooLargeError:
                continue
            return
        self._producer.write(self._topic, [_outgoing(last)])

    def close(self) -> None:
        """Closes the producer."""
        self._producer.close()


def _is_long(letter: DeadLetter) -> bool:
    return len(letter.record.value or b"") > MAX_BYTES


def _outgoing(letter: DeadLetter) -> Outgoing:
    return letter.record.key, letter.record.value, dead_letter_headers(letter)


def truncate(letter: DeadLetter, kept: int = TRUNCATED_BYTES, text: int = MAX_TEXT) -> DeadLetter:
    """Returns a dead letter with the first bytes of its value, and with the value's length and hash.

    Args:
        letter: The dead letter.
        kept: Bytes of the value to keep, at most.
        text: Characters of the reason and of the path to keep, at most.
    """
    record = letter.record
    value = record.value or b""
    beside = record.size - len(value)
    short = replace(
        record,
        key=record.key if beside <= min(MAX_HEADER_BYTES, 4 * kept) else (record.key or b"")[:100],
        value=value[:kept],
        headers=record.headers if beside <= min(MAX_HEADER_BYTES, 4 * kept) else (),
        truncation=record.truncation or Truncation.of(value),
    )
    return DeadLetter(short, letter.reason[:text], letter.path[:text])


def dead_letter_headers(letter: DeadLetter) -> Headers:
    """Returns the original record's headers, then reason, path and origin."""
    record = letter.record
    added = {
        "reason": letter.reason[:MAX_TEXT],
        "path": letter.path[:MAX_TEXT],
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp": str(record.timestamp_ms),
    }
    if record.truncation is not None:
        added |= {"length": str(record.truncation.length), "sha256": record.truncation.sha256}
    # A lone surrogate in a reason (from an escaped name) must not fail the write.
    own = tuple((PREFIX + name, text.encode("utf-8", "backslashreplace")) for name, text in added.items())
    return _original_headers(record.headers) + own


def parse_dead_letter(record: Record) -> DeadLetter:
    """Returns the dead letter in a record of the dead-letter topic, with the original record as it was read.

    A record of another producer, without Headwater's headers, is its own origin.
    """
    own = {
        name[len(PREFIX) :]: data.decode("utf-8", "replace")
        for name, data in record.headers
        if _is_headwater_header(name)
    }
    origin = Record(
        own.get("topic", record.topic),
        _number(own.get("partition"), record.partition),
        _number(own.get("offset"), record.offset),
        record.key,
        record.value,
        _number(own.get("timestamp"), record.timestamp_ms),
        _original_headers(record.headers),
        truncation=Truncation(_number(own["length"], 0), own["sha256"])
        if {"length", "sha256"} <= own.keys()
        else record.truncation,
    )
    return DeadLetter(origin, own.get("reason", record.parse_error or "no reason is recorded"), own.get("path", "$"))


def _original_headers(headers: Headers) -> Headers:
    return tuple(header for header in headers if not _is_headwater_header(header[0]))


def _is_headwater_header(name: str) -> bool:
    return name.startswith(PREFIX)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise
