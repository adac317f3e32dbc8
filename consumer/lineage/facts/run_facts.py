"""Facts of one run: its state, its times, and the datasets that it read and wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from consumer.lineage.facts.registers import NO_REGISTERS, Registers
from consumer.lineage.facts.run_state import Snapshot, State
from schemas.naming import DatasetName


@dataclass(slots=True, frozen=True)
class RunFacts:
    """Facts of one run.

    Attributes:
        said_at: The greatest time of its events; None for a run that is only known as a parent.
        state: The greatest state.
        started_at: The least time of a START.
        seen_at: The least time of a START or RUNNING.
        ended_at: The greatest time of a terminal event.
        inputs: Datasets read, over all of its events.
        outputs: Datasets written, over all of its events.
        facets: The run's own facets.
        carried: Facets of its outputs, which count once it has completed.
        snapshot: For a streaming job, the datasets of the newest event, which replace those of older events.
        unstated: The same, of the events without a processing type; it counts if the run turns out to be a stream.
        parents: The groups that any event states for it (`current.group_of`); the latest word counts.
        contexts: The references of what its events say of jobs and names (`contexts`), each with the greatest time.
        has_apart: True if some of its datasets are stored apart from it, each as a `RunDataset`.
    """

    said_at: str | None = None
    state: State | None = None
    started_at: str | None = None
    seen_at: str | None = None
    ended_at: str | None = None
    inputs: frozenset[DatasetName] = frozenset()
    outputs: frozenset[DatasetName] = frozenset()
    facets: Registers = NO_REGISTERS
    carried: dict[DatasetName, Registers] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    unstated: Snapshot | None = None
    parents: frozenset[str] = frozenset()
    contexts: dict[str, str] = field(default_factory=dict)
    has_apart: bool = False

    @property
    def known(self) -> bool:
        """True if an event was about this run itself, not only about a child of it."""
        return self.said_at is not None


@dataclass(slots=True, frozen=True)
class RunDataset:
    """The effect of a run on one dataset, over all of its events; it is stored apart from the run.

    A context of the run is stored likewise, under a name without a namespace, which no dataset has (`context_name`).

    Attributes:
        read: True if it was an input.
        written: True if it was an output.
        carried: The facets that the run carried for it.
        contexts: The context, with the greatest time at which the run refers to it.
    """

    read: bool = False
    written: bool = False
    carried: Registers = NO_REGISTERS
    contexts: dict[str, str] = field(default_factory=dict)


def context_name(ref: str) -> DatasetName:
    """Returns the name under which the context of a run is stored apart from it."""
    return DatasetName("", ref)


def least(one: str | None, other: str | None) -> str | None:
    """Returns the lesser of two times, of which either may be missing."""
    return other if one is None else one if other is None else min(one, other)


def greatest(one: str | None, other: str | None) -> str | None:
    """Returns the greater of two times, of which either may be missing."""
    return other if one is None else one if other is None else max(one, other)


def newest(one: Snapshot | None, other: Snapshot | None) -> Snapshot | None:
    """Returns the snapshot that replaces the other, of which either may be missing."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda snapshot: snapshot.order)


def _join_by_output(
    one: dict[DatasetName, Registers], other: dict[DatasetName, Registers]
) -> dict[DatasetName, Registers]:
    if not other:
        return one
    joined = dict(one)
    for name, registers in other.items():
        joined[name] = joined.get(name, NO_REGISTERS).join(registers)
    return joined


def join_contexts(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Returns the references of both, each with the greatest time."""
    if not other or one == other:
        return one
    return one | {ref: max(time, one.get(ref, time)) for ref, time in other.items()}


def join_runs(one: RunFacts, other: RunFacts) -> RunFacts:
    """Returns the facts of both about one run."""
    states = [state for state in (one.state, other.state) if state is not None]
    return RunFacts(
        said_at=greatest(one.said_at, other.said_at),
        state=max(states) if states else None,
        started_at=least(one.started_at, other.started_at),
        seen_at=least(one.seen_at, other.seen_at),
        ended_at=greatest(one.ended_at, other.ended_at),
        inputs=one.inputs | other.inputs,
        outputs=one.outputs | other.outputs,
        facets=one.facets.join(other.facets),
        carried=_join_by_output(one.carried, other.carried),
        snapshot=newest(one.snapshot, other.snapshot),
        unstated=newest(one.unstated, other.unstated),
        parents=one.parents | other.parents,
        contexts=join_contexts(one.contexts, other.contexts),
        has_apart=one.has_apart or other.has_apart,
    )


def without_datasets(facts: RunFacts) -> RunFacts:
    """Returns a run whose datasets and contexts are stored apart, but for the datasets of the newest snapshot."""
    return replace(facts, inputs=frozenset(), outputs=frozenset(), carried={}, contexts={}, has_apart=True)


def datasets_of(facts: RunFacts) -> dict[DatasetName, RunDataset]:
    """Returns the datasets of a run, and its contexts, one by one."""
    contexts = {context_name(ref): RunDataset(contexts={ref: time}) for ref, time in facts.contexts.items()}
    return contexts | {
        name: RunDataset(name in facts.inputs, name in facts.outputs, facts.carried.get(name, NO_REGISTERS))
        for name in facts.inputs | facts.outputs | facts.carried.keys()
    }


def with_datasets(facts: RunFacts, datasets: Mapping[DatasetName, RunDataset]) -> RunFacts:
    """Returns a run with datasets and contexts that were apart."""
    contexts = (item for one in datasets.values() for item in one.contexts.items())
    apart = RunFacts(
        contexts=dict(contexts),
        inputs=frozenset(name for name, one in datasets.items() if one.read),
        outputs=frozenset(name for name, one in datasets.items() if one.written),
        carried={name: one.carried for name, one in datasets.items() if one.carried},
    )
    return join_runs(facts, apart)


def join_run_datasets(one: RunDataset, other: RunDataset) -> RunDataset:
    """Returns the facts of both about one dataset of one run."""
    contexts = join_contexts(one.contexts, other.contexts)
    return RunDataset(one.read or other.read, one.written or other.written, one.carried.join(other.carried), contexts)
