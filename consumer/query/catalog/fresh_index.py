"""The search index of a process that stays: built at the first search, and refreshed in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from consumer.errors import HeadwaterError
from consumer.graph.store import GraphStore
from consumer.query.catalog.search import Results, SearchIndex

REFRESH_S = 5.0
"""Seconds between two refreshes while searches are made."""

_log = structlog.get_logger(__name__)


class FreshIndex:
    """A search index that is at most some seconds old.

    The first search builds it. A later search that finds it old has it refreshed in the background, and uses it as it
    is, unless it is older than the grace.

    Args:
        open_store: Opens a store for reading.
        clock: Seconds; monotonic.
    """

    GRACE_S = 10.0

    def __init__(self, open_store: Callable[[], GraphStore], clock: Callable[[], float] = time.monotonic) -> None:
        self._open_store = open_store
        self._clock = clock
        self._index = SearchIndex()
        self._refreshed: float | None = None
        self._lock = threading.Lock()

    def search(self, text: str, limit: int, offset: int) -> Results:
        """Searches.

        Raises:
            UsageError: The query is empty.
            TransientError: The graph can't serve now, and the index is too old.
        """
        age = None if self._refreshed is None else self._clock() - self._refreshed
        if age is None or age > self.GRACE_S:
            with self._lock:
                if self._refreshed is None or self._clock() - self._refreshed > self.GRACE_S:
                    self._refresh()
        elif age > REFRESH_S and self._lock.acquire(blocking=False):
            threading.Thread(target=self._refresh_in_background, name="headwater-index", daemon=True).start()
        return self._index.search(text, limit, offset)

    def _refresh_in_background(self) -> None:
        try:
            self._refresh()
        except HeadwaterError as error:
            _log.warning("search index not refreshed", error=str(error))
        finally:
            self._lock.release()

    def _refresh(self) -> None:
        began = self._clock()
        store = self._open_store()
        try:
            self._index.refresh(store)
        finally:
            store.close()
        self._refreshed = began
