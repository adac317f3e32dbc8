"""Statements in the graph: events that count at their own time, each written once, for the history."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from functools import partial

from consumer.errors import TransientError
from consumer.graph import ids, schema, statement_codec
from consumer.graph.store import MAX_STEPS, Change, Edge, GraphStore, NotExists, PropertyEquals, Vertex
from consumer.lineage.facts.contexts import Statement
from consumer.lineage.facts.keys import JobName
from consumer.lineage.mentions import mentioned_in
from consumer.projection.blobs import BlobStore

_PAGE = 1_000

PRUNED = "statements"
"""Name of the vertex that notes until when statements were pruned."""


def put(store: GraphStore, texts: BlobStore, statements: Collection[Statement]) -> None:
    """Stores statements, whose jobs and names are in the graph; those that are there already stay.

    Raises:
        TransientError: The store can't serve now.
    """
    if not statements:
        return
    contexts = texts.fetch({statement.context for statement in statements})
    changes: dict[str, list[Change]] = {}
    for statement in statements:
        of_one = changes_of(statement, contexts[statement.context])
        changes[of_one[0].owner.id] = of_one
    if store.write([change for id_ in sorted(changes) for change in changes[id_]]):
        raise TransientError("statements were written by others at the same moment")


def changes_of(statement: Statement, context: str) -> list[Change]:
    """Returns the changes that store a statement, and its edges to its job and to the names that it gives."""
    text = statement_codec.dump_statement(statement)
    digest = hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
    id_ = ids.statement(statement.time, digest)
    about = mentioned_in(context)
    jobs = jobs_of(statement).union(about.jobs)
    targets = sorted({*map(ids.job, jobs), *map(ids.name, about.names)})
    edges = [Edge(ids.edge_id(schema.STATED, id_, target), schema.STATED, id_, target, {}) for target in targets]
    vertex = Vertex(id_, schema.STATEMENT, {"rev": digest, "facts": text})
    changes = [Change(vertex, NotExists(), PropertyEquals("rev", digest), tuple(edges[:MAX_STEPS]))]
    for at in range(MAX_STEPS, len(edges), MAX_STEPS):
        # A token of its own, by which the store distinguishes a part that was written from one that was not.
        part = PropertyEquals(f"part{at}", value=True)
        owner = Vertex(id_, schema.STATEMENT, {part.key: part.value})
        changes.append(Change(owner, PropertyEquals("rev", digest), part, tuple(edges[at : at + MAX_STEPS])))
    return changes


def jobs_of(statement: Statement) -> set[JobName]:
    """Returns the jobs that a statement is of, but for those whose facets alone its context states."""
    return {
        *(run.job for run in statement.runs),
        *statement.declared,
        *(output.job for output in statement.outputs),
    }


def tie(store: GraphStore, texts: BlobStore, wanted: Collection[str]) -> None:
    """Makes the edges of statements that are missing, given the ids of their vertices.

    Raises:
        TransientError: The store can't serve now.
    """
    there = {edge.id for edge in store.edges_at(wanted, schema.STATED, "out")}
    found = read(store, wanted).values()
    contexts = texts.fetch({statement.context for statement in found})
    changes = [change for one in found for change in changes_of(one, contexts[one.context])]
    lacking = filter(partial(_lacks_edges, there), changes)
    tied = list(map(_tied, lacking))
    if tied:
        store.write(tied)


def _lacks_edges(there: Collection[str], change: Change) -> bool:
    return any(step[0] not in there for step in change.steps)


def _tied(change: Change) -> Change:
    """Returns the change of a statement as that of one which is there, and has not its edges."""
    owner = change.owner
    part = PropertyEquals(f"tied{change.token.key}", value=True)
    rev = change.when.value if isinstance(change.when, PropertyEquals) else owner.properties["rev"]
    return Change(Vertex(owner.id, owner.label, {part.key: True}), PropertyEquals("rev", rev), part, change.steps)


def pruned_until(store: GraphStore) -> str:
    """Returns the moment since when all statements count as if none was pruned; empty if none was.

    Raises:
        TransientError: The store can't serve now.
    """
    id_ = ids.task(PRUNED)
    return str(store.read([id_], ("rev",)).get(id_, {}).get("rev", ""))


def until(store: GraphStore, time: str) -> Iterator[Statement]:
    """Reads the statements of all times up to one, oldest first.

    Raises:
        TransientError: The store can't serve now.
    """
    last = ""
    while page := store.ids(schema.STATEMENT, last, _PAGE):
        wanted = [id_ for id_ in page if ids.parse(id_)[1] <= time]
        yield from read(store, wanted).values()
        if len(wanted) < len(page):
            return
        last = page[-1]


def read(store: GraphStore, wanted: Collection[str]) -> dict[str, Statement]:
    """Reads statements by the ids of their vertices, in the same order.

    Raises:
        TransientError: The store can't serve now.
    """
    known = store.read(wanted, ("facts",)) if wanted else {}
    return {id_: statement_codec.load_statement(str(known[id_]["facts"])) for id_ in wanted if id_ in known}


def at(store: GraphStore, targets: Iterable[str], time: str) -> set[str]:
    """Returns the ids of the statements up to a time that are of jobs, or give names, by the ids of their vertices.

    Raises:
        TransientError: The store can't serve now.
    """
    edges = store.edges_at(list(targets), schema.STATED, "in")
    return {edge.source for edge in edges if ids.parse(edge.source)[1] <= time}
