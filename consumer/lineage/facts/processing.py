"""Processing types: which events are snapshots of a job that does not end (the specification's "Run Cycle" page).

An event that has a processing type is judged by it. Many producers give it once, on START, and a facet of a job holds
for its other events, too. So an event without one is judged by what its run states last, else by what its job states
last. Either may arrive later than the event. A run therefore keeps the newest of these events as a snapshot aside, and
counts it once it is known to be one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

import orjson

from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.registers import Registers, as_json
from consumer.lineage.facts.run_facts import RunFacts, newest

STREAMING: Final = frozenset({"STREAMING", "SERVICE"})
"""Processing types of jobs that do not end."""

PROCESSING: Final = "processingType"
"""The register of a run with the processing type that its events state."""

JOB_TYPE: Final = "jobType"
"""The facet of a job that states it."""


def streams(processing_type: str) -> bool:
    """True for a processing type whose events are snapshots; empty if none is stated."""
    return processing_type.upper() in STREAMING


def ref_of(processing_type: str) -> str:
    """Returns the value of the register `PROCESSING`."""
    return as_json(processing_type)


def job_streams(facets: Registers) -> bool:
    """True if a job does not end, by its facets."""
    return _streams(facets.ref(JOB_TYPE) or "")


def states_stream(ref: str) -> bool:
    """True if a value of the register `PROCESSING` is that of a run that does not end."""
    return _streams(ref)


@lru_cache(maxsize=2_048)
def _streams(ref: str) -> bool:
    value = orjson.loads(ref) if ref else None
    stated = value.get(PROCESSING) if isinstance(value, dict) else value
    return isinstance(stated, str) and streams(stated)


def is_unstated(facts: RunFacts) -> bool:
    """True for the facts of an event without a processing type."""
    return facts.snapshot is None and facts.facets.ref(PROCESSING) is None


def has_datasets_apart(facts: RunFacts) -> bool:
    """True for a run of whose datasets some may be stored apart from it; older versions did not note that they are."""
    if facts.has_apart or facts.snapshot is not None:
        return True
    return facts.unstated is not None and _streams(facts.facets.ref(PROCESSING) or "")


def may_have_counted(facts: RunFacts) -> bool:
    """True if a run counts at once, or did as long as less was known of it: there may be something to take back."""
    return facts.snapshot is not None or facts.unstated is not None


def settled(facts: RunFacts, *, job_streams: bool) -> RunFacts:
    """Returns the facts of a run whose events without a processing type count by that of the run, else of the job.

    Args:
        facts: The run.
        job_streams: True if the job does not end.
    """
    if facts.unstated is None:
        return facts
    stated = facts.facets.ref(PROCESSING)
    is_stream = job_streams if stated is None else _streams(stated)
    return replace(facts, snapshot=newest(facts.snapshot, facts.unstated), unstated=None) if is_stream else facts


class KnownStreams:
    """Jobs that do not end, as far as their documents were known while something was computed from them.

    Attributes:
        changed: Jobs of which a later document says otherwise: all that follows from their runs is computed again.
    """

    def __init__(self) -> None:
        self._known: dict[JobName, bool] = {}
        self.changed: set[JobName] = set()

    def note(self, job: JobName, *, streams: bool) -> bool:
        """Notes what a document says of a job; returns True if one before said otherwise."""
        if self._known.setdefault(job, streams) == streams:
            return False
        self.changed.add(job)
        self._known[job] = streams
        return True

    def doubt(self, job: JobName) -> bool:
        """Notes that something may have been computed by another type of a job; returns True if it is new."""
        is_new = job not in self.changed
        self.changed.add(job)
        return is_new

    def is_stream(self, job: JobName, facts: RunFacts) -> bool:
        """True if each event of a run of a job counts as a snapshot."""
        return self.settled(job, facts).snapshot is not None

    def settled(self, job: JobName, facts: RunFacts) -> RunFacts:
        """Returns the facts of a run of a job whose events without a processing type count by that of the job."""
        return settled(facts, job_streams=self._known.get(job, False))
