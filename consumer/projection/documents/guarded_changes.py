"""Changes of one document, each under the token that the one before has set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from consumer.graph.store import Change, NotExists, Properties, PropertyEquals, Step, Vertex

STEPS_PER_CHANGE = 100
"""Maximum number of steps in one change; more go into further changes, each under the token of the previous one."""


def count_of(token: str) -> int:
    """Returns the number of changes that a token counts."""
    return int(token.partition(".")[0] or 0)


def parts(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """Yields steps in groups that fit into one change."""
    for at in range(0, len(steps), STEPS_PER_CHANGE):
        yield tuple(steps[at : at + STEPS_PER_CHANGE])


class GuardedChanges:
    """Makes the changes of one document.

    Args:
        id_: The id of its vertex.
        label: The label of it.
        token: Its token now; empty if it is not in the store.
        salt: A part of its first token.

    Attributes:
        token: The token after the changes that were made.
    """

    def __init__(self, id_: str, label: str, token: str, salt: str) -> None:
        self._id = id_
        self._label = label
        self._salt = salt
        self.token = token

    def change(self, properties: Properties, steps: tuple[Step, ...] = ()) -> Change:
        """Returns the next change, with the properties that it sets and the steps that it takes."""
        count = count_of(self.token) + 1
        # What differs in a step follows from the properties, but for which vertices and edges are there.
        text = f"{properties!r}{[step[0] for step in steps]!r}{self._salt}"
        said = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        when = PropertyEquals("rev", self.token) if self.token else NotExists()
        self.token = f"{count}.{said}"
        return Change(
            Vertex(self._id, self._label, {**properties, "rev": self.token}),
            when,
            PropertyEquals("rev", self.token),
            steps,
        )
