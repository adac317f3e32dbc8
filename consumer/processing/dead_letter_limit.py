"""The limit on dead letters: when most records are rejected, the cause is not in the records."""

from __future__ import annotations

from collections import deque

from consumer.config.settings import DeadLetterSettings
from consumer.errors import HeadwaterError
from consumer.processing.dead_letter import DeadLetter


class DeadLetterLimitExceeded(HeadwaterError):
    """The service stops, because so many records are rejected that the topic would drain into the dead letters."""


class DeadLetterLimit:
    """The share of rejected records among the latest ones, and its limit."""

    def __init__(self, settings: DeadLetterSettings) -> None:
        self._settings = settings
        self._batches: deque[tuple[int, int]] = deque()
        self._records = self._rejected = 0

    def admit(self, records: int, letters: list[DeadLetter]) -> None:
        """Counts a batch before its dead letters are written.

        Raises:
            DeadLetterLimitExceeded: At least `limit_count` of the last `dead_letters.limit_window` records were
                rejected, and they are at least the share `limit_ratio`. Commit no record of this batch.
        """
        self._count(records, len(letters))
        # The window covers the latest batch at least, whatever its size.
        while len(self._batches) > 1 and self._records - self._batches[0][0] >= self._settings.limit_window:
            self._count(*(-n for n in self._batches.popleft()), keep=False)
        limits = self._settings
        if letters and self._rejected >= limits.limit_count and self._rejected >= limits.limit_ratio * self._records:
            raise DeadLetterLimitExceeded(self._message(letters[0]))

    def _count(self, records: int, rejected: int, *, keep: bool = True) -> None:
        self._records += records
        self._rejected += rejected
        if keep:
            self._batches.append((records, rejected))

    def _message(self, first: DeadLetter) -> str:
        limits = self._settings
        return (
            f"{self._rejected} of the last {self._records} records were rejected, more than the limit"
            f" (dead_letters.limit_count = {limits.limit_count}, limit_ratio = {limits.limit_ratio:g}). Stopped at"
            f" {first.record} before more of the topic becomes dead letters. Reason of the rejection:"
            f" {first.path}: {first.reason}. Check that this is the right topic and that its producers write"
            " OpenLineage; to skip these records, raise dead_letters.limit_count"
        )
