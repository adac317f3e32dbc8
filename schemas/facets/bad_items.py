"""Removal of the items of a facet that can't be read, such as one column of a schema or one source of a column.

An item is a member of a list, or a column in an object of columns. Of most facets the other items mean the same
without it. Not so a facet of explicit lineage, which states that nothing flows beyond what it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.counted import counted
from schemas.errors import BadFacet
from schemas.facets.base import Deleted, F, Facet, faults_of, read
from schemas.facets.lineage_facets import LineageFacet
from schemas.json_path import join

MOST_REPORTED: Final = 10
"""Items of one facet that are reported one by one."""

_BY_NAME: Final = "fields"
"""The key of an object whose keys are names of columns."""

_SOURCES: Final = "inputFields"

Steps = tuple[str | int, ...]


def read_items(view: type[F], facets: Mapping[str, object], at: str) -> tuple[F | Deleted | None, list[BadFacet]]:
    """Parses a facet as `read` does, without the items that can't be read; returns these as well.

    Args:
        view: Class of the facet.
        facets: The raw facets of a run, job or dataset.
        at: JSON path of the facets.

    Raises:
        BadFacet: The facet can't be read without them either.
    """
    try:
        return read(view, facets, at), []
    except BadFacet as error:
        raw: Any = facets[view.key]
        faults = faults_of(view, raw) if isinstance(raw, dict) and view is not LineageFacet else []
        items = {_item(raw, steps): (steps, reason) for steps, reason in faults}
        if not items or None in items:
            raise
        removed = {item for item in items if item is not None}
        rest = _without_emptied(raw, _without(raw, removed))
        lists = {str(item[0]) for item in removed}
        if any(raw[key] and not rest[key] for key in lists):
            # An empty list would state that the dataset has no such items.
            raise
        try:
            found = read(view, {view.key: rest}, at)
        except BadFacet:
            raise error from None
        return found, _reported(view, items.values(), at)


def _item(raw: Any, steps: Sequence[str | int]) -> Steps | None:
    """Returns the steps to the smallest item that a fault is in; None if it is in none."""
    found: Steps | None = None
    value = raw
    for at, step in enumerate(steps):
        if isinstance(step, int) or (at and steps[at - 1] == _BY_NAME and isinstance(value, dict)):
            found = tuple(steps[: at + 1])
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            break
    return found


def _without(value: Any, items: set[Steps]) -> Any:
    """Returns a copy of a value without some items, by the steps to them."""
    if not items:
        return value
    below: dict[str | int, set[Steps]] = {}
    for step, *further in items:
        below.setdefault(step, set()).add(tuple(further))
    if isinstance(value, dict):
        return {key: _without(one, below.get(key, set())) for key, one in value.items() if () not in below.get(key, ())}
    return [_without(one, below.get(at, set())) for at, one in enumerate(value) if () not in below.get(at, ())]


def _without_emptied(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a facet without the columns that have lost all their sources, which would state that they have none."""
    columns = after.get(_BY_NAME)
    if not isinstance(columns, dict):
        return dict(after)
    kept = {name: one for name, one in columns.items() if one.get(_SOURCES) or not before[_BY_NAME][name].get(_SOURCES)}
    return {**after, _BY_NAME: kept}


def _reported(view: type[Facet], faults: Any, at: str) -> list[BadFacet]:
    found = [BadFacet(join(at, [view.key, *steps]), reason) for steps, reason in faults]
    more = len(found) - MOST_REPORTED
    if more <= 0:
        return found
    last = found[MOST_REPORTED - 1]
    return [*found[: MOST_REPORTED - 1], BadFacet(last.path, f"{last.reason} (and {counted(more, 'more item')})")]
