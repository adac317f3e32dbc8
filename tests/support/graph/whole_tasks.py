"""Whole chores on a graph, for tests: a reconcile and a prune from their beginning to their end."""

from __future__ import annotations

from contextlib import suppress

from consumer.errors import TransientError
from consumer.graph.store import GraphStore
from consumer.lineage.identity import NO_RULES, IdentityRules
from consumer.maintenance.leased_task import MaintenanceJob
from consumer.maintenance.prune import Prune
from consumer.maintenance.prune_cutoffs import Cutoffs
from consumer.maintenance.reconcile import Reconcile

MOST_TRIES = 200
"""How often one page is tried again while others change what is on it."""


def carry_through(chore: MaintenanceJob) -> None:
    """Carries a chore out, with a new try of each page that fails for now, as the service does."""
    place: str | None = ""
    tries = 0
    while place is not None:
        with suppress(TransientError):
            place = chore.step(place)
            tries = 0
            continue
        tries += 1
        assert tries < MOST_TRIES, f"a page of the {chore.name} fails again and again"


def reconcile(store: GraphStore, page: int = 50, rules: IdentityRules = NO_RULES) -> int:
    """A whole reconcile; returns how many vertices it had to mend."""
    chore = Reconcile(store, rules, page)
    carry_through(chore)
    return chore.result.repaired


def prune(store: GraphStore, before: str, page: int = 50) -> int:
    """A whole prune of runs whose last event is before a time; returns how many it removed."""
    chore = Prune(store, lambda: Cutoffs(before, before), "test", page=page)
    carry_through(chore)
    return chore.result.removed
