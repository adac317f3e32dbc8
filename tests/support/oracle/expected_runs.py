"""What is current of a job, for `tests.support.oracle.expected_graph`: DESIGN's rules of runs, in the plainest way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from consumer.lineage.explicit_lineage import DECLARED
from consumer.lineage.facts.registers import as_json, value_of
from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import IdentityRules
from schemas.events import Dataset, DatasetEvent, Event, JobEvent, RunEvent
from schemas.facets.base import Facet
from schemas.facets.job_facets import JobTypeJobFacet, ParentRunFacet, SkippedRunFacet
from schemas.naming import DatasetName
from tests.support.oracle.expected_facts import (
    Above,
    Key,
    Said,
    code_of,
    facet,
    inputs_of,
    job_key,
    last,
    outputs_of,
    said,
    targets_of,
)

RANK = {"OTHER": 0, "START": 1, "RUNNING": 2, "COMPLETE": 3, "FAIL": 4, "ABORT": 4}
MOST_UNFINISHED = 100

DAGSTER = "/integration/dagster"


def rank_of(event: RunEvent) -> int:
    """The rank of an event; Dagster reports FAIL of an asset that may still complete."""
    is_early = event.event_type == "FAIL" and event.producer.endswith(DAGSTER)
    return RANK["COMPLETE"] if is_early else RANK[event.event_type]


Carried = Mapping[DatasetName, Mapping[str, Said]]
"""Of outputs and facets what was said last."""


class Done(NamedTuple):
    """Something that counts as a completed run."""

    time: str
    id: str
    inputs: frozenset[DatasetName]
    outputs: frozenset[DatasetName]
    carried: Carried
    code: tuple[str, ...] = ()
    whole: bool = True

    @property
    def order(self) -> tuple[bool, str, str]:
        """What makes it later than another one: a failed extractor's word counts only where there is no other."""
        return self.whole, self.time, self.id


class RunOf:
    """A run of a job, over all of its events."""

    def __init__(self, job: Key, id_: str, events: Sequence[Event], *, job_streams: bool) -> None:
        self.job = job
        self._job_streams = job_streams
        self.id = id_
        runs = [event for event in events if isinstance(event, RunEvent) and event.run.run_id == id_]
        self.mine = [event for event in runs if job_key(event) == job]

    @cached_property
    def state(self) -> str:
        """The greatest state."""
        return max((rank_of(event), event.event_time, event.event_type) for event in self.mine)[2]

    def times(self, *types: str) -> list[str]:
        """When events of these types happened."""
        return [event.event_time for event in self.mine if event.event_type in types]

    @property
    def started_at(self) -> str | None:
        """The least time of a START."""
        return min(self.times("START"), default=None)

    @property
    def ended_at(self) -> str | None:
        """The greatest time of a terminal event."""
        return max(self.times("COMPLETE", "FAIL", "ABORT"), default=None)

    def latest_of(self, view: type[Facet]) -> Any:
        """What a facet of the run or of its job said last; None if nothing."""
        return last(
            one
            for event in self.mine
            for one in said(view, {**event.run.facets, **event.job.facets}, event.event_time).values()
        )

    @cached_property
    def inputs(self) -> frozenset[DatasetName]:
        """All that it read."""
        return frozenset().union(*(inputs_of(event) for event in self.mine))

    @cached_property
    def outputs(self) -> frozenset[DatasetName]:
        """All that it wrote."""
        return frozenset().union(*(targets_of(event) for event in self.mine))

    @cached_property
    def carried(self) -> dict[DatasetName, dict[str, Said]]:
        """Of each output and facet what was said last."""
        found: dict[DatasetName, dict[str, Said]] = {}
        for event in self.mine:
            for name, facets in outputs_of(event).items():
                for key, one in facets.items():
                    known = found.setdefault(name, {})
                    known[key] = max(one, known.get(key, one), key=lambda one: one.stamp)
        return found

    @cached_property
    def snapshot(self) -> RunEvent | None:
        """The newest event of a streaming job that names datasets; one that ends the run comes before all others."""
        found = [event for event in self.mine if self.streams(event) and (inputs_of(event) or targets_of(event))]
        return max(
            found, key=lambda event: (RANK[event.event_type] < 3, event.event_time, digest_of(event)), default=None
        )

    def streams(self, event: RunEvent) -> bool:
        """True if an event is a snapshot: as it says itself, else as the run, else as the job says last."""
        own = processing_type(event)
        if own:
            return own in STREAMING
        stated = [(one.event_time, processing_type(one)) for one in self.mine if processing_type(one)]
        if not stated:
            return self._job_streams
        return max((time, value_of(as_json(kind)).digest[:12], kind) for time, kind in stated)[2] in STREAMING

    @property
    def was_skipped(self) -> bool:
        """True if nothing of it was executed, so that it is no evidence of code."""
        return self.state == "ABORT" and self.latest_of(SkippedRunFacet) is not None

    @property
    def names_datasets(self) -> bool:
        """False if it says nothing of lineage."""
        return any(names_datasets(event) for event in self.mine)

    @cached_property
    def whole(self) -> bool:
        """False if its extractor failed."""
        failures = [
            (event.event_time, value_of(text).digest[:12], text)
            for event in self.mine
            for text in extraction_errors(event)
        ]
        return not max(failures, default=("", "", ""))[2]

    @property
    def counts(self) -> bool:
        """True if what it says of its outputs is so."""
        return self.snapshot is not None or (self.state == "COMPLETE" and self.names_datasets)

    @property
    def done(self) -> Done:
        """What it did: all that it said, or its newest snapshot."""
        if self.snapshot is None:
            return Done(self.ended_at or "", self.id, self.inputs, self.outputs, self.carried, whole=self.whole)
        event = self.snapshot
        return Done(event.event_time, self.id, inputs_of(event), targets_of(event), outputs_of(event))

    @property
    def unfinished(self) -> Done | None:
        """What it does, if it runs; its facets do not count yet."""
        if self.state not in {"START", "RUNNING"} or self.snapshot is not None:
            return None
        if not self.names_datasets or not self.whole:
            return None
        return Done(self.started_at or min(self.times("RUNNING")), self.id, self.inputs, self.outputs, {})


