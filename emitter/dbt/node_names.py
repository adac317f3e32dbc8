"""Names of dbt's nodes in messages: which ones lost their lineage, as a list of bounded length."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

SHOWN = 10
"""The maximum number of names in a message; the rest is counted."""


def node_of(event: Mapping[str, Any]) -> str:
    """Returns the name of what an event is about: dbt's unique id, else the job's name, else the dataset's.

    It is empty for dbt's own run, which is not a node and has no lineage.
    """
    job, dataset = _mapping(event.get("job")), _mapping(event.get("dataset"))
    facets = _mapping(job.get("facets"))
    if "dbt_node" not in facets and _mapping(facets.get("jobType")).get("jobType") == "JOB":
        return ""
    found = _mapping(facets.get("dbt_node")).get("unique_id") or job.get("name") or dataset.get("name")
    return str(found or "an event without a name")


def node_in(value: bytes) -> str:
    """Returns the same name for an event as JSON."""
    try:
        return node_of(_mapping(json.loads(value)))
    except ValueError:
        return node_of({})


def missing(names: Iterable[str]) -> str:
    """Returns the sentence that counts the nodes without lineage and lists the first of them; empty for none.

    Args:
        names: Their names; a repeated name counts once.
    """
    ordered = list(dict.fromkeys(filter(None, names)))
    if not ordered:
        return ""
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    # The transport uses this module, so it imports nothing of schemas.
    nodes = f"{len(ordered):,} node{'' if len(ordered) == 1 else 's'}"
    return f"lineage of {nodes} is missing: {', '.join(ordered[:SHOWN])}{more}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
