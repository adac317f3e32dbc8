"""Maintenance jobs on a graph: page by page, by one process at a time, resumed at a checkpoint.

The state of a job is a vertex, written by compare-and-set: the owner and the end of its lease, the checkpoint, and the
time of the last completion. If a process dies, its lease expires and the next process resumes at the checkpoint. The
lease only avoids double work: each write of a job is conditional, so two processes at once, after a long pause, are
harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from consumer.errors import TransientError
from consumer.graph import ids, schema
from consumer.graph.store import Change, GraphStore, NotExists, Properties, PropertyEquals, Scalar, Step, Vertex

PAGE = 200
"""Vertices between two checkpoints."""

FETCHED_IDS = 20_000
"""Ids in one request. A server scans all vertices of a label to find the next ones in order, so few long lists are
better; this is some megabytes."""

LEASE_S = 300.0
"""Seconds of the lease after each page; far longer than a page takes."""


class LeaseHeld(TransientError):
    """Another process holds the lease; the job is done when that process is, or resumes when the lease expires."""


class ClockWentBack(TransientError):
    """The graph has the state of a job from a time that this machine's clock has not reached."""


class Scan:
    """The ids of a label, page by page, in a stable order."""

    def __init__(self, store: GraphStore, label: str, page: int = PAGE, fetched: int = FETCHED_IDS) -> None:
        self._store = store
        self._label = label
        self._page = page
        self._fetched = fetched
        self._ids: list[str] = []
        self._last: str | None = None

    def after(self, last: str) -> list[str]:
        """Returns the page of ids after a given one; empty at the end. It may have vertices created meanwhile."""
        if not self._ids or last != self._last:
            self._ids = self._fetch(last)
        page, self._ids = self._ids[: self._page], self._ids[self._page :]
        self._last = page[-1] if page else None
        return page

    def _fetch(self, last: str) -> list[str]:
        return self._store.ids(self._label, last, self._fetched)


class MaintenanceJob(Protocol):
    """Work on a whole graph, in steps that may be repeated.

    Attributes:
        name: Name of the job, and part of its vertex's id.
        scope: Parameters that a checkpoint depends on; a job with another scope starts from the beginning.
    """

    name: str
    scope: str

    def step(self, checkpoint: str) -> str | None:
        """Does the page after a checkpoint, at first an empty one; returns the next checkpoint, None at the end."""


RECONCILE = "reconcile"
"""Name of the job that brings a graph to its facts."""


def last_scope(store: GraphStore, job: str) -> str | None:
    """Returns the scope in which a job was last started; None if it never was.

    Raises:
        TransientError: The store can't serve now.
    """
    noted = store.read([ids.task(job)], ("scope",)).get(ids.task(job))
    return None if noted is None else str(noted["scope"])


class JobLease:
    """The lease and the checkpoint of a job, in its vertex.

    Args:
        store: The graph.
        job: Name of the job.
        owner: Name of the process, unique among all processes at all times.
        clock: Seconds since 1970. The clocks of several processes should agree within the lease.
        lease_s: Seconds of the lease from the last checkpoint.

    Attributes:
        was_kept: True if no other process held the lease between the last two times that this one acquired it.
    """

    def __init__(
        self, store: GraphStore, job: str, owner: str, clock: Callable[[], float], lease_s: float = LEASE_S
    ) -> None:
        self._store = store
        self._job = job
        self._id = ids.task(job)
        self._owner = owner
        self._clock = clock
        self._lease_s = lease_s
        self._known: Properties | None = None
        self.was_kept = False

    def acquire(self, scope: str, every_s: float = 0.0) -> str | None:
        """Acquires the lease; returns the checkpoint, or None if the job was completed less than `every_s` seconds ago.

        Raises:
            Busy: Another process holds the lease.
            ClockWentBack: A clock was or is wrong; the next call trusts this machine's.
        """
        known = self._known = self._store.read([self._id]).get(self._id)
        now = self._clock()
        if known is not None:
            self._check_clock(known, now)
            until = float(known["until"])
            if known["owner"] not in {self._owner, ""} and now < until:
                raise LeaseHeld(f"{known['owner']} holds the lease of {self._job} for {until - now:.0f} s")
            if not known["place"] and known["scope"] == scope and now < float(known["done"]) + every_s:
                return None
        checkpoint = str(known["place"]) if known is not None and known["scope"] == scope else ""
        self.was_kept = known is not None and known["owner"] == self._owner
        self._store_state(owner=self._owner, scope=scope, place=checkpoint)
        return checkpoint

    def _check_clock(self, known: Properties, now: float) -> None:
        """Checks that the stored times can be right, and corrects them once if they can't.

        Without the check, one process whose clock was years ahead would stop maintenance for years.
        """
        ahead = max(float(known["done"]), float(known["until"]) - self._lease_s) - now
        if ahead <= self._lease_s:
            return
        self._store_state(owner="", done=min(int(str(known["done"])), int(now)), until=int(now))
        raise ClockWentBack(
            f"{self._job} has a checkpoint {ahead:.0f} s after this machine's time, so a clock is wrong and nothing is"
            " done; correct this machine's clock, or run it again if this clock is right"
        )

    def checkpoint(self, checkpoint: str, steps: Sequence[Step] = ()) -> None:
        """Stores a checkpoint and renews the lease.

        Args:
            checkpoint: The checkpoint.
            steps: Further steps of the same change: all of them are done with the checkpoint, or none.

        Raises:
            Busy: The lease had expired, and another process has acquired it.
        """
        self._store_state(steps, place=checkpoint)

    def finish(self) -> None:
        """Stores that the job is complete."""
        self._store_state(place="", owner="", done=int(self._clock()))

    def release(self) -> None:
        """Releases the lease at the current checkpoint."""
        self._store_state(owner="")

    def _store_state(self, steps: Sequence[Step] = (), **news: Scalar) -> None:
        known = self._known or {"rev": "0", "done": 0}
        count = int(str(known["rev"]).partition(".")[0]) + 1
        until = int(self._clock() + self._lease_s)
        state: dict[str, Scalar] = {**known, "until": until, **news, "rev": f"{count}.{self._owner}"}
        when = NotExists() if self._known is None else PropertyEquals("rev", known["rev"])
        change = Change(Vertex(self._id, schema.TASK, state), when, PropertyEquals("rev", state["rev"]), tuple(steps))
        if self._store.write([change]):
            raise LeaseHeld(f"another process has acquired the lease of {self._job}")
        self._known = state


def run_job(
    job: MaintenanceJob, task: JobLease, stopped: Callable[[], bool] = lambda: False, every_s: float = 0.0
) -> bool:
    """Runs a job from its checkpoint to the end; returns true if it reached the end.

    Args:
        job: The job.
        task: Its lease.
        stopped: True to stop at the next page; the next run resumes there.
        every_s: Seconds after a completion in which the job is not run again.

    Raises:
        Busy: Another process holds the lease.
        TransientError: The graph can't serve now.
    """
    checkpoint = task.acquire(job.scope, every_s)
    if checkpoint is None:
        return False
    try:
        while not stopped():
            following = job.step(checkpoint)
            if following is None:
                task.finish()
                return True
            task.checkpoint(checkpoint := following)
    except (Exception, KeyboardInterrupt):
        with suppress(TransientError):
            task.release()  # otherwise its lease expires
        raise
    task.release()
    return False
