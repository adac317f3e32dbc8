"""Writers that have several batches in flight, and several requests of each, under a schedule.

A process has one `GraphWriter` and a number of threads that share it, each of which writes one batch after the other.
What a thread writes goes out in requests of a few changes each, in any order that the order of keys allows, with the
requests of all other threads and processes in between. A process dies as a whole, and a new one begins at the first
batch that was not written, as its offset was not committed.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from consumer.errors import TransientError
from consumer.graph import format_version
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.gremlin.traversals import touched
from consumer.graph.key_order import KeyOrder
from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_writer import GraphWriter
from consumer.projection.turn import Turn
from tests.support.graph import whole_tasks
from tests.support.graph.graph_of_events import difference, embedded, exported, folded
from tests.support.writers.concurrent_writers import Case, Ground, Result, apply
from tests.support.writers.schedule import Crash, Killed, Scheduler, gated, random_turns

Json = dict[str, Any]

_CALLS = 600
"""About how many requests the turns of a case are for."""

_MOST_CHANGES = 3
"""Changes in one request, at most."""

_LOST = 0.02
"""Probability that a connection breaks at a request."""


class Process:
    """A process on a graph, with its threads.

    Attributes:
        dead: True once it is killed: each of its threads ends at its next request.
        living: How many of its threads have not ended.
    """

    def __init__(
        self, store: GraphStore, scheduler: Scheduler, threads: int, chance: random.Random, rules: IdentityRules
    ) -> None:
        self.dead = False
        self.living = threads
        self.order: KeyOrder[str] = KeyOrder()
        self.chance = chance
        self.scheduler = scheduler
        self.tasks: dict[int, int] = {}
        self.writer = GraphWriter(_Connections(store, self), rules=rules, turn=_ScheduledTurn(self))

    @property
    def task(self) -> int:
        """The number of the calling thread in the schedule."""
        return self.tasks[threading.get_ident()]

    def require_alive(self) -> None:
        """Ends the calling thread with its process."""
        if self.dead:
            raise Killed


class _ScheduledTurn(Turn):
    """A turn that passes on when the schedule says so."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process

    def wait_until(self, condition: Any) -> None:
        """Lets other threads go on until a condition holds, or the process dies."""
        process = self._process
        if not condition():
            with self.away():
                process.scheduler.wait_for(process.task, lambda: condition() or process.dead)
            process.require_alive()


class _Connections(DelegatingStore):
    """A store whose requests are made one by one when the schedule says so, as several connections would."""

    def __init__(self, store: GraphStore, process: Process) -> None:
        super().__init__(store)
        self._process = process

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, by id."""
        return dict(self._request(partial(self._store.read, ids, keys)))

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """The edges of a label that leave or enter vertices."""
        return list(self._request(partial(self._store.edges_at, ids, label, direction)))

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes; those that touch the same vertices in their order."""
        process = self._process
        waiting = [(process.order.enter(*touched(group)), group) for group in self._groups(changes)]
        undone: set[str] = set()
        try:
            while waiting:
                free = [number for number, (ticket, _) in enumerate(waiting) if ticket.is_free]
                if not free:
                    process.scheduler.wait_for(
                        process.task, lambda: process.dead or any(ticket.is_free for ticket, _ in waiting)
                    )
                    process.require_alive()
                    continue
                number = process.chance.choice(free)
                undone |= self._request(partial(self._store.write, waiting[number][1]))
                process.order.leave(waiting.pop(number)[0])
        finally:
            for ticket, _ in waiting:
                process.order.leave(ticket)
        return undone

    def _groups(self, changes: Sequence[Change]) -> list[Sequence[Change]]:
        found: list[Sequence[Change]] = []
        rest = list(changes)
        while rest:
            size = self._process.chance.randint(1, _MOST_CHANGES)
            found.append(rest[:size])
            del rest[:size]
        return found

    def _request(self, do: Any) -> Any:
        """Makes a request, which may be lost on its way there or on its way back."""
        process = self._process
        fate = process.chance.random()
        process.require_alive()
        try:
            if fate < _LOST:
                process.scheduler.call(process.task, lambda: None)
                raise TransientError("lost before it was done")
            found = process.scheduler.call(process.task, do)
        except Killed:
            process.dead = True
            raise
        process.require_alive()
        if fate > 1 - _LOST:
            raise TransientError("lost after it was done")
        return found


