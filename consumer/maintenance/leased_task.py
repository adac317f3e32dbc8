"""Chores on a graph: done page by page, by one process at a time, from where the last one stopped.

Where a chore is stands in a vertex of its own, written by compare-and-set like all else: who does it and until when
that holds, the place that was reached, and when it was done to its end. A process that dies leaves a lease that runs
out, and the next one goes on at the same place. The lease only saves double work: what a chore writes is guarded
itself, so two that do it at once, after a long pause, do no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from consumer.errors import TransientError
from consumer.graph import ids, schema
from consumer.graph.store import Absent, Change, GraphStore, Is, Properties, Scalar, Vertex

PAGE = 200
"""How many vertices are looked at between two notes of the place."""

FETCHED = 20_000
"""How many ids are asked for at once. A server looks at all of a label's vertices to find the next ones in order, so
few and long lists are better; this is some megabytes."""

LEASE_S = 300.0
"""For how long a chore is one process's own after each page, in seconds; far longer than a page takes."""


class Busy(TransientError):
    """Another process does the chore; it is done when that one is, or goes on when its lease runs out."""


class ClockWentBack(TransientError):
    """The graph holds a note of a chore from a time that this machine's clock has not reached yet."""


class Scan:
    """The ids of a label, page by page, in an order that is always the same."""

    def __init__(self, store: GraphStore, label: str, page: int = PAGE, fetched: int = FETCHED) -> None:
        self._store = store
        self._label = label
        self._page = page
        self._fetched = fetched
        self._ids: list[str] = []
        self._last: str | None = None

    def after(self, last: str) -> list[str]:
        """The page of ids that follows one; empty at the end. What is made meanwhile may be in it or not."""
        if not self._ids or last != self._last:
            self._ids = self._fetch(last)
        page, self._ids = self._ids[: self._page], self._ids[self._page :]
        self._last = page[-1] if page else None
        return page

    def _fetch(self, last: str) -> list[str]:
        return self._store.ids(self._label, last, self._fetched)


class Chore(Protocol):
    """Something to do to a whole graph, in steps of which each may be done again.

    Attributes:
        name: What the chore is called; its vertex has an id of it.
        scope: What else the place depends on; in another scope the chore begins anew.
    """

    name: str
    scope: str

    def step(self, place: str) -> str | None:
        """Does what follows a place (at first the empty one); returns the next place, or None at the end."""


RECONCILE = "reconcile"
"""The name of the chore that brings a graph to what its facts say."""


def last_scope(store: GraphStore, chore: str) -> str | None:
    """The scope in which a chore was last begun; None if it never was.

    Raises:
        TransientError: The store can't serve now.
    """
    noted = store.read([ids.task(chore)], ("scope",)).get(ids.task(chore))
    return None if noted is None else str(noted["scope"])


class Task:
    """The vertex of a chore.

    Args:
        store: The graph.
        chore: The chore's name.
        owner: Who does it: a name that no other process has at any time.
        clock: Seconds since 1970. The clocks of several processes should agree within the lease.
        lease_s: For how many seconds nobody else takes over, counted from the last note.
    """

    def __init__(
        self, store: GraphStore, chore: str, owner: str, clock: Callable[[], float], lease_s: float = LEASE_S
    ) -> None:
        self._store = store
        self._chore = chore
        self._id = ids.task(chore)
        self._owner = owner
        self._clock = clock
        self._lease_s = lease_s
        self._known: Properties | None = None

    def claim(self, scope: str, every_s: float = 0.0) -> str | None:
        """Takes the chore; returns the place to begin at, or None if it was done less than `every_s` seconds ago.

        Raises:
            Busy: Another process is at it.
            ClockWentBack: A clock was or is wrong; the next claim goes by this one.
        """
        known = self._known = self._store.read([self._id]).get(self._id)
        now = self._clock()
        if known is not None:
            self._require_past(known, now)
            until = float(known["until"])
            if known["owner"] not in {self._owner, ""} and now < until:
                raise Busy(f"{known['owner']} is at {self._chore} and has {until - now:.0f} s to its next note")
            if not known["place"] and known["scope"] == scope and now < float(known["done"]) + every_s:
                return None
        place = str(known["place"]) if known is not None and known["scope"] == scope else ""
        self._note(owner=self._owner, scope=scope, place=place)
        return place

    def _require_past(self, known: Properties, now: float) -> None:
        """Checks that the times in the note can be right, and corrects them once if they are not.

        Without the check, one process whose clock was years ahead would end the upkeep for years.
        """
        ahead = max(float(known["done"]), float(known["until"]) - self._lease_s) - now
        if ahead <= self._lease_s:
            return
        self._note(owner="", done=min(int(str(known["done"])), int(now)), until=int(now))
        raise ClockWentBack(
            f"{self._chore} was last noted {ahead:.0f} s after the time of this machine: a clock is wrong, so nothing"
            " is done; correct this machine's clock, or run it again if this clock is right"
        )

    def reached(self, place: str) -> None:
        """Notes a place, and keeps the chore for another while.

        Raises:
            Busy: It was too slow, and another process has taken over.
        """
        self._note(place=place)

    def finish(self) -> None:
        """Notes that the chore is done."""
        self._note(place="", owner="", done=int(self._clock()))

    def release(self) -> None:
        """Leaves the chore to others, at the place that was reached."""
        self._note(owner="")

    def _note(self, **news: Scalar) -> None:
        known = self._known or {"rev": "0", "done": 0}
        count = int(str(known["rev"]).partition(".")[0]) + 1
        until = int(self._clock() + self._lease_s)
        told: dict[str, Scalar] = {**known, "until": until, **news, "rev": f"{count}.{self._owner}"}
        when = Absent() if self._known is None else Is("rev", known["rev"])
        change = Change(Vertex(self._id, schema.TASK, told), when, Is("rev", told["rev"]))
        if self._store.write([change]):
            raise Busy(f"another process has taken over {self._chore}")
        self._known = told


def carry_out(chore: Chore, task: Task, stopped: Callable[[], bool] = lambda: False, every_s: float = 0.0) -> bool:
    """Does a chore from where it is to its end; returns whether it came there.

    Args:
        chore: What to do.
        task: Its vertex.
        stopped: Whether to stop at the next page; the next one who does the chore goes on there.
        every_s: For how many seconds a chore that is done need not be done again.

    Raises:
        Busy: Another process is at it.
        TransientError: The graph can't serve now.
    """
    place = task.claim(chore.scope, every_s)
    if place is None:
        return False
    try:
        while not stopped():
            following = chore.step(place)
            if following is None:
                task.finish()
                return True
            task.reached(place := following)
    except (Exception, KeyboardInterrupt):
        with suppress(TransientError):
            task.release()  # or its lease runs out
        raise
    task.release()
    return False
