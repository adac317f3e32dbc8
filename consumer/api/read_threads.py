"""A bounded pool of threads that read the graph: stores are synchronous, and requests are not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from consumer.api.problems import of_error, without_paths
from consumer.errors import HeadwaterError, TransientError
from consumer.graph.store import GraphStore
from consumer.graph.store_pool import StorePool

T = TypeVar("T")

WAITING_PER_THREAD = 16
"""Requests that may wait for each thread; further ones are answered 503."""


class ReadPool:
    """Threads that share stores, at most one for each.

    Args:
        open_store: Opens a store for reading.
        threads: Number of threads, and so of connections to the graph.
        timeout_s: Seconds until a request is answered 503.
    """

    def __init__(self, open_store: Callable[[], GraphStore], threads: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._most = threads * (WAITING_PER_THREAD + 1)
        self._under_way = 0
        self._stores = StorePool(open_store)
        self._threads = ThreadPoolExecutor(threads, "headwater-read")

    async def run(self, query: Callable[[GraphStore], T]) -> T:
        """Runs a query as `read` does, for an answer over HTTP.

        Raises:
            Problem: 503 if too many requests wait, or the graph does not answer in time; that of the query's error.
        """
        try:
            return await self.read(query)
        except HeadwaterError as error:
            raise of_error(error) from None

    async def read(self, query: Callable[[GraphStore], T]) -> T:
        """Runs a query on one of the threads, on one state of the graph where the store can give that.

        Raises:
            TransientError: Too many requests wait, or the graph can't be used or does not answer in time.
            HeadwaterError: The query's error.
        """
        if self._under_way >= self._most:
            raise TransientError("too many requests are waiting for the graph; try again")
        self._under_way += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, self._stores.read, query)
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._timeout_s)
        except TimeoutError:
            raise TransientError(f"the graph did not answer within {self._timeout_s:g} s; try again") from None
        except HeadwaterError as error:
            raise without_paths(error) from None

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # of a request that was answered already

    def close(self) -> None:
        """Waits for queries that are under way, and closes the stores."""
        self._threads.shutdown(cancel_futures=True)
        self._stores.close()
