"""Facets that completed runs carry for their outputs: which of them is in force.

Of one output of one job, `OutputFacts` holds for each facet the winner among the job's completed runs and JobEvents. Of
a dataset's name, `Winner`s are the greatest of these over all jobs. Both are projections: a run that had completed may
turn out to have failed, and the winner is then looked for again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from consumer.lineage.facts.keys import JobName, OutputKey
from consumer.lineage.facts.layers import Layers
from consumer.lineage.facts.registers import Register, Registers

COLUMN_LINEAGE = "columnLineage"
LINEAGE = "lineage"
BY_RUN = frozenset({COLUMN_LINEAGE, LINEAGE})
"""Facets of which the latest completed run that carried them counts, whatever the time of the event with the facet."""


class Carrier(NamedTuple):
    """An event and the execution that it is of.

    Attributes:
        time: The event's time.
        ended_at: When the execution ended.
        run: The execution's id.
    """

    time: str
    ended_at: str
    run: str


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
        """Returns the order in which a carried facet replaces another."""
        if facet in BY_RUN:
            return self.ended_at, self.run, self.stamp
        return self.stamp, self.ended_at, self.run


class CarriedFacets(Layers[Carrier, Carried]):
    """The facets in force of an output."""

    __slots__ = ()

    @classmethod
    def by(cls, registers: Registers, ended_at: str, run: str) -> CarriedFacets:
        """Returns the facets that one execution carried."""
        return cls(tuple((Carrier(time, ended_at, run), values) for (time,), values in registers.layers))

    @classmethod
    def at_once(cls, registers: Registers, run: str) -> CarriedFacets:
        """Returns the facets of a streaming run, which has no end: a facet counts from the event that carries it."""
        return cls(tuple((Carrier(time, time, run), values) for (time,), values in registers.layers))

    def where(self, wanted: Callable[[Carrier], bool]) -> CarriedFacets:
        """Returns the facets that some of the executions carried."""
        return CarriedFacets(tuple(layer for layer in self.layers if wanted(layer[0])))

    def keeps(self, known: CarriedFacets, run: str) -> bool:
        """True if these facets of a run take nothing back that it carried before.

        Args:
            known: What was in force before, of any run.
            run: The run that these facets are of.
        """
        return all(self.keep_up(carrier, values) for carrier, values in known.layers if carrier.run == run)

    @classmethod
    def _item(cls, mark: Carrier, digest: str, ref: str) -> Carried:
        return Carried(f"{mark.time} {digest}", ref, mark.ended_at, mark.run)

    @classmethod
    def _parts(cls, item: Carried) -> tuple[Carrier, str]:
        return Carrier(item.stamp.partition(" ")[0], item.ended_at, item.run), item.ref

    @classmethod
    def _rank(cls, facet: str, mark: Carrier, digest: str) -> tuple[str, ...]:
        if facet in BY_RUN:
            return mark.ended_at, mark.run, mark.time, digest
        return mark.time, digest, mark.ended_at, mark.run

    @classmethod
    def _outranks(cls, one: Carrier, other: Carrier) -> bool:
        return one.time > other.time and one[1:] > other[1:]


class Writer(NamedTuple):
    """An event, the execution that it is of, and the job whose execution that is."""

    time: str
    ended_at: str
    run: str
    job: JobName


class Winner(NamedTuple):
    """A facet in force for a dataset's name, and the job that its output is of."""

    carried: Carried
    job: JobName


class Winners(Layers[Writer, Winner]):
    """The facets in force of those that jobs wrote for a dataset's name; none of `BY_RUN`."""

    __slots__ = ()

    @property
    def registers(self) -> Registers:
        """The facets alone."""
        layers = self.layers
        if len(layers) == 1:
            return Registers.at(layers[0][0].time, layers[0][1])
        return Registers.of({facet: Register(won.carried.stamp, won.carried.ref) for facet, won in self.items()})

    @classmethod
    def _item(cls, mark: Writer, digest: str, ref: str) -> Winner:
        return Winner(Carried(f"{mark.time} {digest}", ref, mark.ended_at, mark.run), mark.job)

    @classmethod
    def _parts(cls, item: Winner) -> tuple[Writer, str]:
        carried = item.carried
        return Writer(carried.stamp.partition(" ")[0], carried.ended_at, carried.run, item.job), carried.ref

    @classmethod
    def _rank(cls, _facet: str, mark: Writer, digest: str) -> tuple[str | JobName, ...]:
        return mark.time, digest, *mark[1:]

    @classmethod
    def _outranks(cls, one: Writer, other: Writer) -> bool:
        return one.time > other.time

    def absorb(self, output: OutputKey, facts: OutputFacts) -> Winners | None:
        """Returns the winners of a name once an output's facets are known.

        Args:
            output: The output, one of the name.
            facts: Its facets, newer than those that these winners may come from.

        Returns:
            The winners, or None where one that comes from this output is taken back: look at all outputs of the name.
        """
        candidates = winners(output, facts)
        own = (layer for layer in self.layers if layer[0].job == output.job)
        return self.join(candidates) if all(candidates.keep_up(*layer) for layer in own) else None


NOTHING_CARRIED = CarriedFacets()
NO_WINNERS = Winners()


@dataclass(slots=True, frozen=True)
class OutputFacts:
    """Facets of one output of one job.

    Attributes:
        ran: What is in force of the facets that runs carried.
        declared: What is in force of the facets of JobEvents.
    """

    ran: CarriedFacets = NOTHING_CARRIED
    declared: CarriedFacets = NOTHING_CARRIED

    @property
    def in_force(self) -> CarriedFacets:
        """Returns the facets in force of either."""
        return self.ran.join(self.declared)


def winners(output: OutputKey, facts: OutputFacts) -> Winners:
    """Returns an output's facets that describe its dataset, as candidates for the dataset's name."""
    described = ((carrier, values.without(BY_RUN)) for carrier, values in facts.in_force.layers)
    return Winners(tuple((Writer(*carrier, output.job), values) for carrier, values in described if values))
