"""Changes on their way to a store, sent in portions: a batch of new tables has more steps than memory should hold."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.graph.store import Change, GraphStore

PORTION = 2_000
"""Steps after which what has come together is sent; several requests, so that these still follow on each other."""


class WriteBuffer:
    """Takes changes and sends them when they are enough; `finish` sends the rest."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._waiting: list[Change] = []
        self._steps = 0
        self._failed: set[str] = set()

    def add(self, changes: Sequence[Change]) -> None:
        """Takes the changes of one owner.

        Raises:
            TransientError: The store can't serve now.
        """
        self._waiting += changes
        self._steps += len(changes)
        for change in changes:
            self._steps += len(change.steps)
        if self._steps >= PORTION:
            self._send()

    def finish(self) -> set[str]:
        """Sends what waits; returns the owners of those changes that were not done.

        Raises:
            TransientError: The store can't serve now.
        """
        if self._waiting:
            self._send()
        return self._failed

    def _send(self) -> None:
        self._failed |= self._store.write(self._waiting)
        self._waiting, self._steps = [], 0
