"""Facets that completed runs carry for their outputs: which of them is in force.

Of one output of one job, `OutputFacts` holds for each facet the winner among the job's completed runs and JobEvents. Of
a dataset's name, `Winner`s are the greatest of these over all jobs. Both are projections: a run that had completed may
turn out to have failed, and the winner is then looked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from consumer.lineage.facts.keys import JobName, OutputKey

COLUMN_LINEAGE = "columnLineage"
LINEAGE = "lineage"
BY_RUN = frozenset({COLUMN_LINEAGE, LINEAGE})
"""Facets of which the latest completed run that carried them counts, whatever the time of the event with the facet."""


class Carried(NamedTuple):
    """An output's facet and the execution that carried it.

    Attributes:
        stamp: The register's stamp.
        ref: The reference of its value.
        ended_at: When the execution ended.
        run: The execution's id.
    """

    stamp: str
    ref: str
    ended_at: str
    run: str

    def rank(self, facet: str) -> tuple[str, str, str]:
        """The order in which a carried facet replaces another."""
        if facet in BY_RUN:
            return self.ended_at, self.run, self.stamp
        return self.stamp, self.ended_at, self.run


CarriedFacets = dict[str, Carried]
"""Facet key to what is in force of it."""


class Winner(NamedTuple):
    """A facet in force for a dataset's name, and the output that it comes from."""

    carried: Carried
    job: JobName

    def rank(self, facet: str) -> tuple[tuple[str, str, str], JobName]:
        """The order in which a winner replaces another."""
        return self.carried.rank(facet), self.job


_Ranked = TypeVar("_Ranked", Carried, Winner)


@dataclass(slots=True, frozen=True)
class OutputFacts:
    """Facets of one output of one job.

    Attributes:
        ran: What is in force of the facets that runs carried.
        declared: What is in force of the facets of JobEvents.
    """

    ran: CarriedFacets = field(default_factory=dict)
    declared: CarriedFacets = field(default_factory=dict)

    @property
    def in_force(self) -> CarriedFacets:
        """What is in force of either."""
        return join_facets(self.ran, self.declared)


def join_facets(one: Mapping[str, _Ranked], other: Mapping[str, _Ranked]) -> dict[str, _Ranked]:
    """For each facet the one of the greater rank."""
    joined = dict(one)
    for facet, ranked in other.items():
        known = joined.get(facet)
        if known is None or ranked.rank(facet) > known.rank(facet):
            joined[facet] = ranked
    return joined


def winners(output: OutputKey, facts: OutputFacts) -> dict[str, Winner]:
    """An output's facets that describe its dataset, as candidates for the dataset's name."""
    return {facet: Winner(carried, output.job) for facet, carried in facts.in_force.items() if facet not in BY_RUN}


def absorb_winners(known: Mapping[str, Winner], output: OutputKey, facts: OutputFacts) -> dict[str, Winner] | None:
    """The winners of a name once an output's facets are known.

    Args:
        known: The winners before.
        output: The output, one of the name.
        facts: Its facets, newer than those that `known` may come from.

    Returns:
        The winners, or None where one that comes from this output is taken back: look at all outputs of the name.
    """
    candidates = winners(output, facts)
    for facet, winner in known.items():
        if winner.job != output.job or candidates.get(facet) == winner:
            continue
        candidate = candidates.get(facet)
        if candidate is None or candidate.rank(facet) < winner.rank(facet):
            return None
    return join_facets(known, candidates)
