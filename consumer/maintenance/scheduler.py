"""Maintenance of a graph beside the service that writes it: reconcile and prune, on a thread."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from types import TracebackType
from typing import Self

import structlog

from consumer.config.settings import MaintenanceSettings
from consumer.errors import TransientError
from consumer.graph import identity_rules
from consumer.graph.store import GraphStore
from consumer.lineage.identity import IdentityRules
from consumer.maintenance.leased_task import JobLease, LeaseHeld, run_job
from consumer.maintenance.prune import Prune
from consumer.maintenance.prune_cutoffs import DAY_S, cutoffs
from consumer.maintenance.reconcile import Reconcile

PRUNE_EVERY_S = DAY_S
"""Seconds between two prunes."""

CHECK_EVERY_S = 60.0
"""Seconds between two checks for due work, at most."""

_log = structlog.get_logger(__name__)


def lease_owner() -> str:
    """Returns a name for the owner of a lease, unique to the process and traceable to it."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class MaintenanceThread:
    """Thread that maintains a graph; a context manager that joins the thread at its end.

    Of several processes on one graph, one at a time runs each job, as often as the settings say in total.

    Args:
        opens: Opens a store for the thread alone.
        settings: The jobs and their intervals.
        configured: Which names are one dataset by configuration; None if nothing is configured.
        clock: Seconds since 1970.
        check_every_s: Seconds between two checks for due work.
    """

    def __init__(
        self,
        opens: Callable[[], GraphStore],
        settings: MaintenanceSettings,
        configured: IdentityRules | None,
        clock: Callable[[], float] = time.time,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self._opens = opens
        self._settings = settings
        self._configured = configured
        self._clock = clock
        self._check_every_s = check_every_s
        self._owner = lease_owner()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def __enter__(self) -> Self:
        if self._settings.reconcile_every_s or self._settings.runs_older_than_days is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops after the current page; the next process resumes there."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        # Not at once: a service that has just started has events to catch up with.
        while not self._stop.wait(self._check_every_s):
            try:
                store = self._opens()
                try:
                    self._run_due_jobs(store)
                finally:
                    store.close()
            except TransientError as error:
                _log.warning("maintenance interrupted, resuming later", reason=str(error))
            except Exception:  # noqa: BLE001 - events are written without it, and the rest is retried later
                _log.exception("maintenance failed, retrying later")

    def _run_due_jobs(self, store: GraphStore) -> None:
        """Runs the jobs that are due."""
        if every_s := self._settings.reconcile_every_s:
            reconcile = Reconcile(store, identity_rules.rules_for_reconciling(store, self._configured))
            if self._run_job(store, reconcile, every_s):
                _log.info("graph reconciled", **asdict(reconcile.result))
        if (days := self._settings.runs_older_than_days) is not None and not self._stop.is_set():
            prune = Prune(store, partial(cutoffs, store, self._clock(), days * DAY_S), f"{days:g}d", clock=self._clock)
            if self._run_job(store, prune, PRUNE_EVERY_S):
                # Where the clock is not confirmed, ages are counted from the newest event.
                newest = {"counted_from": prune.cutoffs.newest} if prune.cutoffs.newest else {}
                _log.info("old runs pruned", days=days, **newest, **asdict(prune.result))

    def _run_job(self, store: GraphStore, job: Reconcile | Prune, every_s: float) -> bool:
        try:
            return run_job(job, JobLease(store, job.name, self._owner, self._clock), self._stop.is_set, every_s)
        except LeaseHeld as busy:
            _log.debug("maintenance runs elsewhere", job=job.name, reason=str(busy))
            return False
