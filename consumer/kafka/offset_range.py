"""Parts of a topic: from where to where, as a person says it, and as offsets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer.errors import UsageError
from consumer.processing.record import TopicPartition
from consumer.time_parsing import moment_ms

BEGINNING = "beginning"
END = "end"

_NONSENSE = {"--from": END, "--to": BEGINNING}
"""The word that makes no sense as the bound of that option."""

_PLACE = re.compile(r"(\d+):(\d+)", re.ASCII)


class Position(NamedTuple):
    """A record's place in a topic, written `PARTITION:OFFSET`."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position that a text names.

        Raises:
            UsageError: It names none.
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            raise UsageError(f"{text!r} is no PARTITION:OFFSET, such as 0:12")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Span(NamedTuple):
    """Offsets of a partition, `start` included, `stop` not."""

    place: TopicPartition
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of what is read, at most one of its attributes set; without any it is the topic's own end.

    Attributes:
        time_ms: The first record that is as late as that, in milliseconds since 1970.
        offset: The same offset in every partition.
        offsets: An offset for each partition that is meant; the others are left out.
    """

    time_ms: int | None = None
    offset: int | None = None
    offsets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Sequence[str], now_s: float, option: str) -> Bound:
        """The bound that somebody says.

        Args:
            texts: `beginning`, `end`, a time, a duration before now, an offset; or any number of PARTITION:OFFSET.
            now_s: Seconds since 1970.
            option: Where it was said, for the error.

        Raises:
            UsageError: It says nothing, or several things, or that there is nothing to read.
        """
        if list(texts) == [_NONSENSE.get(option)]:
            raise UsageError(f"{option} {texts[0]} leaves nothing to read")
        if not texts or list(texts) in ([BEGINNING], [END]):
            return cls()
        if all(_PLACE.fullmatch(text) for text in texts):
            return cls(offsets=dict(map(Position.parse, texts)))
        if len(texts) > 1:
            raise UsageError(f"{option} is given {len(texts)} times; only PARTITION:OFFSET can be, one a partition")
        if texts[0].isascii() and texts[0].isdecimal():
            return cls(offset=int(texts[0]))
        return cls(time_ms=moment_ms(texts[0], now_s, option))

    def within(
        self, ends: Mapping[int, int], at_time: Callable[[int], Mapping[int, int | None]], otherwise: Mapping[int, int]
    ) -> dict[int, int]:
        """The bound's offset in each partition that it means, whether it is there or not.

        Args:
            ends: The offset after the last record, by partition.
            at_time: Finds, by partition, the offset of the first record that is as late as a time; None where none is.
            otherwise: What it is by partition where nothing is said.

        Raises:
            UsageError: It names a partition that there is not.
        """
        if self.offsets:
            if unknown := self.offsets.keys() - ends.keys():
                raise UsageError(f"there is no partition {min(unknown)}; the topic has {len(ends)}, from 0 on")
            return dict(self.offsets)
        if self.offset is not None:
            return dict.fromkeys(ends, self.offset)
        if self.time_ms is not None:
            found = at_time(self.time_ms)
            return {number: ends[number] if (at := found.get(number)) is None else at for number in ends}
        return dict(otherwise)
