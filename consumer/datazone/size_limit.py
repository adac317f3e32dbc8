"""Shrinks events to DataZone's limit of 300,000 bytes, least important facets first; pure.

The order is that of `STEPS`. Run, job, inputs, outputs and their names are never dropped. The run facet
`headwater_reduced` lists the dropped parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from consumer.errors import RefusedWrite

Json = dict[str, Any]

MAX_BYTES: Final = 300_000
"""Maximum size of a PostLineageEvent body in bytes (DataZone API reference; botocore does not check it)."""

MARKER: Final = "headwater_reduced"
_FACET: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"

SHOWN: Final = frozenset({"schema", "columnLineage", "symlinks", "environment-properties", "jobType", "sql"})
"""The facets that DataZone shows or links by; it ignores all others."""


class TooLarge(RefusedWrite):
    """An event that exceeds DataZone's limit even without all droppable parts."""


def shrink(event: Json, limit: int = MAX_BYTES) -> tuple[bytes, tuple[str, ...]]:
    """Returns an event's JSON within a limit, and the names of the dropped parts.

    Args:
        event: Document of a run event; it is not modified.
        limit: Maximum size in bytes.

    Raises:
        TooLarge: The names alone exceed the limit.
    """
    body = orjson.dumps(event)
    if len(body) <= limit:
        return body, ()
    size, remaining = len(body), orjson.loads(body)
    dropped: list[str] = []
    for name, step in STEPS:
        before = orjson.dumps(remaining)
        step(remaining)
        if orjson.dumps(remaining) == before:
            continue
        dropped.append(name)
        remaining["run"]["facets"][MARKER] = {
            "_producer": "urn:headwater:datazone",
            "_schemaURL": _FACET,
            "dropped": dropped,
            "originalBytes": size,
        }
        body = orjson.dumps(remaining)
        if len(body) <= limit:
            return body, tuple(dropped)
    inputs, outputs = len(event["inputs"]), len(event["outputs"])
    raise TooLarge(
        f"the event of job {event['job']['name'][:200]!r} has {size} bytes, DataZone accepts at most {limit}: without"
        f" all optional facets, the names of {inputs} inputs and {outputs} outputs still take {len(body)}"
    )


def _facets(event: Json, *parts: str) -> Iterator[Json]:
    """Yields the facet mappings of the named parts of an event, or of all parts."""
    for part in parts or ("run", "job", "inputs", "outputs"):
        owners = event[part] if isinstance(event[part], list) else [event[part]]
        for owner in owners:
            yield from (owner[key] for key in ("facets", "inputFacets", "outputFacets") if key in owner)


def _without(name: str, *parts: str) -> Callable[[Json], None]:
    def step(event: Json) -> None:
        for facets in _facets(event, *parts):
            facets.pop(name, None)

    return step


def _without_descriptions(event: Json) -> None:
    for facets in _facets(event, "inputs", "outputs"):
        for field in _entries(facets.get("schema")):
            _drop_description(field)


def _drop_description(field: Json) -> None:
    field.pop("description", None)
    for nested in _entries(field):
        _drop_description(nested)


def _entries(schema: Any) -> Iterator[Json]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    yield from (entry for entry in (fields if isinstance(fields, list) else ()) if isinstance(entry, dict))


def _without_unknown(event: Json) -> None:
    for facets in _facets(event):
        for name in facets.keys() - SHOWN - {MARKER}:
            del facets[name]


def _without_transformations(event: Json) -> None:
    """Drops the transformations of column lineage, and keeps the source columns."""
    for facets in _facets(event, "outputs"):
        lineage = facets.get("columnLineage")
        if not isinstance(lineage, dict):
            continue
        lineage.pop("dataset", None)
        fields = lineage.get("fields")
        for field in fields.values() if isinstance(fields, dict) else ():
            sources = field.get("inputFields") if isinstance(field, dict) else None
            for source in sources if isinstance(sources, list) else ():
                if isinstance(source, dict):
                    source.pop("transformations", None)


STEPS: Final[tuple[tuple[str, Callable[[Json], None]], ...]] = (
    ("documentation", _without("documentation")),
    ("sql", _without("sql")),
    ("schema descriptions", _without_descriptions),
    ("unknown facets", _without_unknown),
    ("column transformations", _without_transformations),
    ("schema of inputs", _without("schema", "inputs")),
    ("schema", _without("schema", "outputs")),
    ("columnLineage", _without("columnLineage")),
)
"""Steps of shrinking by name, applied in order until the event fits."""
