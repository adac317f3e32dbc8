"""Events that had happened by a moment, in the plainest way: what law 6 feeds a fresh graph with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import NO_RULES
from schemas.decode import decode_document
from schemas.timestamps import canonical_time

TERMINAL = frozenset({"COMPLETE", "FAIL", "ABORT"})
STREAMING = frozenset({"STREAMING", "SERVICE"})


def time_of(document: Any) -> str:
    """An event's time in the form that sorts."""
    return canonical_time(document["eventTime"])


def processing_type(document: Any) -> str:
    """The processing type that an event states; empty if none."""
    kind = document["job"].get("facets", {}).get("jobType") if "job" in document else None
    return str(kind.get("processingType") or "").upper() if isinstance(kind, dict) else ""


def run_of(document: Any) -> RunKey | None:
    """The run that an event is of; None for the other kinds of events."""
    return next(iter(fold(decode_document(document), NO_RULES).runs), None)


def happened(documents: Sequence[Any], time: str) -> list[Any]:
    """The events that had happened by a moment: those of runs by the runs' ends, all others by their own times.

    Events of streams count at their own times, too; those without a processing type are such events if the last one
    that had happened by then, of their run or else of their job, says so.
    """
    runs = [run_of(document) for document in documents]
    ends: dict[RunKey, str] = {}
    for document, run in zip(documents, runs, strict=True):
        if run is not None and document["eventType"] in TERMINAL:
            ends[run] = max(time_of(document), ends.get(run, ""))

    def is_there(document: Any, run: RunKey | None, *, streams: bool) -> bool:
        return (time_of(document) if run is None or streams else ends.get(run, "~")) <= time

    pairs = list(zip(documents, runs, strict=True))
    stated = [
        (document, run)
        for document, run in pairs
        if (run is None or processing_type(document))
        and is_there(document, run, streams=processing_type(document) in STREAMING)
    ]
    return [
        document
        for document, run in pairs
        if is_there(document, run, streams=(processing_type(document) or last_type(stated, run)) in STREAMING)
    ]


def last_type(stated: Sequence[tuple[Any, RunKey | None]], run: RunKey | None) -> str:
    """The processing type that counts for the events of a run that have none; empty if there is none."""
    if run is None:
        return ""
    jobs: list[tuple[str, str]] = []
    for document, other in stated:
        facts = fold(decode_document(document), NO_RULES).jobs if "job" in document else {}
        registers = facts.get(run.job)
        register = registers.facets.get("jobType") if registers is not None else None
        if register is not None:
            own = "1" if other == run else "0"
            jobs.append((own + register.stamp, processing_type(document)))
    return max(jobs, default=("", ""))[1]


def of_one_kind(documents: Iterable[Any]) -> list[Any]:
    """The events, of which those of one run id are all of a streaming job, or none is: as real producers send them.

    A part of the events has no processing type, as some producers give it on START alone.
    """
    known: dict[str, Any] = {}
    found: list[Any] = []
    for document in documents:
        if "run" not in document:
            found.append(document)
            continue
        own = document["job"].get("facets", {}).get("jobType")
        kind = known.setdefault(document["run"]["runId"], own)
        facets = {key: facet for key, facet in document["job"].get("facets", {}).items() if key != "jobType"}
        if kind is not None and own is not None:
            facets["jobType"] = kind
        found.append({**document, "job": {**document["job"], "facets": facets}})
    return found


def jobs_of(documents: Iterable[Any]) -> set[JobName]:
    """The jobs that events are of."""
    return {job for document in documents for job in fold(decode_document(document), NO_RULES).jobs}
