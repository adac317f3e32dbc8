"""All runs of jobs, as they were when documents were computed from them, and whether they have changed since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.processing import KnownStreams
from consumer.lineage.facts.run_facts import RunFacts
from consumer.projection.documents.fact_document import FactDocument
from consumer.projection.runs import Runs


class RunHistory:
    """All runs of jobs, read where something is taken back; not before the documents that are computed from them.

    Args:
        runs: The runs.
        streams: Jobs that do not end.
        moved: Jobs whose runs have changed since they were read before; what follows from them is computed from all.
    """

    def __init__(self, runs: Runs, streams: KnownStreams, moved: Collection[JobName] = ()) -> None:
        self._runs = runs
        self._streams = streams
        self._moved = moved
        self.read: dict[JobName, dict[str, RunFacts]] = {}

    def of(self, job: JobName) -> dict[str, RunFacts]:
        """Returns all runs of a job by id, settled by what is known of the job."""
        return {run: self._streams.settled(job, facts) for run, facts in self.unsettled(job).items()}

    def unsettled(self, job: JobName) -> dict[str, RunFacts]:
        """Returns all runs of a job by id, as they are stored."""
        if job not in self.read:
            self.read[job] = self._runs.of_job(job)
        return self.read[job]

    def has_moved(self, job: JobName) -> bool:
        """True if the runs of a job have changed since they were read before."""
        return job in self._moved


class RunHistories:
    """The histories that documents were computed from, compared with the store once the documents are written.

    The token of a document does not guard them. A run that another writer adds meanwhile may change nothing in the
    document as it was, so that this writer leaves it, and yet count in what remains once something is taken back. A
    writer looks at the document after it has written its run: it finds the new document, or the run is found here.

    Args:
        runs: The runs.
        streams: Jobs that do not end.
        moved: Jobs whose runs have changed since they were read before.

    Attributes:
        streams: As given.
        turned: Jobs that were found to be a stream, or to be none, while their documents were written.
    """

    def __init__(self, runs: Runs, streams: KnownStreams, moved: Collection[JobName] = ()) -> None:
        self._runs = runs
        self.streams = streams
        self.turned: set[JobName] = set()
        self._moved = moved
        self._used: list[RunHistory] = []

    def read_after(self, _documents: Mapping[Any, FactDocument[Any]]) -> RunHistory:
        """Returns a history that is read from now on, after the documents that are computed from it."""
        history = RunHistory(self._runs, self.streams, self._moved)
        self._used.append(history)
        return history

    def moved(self) -> set[JobName]:
        """Returns the jobs whose runs are not as they were read."""
        read = [(job, runs) for history in self._used for job, runs in history.read.items()]
        jobs = {job for job, _ in read}
        now = {job: self._runs.of_job(job) for job in jobs}
        return {job for job, runs in read if runs != now[job]}
