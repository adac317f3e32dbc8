"""A limit on dead letters: when most of what comes is rejected, something else is wrong than the records."""

from __future__ import annotations

from collections import deque

from consumer.config.settings import DeadLetterSettings
from consumer.errors import HeadwaterError
from consumer.processing.dead_letter import DeadLetter


class Flooded(HeadwaterError):
    """So many records are rejected that the service stops, rather than drain the topic into the dead letters."""


class Flood:
    """Watches the share of rejected records among the latest ones."""

    def __init__(self, settings: DeadLetterSettings) -> None:
        self._settings = settings
        self._batches: deque[tuple[int, int]] = deque()
        self._records = self._rejected = 0

    def admit(self, records: int, letters: list[DeadLetter]) -> None:
        """Counts a batch, before its dead letters are written.

        Raises:
            Flooded: Among the last `dead_letters.flood_window` records at least `flood_count` were rejected, and they
                are at least the share `flood_ratio` of them. None of this batch may be committed.
        """
        self._count(records, len(letters))
        # A window of at least the latest batch, whatever its size.
        while len(self._batches) > 1 and self._records - self._batches[0][0] >= self._settings.flood_window:
            self._count(*(-n for n in self._batches.popleft()), keep=False)
        limits = self._settings
        if letters and self._rejected >= limits.flood_count and self._rejected >= limits.flood_ratio * self._records:
            raise Flooded(self._words(letters[0]))

    def _count(self, records: int, rejected: int, *, keep: bool = True) -> None:
        self._records += records
        self._rejected += rejected
        if keep:
            self._batches.append((records, rejected))

    def _words(self, first: DeadLetter) -> str:
        limits = self._settings
        return (
            f"{self._rejected} of the last {self._records} records were rejected, which is a flood"
            f" (dead_letters.flood_count = {limits.flood_count}, flood_ratio = {limits.flood_ratio:g}): stopped at"
            f" {first.record} before more of the topic goes to the dead letters. It was rejected because"
            f" {first.path}: {first.reason}. Is this the right topic, and do its producers write OpenLineage? If these"
            " records are to be passed over, raise dead_letters.flood_count"
        )
