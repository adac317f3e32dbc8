"""What a view has made, noted on its owner: the ids of the elements, each with a mark of its properties."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import orjson

from consumer.graph.store import Properties, Step

STEPS_PER_CHANGE = 100
"""How many steps go into one change; what is more goes into further ones, under the same condition."""


def mark(properties: Properties) -> int:
    """A number that differs where the properties do."""
    return zlib.crc32(orjson.dumps(properties, option=orjson.OPT_SORT_KEYS))


def dump(marks: Mapping[str, int]) -> str:
    """Marks as a vertex's `holds` property has them."""
    return orjson.dumps(marks, option=orjson.OPT_SORT_KEYS).decode()


def load(properties: Properties) -> dict[str, int]:
    """The marks in a vertex's properties."""
    found: dict[str, int] = orjson.loads(str(properties.get("holds", "{}")))
    return found


def chunks(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Steps in groups that each fit into one change."""
    return [tuple(steps[at : at + STEPS_PER_CHANGE]) for at in range(0, len(steps), STEPS_PER_CHANGE)]
