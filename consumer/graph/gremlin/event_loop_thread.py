"""A thread with an event loop, for calls into libraries that an interrupt must not break off in the middle.

Python raises KeyboardInterrupt in the main thread, at any place. In asyncio that leaves callbacks and tasks behind,
which report on stderr that their loop has gone. With the loop on a thread of its own, an interrupt only ends the wait
for a result.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

T = TypeVar("T")

END_S: Final = 3.0
"""Maximum wait for the end of all tasks, in seconds."""


class Worker:
    """One thread that runs coroutines; it starts with the first one and does not hold up an exit.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._lock = threading.Lock()
        self._is_started = self._is_closed = False

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine beside those that run already; each goes on to its first wait in the order of submission.

        Raises:
            RuntimeError: The worker is closed.
        """
        with self._lock:
            if self._is_closed:
                work.close()
                raise RuntimeError("the worker is closed")
            if not self._is_started:
                self._is_started = True
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Ends the thread; what runs has a bounded time for its own end, and is broken off then."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        if not self._is_started:
            self._loop.close()
            return
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop)
        self._thread.join(2 * END_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _finish(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:
            # Half of the time for their own end, the other half for that of their cancellation.
            _, late = await asyncio.wait(tasks, timeout=END_S / 2)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=END_S / 2)
        self._loop.call_soon(self._loop.stop)


async def on_a_thread(call: Callable[[], T]) -> T:
    """Calls something that blocks on a thread of its own, which holds up neither the loop nor an exit."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: Any) -> None:
        if not found.done():
            set_(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (found.set_result, call())
        except Exception as error:  # noqa: BLE001 - the one that awaits gets it
            outcome = (found.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed, so it is never awaited
            loop.call_soon_threadsafe(settle, *outcome)

    # Not asyncio's executor, whose threads Python joins before it exits.
    threading.Thread(target=run, name="graph-credentials", daemon=True).start()
    return await found
