"""Facts of old runs go; lineage stays.

A run may go once nothing was said of it for long enough, nothing that is current of its jobs counts it, and no run that
it started is there. It goes under the condition that its facts are those that were looked at: what a writer says of it
meanwhile is kept, and the run with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from consumer.errors import UsageError
from consumer.graph import ids, jobs, model, runs
from consumer.graph.documents import Document, Documents
from consumer.graph.store import Change, DropVertices, GraphStore, Is, Vertex
from consumer.graph.upkeep import PAGE, Scan
from consumer.lineage.delta import RunFacts

DAY_S = 86_400.0

_UNITS = {"h": 3_600.0, "d": DAY_S, "w": 7 * DAY_S}
_CACHED = 16 * 1024 * 1024


def seconds_of(text: str) -> float:
    """The seconds of a span of time such as `90d`.

    Raises:
        UsageError: It is none.
    """
    found = re.fullmatch(r"(\d+)([hdw])", text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no span of time; write 90d for 90 days, 12w for weeks, 36h for hours")
    return int(found[1]) * _UNITS[found[2]]


def event_time(seconds: float) -> str:
    """A time as events have it, which sorts as a string (`schemas.times`).

    Args:
        seconds: Since 1970; what is before that counts as 1970.
    """
    return datetime.fromtimestamp(max(seconds, 0.0), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(slots=True)
class Pruned:
    """What a prune looked at and did.

    Attributes:
        looked_at: How many runs.
        gone: How many of them went, or would go.
    """

    looked_at: int = 0
    gone: int = 0


class Prune:
    """A chore: removes old runs from a graph.

    Args:
        store: The graph; others may write to it meanwhile.
        before: The event time before which a run's last word has to be.
        scope: How old that is; a prune that was interrupted goes on only in the same scope.
        dry_run: Whether runs are only counted. Those that started others are counted once these are gone.
        page: How many runs are looked at in one step.
    """

    name = "prune"

    def __init__(self, store: GraphStore, before: str, scope: str, *, dry_run: bool = False, page: int = PAGE) -> None:
        self.scope = scope
        self.pruned = Pruned()
        self._store = store
        self._before = before
        self._dry_run = dry_run
        self._scan = Scan(store, model.RUN, page)

    def step(self, place: str) -> str | None:
        """Does the page after a place.

        Raises:
            TransientError: The graph can't serve now.
        """
        page = self._scan.after(place)
        if not page:
            return None
        self.pruned.looked_at += len(page)
        known = self._read(ids.parse(id_)[1] for id_ in page)
        # Nothing tells the age of a run that is only known as a parent; it goes when its last child does.
        going = self._free({run: document for run, document in known.items() if document.facts.jobs})
        while going:
            self.pruned.gone += len(going)
            if self._dry_run:
                break
            parents = {runs.parent_of(document.facts) for document in going.values()} - {None, *going}
            going = self._free(self._read(parent for parent in parents if parent is not None))
        return page[-1]

    def _read(self, wanted: Iterable[str]) -> dict[str, Document[RunFacts]]:
        found = Documents(self._store, runs.KIND, _CACHED).get(wanted)
        return {run: document for run, document in found.items() if document.stored}

    def _free(self, known: dict[str, Document[RunFacts]]) -> dict[str, Document[RunFacts]]:
        """Removes those runs that may go; returns them."""
        old = {run: document for run, document in known.items() if _last_word(document.facts) < self._before}
        kept = self._current(old) | self._parents(old)
        going = {run: document for run, document in old.items() if run not in kept}
        if not going or self._dry_run:
            return going
        self._store.write([_removal(run, document.token) for run, document in going.items()])
        # Whether it was done can't be told from a vertex that is gone, so look.
        there = self._store.read([ids.run(run) for run in going], ("rev",))
        return {run: document for run, document in going.items() if ids.run(run) not in there}

    def _current(self, known: dict[str, Document[RunFacts]]) -> set[str]:
        """Which runs are current for a job, or carried what is in force."""
        owners = {job for document in known.values() for job in document.facts.jobs}
        ran = {
            job: document.facts.ran for job, document in Documents(self._store, jobs.KIND, _CACHED).get(owners).items()
        }
        return {
            run
            for run, document in known.items()
            if any(ran[job].refers_to(run) or run in ran[job].unfinished for job in document.facts.jobs)
        }

    def _parents(self, known: Collection[str]) -> set[str]:
        """Which runs have started others that are there."""
        edges = self._store.edges_at([ids.run(run) for run in known], model.CHILD_OF, "in") if known else []
        return {ids.parse(edge.target)[1] for edge in edges if edge.source != edge.target}


def _last_word(facts: RunFacts) -> str:
    """The time of the last event of a run; empty for one that is only known as a parent."""
    return max(facts.jobs.values(), default="")


def _removal(run: str, token: str) -> Change:
    same = Is("rev", token)
    return Change(Vertex(ids.run(run), model.RUN, {}), same, same, (DropVertices((ids.run(run),)),))
