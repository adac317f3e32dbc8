"""The sink of the graph: fold each event, merge the facts, write them at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from time import monotonic

import structlog
from cachetools import TTLCache

from consumer.graph import identity_rules
from consumer.graph.store import GraphStore
from consumer.lineage.facts.delta import Problem
from consumer.lineage.folding.fold import Folder
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_writer import GraphWriter
from consumer.projection.turn import Turn
from schemas.events import DatasetEvent, Event, RunEvent

QUIET_S = 60.0
"""Seconds for which an invalid facet is not logged again."""

_KINDS = 1_000
_KIND_CHARS = 300
_INDEX = re.compile(r"\[\d+\]")

_log = structlog.get_logger(__name__)


class GraphSink:
    """Writes events into a graph; for several threads at once if the store is.

    Args:
        store: The graph; closed with the sink.
        configured: Which names are one dataset by configuration; None if nothing is configured, for the graph's rules.
        clock: Seconds; monotonic.
    """

    def __init__(
        self, store: GraphStore, configured: IdentityRules | None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._configured = configured
        self._turn = Turn()
        self._known: tuple[Folder, GraphWriter] | None = None
        # A producer with a wrong facet has it in each of its events; once a minute is enough to be seen.
        self._warned: TTLCache[tuple[str, str], bool] = TTLCache(_KINDS, QUIET_S, timer=clock)

    def write(self, events: Sequence[Event]) -> None:
        """Makes the events durable before it returns.

        Raises:
            TransientError: The graph can't serve now; some of the events may have been written.
        """
        folder, writer = self._begun()
        # The cache of the folder is shared, too.
        with self._turn:
            delta, problems = folder.fold(events)
            for event, problem in problems:
                self._tell(event, problem)
        writer.apply(delta)

    def _begun(self) -> tuple[Folder, GraphWriter]:
        # Not before the first events: a service starts while its graph can't serve.
        with self._turn:
            if self._known is None:
                rules = identity_rules.rules_for_writing(self._store, self._configured)
                self._known = Folder(rules), GraphWriter(self._store, rules=rules, turn=self._turn)
            return self._known

    def close(self) -> None:
        """Closes the store."""
        self._store.close()

    def _tell(self, event: Event, problem: Problem) -> None:
        kind = (_INDEX.sub("[]", problem.path)[:_KIND_CHARS], problem.reason[:_KIND_CHARS])
        if kind not in self._warned:
            self._warned[kind] = True
            _log.warning(
                "invalid facet ignored, event kept",
                path=problem.path,
                reason=problem.reason,
                run=event.run.run_id if isinstance(event, RunEvent) else None,
                said_by=_name(event),
                quiet_s=QUIET_S,
            )


def _name(event: Event) -> str:
    if isinstance(event, DatasetEvent):
        return f"dataset {event.dataset.namespace} {event.dataset.name}"
    return f"job {event.job.namespace} {event.job.name}"
