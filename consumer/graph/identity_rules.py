"""The identity rules of a graph: those of the first writer that had some, until a process with others takes over.

A process without identity settings of its own writes and reconciles under these rules. So a command that is given no
configuration file does not part the names that the service joins.
"""

from __future__ import annotations

from collections.abc import Iterator

from consumer.graph import ids, schema
from consumer.graph.store import Absent, Change, GraphStore, Is, Properties, Vertex
from consumer.lineage.identity import NO_RULES, IdentityRules

_ID = ids.task("identity")
_KEY = "rules"


def known(store: GraphStore) -> IdentityRules | None:
    """The rules of a graph; None if no process has ever had any.

    Raises:
        TransientError: The store can't serve now.
    """
    found = store.read([_ID], (_KEY,)).get(_ID)
    return None if found is None else IdentityRules.load(str(found[_KEY]))


def to_write_under(store: GraphStore, configured: IdentityRules | None) -> IdentityRules:
    """The rules for a writer: its own, else those of the graph. The first ones become the graph's.

    Args:
        store: The graph.
        configured: The writer's own; None if it has no identity settings.

    Raises:
        TransientError: The store can't serve now.
    """
    of_graph = known(store)
    if configured is None:
        return of_graph or NO_RULES
    if of_graph is None and configured != NO_RULES:
        _keep(store, None, configured)
    return configured


def to_reconcile_under(store: GraphStore, configured: IdentityRules | None) -> IdentityRules:
    """The rules for a reconcile: its own, which become the graph's, else those of the graph.

    Args:
        store: The graph.
        configured: The process's own; None if it has no identity settings.

    Raises:
        TransientError: The store can't serve now.
    """
    of_graph = known(store)
    if configured is None:
        return of_graph or NO_RULES
    if configured != (of_graph or NO_RULES):
        _keep(store, of_graph, configured)
    return configured


def stated(store: GraphStore) -> Iterator[Vertex]:
    """The vertex that has the rules of a graph, where there is one.

    Raises:
        TransientError: The store can't serve now.
    """
    yield from (Vertex(id_, schema.TASK, properties) for id_, properties in store.read([_ID]).items())


def _keep(store: GraphStore, before: IdentityRules | None, rules: IdentityRules) -> None:
    # Where another process keeps its own at the same moment, either may stay: the next reconcile decides.
    after: Properties = {_KEY: rules.dump()}
    when = Absent() if before is None else Is(_KEY, before.dump())
    store.write([Change(Vertex(_ID, schema.TASK, after), when, Is(_KEY, after[_KEY]))])
