"""Dead letters: records that can never be folded, kept with the reason and the place that they came from.

The key, value and headers are those of the original record, so that it can go back as it was once what stood in its
way is mended. What Headwater adds is in headers whose names begin with `headwater.`, as UTF-8 text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consumer.kafka.producer import Producer
from consumer.kafka.record import Headers, Record

PREFIX = "headwater."

MAX_TEXT = 4000
"""Characters of a reason or path that are kept, as brokers bound the size of a record with its headers."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One rejected record.

    Attributes:
        record: As it was read.
        reason: Why it can't be folded, in words.
        path: Where in the document, as a JSON path; `$` is all of it.
    """

    record: Record
    reason: str
    path: str = "$"


class DeadLetters(Protocol):
    """Keeps dead letters."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Keeps all of them before it returns.

        Raises:
            TransientError: Some may not have been kept; the offsets of none may be committed.
        """
        ...

    def close(self) -> None:
        """Gives back connections and files."""
        ...


class TopicDeadLetters:
    """Dead letters in a topic, on any broker that there is a producer for."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Writes and waits for the replicas.

        A letter's own time is when it was rejected, from which its retention counts; the record's is in a header.
        """
        if letters:
            self._producer.write(
                self._topic, [(letter.record.key, letter.record.value, headers(letter)) for letter in letters]
            )

    def close(self) -> None:
        """Closes the producer."""
        self._producer.close()


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
    )
    return DeadLetter(origin, told.get("reason", record.flaw or "no reason is recorded"), told.get("path", "$"))


def _original(headers: Headers) -> Headers:
    return tuple(header for header in headers if not _is_own(header[0]))


def _is_own(name: str) -> bool:
    return name.startswith(PREFIX)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise
