"""Runs in the graph: their facts, and the edges to their job and to the run that started them."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from consumer.graph import facts_codec, ids, schema
from consumer.graph.facts import facts_text
from consumer.graph.facts.run_datasets import whole_runs
from consumer.graph.store import DropEdges, Edge, GraphStore, Scalar, Step
from consumer.lineage.facts.current import SKIPPED, ended, is_skipped, parent_in
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.processing import KnownStreams, has_datasets_apart
from consumer.lineage.facts.run_facts import (
    RunDataset,
    RunFacts,
    context_name,
    datasets_of,
    join_run_datasets,
    join_runs,
    with_datasets,
    without_datasets,
)
from consumer.projection.blobs import BlobStore
from consumer.projection.documents.fact_document import FactDocument, FactKind, FactUpdate
from consumer.projection.history.named_edges import NamedEdges, edges
from consumer.projection.repository import FactRepository, structure_digest
from schemas.naming import DatasetName


def _new_token() -> str:
    return secrets.token_hex(6)


KIND: FactKind[RunKey, RunFacts] = FactKind(
    schema.RUN,
    ids.run,
    RunFacts(),
    facts_codec.dump_run,
    facts_codec.load_run,
    _new_token,
    is_shared=True,
    is_kept=False,
)

F = TypeVar("F")

DatasetKey = tuple[RunKey, DatasetName]
DATASETS: FactKind[DatasetKey, RunDataset] = FactKind(
    schema.RUN_DATASET,
    lambda key: ids.run_dataset(*key),
    RunDataset(),
    facts_codec.dump_run_dataset,
    facts_codec.load_run_dataset,
    is_kept=False,
)

RunDocuments = Mapping[RunKey, FactDocument[RunFacts]]

AMENDED = "amended"
"""The property of a run of which more was said after it had ended."""

PARTIAL = "partial"
"""The property of a run, or of a context that it has apart, whose edges to names are not all written."""

PRUNING = "pruning"
"""The property of a run that a prune is about to remove."""


class Runs:
    """The documents of runs.

    Args:
        store: Where they are.
        texts: The texts of long values.
        cached: How many bytes of memory the cache may take.
        named: The edges from their jobs to the names that they give; None where no facts are added.
    """

    def __init__(self, store: GraphStore, texts: BlobStore, cached: int, named: NamedEdges | None = None) -> None:
        self._store = store
        self._texts = texts
        self._named = named
        self.documents = FactRepository(store, KIND, cached * 3 // 4, texts)
        self.datasets_apart = FactRepository(store, DATASETS, cached // 4)

    def forget_all(self) -> None:
        """Drops all documents from the caches."""
        self.documents.forget_all()
        self.datasets_apart.forget_all()
        if self._named is not None:
            self._named.forget_all()

    def update(self, facts: Mapping[RunKey, RunFacts], known: KnownStreams) -> RunDocuments:
        """Adds facts to runs, whose jobs are in the graph.

        Args:
            facts: The facts.
            known: Jobs that do not end: the datasets of their runs are stored apart from the run.

        Returns:
            The parents that no facts are given of, as they were before there were edges to them. Where one has changed
            since, use `hold`: a prune may have removed it, and the edges with it.
        """
        streams = self._streams_in(facts, known)
        apart = {run: without_datasets(said) if run in streams else said for run, said in facts.items()}
        # Looked at before there are edges to them.
        self.documents.get(_parents_of(apart.values()))
        held = self._held(_parents_of(apart.values()) - apart.keys())
        order = list(_parents_first(apart))
        self._create_parents_in_cycles(order, apart)
        tried: set[RunKey] = set()
        late: set[RunKey] = set()
        made: set[RunKey] = set()

        def plan(known: RunDocuments) -> Iterator[tuple[RunKey, FactUpdate[RunFacts]]]:
            again = tried & known.keys()
            late.update(again)
            # A write may also have failed because a prune has removed the parent, which the cache still has.
            parents = _parents_of(apart[run] for run in again)
            self.documents.forget(parents)
            held.update(self._held(parents))
            tried.update(known)
            drafts = {run: draft for run, one in known.items() if (draft := _draft(run, one, apart[run])) is not None}
            named = self._missing({run: draft.facts for run, draft in drafts.items()})
            for run, draft in drafts.items():
                yield run, _with_named(draft, named.get(run, ()))
            made.update(run for run, document in known.items() if not document.stored)

        written = self.documents.update(order, plan, assume_absent=True)
        if self._named is not None:
            self._named.note(written.documents[run].facts for run in written.written)
        # A parent that was written late may be another vertex than that which its children found.
        self.tie([run for run, said in apart.items() if parent_of(said) in late])
        self._add_datasets({run: facts[run] for run in streams}, made)
        return {run: document for run, document in held.items() if run not in apart}

    def _streams_in(self, facts: Mapping[RunKey, RunFacts], known: KnownStreams) -> set[RunKey]:
        """Returns the runs that are streams by their own events, or else by their job, as far as these are known.

        Where it is wrong, nothing is: the datasets of a run are those that it has itself and those that it has apart.
        """
        unstated = {run for run, said in facts.items() if said.snapshot is None and said.unstated is not None}
        documents = self.documents.get(unstated) if unstated else {}
        joined = {run: join_runs(document.facts, facts[run]) for run, document in documents.items()}
        return {run for run, said in facts.items() if known.is_stream(run.job, joined.get(run, said))}

    def _missing(self, facts: Mapping[RunKey, RunFacts]) -> dict[RunKey, tuple[Edge, ...]]:
        return {} if self._named is None else self._named.missing(facts)

    def hold(self, facts: Mapping[RunKey, RunFacts]) -> RunDocuments:
        """Makes sure that the parents of runs are there to stay, and the edges to them; returns the parents."""
        held = self._held(_parents_of(facts.values()))
        self.tie([run for run, said in facts.items() if parent_of(said) is not None])
        return held

    def _held(self, parents: Collection[RunKey]) -> dict[RunKey, FactDocument[RunFacts]]:
        """Parents, made where they are not there, and without the mark of a prune."""
        self._create([run for run, document in self.documents.get(parents).items() if not document.stored])
        return self._kept(self.documents.get(parents))

    def _add_datasets(self, streaming: Mapping[RunKey, RunFacts], made: Collection[RunKey]) -> None:
        """Adds datasets to runs, each in a vertex of its own; those of runs that were made now need edges.

        A run that turns out to be none of a stream is computed from all of its datasets, under its own token. So where
        this may still happen, the run has another token once they are there.
        """
        wanted = {(run, name): one for run, said in streaming.items() for name, one in datasets_of(said).items()}

        def plan(
            known: Mapping[DatasetKey, FactDocument[RunDataset]],
        ) -> Iterator[tuple[DatasetKey, FactUpdate[RunDataset]]]:
            for key, document in known.items():
                joined = join_run_datasets(document.facts, wanted[key])
                new = not document.stored or key[0] in made or bool(document.properties.get(PARTIAL))
                if new or joined != document.facts:
                    steps = (_dataset_of(key),) if new else ()
                    yield key, _with_named(FactUpdate(joined, {}, steps), self._named_by(key) if new else ())

        if wanted:
            written = self.datasets_apart.update(sorted(wanted), plan).written
            self._renew({run for run, _ in written})

    def _named_by(self, key: DatasetKey) -> tuple[Edge, ...]:
        """Returns the edges from a job to the names that a context gives; none for a dataset."""
        run, name = key
        if self._named is None or name != context_name(name.name):
            return ()
        return edges(run.job, self._named.mentioned([name.name])[name.name].names)

    def _renew(self, runs: Collection[RunKey]) -> None:
        """Gives another token to those of some runs that may turn out to be none of a stream."""

        def plan(known: RunDocuments) -> Iterator[tuple[RunKey, FactUpdate[RunFacts]]]:
            for run, document in known.items():
                if document.stored and document.facts.snapshot is None:
                    yield run, FactUpdate(document.facts)

        if runs:
            self.documents.update(sorted(runs), plan)

    def known(self, facts: Mapping[RunKey, RunFacts], streams: KnownStreams) -> dict[RunKey, FactDocument[RunFacts]]:
        """Runs as they are in the store; of the datasets that a streaming run has apart, those in some facts of it.

        Args:
            facts: The facts, which are written.
            streams: Jobs that do not end.
        """
        known = self._kept(self.documents.get(facts))
        apart = {run: document for run, document in known.items() if has_datasets_apart(document.facts)}
        finite = {run: one for run, one in apart.items() if not streams.is_stream(run.job, one.facts)}
        return (
            known
            | {
                run: document._replace(facts=with_datasets(document.facts, datasets_of(facts[run])))
                for run, document in apart.items()
            }
            | self.whole(finite)
        )

    def whole(self, known: RunDocuments) -> dict[RunKey, FactDocument[RunFacts]]:
        """Returns runs with all of the datasets that they have apart, as the store has them now."""
        facts = whole_runs(self._store, {run: document.facts for run, document in known.items()})
        return {run: document._replace(facts=facts[run]) for run, document in known.items()}

    def _kept(self, known: dict[RunKey, FactDocument[RunFacts]]) -> dict[RunKey, FactDocument[RunFacts]]:
        """Takes back the mark of a prune, which then lets the runs stay, as they are about to be counted."""

        def plan(marked: RunDocuments) -> Iterator[tuple[RunKey, FactUpdate[RunFacts]]]:
            for run, document in marked.items():
                if document.properties.get(PRUNING):
                    yield run, FactUpdate(document.facts, {PRUNING: False})

        marked = [run for run, document in known.items() if document.properties.get(PRUNING)]
        return known | self.documents.update(marked, plan).documents if marked else known

    def _create_parents_in_cycles(self, order: Sequence[RunKey], facts: Mapping[RunKey, RunFacts]) -> None:
        """Makes the vertices of parents that no order puts before their children: runs that started each other."""
        place = {run: index for index, run in enumerate(order)}
        early = [parent for run in order if (parent := parent_of(facts[run])) in place and place[parent] > place[run]]
        self._create(early)

    def _create(self, runs: Sequence[RunKey]) -> None:
        """Makes the vertices of runs of which nothing is known, where they are not there."""

        def plan(known: RunDocuments) -> Iterator[tuple[RunKey, FactUpdate[RunFacts]]]:
            for run, document in known.items():
                if not document.stored:
                    yield run, FactUpdate(RunFacts())

        if runs:
            self.documents.update(list(dict.fromkeys(runs)), plan, assume_absent=True)

    def tie(self, runs: Collection[RunKey]) -> int:
        """Makes edges of runs that are missing; returns how many runs lacked one."""
        at = [ids.run(run) for run in runs]
        there = {
            edge.id for label in (schema.RUN_OF, schema.CHILD_OF) for edge in self._store.edges_at(at, label, "out")
        }

        def plan(known: RunDocuments) -> Iterator[tuple[RunKey, FactUpdate[RunFacts]]]:
            updates: dict[RunKey, FactUpdate[RunFacts]] = {}
            for run, document in known.items():
                missing = tuple(edge for id_, edge in _edges(run, document.facts).items() if id_ not in there)
                if document.stored and missing:
                    updates[run] = FactUpdate(document.facts, {}, missing)
            # An edge whose end is not there is refused.
            absent = _parents_of(update.facts for update in updates.values())
            self.documents.forget(absent)
            self._held(absent)
            yield from updates.items()

        return len(self.documents.update(runs, plan).written) if runs else 0

    def name(self, runs: Collection[RunKey]) -> None:
        """Makes the edges from the jobs of runs to the names that the runs gave, where they are missing.

        Raises:
            TransientError: The store can't serve now.
        """
        known = {run: document.facts for run, document in self.documents.get(runs).items() if document.stored}
        wanted = {} if self._named is None else self._named.all_of(known)
        jobs = sorted({ids.job(run.job) for run in wanted})
        there = {edge.id for edge in self._store.edges_at(jobs, schema.NAMED, "out")} if jobs else set()

        def plan(found: RunDocuments) -> Iterator[tuple[RunKey, FactUpdate[RunFacts]]]:
            for run, lacking in missing.items():
                if run in found and found[run].stored:
                    yield run, _with_named(FactUpdate(found[run].facts), lacking)

        missing: dict[RunKey, tuple[Edge, ...]] = {}
        for run, edges_of_run in wanted.items():
            lacking = tuple(edge for edge in edges_of_run if edge.id not in there)
            if lacking:
                missing[run] = lacking
        self.documents.update(sorted(missing), plan)

    def shared_structures(self, runs: Collection[RunKey]) -> dict[str, str]:
        """Returns the structures of runs that are stored once for several runs, by reference.

        Raises:
            TransientError: The store can't serve now.
        """
        stored = self._store.read([ids.run(run) for run in runs], ("facts",)) if runs else {}
        documents = self.documents.get(runs)
        found: dict[str, str] = {}
        for run in runs:
            ref = facts_text.shared_ref(str(stored.get(ids.run(run), {}).get("facts") or ""))
            structure = KIND.dump(documents[run].facts).structure if ref else ""
            # Another writer may have changed the run; it has stored what it refers to now.
            if ref and f"#{structure_digest(structure).hex()}" == ref:
                found[ref] = structure
        return found

    def of_job(self, job: JobName) -> dict[str, RunFacts]:
        """Returns all runs of a job by id, read from the store."""
        edges = self._store.edges_at([ids.job(job)], schema.RUN_OF, "in")
        stored = self._texts.structures(self._store.read([edge.source for edge in edges], facts_codec.KEYS))
        runs = {ids.run_key(id_): facts_codec.load_run(one) for id_, one in stored.items()}
        return {run.id: facts for run, facts in whole_runs(self._store, runs).items()}


def _dataset_of(key: DatasetKey) -> Edge:
    run, name = key
    id_ = ids.make("run_dataset_of", *run.job, run.id, *name)
    return Edge(id_, schema.RUN_DATASET_OF, ids.run_dataset(run, name), ids.run(run), {})


def parent_of(facts: RunFacts) -> RunKey | None:
    """Returns the run that started a run; None if its id or its job is not known."""
    ref = facts.facets.ref("parent")
    if not ref:
        return None
    found = parent_in(ref)
    return RunKey(JobName(*found.job), found.run) if found.run and all(found.job) else None


def _parents_of(facts: Iterable[RunFacts]) -> set[RunKey]:
    return {parent for said in facts if (parent := parent_of(said)) is not None}


def _parents_first(facts: Mapping[RunKey, RunFacts]) -> Iterator[RunKey]:
    """Runs in an order in which an edge to a parent always finds it."""
    seen: set[RunKey] = set()
    for run in sorted(facts):
        line: list[RunKey] = []
        at: RunKey | None = run
        while at is not None and at in facts and at not in seen:
            seen.add(at)
            line.append(at)
            at = parent_of(facts[at])
        yield from reversed(line)


def _edges(run: RunKey, facts: RunFacts) -> dict[str, Edge]:
    """Returns the edges of a run by id."""
    edges: list[Edge] = []
    parent = parent_of(facts)
    if facts.known:
        edges.append(Edge(ids.make("run_of", *run.job, run.id), schema.RUN_OF, ids.run(run), ids.job(run.job), {}))
    if parent is not None:
        id_ = ids.make("child_of", *run.job, run.id, *parent.job, parent.id)
        edges.append(Edge(id_, schema.CHILD_OF, ids.run(run), ids.run(parent), {}))
    return {edge.id: edge for edge in edges}


def _shown(run: RunKey, facts: RunFacts) -> dict[str, Scalar]:
    return {
        "run_id": run.id,
        "state": facts.state.name if facts.state else "",
        "started_at": facts.started_at or "",
        "ended_at": facts.ended_at or "",
        "error": str(facet_value(facts.facets, "errorMessage").get("message") or ""),
        "skipped": str(facet_value(facts.facets, SKIPPED).get("reason") or "") if is_skipped(facts) else "",
    }


def _with_named(draft: FactUpdate[F], named: tuple[Edge, ...]) -> FactUpdate[F]:
    """Adds edges to names to a draft; a vertex whose facts are there without all of them, after a crash, is marked."""
    if not named:
        return draft
    return draft._replace(steps=(*draft.steps, *named), begin=lambda: {PARTIAL: True}, end={PARTIAL: False})


def _draft(run: RunKey, document: FactDocument[RunFacts], said: RunFacts) -> FactUpdate[RunFacts] | None:
    joined = join_runs(document.facts, said) if document.stored else said
    if document.stored and joined == document.facts and not document.properties.get(PARTIAL):
        return None
    # The edges are written in the same change as the facts that they follow from.
    before = _edges(run, document.facts) if document.stored else {}
    after = _edges(run, joined)
    gone = tuple(id_ for id_ in before if id_ not in after)
    steps: list[Step] = [edge for id_, edge in after.items() if id_ not in before]
    if gone:
        steps.append(DropEdges(gone))
    return FactUpdate(joined, _shown_now(run, document, joined), tuple(steps))


def _shown_now(run: RunKey, document: FactDocument[RunFacts], joined: RunFacts) -> dict[str, Scalar]:
    """Returns the properties of a run that are other than its vertex has them, and the marks of this write."""
    known = document.properties
    # What was there and is no more becomes empty; what never was is not written.
    shown = {key: value for key, value in _shown(run, joined).items() if known.get(key, "") != value}
    if known.get(PARTIAL):
        shown[PARTIAL] = False
    if document.stored and ended(document.facts) and joined != document.facts:
        shown[AMENDED] = True
    return shown
