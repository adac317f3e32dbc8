"""A deterministic scheduler of store calls: a list of turns decides which task makes the next one.

Each task has a thread of its own, but only one of them runs at any time. It runs until its next store call, and there
the schedule decides whether it goes on or another task does. The same tasks under the same turns and crashes therefore
make the same calls in the same order, on every run and every machine.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, cast

from consumer.errors import TransientError
from consumer.graph.store import GraphStore

PATIENCE_S = 120.0
"""How many seconds a whole schedule may take before it counts as stuck; one takes some hundredths of a second."""

MOST_CALLS = 6_000
"""How many store calls a schedule may have; writers that retry one change without end reach it."""

_SWITCHING = (0.02, 0.1, 0.3, 0.6, 0.9)
"""How likely a switch is after each call, from writers nearly in sequence to writers in lock step."""


class Turn(NamedTuple):
    """A task and how many store calls it makes before another task has its turn."""

    task: int
    calls: int


class Crash(NamedTuple):
    """The death of a task's process at one of its store calls.

    Attributes:
        task: The task that dies.
        call: The number of the store call, counted from 1, over all of the task's processes.
        after: True if the store carries the call out and the task dies before the answer arrives.
        is_lost: True if the process lives, and only the call or its answer is lost.
    """

    task: int
    call: int
    after: bool
    is_lost: bool = False


class Killed(BaseException):
    """The process of a task is killed."""


class Stuck(AssertionError):
    """A schedule does not end: a task waits without end, or tasks retry without end."""


class _Abandoned(BaseException):
    """The schedule has failed, so the remaining tasks end."""


def _death(crash: Crash) -> BaseException:
    return TransientError("the connection is lost, by the schedule") if crash.is_lost else Killed()


def random_turns(chance: random.Random, tasks: int, calls: int) -> tuple[Turn, ...]:
    """Random turns of tasks, for about a number of calls in all."""
    switching = chance.choice(_SWITCHING)
    found: list[Turn] = []
    while calls > 0:
        length = 1
        while chance.random() > switching:
            length += 1
        found.append(Turn(chance.randrange(tasks), length))
        calls -= length
    return tuple(found)


class Scheduler:
    """One run of several tasks under turns.

    After the last turn the current task goes on to its end, then the others in their order. Turns of a task that has
    ended are skipped.

    Args:
        turns: Which task makes how many calls, in this order.
        crash: The death of one task, if any.
    """

    def __init__(self, turns: Sequence[Turn], crash: Crash | None = None) -> None:
        self._turns = deque(turns)
        self._crash = crash
        self._task, self._left = -1, 0
        self._calls: list[int] = []
        self._counts: Counter[int] = Counter()
        self._begun: set[int] = set()
        self._alive: set[int] = set()
        self._blocked: dict[int, Callable[[], bool]] = {}
        self._wake: list[threading.Semaphore] = []
        self._ended = threading.Event()
        self._faults: list[BaseException] = []
        self._abandoned = False

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Runs tasks to their end; raises the first error of a task.

        Raises:
            Stuck: They do not end.
        """
        self._alive = set(range(len(tasks)))
        self._wake = [threading.Semaphore(0) for _ in tasks]
        threads = [
            threading.Thread(target=self._work, args=(number, task), name=f"task {number}", daemon=True)
            for number, task in enumerate(tasks)
        ]
        for thread in threads:
            thread.start()
        self._hand_over()
        if not self._ended.wait(PATIENCE_S):
            self._abandon()
        for thread in threads:
            thread.join(PATIENCE_S)
        if self._faults:
            raise self._faults[0]
        if self._abandoned or any(thread.is_alive() for thread in threads):
            raise Stuck(f"tasks {sorted(self._alive)} do not end; the last store calls were of {self._calls[-20:]}")

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns that were in fact taken."""
        return tuple(Turn(task, len(list(calls))) for task, calls in groupby(self._calls))

    def is_alive(self, task: int) -> bool:
        """True until a task has ended."""
        return task in self._alive

    def call(self, task: int, do: Callable[[], Any]) -> Any:
        """Makes a store call of a task when it is the task's turn.

        Raises:
            Killed: The task's process dies at this call.
            TransientError: The call is lost, or its answer.
        """
        self._await_turn(task)
        self._counts[task] += 1
        crash = self._crash
        dies = crash is not None and (crash.task, crash.call) == (task, self._counts[task])
        if crash is not None and dies and not crash.after:
            raise _death(crash)
        found = do()
        if crash is not None and dies:
            raise _death(crash)
        return found

    def wait_for(self, task: int, condition: Callable[[], bool]) -> None:
        """Lets other tasks go on until they have brought a condition about; the schedule decides when the task does.

        Raises:
            Stuck: All tasks that have not ended wait for each other.
        """
        self._blocked[task] = condition
        try:
            self._pass_on(task)
        finally:
            del self._blocked[task]

    def _await_turn(self, task: int) -> None:
        self._pass_on(task)
        self._calls.append(task)
        if len(self._calls) > MOST_CALLS:
            raise Stuck(f"more than {MOST_CALLS} store calls; the last ones were of tasks {self._calls[-20:]}")

    def _pass_on(self, task: int) -> None:
        following = self._choose(task)
        if following != task:
            self._wake[following].release()
            self._wake[task].acquire()
        if self._abandoned:
            raise _Abandoned

    def _is_ready(self, task: int) -> bool:
        return task in self._alive and (task not in self._blocked or self._blocked[task]())

    def _choose(self, current: int) -> int:
        """The task that goes on. One that only begins is at no call yet: it asks again before its first one."""
        while self._left == 0 or not self._is_ready(self._task):
            if self._turns:
                self._task, self._left = self._turns.popleft()
            else:
                ready = sorted(filter(self._is_ready, self._alive))
                if not ready:
                    raise Stuck(f"tasks {sorted(self._alive)} wait for each other")
                self._task = current if current in ready else ready[0]
                self._left = MOST_CALLS
        if self._task in self._begun:
            self._left -= 1
        return self._task

    def _hand_over(self) -> None:
        if self._alive:
            self._wake[self._choose(-1)].release()
        else:
            self._ended.set()

    def _abandon(self) -> None:
        self._abandoned = True
        for wake in self._wake:
            wake.release()

    def _work(self, number: int, task: Callable[[], None]) -> None:
        self._wake[number].acquire()
        self._begun.add(number)
        try:
            if not self._abandoned:
                task()
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - `run` raises it in the thread of the test
            self._faults.append(error)
            self._abandoned = True
        finally:
            self._alive.discard(number)
            self._hand_over()


class Gate:
    """A store of one task, each of whose calls waits for the task's turn.

    Args:
        store: The store, or one of several on the same graph.
        scheduler: What decides about turns.
        task: The number of the task.
    """

    def __init__(self, store: GraphStore, scheduler: Scheduler, task: int) -> None:
        self._store = store
        self._scheduler = scheduler
        self._task = task

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def call(*args: Any, **options: Any) -> Any:
            return self._scheduler.call(self._task, lambda: _complete(method(*args, **options)))

        return call


def _complete(found: Any) -> Any:
    """A result as it is now; a lazy one would be read while other tasks write."""
    return iter(list(found)) if isinstance(found, Iterator) else found


def gated(store: GraphStore, scheduler: Scheduler, task: int) -> GraphStore:
    """A store whose calls wait for the turn of a task."""
    return cast("GraphStore", Gate(store, scheduler, task))
