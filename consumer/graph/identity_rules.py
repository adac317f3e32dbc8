"""The identity rules of a graph: those of the first writer with rules, until a reconcile with others replaces them.

A process without identity settings of its own writes and reconciles under these rules. So a command without a
configuration file does not split the alias sets of the service.
"""

from __future__ import annotations

from collections.abc import Iterator

from consumer.graph import ids, schema
from consumer.graph.store import Change, GraphStore, NotExists, Properties, PropertyEquals, Vertex
from consumer.lineage.identity import NO_RULES, IdentityRules

_ID = ids.task("identity")
_KEY = "rules"


def stored_rules(store: GraphStore) -> IdentityRules | None:
    """Returns the rules of a graph; None if there are none.

    Raises:
        TransientError: The store is unavailable.
    """
    properties = store.read([_ID], (_KEY,)).get(_ID)
    return None if properties is None else IdentityRules.load(str(properties[_KEY]))


def rules_for_writing(store: GraphStore, configured: IdentityRules | None) -> IdentityRules:
    """Returns a writer's rules: its own, else those of the graph. The first ones are stored in the graph.

    Args:
        store: Store of the graph.
        configured: The writer's own rules; None if it has no identity settings.

    Raises:
        TransientError: The store is unavailable.
    """
    of_graph = stored_rules(store)
    if configured is None:
        return of_graph or NO_RULES
    # Rules of the graph stay: only a reconcile, which repairs what they change, may replace them.
    if of_graph is None and configured != NO_RULES:
        _store_rules(store, None, configured)
    return configured


def rules_for_reconciling(store: GraphStore, configured: IdentityRules | None) -> IdentityRules:
    """Returns the rules of a reconcile: its own, which are stored in the graph, else those of the graph.

    Args:
        store: Store of the graph.
        configured: The process's own rules; None if it has no identity settings.

    Raises:
        TransientError: The store is unavailable.
    """
    of_graph = stored_rules(store)
    if configured is None:
        return of_graph or NO_RULES
    if configured != (of_graph or NO_RULES):
        _store_rules(store, of_graph, configured)
    return configured


def rules_vertices(store: GraphStore) -> Iterator[Vertex]:
    """Yields the vertex with the rules of a graph, if there is one.

    Raises:
        TransientError: The store is unavailable.
    """
    yield from (Vertex(id_, schema.TASK, properties) for id_, properties in store.read([_ID]).items())


def _store_rules(store: GraphStore, before: IdentityRules | None, rules: IdentityRules) -> None:
    # If two processes store their rules at the same time, either may win: the next reconcile decides.
    after: Properties = {_KEY: rules.dump()}
    when = NotExists() if before is None else PropertyEquals(_KEY, before.dump())
    store.write([Change(Vertex(_ID, schema.TASK, after), when, PropertyEquals(_KEY, after[_KEY]))])
