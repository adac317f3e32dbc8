"""Parts of a topic: bounds as a person types them, and ranges of offsets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer.errors import UsageError
from consumer.processing.record import TopicPartition
from consumer.time_parsing import parse_timestamp_ms

BEGINNING = "beginning"
END = "end"

_EMPTY_RANGE = {"--from": END, "--to": BEGINNING}
"""For each option, the keyword that leaves nothing to read."""

_POSITION = re.compile(r"(\d+):(\d+)", re.ASCII)


class Position(NamedTuple):
    """A record's partition and offset, written `PARTITION:OFFSET`."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Parses a position.

        Raises:
            UsageError: The text is not a position.
        """
        found = _POSITION.fullmatch(text)
        if found is None:
            raise UsageError(f"{text!r} is not a valid PARTITION:OFFSET, such as 0:12")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class OffsetRange(NamedTuple):
    """Offsets of a partition from `start` up to, not including, `stop`."""

    topic_partition: TopicPartition
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class RangeBound:
    """A bound of a range, with at most one attribute set; without any it is the topic's own bound.

    Attributes:
        time_ms: The first record of that time or later, in milliseconds since 1970.
        offset: The same offset in every partition.
        offsets: The offset by partition; partitions without one are left out.
    """

    time_ms: int | None = None
    offset: int | None = None
    offsets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Sequence[str], now_s: float, option: str) -> RangeBound:
        """Parses a bound.

        Args:
            texts: `beginning`, `end`, a time, a duration before now, an offset; or any number of PARTITION:OFFSET.
            now_s: Seconds since 1970.
            option: Name of the option, for the error.

        Raises:
            UsageError: The texts are not a bound, contradict each other, or leave nothing to read.
        """
        if list(texts) == [_EMPTY_RANGE.get(option)]:
            raise UsageError(f"{option} {texts[0]} leaves nothing to read")
        if not texts or list(texts) in ([BEGINNING], [END]):
            return cls()
        if all(_POSITION.fullmatch(text) for text in texts):
            return cls(offsets=dict(map(Position.parse, texts)))
        if len(texts) > 1:
            raise UsageError(
                f"{option} is given {len(texts)} times; only PARTITION:OFFSET may repeat, once for each partition"
            )
        if texts[0].isascii() and texts[0].isdecimal():
            return cls(offset=int(texts[0]))
        return cls(time_ms=parse_timestamp_ms(texts[0], now_s, option))

    def resolve(
        self, ends: Mapping[int, int], at_time: Callable[[int], Mapping[int, int | None]], otherwise: Mapping[int, int]
    ) -> dict[int, int]:
        """Resolves the bound to an offset in each partition that it covers, whether or not the offset exists.

        Args:
            ends: The offset after the last record, by partition.
            at_time: Finds, by partition, the offset of the first record of a time or later; None without such a record.
            otherwise: The offset by partition where the bound has no attribute.

        Raises:
            UsageError: The bound names a partition that does not exist.
        """
        if self.offsets:
            if unknown := self.offsets.keys() - ends.keys():
                raise UsageError(
                    f"partition {min(unknown)} does not exist; the topic has partitions 0 to {len(ends) - 1}"
                )
            return dict(self.offsets)
        if self.offset is not None:
            return dict.fromkeys(ends, self.offset)
        if self.time_ms is not None:
            found = at_time(self.time_ms)
            return {number: ends[number] if (at := found.get(number)) is None else at for number in ends}
        return dict(otherwise)
