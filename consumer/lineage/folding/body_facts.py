"""Facts that do not depend on the time of an event, nor on its type and run: those of its body.

Rebuilds of an unchanged model repeat them. So they are kept, and stamped with the time of each event that has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from consumer.lineage.facts.contexts import JobContext, NameContext, dump_context
from consumer.lineage.facts.delta import NameFacts, Problem
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.layers import Values, digest_of
from consumer.lineage.facts.output_facets import LINEAGE
from consumer.lineage.facts.processing import PROCESSING, ref_of, streams
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


def contexts_of(names: Iterable[UntimedName]) -> Iterator[NameContext]:
    """Yields what is stated of names as it stands in a context."""
    for one in names:
        yield NameContext(one.name, one.facts, None if one.links is None else one.links.ref, one.values)


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


_NOTHING: Final = digest_of(EMPTY)

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
        processing_type: The processing type that the event states; empty if it states none.
        fails_early: True if the producer may report FAIL of a run that then completes.
        may_be_sql_statement: True if a run with a parent says nothing that the parent's own events do not say.
        contexts: References of what the event says of its job and of names: if it is not COMPLETE, and if it is.
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
    processing_type: str
    fails_early: bool
    may_be_sql_statement: bool
    contexts: tuple[str, str]
    stored: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def is_streaming(self) -> bool:
        """True if the event states that the job does not end, so that it is a snapshot."""
        return streams(self.processing_type)

    @property
    def may_be_streaming(self) -> bool:
        """True unless the event states that the job ends."""
        return not self.processing_type or self.is_streaming

    @property
    def of_run(self) -> Mapping[str, str]:
        """References that a run keeps of its job: the code, and the processing type."""
        if not self.processing_type:
            return self.code
        return {**self.code, PROCESSING: ref_of(self.processing_type)}

    def context(self, *, is_complete: bool) -> str:
        """Returns the reference of the context of an event that is COMPLETE (or without a run) or not."""
        return self.contexts[is_complete]

    def context_texts(self) -> tuple[str, str]:
        """Returns the texts of both contexts."""
        values = self.job_values if self.flows is None else self.job_values.extended(LINEAGE, self.flows)
        one, other = (
            dump_context(JobContext(self.job, self.called, known), contexts_of(self.names_by(is_complete=is_complete)))
            for known, is_complete in ((self.job_values, False), (values, True))
        )
        return one, other

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
            one._replace(values=_unexposed(one.values, register)) if one.name in inputs else one for one in self.names
        ]


def _unexposed(values: Values, register: str) -> Values:
    """Returns the values of an input that is named without exposures; it may be named with some as well.

    Of two values of one time the greater hash counts, as in all registers.
    """
    if register in values and values.digest(register) > _NOTHING:
        return values
    return values.extended(register, EMPTY)
