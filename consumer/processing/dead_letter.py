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
