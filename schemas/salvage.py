"""Removal of the smallest part of an event that has a fault: a facet, a dataset, or a field that lineage does not need.

Parts that identify the run, job or dataset of an event can't be removed; a fault there rejects the event.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from schemas.errors import RejectedEvent
from schemas.events import LeftOut
from schemas.json_path import join
from schemas.strict_json import Fault, Step

_OWNERS = {"run": frozenset({"runId"}), "job": frozenset({"namespace", "name"})}
_OWNERS["dataset"] = _OWNERS["job"]
"""The parts that an event can be about, with their identifying fields."""

_LISTS = frozenset({"inputs", "outputs"})
_FACETS = frozenset({"facets", "inputFacets", "outputFacets"})
_CORE = frozenset({"eventTime", "eventType"}) | _LISTS | _OWNERS.keys()


class Unusable(NamedTuple):
    """A placeholder in a list for an invalid dataset."""

    left_out: LeftOut


def without(document: object, faults: Iterable[Fault]) -> tuple[object, list[LeftOut]]:
    """Returns a copy of a document without the parts that have faults, and the list of these parts.

    Raises:
        RejectedEvent: A fault is in a part that can't be removed.
    """
    left_out: dict[tuple[Step, ...], LeftOut] = {}
    for fault in faults:
        part = _part(fault.steps)
        at = join("$", fault.steps)
        if part is None:
            raise RejectedEvent(at, f"{fault.reason}; no part of the event can do without it, so it is rejected whole")
        left_out.setdefault(part, LeftOut(at, fault.reason))
    for part, reported in left_out.items():
        document = _changed(document, part, reported)
    return document, [reported for part, reported in left_out.items() if not _is_dataset(part)]


def _part(steps: tuple[Step, ...]) -> tuple[Step, ...] | None:
    """Returns the path of the smallest part to remove for a fault; None for the whole event."""
    match steps:
        case (str(owner), str(key), *_) if owner in _OWNERS:
            return None if key in _OWNERS[owner] else steps[: 2 + (key in _FACETS)]
        case (str(owner), int(), str(key), *_) if owner in _LISTS:
            return steps[:2] if key in _OWNERS["dataset"] else steps[: 3 + (key in _FACETS)]
        case (str(owner), int()) if owner in _LISTS:
            return steps
        case (str(key), *_) if key not in _CORE:
            return steps[:1]
    return None


def _is_dataset(part: tuple[Step, ...]) -> bool:
    return isinstance(part[-1], int)


def _changed(value: Any, part: tuple[Step, ...], reported: LeftOut) -> Any:
    """Returns a copy of a value without a part; a dataset becomes a placeholder, so that others keep their index."""
    step, *further = part
    if isinstance(value, dict):
        if step not in value:  # A part above this one is left out already.
            return value
        if not further:
            return {key: member for key, member in value.items() if key != step}
    elif not isinstance(value, list):
        return value
    copy: Any = value.copy()
    copy[step] = _changed(value[step], tuple(further), reported) if further else Unusable(reported)
    return copy
