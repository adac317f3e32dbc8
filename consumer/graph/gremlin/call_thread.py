"""A thread for library calls that an interrupt must not abort halfway.

Python raises KeyboardInterrupt in the main thread, anywhere in the code. In gremlinpython and asyncio this leaves
callbacks and tasks behind, which report a missing executor or loop on stderr. With the library on a thread of its own,
an interrupt only ends the wait for a result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

END_S: Final = 3.0
"""Maximum wait for the end of a call in seconds; a look-up of credentials may take longer."""

_Call = tuple["Future[Any]", Callable[[], Any]]


class CallThread:
    """One daemon thread that executes calls in order; it starts with the first call.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._is_started = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queues a call; returns a future with its result or exception."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        if not self._is_started:
            self._is_started = True
            self._thread.start()
        return future

    def close(self) -> None:
        """Ends the thread after the queued calls, and waits at most `END_S` for it."""
        self._calls.put(None)
        if self._thread.is_alive():
            self._thread.join(END_S)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            _execute(*call)


def _execute(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - the future's owner gets it
        future.set_exception(error)
    else:
        future.set_result(result)
