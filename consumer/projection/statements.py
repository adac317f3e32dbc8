"""Statements in the graph: events that count at their own time, each written once, for the history."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from consumer.errors import TransientError
from consumer.graph import ids, schema, statement_codec
from consumer.graph.store import Change, GraphStore, NotExists, PropertyEquals, Vertex
from consumer.lineage.facts.contexts import Statement

_PAGE = 1_000

PRUNED = "statements"
"""Name of the vertex that notes until when statements were pruned."""


def put(store: GraphStore, statements: Iterable[Statement]) -> None:
    """Stores statements; those that are there already stay.

    Raises:
        TransientError: The store can't serve now.
    """
    changes: dict[str, Change] = {}
    for statement in statements:
        text = statement_codec.dump_statement(statement)
        digest = hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
        id_ = ids.statement(statement.time, digest)
        vertex = Vertex(id_, schema.STATEMENT, {"rev": digest, "facts": text})
        changes[id_] = Change(vertex, NotExists(), PropertyEquals("rev", digest))
    if changes and store.write([changes[id_] for id_ in sorted(changes)]):
        raise TransientError("statements were written by others at the same moment")


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
        known = store.read(wanted, ("facts",)) if wanted else {}
        yield from (statement_codec.load_statement(str(known[id_]["facts"])) for id_ in wanted if id_ in known)
        if len(wanted) < len(page):
            return
        last = page[-1]
