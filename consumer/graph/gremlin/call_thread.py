"""A thread for calls into a library that an interrupt must not break off in the middle.

Python raises KeyboardInterrupt in the main thread, at any place. In gremlinpython and asyncio that leaves callbacks
and tasks behind, which report on stderr that their executor or loop has gone. With the library on a thread of its own,
an interrupt only ends the wait for its result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

END_S: Final = 3.0
"""How long the end of a call is waited for at most, in seconds; a look-up of credentials may take longer."""

_Call = tuple["Future[Any]", Callable[[], Any]]


class Worker:
    """One thread that does calls one after the other; it starts with the first call and does not hold up an exit.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._is_started = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Has a call done after those before it; the future has its result or its exception."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        if not self._is_started:
            self._is_started = True
            self._thread.start()
        return future

    def close(self) -> None:
        """Ends the thread after the calls that it was given, and waits for that a bounded time."""
        self._calls.put(None)
        if self._thread.is_alive():
            self._thread.join(END_S)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            _do(*call)


def _do(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it
        future.set_exception(error)
    else:
        future.set_result(result)
