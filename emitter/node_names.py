"""Names of dbt's nodes in messages: which ones lost their lineage, as a list of bounded length."""

from collections.abc import Iterable, Mapping
from typing import Any

SHOWN = 10
"""How many names a message lists; the rest is a number."""


def node_of(event: Mapping[str, Any]) -> str:
    """Returns the name of what an event is about: dbt's unique id, else the job's name, else the dataset's."""
    job, dataset = _mapping(event.get("job")), _mapping(event.get("dataset"))
    facets = _mapping(job.get("facets"))
    found = _mapping(facets.get("dbt_node")).get("unique_id") or job.get("name") or dataset.get("name")
    return str(found or "an event without a name")


def missing(names: Iterable[str]) -> str:
    """Returns the sentence that counts the nodes without lineage and lists the first of them; empty for none.

    Args:
        names: Their names; a repeated name counts once.
    """
    ordered = list(dict.fromkeys(names))
    if not ordered:
        return ""
    what = "1 node" if len(ordered) == 1 else f"{len(ordered)} nodes"
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return f"lineage of {what} is missing: {', '.join(ordered[:SHOWN])}{more}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
