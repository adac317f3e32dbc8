"""A typed view of one facet, and how it is read from an event's raw ones.

Views are lenient where producers are: what is optional may be null, keys may be there that no view knows, numbers may
stand for text. They are strict on what meaning depends on, such as the names of the columns of a column's lineage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from schemas.errors import BadFacet
from schemas.events import MAX_NAME
from schemas.json_path import join
from schemas.limits import MAX_LABEL

T = TypeVar("T")

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
"""The name of something that the graph has an id for."""


Label = Annotated[str, StringConstraints(max_length=MAX_LABEL)]
"""A short text of a producer, such as a kind, a tool or a version."""


def _no_null(value: object) -> object:
    return () if value is None else value


def _no_null_object(value: object) -> object:
    return {} if value is None else value


Many = Annotated[tuple[T, ...], BeforeValidator(_no_null)]
"""A list that may be null, which is an empty one."""

ByName = Annotated[dict[Name, T], BeforeValidator(_no_null_object)]
"""An object with names for keys; it may be null, which is an empty one."""


def length(raw: object, key: str) -> int:
    """How many items a list in an object has that was not read yet; 0 where there is none."""
    found = raw.get(key) if isinstance(raw, dict) else None
    return len(found) if isinstance(found, list) else 0


class Part(BaseModel):
    """A part of a facet: immutable, in OpenLineage's words with Python's underscores."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
    )


class Facet(Part):
    """A typed view of a facet."""

    key: ClassVar[str]
    """The facet's key in an event."""


class Deleted(Enum):
    """The type of `DELETED`."""

    DELETED = "deleted"


DELETED: Final = Deleted.DELETED
"""What is read of a facet with `_deleted: true`: it no longer holds, and nothing took its place."""

F = TypeVar("F", bound=Facet)


def read(view: type[F], facets: Mapping[str, object], at: str) -> F | Deleted | None:
    """Returns one facet of a thing.

    Args:
        view: Which facet.
        facets: The raw facets of a run, job or dataset.
        at: Their JSON path, such as `$.outputs[0].facets`.

    Returns:
        None where the facet is absent; `DELETED` where it says that it no longer holds.

    Raises:
        BadFacet: It can't be read; with the JSON path of the first fault.
    """
    raw = facets.get(view.key)
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise BadFacet(join(at, [view.key]), f"expected a facet, which is an object, not a {type(raw).__name__}")
    if raw.get("_deleted") is True:
        return DELETED
    try:
        return view.model_validate(raw)
    except ValidationError as error:
        raise _bad_facet(error, raw, join(at, [view.key])) from None


def _bad_facet(error: ValidationError, raw: object, at: str) -> BadFacet:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    more = error.error_count() - 1
    reason = first["msg"].removeprefix("Value error, ")
    steps = _steps(raw, first["loc"])
    if first["type"] == "missing":
        steps.append(first["loc"][-1])
    return BadFacet(join(at, steps), f"{reason} (and {more} more faults)" if more else reason)


def _steps(value: Any, location: Sequence[str | int]) -> list[str | int]:
    """Returns the steps of pydantic's location that are in the document, without union branches and `[key]`."""
    steps: list[str | int] = []
    for step in location:
        if isinstance(value, dict):
            found = step in value
        else:
            found = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if found:
            value = value[step]
            steps.append(step)
    return steps
