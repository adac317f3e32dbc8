"""Typed views of facets, parsed from the raw facets of an event.

Views are lenient where producers are: optional values may be null, unknown keys are ignored, numbers may stand for
text. They are strict where the meaning depends on a value, such as the column names of column lineage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, Final, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from schemas.counted import counted
from schemas.errors import BadFacet
from schemas.events import MAX_NAME
from schemas.facets.misspellings import hint, misspelt
from schemas.json_path import join
from schemas.limits import MAX_LABEL

T = TypeVar("T")

_TAG = "type"
"""The key that decides which of several forms a part of a facet has."""

_OF_EACH_FACET = frozenset({"_producer", "_schemaURL", "_deleted"})

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
"""A name that becomes a part of an id in the graph."""
NameOrEmpty = Annotated[str, StringConstraints(max_length=MAX_NAME)]
"""The same, or nothing."""


Label = Annotated[str, StringConstraints(max_length=MAX_LABEL)]
"""A short text, such as a kind, a tool or a version."""


def _no_null(value: object) -> object:
    return () if value is None else value


def _no_null_object(value: object) -> object:
    return {} if value is None else value


Many = Annotated[tuple[T, ...], BeforeValidator(_no_null)]
"""A list; null is read as an empty list."""

ByName = Annotated[dict[Name, T], BeforeValidator(_no_null_object)]
"""An object with names as keys; null is read as an empty object."""


def length(raw: object, key: str) -> int:
    """Returns the number of items of a list in a raw object; 0 if there is no such list."""
    items = raw.get(key) if isinstance(raw, dict) else None
    return len(items) if isinstance(items, list) else 0


class Part(BaseModel):
    """An immutable part of a facet, with OpenLineage's names in snake case."""

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
"""The value of a facet with `_deleted: true`: the facet was removed without a replacement."""

F = TypeVar("F", bound=Facet)


