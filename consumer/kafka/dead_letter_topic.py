"""Dead letters: records that can never be folded, kept with the reason and the place that they came from.

The key, value and headers are those of the original record, so that it can go back as it was once its fault is mended.
What Headwater adds is in headers whose names begin with `headwater.`, as UTF-8 text.

A value that is longer than an event may be can never go back. Its first `KEPT_BYTES` are kept, with its length and its
SHA-256. So is any letter that the topic refuses for its size, with as much of it as the topic takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import Outgoing, Producer, TooLargeError
from consumer.processing.record import KEPT_BYTES, Cut, Headers, Record
from schemas.strict_json import MAX_BYTES

PREFIX = "headwater."

MAX_TEXT = 4000
"""Characters of a reason or path that are kept, as brokers bound the size of a record with its headers."""


ORIGINAL_BYTES: Final = 256 * 1024
"""Bytes of a key and of headers, together, that go with a value that is cut."""

_FALLBACKS: Final = ((KEPT_BYTES, MAX_TEXT), (4_096, MAX_TEXT), (0, 200))
"""Bytes of the value, and characters of reason and path, in the forms of a letter that its topic refuses."""

_log = structlog.get_logger(__name__)


class TopicDeadLetters:
    """Dead letters in a topic, on any broker that there is a producer for."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Writes and waits for the replicas.

        A letter's own time is when it was rejected, from which its retention counts; the record's is in a header.
        """
        if not letters:
            return
        bounded = [cut(letter) if _is_long(letter) else letter for letter in letters]
        try:
            self._producer.write(self._topic, [_outgoing(letter) for letter in bounded])
        except TooLargeError as error:
            for number in error.refused:
                self._write_less(bounded[number])

    def _write_less(self, letter: DeadLetter) -> None:
        """Writes as much of a letter as the topic takes.

        Raises:
            TooLargeError: The topic does not even take the reason.
        """
        _log.warning("dead letter shortened", record=str(letter.record), bytes=letter.record.size)
        *forms, last = [cut(letter, *form) for form in _FALLBACKS]
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
    return letter.record.key, letter.record.value, headers(letter)


def cut(letter: DeadLetter, kept: int = KEPT_BYTES, text: int = MAX_TEXT) -> DeadLetter:
    """A letter with the beginning of its value, and with the value's length and hash.

    Args:
        letter: The letter.
        kept: How many bytes of the value are kept, at most.
        text: How many characters of its reason and of its path are kept, at most.
    """
    record = letter.record
    value = record.value or b""
    beside = record.size - len(value)
    short = replace(
        record,
        key=record.key if beside <= min(ORIGINAL_BYTES, 4 * kept) else (record.key or b"")[:100],
        value=value[:kept],
        headers=record.headers if beside <= min(ORIGINAL_BYTES, 4 * kept) else (),
        cut=record.cut or Cut.of(value),
    )
    return DeadLetter(short, letter.reason[:text], letter.path[:text])


def headers(letter: DeadLetter) -> Headers:
    """The original record's headers, then reason, path and origin."""
    record = letter.record
    added = {
        "reason": letter.reason[:MAX_TEXT],
        "path": letter.path[:MAX_TEXT],
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "timestamp": str(record.timestamp_ms),
    }
    if record.cut is not None:
        added |= {"length": str(record.cut.length), "sha256": record.cut.sha256}
    # A lone surrogate in a reason (from an escaped name) must not stop the letter.
    own = tuple((PREFIX + name, text.encode("utf-8", "backslashreplace")) for name, text in added.items())
    return _original(record.headers) + own


def original(record: Record) -> DeadLetter:
    """The dead letter that a record of the dead-letter topic holds, with the original record as it was read.

    What a foreign producer put there without Headwater's headers has itself as its origin.
    """
    told = {name[len(PREFIX) :]: data.decode("utf-8", "replace") for name, data in record.headers if _is_own(name)}
    origin = Record(
        told.get("topic", record.topic),
        _number(told.get("partition"), record.partition),
        _number(told.get("offset"), record.offset),
        record.key,
        record.value,
        _number(told.get("timestamp"), record.timestamp_ms),
        _original(record.headers),
        cut=Cut(_number(told["length"], 0), told["sha256"]) if {"length", "sha256"} <= told.keys() else record.cut,
    )
    return DeadLetter(origin, told.get("reason", record.flaw or "no reason is recorded"), told.get("path", "$"))


def _original(headers: Headers) -> Headers:
    return tuple(header for header in headers if not _is_own(header[0]))


def _is_own(name: str) -> bool:
    return name.startswith(PREFIX)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise
