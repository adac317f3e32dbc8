"""Shrinks events to DataZone's limit of 300,000 bytes, least important facets first; pure.

The order is that of `STEPS`. Run, job, inputs, outputs and their names are never dropped. The run facet
`headwater_reduced` lists the dropped parts.
"""

from __future__ import annotations

from typing import Final

import orjson

from consumer.errors import RefusedWrite
from emitter.reduction import (
    Json,
    Steps,
    reduced,
    without,
    without_descriptions,
    without_others,
    without_transformations,
)
from schemas.counted import counted

MAX_BYTES: Final = 300_000
"""Maximum size of a PostLineageEvent body in bytes (DataZone API reference; botocore does not check it)."""

SHOWN: Final = frozenset({"schema", "columnLineage", "symlinks", "environment-properties", "jobType", "sql"})
"""The facets that DataZone shows or links by; it ignores all others."""

STEPS: Final[Steps] = (
    ("documentation", without("documentation")),
    ("sql", without("sql")),
    ("schema descriptions", without_descriptions),
    ("unknown facets", without_others(SHOWN)),
    ("column transformations", without_transformations),
    ("schema of inputs", without("schema", places=("inputs",))),
    ("schema", without("schema", places=("outputs",))),
    ("columnLineage", without("columnLineage")),
)
"""Steps of shrinking by name, applied in order until the event fits."""


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
    whole = body = orjson.dumps(event)
    if len(whole) <= limit:
        return whole, ()
    for body, dropped in reduced(orjson.loads(whole), len(whole), STEPS, orjson.dumps, "urn:headwater:datazone"):
        if len(body) <= limit:
            return body, dropped
    inputs, outputs = len(event["inputs"]), len(event["outputs"])
    raise TooLarge(
        f"the event of job {event['job']['name'][:200]!r} has {len(whole)} bytes, DataZone accepts at most {limit}:"
        f" without all optional facets, the names of {counted(inputs, 'input')} and {counted(outputs, 'output')} still"
        f" take {len(body)}"
    )