class InFlight:
    """A case under way, in which each writer has several threads.

    Args:
        case: Its events, writers, identity rules and chore.
        stores: A store for each writer, and one for the chore.
        threads: How many batches each writer has in flight.
        seed: Of the schedule.
    """

    def __init__(self, case: Case, stores: Sequence[GraphStore], threads: int, seed: int) -> None:
        chance = random.Random(seed)
        tasks = case.writers * threads + (case.kind != "writers")
        crash = None
        if chance.random() < 0.5:
            crash = Crash(chance.randrange(case.writers * threads), chance.randint(1, 25), after=chance.random() < 0.5)
        self._case = case
        self._threads = threads
        self._chance = chance
        self._stores = stores
        self._scheduler = Scheduler(random_turns(chance, tasks, _CALLS), crash)
        self._batches = [case.batches(writer) for writer in range(case.writers)]
        self._written: list[set[int]] = [set() for _ in range(case.writers)]
        self._waiting = [deque(range(len(batches))) for batches in self._batches]
        self._processes = [self._started(writer) for writer in range(case.writers)]

    def run(self) -> None:
        """Runs all threads to their end."""
        tasks: list[Callable[[], object]] = [
            partial(self._work, writer, writer * self._threads + thread)
            for writer in range(self._case.writers)
            for thread in range(self._threads)
        ]
        if self._case.kind != "writers":
            store = gated(self._stores[-1], self._scheduler, len(tasks))
            tasks.append(lambda: whole_tasks.reconcile(store, 2, self._case.rules))
        self._scheduler.run([partial(_done, task) for task in tasks])

    def _started(self, writer: int) -> Process:
        return Process(self._stores[writer], self._scheduler, self._threads, self._chance, self._case.rules)

    def _work(self, writer: int, task: int) -> None:
        """Writes batches as one thread of a process; once that is killed, as one of the next process."""
        while True:
            process = self._processes[writer]
            process.tasks[threading.get_ident()] = task
            try:
                self._write(writer, process)
            except Killed:
                process.living -= 1
                self._restart(writer, process, task)
            else:
                process.living -= 1
                return

    def _write(self, writer: int, process: Process) -> None:
        waiting = self._waiting[writer]
        while waiting:
            number = waiting.popleft()
            apply(process.writer, folded(self._batches[writer][number], self._case.rules))
            self._written[writer].add(number)

    def _restart(self, writer: int, dead: Process, task: int) -> None:
        """Begins a new process at the first batch that was not written, once all threads of the old one have ended."""
        self._scheduler.wait_for(task, lambda: dead.living == 0 or self._processes[writer] is not dead)
        if self._processes[writer] is not dead:
            return
        count = len(self._batches[writer])
        first = next((number for number in range(count) if number not in self._written[writer]), count)
        self._waiting[writer] = deque(range(first, count))
        self._processes[writer] = self._started(writer)


def _done(task: Callable[[], object]) -> None:
    task()


def play_in_flight(case: Case, ground: Ground, threads: int, seed: int) -> Result:
    """Lets writers with several batches in flight write a case; compares the graph with that of a single writer."""
    stores = ground.stores(case.tasks)
    format_version.claim(stores[0])
    try:
        InFlight(case, stores, threads, seed).run()
    except Exception as error:  # noqa: BLE001 - an error of a writer is a fault like any other
        return Result(f"a task failed: {error!r}", case.turns, 3)
    changed = difference(exported(stores[0]), embedded([case.documents], case.rules))
    if changed:
        return Result(f"the graph is not that of a single writer:\n{changed}", case.turns, 2)
    repaired = whole_tasks.reconcile(stores[0], rules=case.rules)
    return (
        Result(f"a reconcile afterwards repairs {repaired} vertices", case.turns, 1)
        if repaired
        else Result("", case.turns)
    )
