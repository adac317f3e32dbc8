"""The facts of many events as one delta; what several of them repeat is stated once, with the latest time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from consumer.lineage.facts.contents import MakeTexts
from consumer.lineage.facts.contexts import Statement, dump_context
from consumer.lineage.facts.current import carried_lineage
from consumer.lineage.facts.delta import Delta, JobFacts
from consumer.lineage.facts.executions import DECLARED, Declared, Execution, code_of
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.output_facets import BY_RUN, LINEAGE, CarriedFacets
from consumer.lineage.facts.registers import NEVER_INLINE, Registers, as_json, value_of
from consumer.lineage.folding.body_facts import BodyFacts, UntimedName, contexts_of
from consumer.lineage.folding.run_context import RunContext
from consumer.lineage.folding.run_parts import RunParts
from schemas.naming import DatasetName


class DeltaBuilder:
    """Takes the facts of events one by one.

    The registers of two events with the same values differ in their time alone, and joined they have the later one. So
    for each body its latest time is enough.
    """

    def __init__(self) -> None:
        self._delta = Delta()
        self._bodies: dict[BodyFacts, str] = {}
        self._completed: dict[BodyFacts, str] = {}
        self._runs: dict[RunKey, RunParts] = {}

    def add_run_event(self, run: RunKey, event_type: str, time: str, body: BodyFacts, context: RunContext) -> None:
        """Adds an event of a run.

        Args:
            run: The run.
            event_type: The event's type.
            time: The event's time.
            body: The facts of the event's body.
            context: What the facets of the run state.
        """
        parts = self._runs.get(run)
        if parts is None:
            parts = self._runs[run] = RunParts(event_type, time, body)
        parts.add(event_type, time, body, context)
        # An event without a processing type counts at its own time if its job turns out to be a stream.
        if body.may_be_streaming:
            alone = RunParts(event_type, time, body)
            alone.add(event_type, time, body, context)
            ref = body.context(is_complete=event_type == "COMPLETE")
            facts = replace(alone.facts(), contexts={})
            self._delta.statements.append(Statement(time, ref, {run: facts}, {}, {}))
        self._delta.contents.add(context.texts)
        self._add_body(body, time, is_complete=event_type == "COMPLETE")

    def add_job_event(self, time: str, body: BodyFacts, texts: Mapping[str, str]) -> None:
        """Adds a JobEvent, as if a run had completed at its time.

        Args:
            time: The event's time.
            body: The facts of the event's body.
            texts: Texts of the body's long values by reference.
        """
        self.add_texts(texts)
        self._add_body(body, time, is_complete=True)
        carried = {name: Registers.at(time, values) for name, values in body.carried_by(is_complete=True).items()}
        id_ = _declared_id(body, carried, texts)
        declared: dict[JobName, Declared] = {}
        if body.inputs or body.outputs or carried:
            execution = Execution(time, id_, body.inputs, body.outputs, carried_lineage(carried))
            declared[body.job] = Declared(execution, code_of(body.code.get))
            self._delta.add_job(body.job, JobFacts(declared=declared[body.job]))
        outputs = {OutputKey(body.job, name): CarriedFacets.by(one, time, id_) for name, one in carried.items()}
        for output, facets in outputs.items():
            self._delta.add_declared(output, facets)
        self._delta.statements.append(Statement(time, body.context(is_complete=True), {}, declared, outputs))

    def add_dataset_event(self, time: str, names: Sequence[UntimedName], texts: Mapping[str, str]) -> None:
        """Adds what a DatasetEvent states of its dataset, which counts at its own time."""
        self.add_names(time, names)
        context = value_of(dump_context(None, contexts_of(names)), NEVER_INLINE)
        self.add_texts({**texts, context.ref: context.text or ""})
        self._delta.statements.append(Statement(time, context.ref, {}, {}, {}))

    def add_names(self, time: str, names: Iterable[UntimedName]) -> None:
        """Adds what is stated of datasets at a time."""
        for one in names:
            self._delta.add_name(one.name, one.at(time))

    def add_texts(self, texts: Mapping[str, str]) -> None:
        """Adds texts of long values."""
        self._delta.contents.add(texts)

    def promise_texts(self, body: BodyFacts, make: MakeTexts) -> None:
        """Adds texts of a body's long values that are made when they are asked for."""
        self._delta.contents.promise(body.stored, make)

    def build(self) -> Delta:
        """Returns the facts of all events; once."""
        for body, time in self._bodies.items():
            self._delta.add_job(body.job, JobFacts(frozenset({body.called}), Registers.at(time, body.job_values)))
            completed_at = self._completed.get(body, "")
            self.add_names(time, body.names_by(is_complete=time == completed_at))
            if completed_at:
                self._complete(body, completed_at, is_latest=time == completed_at)
        for run, parts in self._runs.items():
            self._delta.add_run(run, parts.facts())
        return self._delta

    def _complete(self, body: BodyFacts, time: str, *, is_latest: bool) -> None:
        """Adds what a body states only in an event that its job has completed.

        Args:
            body: The body.
            time: The event's time.
            is_latest: True if no later event has the body, and what it states of names is added already.
        """
        if body.flows is not None:
            flows = Values.of({LINEAGE: body.flows})
            self._delta.add_job(body.job, JobFacts(facets=Registers.at(time, flows)))
        if not is_latest:
            self.add_names(time, body.names_by(is_complete=True))

    def _add_body(self, body: BodyFacts, time: str, *, is_complete: bool) -> None:
        _keep_later(self._bodies, body, time)
        if is_complete and (body.flows is not None or body.unexposed.inputs):
            _keep_later(self._completed, body, time)


def _keep_later(times: dict[BodyFacts, str], body: BodyFacts, time: str) -> None:
    known = times.get(body)
    if known is None or time > known:
        times[body] = time


def _declared_id(body: BodyFacts, carried: Mapping[DatasetName, Registers], texts: Mapping[str, str]) -> str:
    """Returns the id of a JobEvent's execution, made of what it says."""
    # Of two at one time, as of one manifest before and after its SQL was compiled, the one that traces more counts.
    lineage = [registers[facet].ref for registers in carried.values() for facet in BY_RUN & registers.keys()]
    traced = sum(len(texts.get(ref, ref)) for ref in lineage)
    said = [
        sorted(body.inputs),
        sorted(body.outputs),
        sorted((name, sorted(registers.items())) for name, registers in carried.items()),
    ]
    return f"{DECLARED}{traced:010d}:{value_of(as_json(said)).digest}"
