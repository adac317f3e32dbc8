"""The facts of one run, put together from those of its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

from consumer.lineage.facts.current import carried_lineage, group_by
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.registers import Registers, as_json, value_of
from consumer.lineage.facts.run_facts import RunFacts, greatest, join_runs, least
from consumer.lineage.facts.run_state import RANKS, TERMINAL, Snapshot, State
from consumer.lineage.folding.body_facts import BodyFacts
from consumer.lineage.folding.run_context import RunContext
from schemas.naming import DatasetName


class Stated(NamedTuple):
    """Statements of an event about its run, beside the times and the state.

    Attributes:
        body: The facts of its body.
        context: What its run's facets state.
        is_running: False if the event ends the run of a job that may be streaming; else True.
        is_complete: True if the event is COMPLETE, and its body then states more of its outputs.
    """

    body: BodyFacts
    context: RunContext
    is_running: bool = True
    is_complete: bool = False


class _Times(NamedTuple):
    """The state of a run, and its times, as in `RunFacts`."""

    said_at: str
    state: State
    started_at: str | None
    seen_at: str | None
    ended_at: str | None

    @classmethod
    def of(cls, event_type: str, time: str, *, fails_early: bool) -> _Times:
        state = State.of(event_type, time, fails_early=fails_early)
        rank = state.rank
        return cls(
            time,
            state,
            time if event_type == "START" else None,
            time if 0 < rank < TERMINAL else None,
            time if rank >= TERMINAL else None,
        )

    def join(self, other: _Times) -> _Times:
        return _Times(
            max(self.said_at, other.said_at),
            max(self.state, other.state),
            least(self.started_at, other.started_at),
            least(self.seen_at, other.seen_at),
            greatest(self.ended_at, other.ended_at),
        )


class RunParts:
    """Statements of events about one run; an event that repeats another one adds no more than its time.

    Args:
        event_type: The type of the first event.
        time: Its time.
        body: The facts of its body.
    """

    def __init__(self, event_type: str, time: str, body: BodyFacts) -> None:
        self._times = _Times.of(event_type, time, fails_early=body.fails_early)
        self._stated: dict[Stated, str] = {}
        self._contexts: dict[str, str] = {}

    def add(self, event_type: str, time: str, body: BodyFacts, context: RunContext) -> None:
        """Adds an event; the first one as well."""
        self._times = self._times.join(_Times.of(event_type, time, fails_early=body.fails_early))
        is_running = not body.may_be_streaming or RANKS[event_type] < TERMINAL
        is_complete = event_type == "COMPLETE" and bool(body.unexposed.outputs)
        stated = Stated(body, context, is_running, is_complete)
        known = self._stated.get(stated)
        if known is None or time > known:
            self._stated[stated] = time
        # An event of a streaming run counts at its own time, and is kept as a statement.
        if not body.is_streaming:
            ref = body.context(is_complete=event_type == "COMPLETE")
            self._contexts[ref] = max(time, self._contexts.get(ref, ""))

    def facts(self) -> RunFacts:
        """Returns the facts of all the events."""
        facts = reduce(join_runs, (self._facts(stated, time, self._times) for stated, time in self._needed()))
        return replace(facts, contexts=self._contexts) if self._contexts else facts

    def _needed(self) -> Iterator[tuple[Stated, str]]:
        """Yields the statements with the latest time of each, without those to which a later COMPLETE adds."""
        for stated, time in self._stated.items():
            body, _, _, is_complete = stated
            may_be_less = not is_complete and not body.is_streaming and bool(body.unexposed.outputs)
            completed_at = self._stated.get(stated._replace(is_complete=True), "") if may_be_less else ""
            if time > completed_at:
                yield stated, time

    @staticmethod
    def _facts(stated: Stated, time: str, times: _Times) -> RunFacts:
        body, context, is_running, is_complete = stated
        values_of = body.carried_by(is_complete=is_complete)
        carried = {name: Registers.at(time, values) for name, values in values_of.items()}
        # An event that names no dataset is a sign of life, not a snapshot.
        may_be_snapshot = body.may_be_streaming and bool(body.inputs or body.outputs)
        snapshot = _snapshot(body, carried, time, is_running=is_running) if may_be_snapshot else None
        certain, possible = (snapshot, None) if body.is_streaming else (None, snapshot)
        group = "" if certain is not None else group_by(context.refs.get("parent"))
        values = Values.of({**context.refs, **body.of_run})
        parents = frozenset({group}) if group else frozenset[str]()
        facets = Registers.at(time, values)
        return RunFacts(*times, body.inputs, body.outputs, facets, carried, certain, possible, parents)


def _snapshot(body: BodyFacts, carried: Mapping[DatasetName, Registers], time: str, *, is_running: bool) -> Snapshot:
    lineage = carried_lineage(carried)
    digest = value_of(as_json([sorted(body.inputs), sorted(body.outputs), lineage])).digest
    return Snapshot(is_running, time, digest, body.inputs, body.outputs, lineage)