def names_datasets(event: RunEvent | JobEvent) -> bool:
    """True if it names any dataset, be it only one that is dropped, or the target of explicit lineage."""
    return bool(inputs_of(event) or targets_of(event) or outputs_of(event))


STREAMING = frozenset({"STREAMING", "SERVICE"})


def processing_type(event: RunEvent | JobEvent) -> str:
    """The processing type that an event states; empty if none."""
    kind = facet(JobTypeJobFacet, event.job.facets)
    return "" if kind is None else (kind.processing_type or "").upper()


def job_streams(job: Key, events: Sequence[Event]) -> bool:
    """True if the last `jobType` facet of a job says that it does not end."""
    mine = [event for event in events if not isinstance(event, DatasetEvent) and job_key(event) == job]
    stated = [
        (found["jobType"].stamp, processing_type(event))
        for event in mine
        if (found := said(JobTypeJobFacet, event.job.facets, event.event_time))
    ]
    return max(stated, default=("", ""))[1] in STREAMING


def digest_of(event: RunEvent) -> str:
    """The hash that decides between two snapshots of one time."""
    (facts,) = fold(event, IdentityRules.of()).runs.values()
    snapshot = facts.snapshot or facts.unstated
    assert snapshot is not None, "an event of a streaming job is a snapshot"
    return snapshot.digest


def extraction_errors(event: RunEvent) -> list[str]:
    """Whether the event says that its extractor failed; empty text if it no longer did."""
    raw = event.run.facets.get("extractionError")
    return ["" if raw.get("_deleted") is True else "true"] if isinstance(raw, dict) else []


