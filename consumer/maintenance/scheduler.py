"""The upkeep of a graph beside the service that writes it: reconciled, and pruned of old runs, on a thread."""

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

from consumer.config.settings import UpkeepSettings
from consumer.errors import TransientError
from consumer.graph import identity_rules
from consumer.graph.store import GraphStore
from consumer.lineage.identity import IdentityRules
from consumer.maintenance.leased_task import Busy, Task, carry_out
from consumer.maintenance.prune import Prune
from consumer.maintenance.prune_cutoffs import DAY_S, cutoffs
from consumer.maintenance.reconcile import Reconcile

PRUNE_EVERY_S = DAY_S
"""How often old runs are looked for."""

LOOK_EVERY_S = 60.0
"""How often it is looked whether there is something to do, in seconds at most."""

_log = structlog.get_logger(__name__)


def owner() -> str:
    """A name for who does a chore, which no other process has, and that leads to the process."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class Upkeep:
    """A thread that keeps a graph up; as a context it runs within, and is joined at its end.

    Of several processes on one graph one at a time does each chore, and it is done as often as the settings say, not as
    often as that by each.

    Args:
        opens: Opens a store of the thread's own.
        settings: What to do how often.
        configured: Which names are one dataset by configuration; None if nothing is configured.
        clock: Seconds since 1970.
        look_every_s: How often to look whether there is something to do.
    """

    def __init__(
        self,
        opens: Callable[[], GraphStore],
        settings: UpkeepSettings,
        configured: IdentityRules | None,
        clock: Callable[[], float] = time.time,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._opens = opens
        self._settings = settings
        self._configured = configured
        self._clock = clock
        self._look_every_s = look_every_s
        self._owner = owner()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def __enter__(self) -> Self:
        if self._settings.reconcile_every_s or self._settings.runs_older_than_days is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends after the page in hand; the next process goes on there."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        # Not at once: a service that has just come up has events to catch up with.
        while not self._stop.wait(self._look_every_s):
            try:
                store = self._opens()
                try:
                    self._turn(store)
                finally:
                    store.close()
            except TransientError as error:
                _log.warning("upkeep interrupted, it goes on later", reason=str(error))
            except Exception:  # noqa: BLE001 - events are written without it; what is left is done when it can be
                _log.exception("upkeep failed, it is tried again later")

    def _turn(self, store: GraphStore) -> None:
        """Does what is due."""
        if every_s := self._settings.reconcile_every_s:
            reconcile = Reconcile(store, identity_rules.to_reconcile_under(store, self._configured))
            if self._do(store, reconcile, every_s):
                _log.info("graph reconciled", **asdict(reconcile.found))
        if (days := self._settings.runs_older_than_days) is not None and not self._stop.is_set():
            prune = Prune(store, partial(cutoffs, store, self._clock(), days * DAY_S), f"{days:g}d")
            if self._do(store, prune, PRUNE_EVERY_S):
                # Where the clock is not confirmed, ages are counted from the newest event.
                newest = {"counted_from": prune.cutoffs.newest} if prune.cutoffs.newest else {}
                _log.info("old runs pruned", days=days, **newest, **asdict(prune.pruned))

    def _do(self, store: GraphStore, chore: Reconcile | Prune, every_s: float) -> bool:
        try:
            return carry_out(chore, Task(store, chore.name, self._owner, self._clock), self._stop.is_set, every_s)
        except Busy as busy:
            _log.debug("upkeep is done elsewhere", chore=chore.name, reason=str(busy))
            return False