def read(view: type[F], facets: Mapping[str, object], at: str) -> F | Deleted | None:
    """Parses one facet of a run, job or dataset.

    Args:
        view: Class of the facet.
        facets: The raw facets of a run, job or dataset.
        at: JSON path of the facets, such as `$.outputs[0].facets`.

    Returns:
        None if the facet is absent; `DELETED` if the facet was removed.

    Raises:
        BadFacet: The facet is invalid; has the JSON path of the first fault.
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
        raise _bad_facet(view, error, raw, join(at, [view.key])) from None


def faults_of(view: type[Facet], raw: object) -> list[tuple[list[str | int], str]]:
    """Returns the faults of a raw facet, each with the steps to it and the reason; none of a valid one."""
    try:
        view.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return [_fault(view, one["type"], one["msg"], one["loc"], raw) for one in details]
    return []


def _bad_facet(view: type[Facet], error: ValidationError, raw: object, at: str) -> BadFacet:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    more = error.error_count() - 1
    steps, reason = _fault(view, first["type"], first["msg"], first["loc"], raw)
    return BadFacet(join(at, steps), f"{reason} (and {counted(more, 'more fault')})" if more else reason)


def _fault(
    view: type[Facet], kind: str, message: str, location: Sequence[str | int], raw: object
) -> tuple[list[str | int], str]:
    """Returns the steps to a fault that pydantic found, and the reason."""
    reason = message.removeprefix("Value error, ")
    steps = _steps(raw, location)
    if kind == "missing":
        key = str(location[-1])
        reason += hint(_at(raw, steps), key, [key])
        steps.append(key)
    elif kind == "union_tag_not_found":
        reason = f"Field required{hint(_at(raw, steps), _TAG, [_TAG])}"
        steps.append(_TAG)
    elif kind == "value_error":
        found = next((one for one in misspelt_in(view, raw) if one[0][: len(steps)] == steps), None)
        reason += f"; `{found[0][-1]}` is there: did you mean `{found[1]}`?" if found else ""
    return steps, reason


def misspelt_in(view: type[Facet], raw: object) -> list[tuple[list[str | int], str]]:
    """Returns the steps to each key of a raw facet that is probably misspelt, and the key that was probably meant."""
    views = frozenset({view})
    # Most facets have no unknown key, and to find that out takes a third of the time without the steps.
    return list(_misspelt(views, raw, [])) if isinstance(raw, dict) and _has_unknown(views, raw) else []


def _has_unknown(views: frozenset[type[Part]], raw: object) -> bool:
    """True if a part of a facet, or a part of that, has a key that none of its forms has."""
    if isinstance(raw, list):
        return any(_has_unknown(views, item) for item in raw)
    if not isinstance(raw, dict):
        return False
    form = _form_of(views)
    return not form.keys.issuperset(raw) or any(
        _has_unknown(member.views, value)
        for key, member in form.nested
        if key in raw
        for value in _values(member, raw[key])
    )


def _values(member: _Member, value: object) -> Iterable[object]:
    return value.values() if member.by_name and isinstance(value, dict) else (value,)


def _misspelt(
    views: frozenset[type[Part]], raw: object, steps: list[str | int]
) -> Iterator[tuple[list[str | int], str]]:
    """Yields the same of a part of a facet, which has one of several forms."""
    if isinstance(raw, list):
        for index, item in enumerate(raw):
            yield from _misspelt(views, item, [*steps, index])
    if not isinstance(raw, dict) or not views:
        return
    parts = _parts_of(views)
    for key, meant in misspelt(raw, _form_of(views).keys):
        yield [*steps, key], meant
    for key in raw.keys() & parts.keys():
        of_one = parts[key]
        members = raw[key].items() if of_one.by_name and isinstance(raw[key], dict) else [(None, raw[key])]
        for name, value in members:
            yield from _misspelt(of_one.views, value, [*steps, key] if name is None else [*steps, key, name])


class _Member(NamedTuple):
    """A member of a part of a facet: the forms that its value may have, and True if these are values by name."""

    views: frozenset[type[Part]]
    by_name: bool


class _Form(NamedTuple):
    """The form of a part of a facet: all keys that it may have, and of those the members that have keys themselves."""

    keys: frozenset[str]
    nested: tuple[tuple[str, _Member], ...]


@cache
def _form_of(views: frozenset[type[Part]]) -> _Form:
    """Returns the form of parts, that of any of them."""
    parts = _parts_of(views)
    nested = tuple((key, member) for key, member in parts.items() if member.views)
    return _Form(_OF_EACH_FACET.union(parts), nested)


@cache
def _parts_of(views: frozenset[type[Part]]) -> Mapping[str, _Member]:
    """Returns the members of parts, by their names in an event; each may be written in snake case as well."""
    found: dict[str, _Member] = {}
    for view in views:
        for name, info in view.model_fields.items():
            annotated = list(_types(info.annotation))
            known = frozenset(one for one in annotated if isinstance(one, type) and issubclass(one, Part))
            for key in (name, info.alias or name):
                found[key] = _Member(found[key].views | known if key in found else known, dict in annotated)
    return found


def _types(annotation: object) -> Iterator[object]:
    """Yields the types in an annotation, outermost first."""
    yield get_origin(annotation) or annotation
    for argument in get_args(annotation):
        yield from _types(argument)


def _at(value: Any, steps: Iterable[str | int]) -> Mapping[str, object]:
    """Returns the object that steps lead to."""
    for step in steps:
        value = value[step]
    return value if isinstance(value, dict) else {}


def _steps(value: Any, location: Sequence[str | int]) -> list[str | int]:
    """Returns the steps of pydantic's location that exist in the document, without union branches and `[key]`."""
    steps: list[str | int] = []
    for step in location:
        if isinstance(value, dict):
            exists = step in value
        else:
            exists = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if exists:
            value = value[step]
            steps.append(step)
    return steps