class History:
    """All runs, and all events."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        runs = {(job_key(event), event.run.run_id) for event in events if isinstance(event, RunEvent)}
        streams = {job: job_streams(job, events) for job, _ in runs}
        self.runs = [RunOf(job, id_, events, job_streams=streams[job]) for job, id_ in runs]
        self.declared: dict[Key, list[Done]] = {}
        for event in events:
            if isinstance(event, JobEvent) and names_datasets(event):
                self.declared.setdefault(job_key(event), []).append(declared(event))

    def of(self, job: Key) -> list[RunOf]:
        """The runs of a job."""
        return [run for run in self.runs if run.job == job]

    def current(self, job: Key) -> list[Done]:
        """The executions of a job that are current."""
        completed = sorted((run for run in self.of(job) if run.counts), key=lambda run: run.done.order)
        latest = [run.done for run in completed[-1:]]
        described = self.declaration(job)
        if described is not None and [described.order] > [one.order for one in latest] and not self.overruled(job):
            latest = [described]
        elif completed:
            latest += self.siblings(completed[-1], completed)
        since = latest[0].time if latest else ""
        started = [one for run in self.of(job) if (one := run.unfinished) is not None]
        after = sorted((one for one in started if one.time > since), key=lambda one: one.order)
        # One with the datasets of a completed run says nothing new.
        known = {(one.inputs, one.outputs) for one in latest}
        return latest + [one for one in after[-MOST_UNFINISHED:] if (one.inputs, one.outputs) not in known]

    def declaration(self, job: Key) -> Done | None:
        """The last JobEvent of a job."""
        return max(self.declared.get(job, []), key=lambda one: (one[:2], one.code), default=None)

    def overruled(self, job: Key) -> bool:
        """True if the last run to end, in whatever way, ran the code that the last JobEvent declares."""
        ended = [run for run in self.of(job) if RANK[run.state] >= 3 and not run.was_skipped]
        final = max(ended, key=lambda run: (run.ended_at or "", run.id), default=None)
        described = self.declaration(job)
        if final is None or described is None:
            return False
        return bool(set(code_of(final.mine)) & set(described.code))

    @staticmethod
    def siblings(latest: RunOf, completed: Sequence[RunOf]) -> list[Done]:
        """Completed runs with the latest one's parent; of those with equal datasets the last."""
        parent = group_of(latest)
        found: dict[tuple[frozenset[DatasetName], frozenset[DatasetName]], Done] = {}
        for run in sorted(completed, key=lambda run: run.done[:2]):
            if parent and group_of(run) == parent:
                found[run.done.inputs, run.done.outputs] = run.done
        return [one for one in found.values() if (one.inputs, one.outputs) != (latest.done.inputs, latest.done.outputs)]

    def carried(self, job: Key) -> dict[DatasetName, dict[str, tuple[str, str, Said]]]:
        """The facets of a job's outputs, each with the time and the id of the last execution that carried it."""
        ran: list[tuple[str, str, DatasetName, str, Said]] = []
        for run in self.of(job):
            for name, key, one in entries(run.carried if run.counts else {}):
                # A streaming run has no end, so a facet is as old as the event that carried it.
                time = run.done.time if run.snapshot is None else one.stamp.partition(" ")[0]
                ran.append((time, run.id, name, key, one))
        described = [
            (done.time, done.id, name, key, one)
            for done in self.declared.get(job, [])
            for name, key, one in entries(done.carried)
        ]
        declaration = self.declaration(job)
        overruled = declaration.id if declaration is not None and self.overruled(job) else None
        declared_facets = latest_by_facet(described)
        kept = [found for found in declared_facets if found[1] != overruled]
        facets: dict[DatasetName, dict[str, tuple[str, str, Said]]] = {}
        for time, id_, name, key, one in latest_by_facet([*ran, *kept]):
            facets.setdefault(name, {})[key] = time, id_, one
        return facets


def entries(carried: Carried) -> list[tuple[DatasetName, str, Said]]:
    """The facets of outputs in a list."""
    return [(name, key, one) for name, facets in carried.items() for key, one in facets.items()]


def latest_by_facet(
    found: Sequence[tuple[str, str, DatasetName, str, Said]],
) -> list[tuple[str, str, DatasetName, str, Said]]:
    """Of each output and facet the one of the last execution."""
    in_order = sorted(found, key=lambda one: (one[0], one[1], one[4].stamp))
    return list({(one[2], one[3]): one for one in in_order}.values())


def group_of(run: RunOf) -> str | None:
    """The parent run that makes other runs siblings; a streaming run has no siblings."""
    found: Above | None = run.latest_of(ParentRunFacet)
    return found.group if run.snapshot is None and found is not None else None


def original(event: JobEvent) -> Event:
    """The event that was sent: a DatasetEvent for a job that stands for one."""
    if event.job.namespace != DECLARED:
        return event
    (output,) = event.outputs
    dataset = Dataset(output.namespace, output.name, output.facets)
    return DatasetEvent(event.event_time, dataset, event.producer, event.schema_url)


def declared(event: JobEvent) -> Done:
    """A JobEvent as a completed run; only its id is the consumer's."""
    (facts,) = fold(original(event), IdentityRules.of()).jobs.values()
    assert facts.declared is not None, "a JobEvent that names datasets counts as a completed run"
    id_ = facts.declared.execution.id
    return Done(event.event_time, id_, inputs_of(event), targets_of(event), outputs_of(event), code_of([event]))
