"""An event within DataZone's 300,000 bytes: with ever less of what its lineage view needs least; pure.

The order is that of `STEPS`. Run, job, inputs, outputs and their names are never dropped. The run facet
`headwater_reduced` tells what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from consumer.errors import RefusedWrite

Json = dict[str, Any]

MAX_BYTES: Final = 300_000
"""Bytes of an event that PostLineageEvent takes (DataZone API reference; botocore does not check it)."""

MARKER: Final = "headwater_reduced"
_FACET: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"

SHOWN: Final = frozenset({"schema", "columnLineage", "symlinks", "environment-properties", "jobType", "sql"})
"""The facets that DataZone shows or links by; all others are unknown to it."""


class TooLarge(RefusedWrite):
    """An event that is too large for DataZone even without what can be left out."""


def reduced(event: Json, limit: int = MAX_BYTES) -> tuple[bytes, tuple[str, ...]]:
    """Returns the bytes of an event, and what had to be dropped for it to be small enough.

    Args:
        event: A run event's document; it is not changed.
        limit: Most bytes.

    Raises:
        TooLarge: Its names alone are more than that.
    """
    body = orjson.dumps(event)
    if len(body) <= limit:
        return body, ()
    size, left = len(body), orjson.loads(body)
    dropped: list[str] = []
    for name, step in STEPS:
        before = orjson.dumps(left)
        step(left)
        if orjson.dumps(left) == before:
            continue
        dropped.append(name)
        left["run"]["facets"][MARKER] = {
            "_producer": "urn:headwater:datazone",
            "_schemaURL": _FACET,
            "dropped": dropped,
            "originalBytes": size,
        }
        body = orjson.dumps(left)
        if len(body) <= limit:
            return body, tuple(dropped)
    inputs, outputs = len(event["inputs"]), len(event["outputs"])
    raise TooLarge(
        f"DataZone takes {limit} bytes, and the event of job {event['job']['name'][:200]!r} has {size}; without all"
        f" that can be left out it is still {len(body)}, for the names of {inputs} inputs and {outputs} outputs"
    )


def _facets(event: Json, *places: str) -> Iterator[Json]:
    """Yields the facets of all that has facets, or of some places."""
    for place in places or ("run", "job", "inputs", "outputs"):
        owners = event[place] if isinstance(event[place], list) else [event[place]]
        for owner in owners:
            yield from (owner[key] for key in ("facets", "inputFacets", "outputFacets") if key in owner)


def _without(name: str, *places: str) -> Callable[[Json], None]:
    def step(event: Json) -> None:
        for facets in _facets(event, *places):
            facets.pop(name, None)

    return step


def _without_descriptions(event: Json) -> None:
    for facets in _facets(event, "inputs", "outputs"):
        for field in _entries(facets.get("schema")):
            _undescribe(field)


def _undescribe(field: Json) -> None:
    field.pop("description", None)
    for nested in _entries(field):
        _undescribe(nested)


def _entries(schema: Any) -> Iterator[Json]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    yield from (entry for entry in (fields if isinstance(fields, list) else ()) if isinstance(entry, dict))


def _without_unknown(event: Json) -> None:
    for facets in _facets(event):
        for name in facets.keys() - SHOWN - {MARKER}:
            del facets[name]


def _without_transformations(event: Json) -> None:
    """Leaves of column lineage which column comes from which, and nothing of how."""
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
"""What is dropped, in this order, until the rest is small enough."""
