"""Runs in the graph: their facts, and the edges to their job and to the run that started them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import orjson

from consumer.errors import TransientError
from consumer.graph import codec, ids, model
from consumer.graph.documents import Document, Documents, Draft, Kind
from consumer.graph.store import DropEdges, Edge, GraphStore, Scalar, Step
from consumer.lineage.delta import JobName, RunFacts, join_runs
from consumer.lineage.views import facet_value

KIND: Kind[str, RunFacts] = Kind(model.RUN, ids.run, RunFacts(), codec.dump_run, codec.load_run)


class Runs:
    """The documents of runs."""

    def __init__(self, store: GraphStore, cached: int) -> None:
        self._store = store
        self._documents = Documents(store, KIND, cached)

    def update(self, facts: Mapping[str, RunFacts]) -> dict[str, Document[RunFacts]]:
        """Adds facts to runs, whose jobs are in the graph; returns all that is known of each."""
        with_parents = dict(facts)
        for said in facts.values():
            parent = parent_of(said)
            if parent is not None:
                with_parents.setdefault(parent, RunFacts())
        order = list(_parents_first(with_parents))
        self._break_circles(order, with_parents)
        done = self._documents.update(
            order, lambda run, document: _draft(run, document, with_parents[run]), presume_new=True
        )
        return {run: done[run] for run in facts}

    def _break_circles(self, order: Sequence[str], facts: Mapping[str, RunFacts]) -> None:
        """Makes the vertices of parents that no order puts before their children: runs that started each other."""
        place = {run: index for index, run in enumerate(order)}
        early = [parent for run in order if (parent := parent_of(facts[run])) in place and place[parent] > place[run]]
        if early:
            self._documents.update(
                list(dict.fromkeys(early)),
                lambda _, document: None if document.stored else Draft(RunFacts()),
                presume_new=True,
            )

    def moved(self, known: Mapping[str, Document[RunFacts]]) -> list[str]:
        """Which runs somebody else has changed since they were written.

        Raises:
            TransientError: One of them was pruned meanwhile; it is there again once all is written anew.
        """
        stored = self._store.read([ids.run(run) for run in known], ("rev",))
        gone = [run for run in known if ids.run(run) not in stored]
        if gone:
            raise TransientError(f"{len(gone)} runs, such as {gone[0]}, were pruned while they were written")
        moved = [run for run, document in known.items() if stored[ids.run(run)]["rev"] != document.token]
        self._documents.forget(moved)
        return moved

    def read(self, runs: Collection[str]) -> dict[str, Document[RunFacts]]:
        """What is known of runs."""
        return self._documents.get(runs)

    def of_job(self, job: JobName) -> dict[str, RunFacts]:
        """All runs of a job, read from the store."""
        edges = self._store.edges_at([ids.job(job)], model.RUN_OF, "in")
        stored = self._store.read([edge.source for edge in edges], ("run_id", "facts"))
        return {str(found["run_id"]): codec.load_run(str(found["facts"])) for found in stored.values()}


def parent_of(facts: RunFacts) -> str | None:
    """The id of the run that started a run."""
    register = facts.facets.get("parent")
    if register is None or not register.ref:
        return None
    return str(orjson.loads(register.ref))


def _parents_first(facts: Mapping[str, RunFacts]) -> Iterator[str]:
    """Runs in an order in which an edge to a parent always finds it."""
    seen: set[str] = set()
    for run in sorted(facts):
        line: list[str] = []
        at: str | None = run
        while at is not None and at in facts and at not in seen:
            seen.add(at)
            line.append(at)
            at = parent_of(facts[at])
        yield from reversed(line)


def _edges(run: str, facts: RunFacts) -> dict[str, Edge]:
    """The edges of a run by id."""
    edges: list[Edge] = []
    job, parent = facts.owner, parent_of(facts)
    if job is not None:
        edges.append(Edge(ids.make("run_of", run, *job), model.RUN_OF, ids.run(run), ids.job(job), {}))
    if parent is not None:
        edges.append(Edge(ids.make("child_of", run, parent), model.CHILD_OF, ids.run(run), ids.run(parent), {}))
    return {edge.id: edge for edge in edges}


def _shown(run: str, facts: RunFacts) -> dict[str, Scalar]:
    return {
        "run_id": run,
        "state": facts.state.name if facts.state else "",
        "started_at": facts.started_at or "",
        "ended_at": facts.ended_at or "",
        "error": str(facet_value(facts.facets, "errorMessage").get("message") or ""),
    }


def _draft(run: str, document: Document[RunFacts], said: RunFacts) -> Draft[RunFacts] | None:
    joined = join_runs(document.facts, said) if document.stored else said
    changed = not document.stored or joined != document.facts
    if not changed and not document.fresh:
        return None
    before = _edges(run, document.facts) if document.stored else {}
    after = _edges(run, joined)
    # A document that was just read may have been written by somebody who did not come to its edges.
    new = [edge for id_, edge in after.items() if document.fresh or id_ not in before]
    gone = tuple(id_ for id_ in before if id_ not in after)
    steps: tuple[Step, ...] = (*new, *([DropEdges(gone)] if gone else []))
    if not changed:
        return Draft(joined, {}, steps, changed=False)
    known = document.properties
    # What was there and is no more becomes empty; what never was is not written.
    shown = {key: value for key, value in _shown(run, joined).items() if known.get(key, "") != value}
    return Draft(joined, shown, steps)
