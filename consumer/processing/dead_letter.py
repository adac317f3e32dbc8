"""Dead letters: records that can never be folded, with the reason; and the port that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consumer.processing.record import Record


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One rejected record.

    Attributes:
        record: The record as read.
        reason: Why the record can't be folded.
        path: JSON path of the fault in the document; `$` is the whole document.
    """

    record: Record
    reason: str
    path: str = "$"


class DeadLetters(Protocol):
    """Destination of dead letters."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Stores all dead letters before it returns.

        Raises:
            TransientError: Some may not be stored; commit none of their offsets.
        """
        ...

    def close(self) -> None:
        """Closes connections and files."""
        ...
