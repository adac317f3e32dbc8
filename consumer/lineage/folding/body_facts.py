"""Facts that do not depend on the time of an event, nor on its type and run: those of its body.

Rebuilds of an unchanged model repeat them. So they are kept, and stamped with the time of each event that has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from consumer.lineage.facts.delta import NameFacts, Problem
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.registers import EMPTY, NO_REGISTERS, Registers, Value, stamped
from schemas.naming import DatasetName


class UntimedName(NamedTuple):
    """Facts of a dataset under one of its names.

    Attributes:
        name: The canonical name.
        facts: Those that have no time.
        links: The names of its symlinks facet; None where there is no such facet.
        values: References of facets that count at once.
    """

    name: DatasetName
    facts: NameFacts
    links: Value | None
    values: Values

    def at(self, time: str) -> NameFacts:
        """Returns the facts, stated at a time."""
        if self.links is None and not self.values:
            return self.facts
        links = None if self.links is None else stamped(time, self.links)
        return self.facts.with_registers(links, Registers.at(time, self.values) if self.values else NO_REGISTERS)


class Unexposed(NamedTuple):
    """Datasets that none of a project's exposures uses, by an event that names all of them.

    Such an event is of a node that has completed, and a body has no type: its START states nothing of that.

    Attributes:
        register: The key of the register of the project's exposures.
        inputs: The inputs among them.
        outputs: The outputs among them.
    """

    register: str
    inputs: frozenset[DatasetName]
    outputs: frozenset[DatasetName]


ALL_EXPOSED = Unexposed("", frozenset(), frozenset())
"""Statement about no table."""


@dataclass(frozen=True, slots=True, eq=False)
class BodyFacts:
    """Facts of a body.

    Attributes:
        job: The job's key.
        called: The job's name in the event.
        job_values: References of the job's facets.
        flows: The reference of the flows from and to other jobs; None where the event states no lineage itself.
        code: References that identify the code of the job.
        names: What is stated of datasets, under each of their names.
        inputs: Datasets read.
        outputs: Datasets written.
        carried: References of the facets of outputs, which count once the run has completed.
        unexposed: Datasets without exposures, which is stated only by an event that the node has completed.
        is_streaming: True if the job does not end, so that its events are snapshots.
        may_be_sql_statement: True if a run with a parent says nothing that the parent's own events do not say.
        stored: References of long values, whose texts are apart.
        problems: What was left out.
    """

    job: JobName
    called: str
    job_values: Values
    flows: str | None
    code: Mapping[str, str]
    names: tuple[UntimedName, ...]
    inputs: frozenset[DatasetName]
    outputs: frozenset[DatasetName]
    carried: Mapping[DatasetName, Values]
    unexposed: Unexposed
    is_streaming: bool
    may_be_sql_statement: bool
    stored: tuple[str, ...]
    problems: tuple[Problem, ...]

    def carried_by(self, *, is_complete: bool) -> Mapping[DatasetName, Values]:
        """Returns the references of the facets of outputs in an event that is COMPLETE (or without a run) or not."""
        register, _, outputs = self.unexposed
        if not is_complete or not outputs:
            return self.carried
        return {**self.carried, **{name: self.carried[name].extended(register, EMPTY) for name in outputs}}

    def names_by(self, *, is_complete: bool) -> Iterable[UntimedName]:
        """Returns the statements about datasets of an event that is COMPLETE (or without a run) or not."""
        register, inputs, _ = self.unexposed
        if not is_complete or not inputs:
            return self.names
        return [
            one._replace(values=one.values.extended(register, EMPTY)) if one.name in inputs else one
            for one in self.names
        ]
