"""The message key: all events of one dbt run share it, and so a partition and its order."""

from collections.abc import Iterator, Mapping
from typing import Any


def message_key(event: Mapping[str, Any]) -> bytes:
    """Returns `{namespace}/{name}` of the event's root job.

    The root job is `run.facets.parent.root.job`, else `run.facets.parent.job`, else the event's own job; a DatasetEvent
    has its dataset instead. A candidate without namespace or name is skipped; without any candidate, the key is empty.

    Args:
        event: A RunEvent, JobEvent or DatasetEvent as the dictionary that is serialized.
    """
    for candidate in _candidates(event):
        namespace, name = candidate.get("namespace"), candidate.get("name")
        if namespace and name:
            # A key only has to be stable, so characters without UTF-8 encoding are escaped rather than refused.
            return f"{namespace}/{name}".encode(errors="backslashreplace")
    return b""


def _candidates(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    parent = _at(event, "run", "facets", "parent")
    yield _at(parent, "root", "job")
    yield _at(parent, "job")
    yield _at(event, "job")
    yield _at(event, "dataset")


def _at(value: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
