"""The latest vertices with edges to others, for stores that answer from parts of several: all of them are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from consumer.graph.store import GraphStore, Properties, selected


def latest_of_all(
    store: GraphStore, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
) -> dict[str, dict[str, Properties]]:
    """Returns the vertices that edges of a label come from, as `GraphStore.latest_at` does.

    Raises:
        TransientError: The store can't serve now.
    """
    key, last = until
    edges = store.edges_at(ids, label, "in")
    known = store.read({edge.source for edge in edges}, (key, *keys)) if edges else {}
    valued: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in edges:
        value = known.get(edge.source, {}).get(key)
        if isinstance(value, str) and "" < value <= last:
            valued[edge.target].append((value, edge.source))
    found: dict[str, dict[str, Properties]] = {}
    for id_, of_one in valued.items():
        latest = sorted(of_one, reverse=True)[:count]
        found[id_] = {source: selected(known[source], keys) for _, source in latest}
    return found
