"""Reduction of events that are too large: facets are dropped step by step, those that lineage needs least first.

Which steps there are, and in which order, is a table of who sends the event. Names of run, job, inputs and outputs are
never dropped. A facet `headwater_reduced` lists what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

Json = dict[str, Any]

Step = Callable[[Json], None]
"""Removes a part of an event, which may have any form, in place."""

Steps = Sequence[tuple[str, Step]]
"""Steps by the name under which the marker lists them, in their order."""

MARKER: Final = "headwater_reduced"
_SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"


def reduced(
    event: Json, size: int, steps: Steps, dumps: Callable[[Json], bytes], producer: str
) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """Yields the JSON of an event with ever fewer facets, each time with the names of all dropped parts.

    Args:
        event: The event, which is changed.
        size: Its size in bytes, for the marker.
        steps: What to drop; a step that finds nothing is passed over.
        dumps: Returns a document as JSON.
        producer: The producer of the marker.
    """
    dropped: list[str] = []
    before = dumps(event)
    for name, step in steps:
        step(event)
        after = dumps(event)
        if after != before:
            dropped.append(name)
            yield dumps(_marked(event, dropped, size, producer)), tuple(dropped)
        before = after


def _marked(event: Json, dropped: Sequence[str], size: int, producer: str) -> Json:
    """Returns the event with the marker on the first of run, job and dataset that it has."""
    for name in ("run", "job", "dataset"):
        owner = event.get(name)
        if isinstance(owner, dict):
            facets = owner["facets"] if isinstance(owner.get("facets"), dict) else {}
            schema = f"{_SCHEMA}{name.title()}Facet"
            mark = {"_producer": producer, "_schemaURL": schema, "dropped": list(dropped), "originalBytes": size}
            return {**event, name: {**owner, "facets": {**facets, MARKER: mark}}}
    return event


def without(*names: str, places: Collection[str] = ()) -> Step:
    """Returns a step that drops facets by name.

    Args:
        names: The facets.
        places: Whose facets: `run`, `job`, `dataset`, `inputs`, `outputs`; all if empty.
    """

    def step(event: Json) -> None:
        for facets in _facets(event, places):
            for name in names:
                facets.pop(name, None)

    return step


def without_others(known: Collection[str]) -> Step:
    """Returns a step that drops all facets but those of some names."""
    kept = {*known, MARKER}

    def step(event: Json) -> None:
        for facets in _facets(event):
            for name in facets.keys() - kept:
                del facets[name]

    return step


def without_descriptions(event: Json) -> None:
    """Drops the descriptions of columns, also of nested ones."""
    for facets in _facets(event):
        # Not by recursion: a schema may be nested deeper than Python's calls.
        waiting = [facets.get("schema")]
        while waiting:
            for field in _dicts(_member(waiting.pop(), "fields")):
                field.pop("description", None)
                waiting.append(field)


def without_transformations(event: Json) -> None:
    """Drops the transformation of each column, and the contributions of filters and joins to the whole dataset."""
    for facets in _facets(event):
        lineage = facets.get("columnLineage")
        if not isinstance(lineage, dict):
            continue
        lineage.pop("dataset", None)
        fields = lineage.get("fields")
        for field in fields.values() if isinstance(fields, dict) else ():
            for source in _dicts(_member(field, "inputFields")):
                source.pop("transformations", None)


def _facets(event: Json, places: Collection[str] = ()) -> Iterator[Json]:
    """Yields the facets of run, job and datasets."""
    for place in places or ("run", "job", "dataset", "inputs", "outputs"):
        part = event.get(place)
        for owner in _dicts(part if isinstance(part, list) else [part]):
            for key in ("facets", "inputFacets", "outputFacets"):
                facets = owner.get(key)
                if isinstance(facets, dict):
                    yield facets


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _dicts(values: Any) -> Iterator[Json]:
    yield from (value for value in (values if isinstance(values, list) else ()) if isinstance(value, dict))
