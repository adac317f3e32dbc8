"""Events that had happened by a moment, in the plainest way: what law 6 feeds a fresh graph with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from consumer.lineage.facts.keys import RunKey
from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import NO_RULES
from schemas.decode import decode_document
from schemas.timestamps import canonical_time

TERMINAL = frozenset({"COMPLETE", "FAIL", "ABORT"})
STREAMING = frozenset({"STREAMING", "SERVICE"})


def time_of(document: Any) -> str:
    """An event's time in the form that sorts."""
    return canonical_time(document["eventTime"])


def streams(document: Any) -> bool:
    """True for an event of a streaming job."""
    kind = document["job"].get("facets", {}).get("jobType") if "job" in document else None
    return isinstance(kind, dict) and str(kind.get("processingType") or "").upper() in STREAMING


def run_of(document: Any) -> RunKey | None:
    """The run that an event is of; None for the other kinds of events."""
    return next(iter(fold(decode_document(document), NO_RULES).runs), None)


def happened(documents: Sequence[Any], time: str) -> list[Any]:
    """The events that had happened by a moment: those of runs by the runs' ends, all others by their own times."""
    runs = [None if streams(document) else run_of(document) for document in documents]
    ends: dict[RunKey, str] = {}
    for document, run in zip(documents, runs, strict=True):
        if run is not None and document["eventType"] in TERMINAL:
            ends[run] = max(time_of(document), ends.get(run, ""))
    return [
        document
        for document, run in zip(documents, runs, strict=True)
        if (time_of(document) if run is None else ends.get(run, "~")) <= time
    ]


def of_one_kind(documents: Iterable[Any]) -> list[Any]:
    """The events, of which those of one run id are all of a streaming job, or none is: as real producers send them."""
    known: dict[str, Any] = {}
    found: list[Any] = []
    for document in documents:
        if "run" not in document:
            found.append(document)
            continue
        run = document["run"]["runId"]
        kind = known.setdefault(run, document["job"].get("facets", {}).get("jobType"))
        job = {**document["job"], "facets": {**document["job"].get("facets", {}), "jobType": kind}}
        found.append({**document, "job": job})
    return found
