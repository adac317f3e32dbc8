"""Group commit: requests that arrive together are written together, and each is answered once its write is durable.

One thread writes. While a write is under way, further items wait and make up the next one, so that throughput does not
fall with the latency of the graph or the broker.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

import structlog

from consumer.errors import HeadwaterError, TransientError

T = TypeVar("T")

MOST_ITEMS = 500
"""Items of one write."""

_log = structlog.get_logger(__name__)


class OverloadedError(TransientError):
    """More is waiting to be written than the memory budget allows."""


class _Waiting(NamedTuple, Generic[T]):
    item: T
    size: int
    future: Future[None]


class GroupCommit(Generic[T]):
    """Writes items in groups.

    Args:
        write: Makes items durable before it returns; called on one thread. If it raises, no item counts as written.
        most_bytes: Bytes of items that may wait.
    """

    def __init__(self, write: Callable[[Sequence[T]], None], most_bytes: int) -> None:
        self._write = write
        self._most_bytes = most_bytes
        self._waiting: deque[_Waiting[T]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="headwater-ingest", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of items that wait to be written."""
        return len(self._waiting)

    def submit(self, item: T, size: int) -> Future[None]:
        """Queues an item.

        Args:
            item: What is written.
            size: Its bytes.

        Returns:
            Done once the item is durable; else it has the error of its write.

        Raises:
            OverloadedError: Too much is waiting, or the writer is closing.
        """
        with self._changed:
            if self._closing:
                raise OverloadedError("the server is shutting down; send the event again")
            if self._bytes + size > self._most_bytes and self._waiting:
                raise OverloadedError("too many events are waiting to be written; send the event again")
            future: Future[None] = Future()
            self._waiting.append(_Waiting(item, size, future))
            self._bytes += size
            self._changed.notify()
            return future

    def close(self, timeout_s: float) -> bool:
        """Writes what waits, and ends the thread; False if that took longer than the timeout."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _next(self) -> list[_Waiting[T]]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            group = [self._waiting.popleft() for _ in range(min(MOST_ITEMS, len(self._waiting)))]
            self._bytes -= sum(one.size for one in group)
            return group

    def _run(self) -> None:
        while group := self._next():
            # A request that was given up meanwhile is written too: its client sends it again, and nothing counts twice.
            group = [one for one in group if one.future.set_running_or_notify_cancel()]
            self._commit(group)

    def _commit(self, group: Sequence[_Waiting[T]]) -> None:
        if not group:
            return
        try:
            self._write([one.item for one in group])
        except HeadwaterError as error:
            self._failed(group, error)
        except Exception as error:  # noqa: BLE001 -- the top of the thread; each request is answered
            _log.exception("write failed")
            for one in group:
                one.future.set_exception(error)
        else:
            for one in group:
                one.future.set_result(None)

    def _failed(self, group: Sequence[_Waiting[T]], error: HeadwaterError) -> None:
        """Finds the items that are refused for good; a transient failure is that of all."""
        if isinstance(error, TransientError) or len(group) == 1:
            for one in group:
                one.future.set_exception(error)
            return
        middle = len(group) // 2
        self._commit(group[:middle])
        self._commit(group[middle:])
