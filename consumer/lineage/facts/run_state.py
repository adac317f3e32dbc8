"""The state of a run, and the datasets of a streaming run at one moment."""

from __future__ import annotations

from typing import NamedTuple

from schemas.naming import DatasetName

RANKS = {"OTHER": 0, "START": 1, "RUNNING": 2, "COMPLETE": 3, "FAIL": 4, "ABORT": 4}
"""FAIL and ABORT outrank COMPLETE: a run that failed did not complete, and Spark sends both."""

TERMINAL = 3
"""The least rank of a run that has ended."""

_REPORTS_FAIL_EARLY = "/integration/dagster"
"""End of the URI of the producer that reports FAIL for assets still at work when another asset of the run fails."""


def fails_early(producer: str) -> bool:
    """True if this producer may report FAIL before a run has ended, so that a later COMPLETE counts."""
    return producer.rstrip("/").endswith(_REPORTS_FAIL_EARLY)


class State(NamedTuple):
    """A run's state; the greater one stays.

    Attributes:
        rank: See `RANKS`.
        time: The time of the event. Between FAIL and ABORT the later one wins.
        name: OpenLineage's eventType.
    """

    rank: int
    time: str
    name: str

    @classmethod
    def of(cls, event_type: str, time: str, *, fails_early: bool = False) -> State:
        """Returns the state that an event reports.

        Args:
            event_type: OpenLineage's eventType.
            time: The time of the event.
            fails_early: True if FAIL has the rank of COMPLETE, so that the later one counts.
        """
        rank = TERMINAL if fails_early and event_type == "FAIL" else RANKS[event_type]
        return cls(rank, time, event_type)

    @property
    def fails_early(self) -> bool:
        """True if it has another rank than the one of its name."""
        return self.rank != RANKS[self.name]


class CarriedLineage(NamedTuple):
    """The lineage of an output that an execution carried itself.

    Attributes:
        output: The output.
        facet: `columnLineage` or `lineage`.
        ref: The reference of its value.
    """

    output: DatasetName
    facet: str
    ref: str


class Snapshot(NamedTuple):
    """The datasets of one event of a streaming job (the specification's "Complete Snapshot Events").

    Attributes:
        running: True unless the event is terminal; an event that ends a run replaces no snapshot of the running job.
        time: The time of the event.
        digest: A hash of the datasets, which decides between two events of one time.
        inputs: Datasets read.
        outputs: Datasets written.
        lineage: The lineage of outputs that the event carries.
    """

    running: bool
    time: str
    digest: str
    inputs: frozenset[DatasetName]
    outputs: frozenset[DatasetName]
    lineage: tuple[CarriedLineage, ...] = ()

    @property
    def order(self) -> tuple[bool, str, str]:
        """The order in which a snapshot replaces another."""
        return self.running, self.time, self.digest
