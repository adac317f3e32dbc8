"""Spans of a topic as a source of records, so that what the service does with a topic can be done again beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from consumer.errors import HeadwaterError
from consumer.kafka.offset_range import Span
from consumer.kafka.topic_reader import Reader
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import OnLost, OnRevoked
from consumer.processing.record import Record, TopicPartition

SILENCE_S: Final = 60.0
"""Seconds without a record, short of the end, after which a replay ends with an error."""


class ReplaySource:
    """Gives the records of spans once, and sets an event when all that it gave is committed.

    No group is joined and no offset is kept anywhere but here.

    Args:
        reader: Of the topic; closed by whoever made it.
        spans: What to read of it; several partitions are read at a time.
        finished: Set at the end, to stop the loop that reads from here.
        clock: Seconds; monotonic.

    Attributes:
        left: For each partition that is not done, the offset from which on its records are not durable in the sink yet.
    """

    def __init__(
        self,
        reader: Reader,
        spans: Sequence[Span],
        finished: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.left = {span.place: span.start for span in spans if span.start < span.stop}
        self._spans = [span for span in spans if span.place in self.left]
        self._stops = {span.place: span.stop for span in self._spans}
        self._positions = dict(self.left)
        self._given: dict[TopicPartition, int] = {}
        self._reader = reader
        self._finished = finished
        self._clock = clock
        self._heard = clock()

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnLost | None = None) -> None:  # noqa: ARG002 -- see below
        """Begins to read; nothing is ever revoked, and of what is lost the reader tells."""
        self._reader.start(self._spans)
        self._heard = self._clock()

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """The next records of the spans.

        Raises:
            HeadwaterError: Nothing comes, though there should be more.
        """
        if not self._unread():
            self._settle()
            self._finished.wait(timeout_s)
            return []
        found = self._reader.poll(timeout_s, max_records)
        self._look(bool(found))
        records = [record for record in found if record.offset < self._stops[record.place]]
        self._given.update({record.place: record.offset + 1 for record in records})
        return records

    def heartbeat(self, timeout_s: float) -> None:  # noqa: ARG002 -- see below
        """Nobody waits for a sign of life; and while the loop gives one it asks for no records, so none can come."""
        self._heard = self._clock()

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Notes what is durable."""
        self.left.update(offsets)
        self._settle()

    def lag(self) -> Mapping[TopicPartition, int]:
        """For each partition, how many offsets are still to be read."""
        return {place: max(0, stop - self._positions[place]) for place, stop in self._stops.items()}

    def close(self) -> None:
        """The reader is somebody else's."""

    def _unread(self) -> list[TopicPartition]:
        return [place for place, stop in self._stops.items() if self._positions[place] < stop]

    def _look(self, came: bool) -> None:  # noqa: FBT001 -- one caller, and it is about one thing
        """Where reading is now; it moves also over what is compacted, aborted or gone."""
        for place in self._unread():
            position = self._reader.position(place)
            came = came or position > self._positions[place]
            self._positions[place] = position
            if position >= self._stops[place]:
                self._reader.pause(place)
        if came:
            self._heard = self._clock()
        elif (silent := self._clock() - self._heard) > SILENCE_S:
            place = self._unread()[0]
            raise HeadwaterError(
                f"{place}@{self._positions[place]}: nothing came for {silent:.0f} s, short of {self._stops[place]};"
                " is the broker well? `headwater check kafka` tells"
            )

    def _settle(self) -> None:
        """Forgets partitions that are read to the end and durable; without any, all is done."""
        unread = set(self._unread())
        for place in [place for place in self.left if place not in unread]:
            if self.left[place] >= self._given.get(place, 0):
                del self.left[place]
        if not self.left:
            self._finished.set()


class Unmourned:
    """Takes dead letters and keeps none: those of a replay are in the dead-letter topic already.

    Args:
        tell: Told of each.
    """

    def __init__(self, tell: Callable[[DeadLetter], None]) -> None:
        self._tell = tell

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Tells of them."""
        for letter in letters:
            self._tell(letter)

    def close(self) -> None:
        """Has nothing to give back."""
