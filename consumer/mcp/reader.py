"""The port through which the tools read the graph, and its implementation in a process of the tools alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import anyio.to_thread

from consumer.graph.store import GraphStore
from consumer.graph.store_pool import StorePool

T = TypeVar("T")


class Reader(Protocol):
    """Runs queries on threads."""

    async def read(self, query: Callable[[GraphStore], T]) -> T:
        """Runs a query, on one state of the graph where the store can give that.

        Raises:
            HeadwaterError: The query's error; a `TransientError` if the graph can't serve now.
        """
        ...


class OwnThreads:
    """Threads of one process for one assistant, which asks a few things at once.

    Args:
        open_store: Opens the graph for reading; called on several threads.
    """

    def __init__(self, open_store: Callable[[], GraphStore]) -> None:
        self._stores = StorePool(open_store)

    async def read(self, query: Callable[[GraphStore], T]) -> T:
        """Runs a query; queries share stores."""
        return await anyio.to_thread.run_sync(partial(self._stores.read, query))

    def close(self) -> None:
        """Closes the stores."""
        self._stores.close()
