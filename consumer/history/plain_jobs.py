"""The edges of single jobs at a moment, from as few of their runs as say all of them.

It is for jobs without statements whose datasets were never linked, dropped or renamed: where these are shown is known,
so that the edges of such a job follow from its own runs. Mostly they follow from one run, and are the same for each run
that says the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import reduce
from typing import Final, NamedTuple

from consumer.graph import facts_codec, ids, schema
from consumer.graph.facts_codec import Stored
from consumer.graph.store import Edge, GraphStore, Properties
from consumer.history.drawn_edges import JobAtMoment, job_at
from consumer.history.past_facts import CACHED_TEXTS, COMPLETE, Gathered, Kept
from consumer.history.past_streams import had_ended, runs_of
from consumer.lineage.facts.contexts import load_context
from consumer.lineage.facts.current import completed, group_of
from consumer.lineage.facts.executions import Execution
from consumer.lineage.facts.keys import GroupKey, JobName
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE
from consumer.lineage.facts.registers import NO_REGISTERS, Registers
from consumer.lineage.facts.run_facts import RunFacts, join_contexts
from consumer.lineage.facts.settled import TOOL_FACETS
from consumer.lineage.mentions import mentioned_in
from consumer.projection.blobs import BlobStore
from schemas.byte_cache import ByteCache

_NEWEST = 3
"""Runs of a job that are read first: beside the latest one for what was said last of the job, and if they failed."""

_EDGE_BYTES: Final = 600

_STRUCTURES: Final[ByteCache[str, str]] = ByteCache(4 << 20)
"""The structures of runs by the property that holds them, or refers to them by their hash."""

_DRAWN: Final[ByteCache[_Said, tuple[Edge, ...]]] = ByteCache(16 << 20)
"""Edges by their source: a job gives the same ones at each moment between two changes."""


class _Said(NamedTuple):
    """Source of the edges of a job, where these follow from its latest run alone.

    Attributes:
        job: The job.
        execution: The datasets of the run and the lineage that it carried, without its time and id.
        contexts: The references of what was said last of the job, sorted.
    """

    job: JobName
    execution: tuple[object, ...]
    contexts: tuple[str, ...]


class _Last(NamedTuple):
    """The latest run of a job.

    Attributes:
        run: Its id.
        facts: Its facts.
        said: The contexts of this run and of those that ended next to it, by reference, each with the greatest time.
    """

    run: str
    facts: RunFacts
    said: Mapping[str, str]


class PlainJobs:
    """Edges of such jobs at a moment.

    Args:
        graph: The graph.
        time: The moment.
    """

    def __init__(self, graph: GraphStore, time: str) -> None:
        self._graph = graph
        self._time = time
        self._texts = BlobStore(graph, CACHED_TEXTS)
        self._asked: set[JobName] = set()

    @property
    def known_since(self) -> str:
        """The moment since when all is known of the jobs; empty if none of their runs was pruned."""
        kept = Kept(self._graph, "")
        kept.read([ids.job(job) for job in sorted(self._asked)])
        at = [ids.job(job) for job in sorted(kept.pruned)]
        ends: defaultdict[JobName, list[str]] = defaultdict(list)
        edges = self._graph.edges_at(at, schema.RUN_OF, "in") if at else []
        for id_, properties in self._graph.read([edge.source for edge in edges], ("state", "ended_at")).items():
            if properties.get("state") == COMPLETE:
                ends[ids.run_key(id_).job].append(str(properties["ended_at"]))
        for job in kept.pruned:
            kept.note(job, ends[job])
        return kept.since

    def edges(self, jobs: Collection[JobName]) -> dict[JobName, tuple[Edge, ...]]:
        """Returns the edges of jobs.

        Raises:
            TransientError: The store can't serve now.
        """
        self._asked |= set(jobs)
        newest = self._newest(jobs)
        found: dict[JobName, tuple[Edge, ...]] = {job: () for job in jobs if job not in newest}
        found |= self._drawn_of_one(self._without_siblings(self._last(newest)))
        return found | self._drawn_of_all(newest.keys() - found.keys())

    def _newest(self, jobs: Collection[JobName]) -> dict[JobName, Mapping[str, Properties]]:
        """Returns the runs of jobs that ended last by the moment, newest first, of jobs that have any."""
        by_id = {ids.job(job): job for job in sorted(jobs)}
        until = ("ended_at", self._time)
        ended = self._graph.latest_at(list(by_id), schema.RUN_OF, until, _NEWEST, facts_codec.KEYS)
        return {by_id[id_]: runs for id_, runs in ended.items() if runs}

    def _last(self, newest: Mapping[JobName, Mapping[str, Properties]]) -> dict[JobName, _Last]:
        """Returns the latest run of each of those jobs where it is one of those that ended last."""
        latest = {job: run for job, runs in newest.items() if (run := _latest(runs))}
        structures = self._structures({run: one for job in latest for run, one in newest[job].items()})
        found: dict[JobName, _Last] = {}
        for job, run in latest.items():
            contexts = (facts_codec.load_contexts(structures[one]) for one in newest[job])
            said = reduce(join_contexts, contexts, dict[str, str]())
            found[job] = _Last(ids.run_key(run).id, facts_codec.load_run(structures[run]), said)
        return found

    def _structures(self, stored: Mapping[str, Properties]) -> dict[str, Stored]:
        """Returns the stored facts of runs, of which those of one job have mostly one structure."""
        found: dict[str, Stored] = {}
        for id_, properties in stored.items():
            structure = _STRUCTURES.get(str(properties["facts"]))
            if structure is not None:
                found[id_] = Stored(structure, properties)
        lacking = {id_: properties for id_, properties in stored.items() if id_ not in found}
        for id_, one in self._texts.structures(lacking).items() if lacking else ():
            found[id_] = one
            text = str(one.properties["facts"])
            _STRUCTURES.put(text, one.structure, len(text) + len(one.structure))
        return found

    def _without_siblings(self, last: Mapping[JobName, _Last]) -> dict[JobName, _Last]:
        """Returns those of some jobs whose latest run has no siblings with other datasets."""
        groups = {job: group_of(one.facts) for job, one in last.items()}
        at = {job: ids.group(GroupKey(job, group)) for job, group in groups.items() if group}
        stored = self._graph.read(list(at.values()), facts_codec.KEYS) if at else {}
        shared = {id_ for id_, one in self._texts.structures(stored).items() if len(facts_codec.load_group(one)) > 1}
        return {job: one for job, one in last.items() if at.get(job) not in shared}

    def _drawn_of_one(self, last: Mapping[JobName, _Last]) -> dict[JobName, tuple[Edge, ...]]:
        """Returns the edges of those of some jobs whose latest run says all of them."""
        keys = {job: said for job, one in last.items() if (said := _said(job, one)) is not None}
        known = {job: _DRAWN.get(said) for job, said in keys.items()}
        new = {job: said for job, said in keys.items() if known[job] is None}
        texts = self._texts.fetch({ref for said in new.values() for ref in said.contexts}) if new else {}
        jobs = {
            job: job_at(job, _facets(job, said, texts), {last[job].run: last[job].facts})
            for job, said in new.items()
            if _says_tool(said, texts)
        }
        drawn = self._drawn(jobs.values())
        for job, edges in drawn.items():
            _DRAWN.put(keys[job], edges, _EDGE_BYTES * len(edges))
        return {job: edges for job, edges in known.items() if edges is not None} | drawn

    def _all_runs(self, jobs: Collection[JobName]) -> dict[JobName, dict[str, RunFacts]]:
        """Reads all runs of jobs that had ended."""
        found: defaultdict[JobName, dict[str, RunFacts]] = defaultdict(dict)
        for run, facts in runs_of(self._graph, self._texts, jobs).items():
            if had_ended(facts, self._time):
                found[run.job][run.id] = facts
        return found

    def _drawn_of_all(self, jobs: Collection[JobName]) -> dict[JobName, tuple[Edge, ...]]:
        """Returns the edges of jobs, from all of their runs."""
        found: list[JobAtMoment] = []
        for job, runs in self._all_runs(jobs).items():
            gathered = Gathered(self._time, self._texts)
            gathered.add_runs(job, runs)
            found.append(job_at(job, gathered.facts().jobs[job].facets, runs))
        return self._drawn(found)

    def _drawn(self, jobs: Collection[JobAtMoment]) -> dict[JobName, tuple[Edge, ...]]:
        texts = self._texts.fetch(set[str]().union(*(job.stored_refs for job in jobs))) if jobs else {}
        return {job.job: job.edges(texts) for job in jobs}


def _said(job: JobName, last: _Last) -> _Said | None:
    """Returns what the edges of a job follow from; None if more runs have to be read."""
    execution = completed(last.run, last.facts)
    if execution is None or not execution.whole or not _carries_all(execution):
        return None
    newest = max(last.said.values(), default="")
    contexts = tuple(sorted(ref for ref, time in last.said.items() if time == newest))
    return _Said(job, execution[2:], contexts)


def _says_tool(said: _Said, texts: Mapping[str, str]) -> bool:
    """True if what was said last has all that a tool's name follows from, so that nothing older counts."""
    return any(mentioned_in(texts[ref]).facets.keys() >= set(TOOL_FACETS) for ref in said.contexts)


def _facets(job: JobName, said: _Said, texts: Mapping[str, str]) -> Registers:
    """Returns the facets of a job that were stated last."""
    found = NO_REGISTERS
    for ref in said.contexts:
        of_jobs = load_context(texts[ref], "").jobs
        found = found.join(of_jobs[job].facets) if job in of_jobs else found
    return found


def _latest(runs: Mapping[str, Properties]) -> str:
    """Returns the run that completed last, given those that ended last, newest first; empty if another may have."""
    latest = end = ""
    for run, stored in runs.items():
        if latest:
            return latest if str(stored["ended_at"]) < end else ""
        if stored.get("state") == COMPLETE:
            latest, end = run, str(stored["ended_at"])
    return latest if len(runs) < _NEWEST else ""


def _carries_all(execution: Execution) -> bool:
    """True if a run carried column lineage of each of its outputs: one without has that of a run before."""
    by_column = {one.output for one in execution.lineage if one.facet == COLUMN_LINEAGE}
    targets = execution.outputs.union(one.output for one in execution.lineage)
    return targets <= by_column
