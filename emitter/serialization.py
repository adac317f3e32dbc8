"""Events of OpenLineage's client as JSON, byte for byte as the client's `Serde` writes them, in one pass.

`Serde` copies an event twice to make a dictionary of it, and twice more to make JSON of that. An event of dbt-ol has
thousands of values, and `emit` runs in dbt's own thread, so this walks through them once.
"""

import json
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

import attr
from openlineage.client.serde import Serde

_PLAIN = frozenset({str, int, float, bool, type(None)})
_UNKNOWN = "<<non-serializable: "
# The fields of each class that was met; an event has the same few dozen again and again.
_NAMES: dict[type, tuple[str, ...]] = {}


def event_dict(event: Any) -> dict[str, Any]:
    """Returns an event as the dictionary that OpenLineage's client makes of it.

    Args:
        event: a RunEvent, JobEvent or DatasetEvent of any version of the client's classes, or a dictionary.

    Raises:
        attr.exceptions.NotAnAttrsClassError: the event is neither.
    """
    if names := _names(type(event)):
        return _of_object(event, names)
    # The client converts no object below a dictionary. Its JSON is made of a second pass, which cleans an enum's value.
    return Serde.to_dict(Serde.to_dict(event))


def event_json(body: dict[str, Any]) -> bytes:
    """Returns a dictionary that `event_dict` made, as UTF-8; a value that JSON does not know is named by its class."""
    return _ENCODER.encode(body).encode()


def part_json(part: Any) -> str:
    """Returns the JSON of a part of an event, as it is in the event's JSON."""
    if type(part) is dict:
        text = _PARTS.encode(part)
        # The conversion removes or replaces nothing else; a text that contains one of them only costs time.
        if "null" not in text and "{}" not in text and _UNKNOWN not in text:
            return text
    return _ENCODER.encode(_value(part))


def _of_object(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: made for name in names if (made := _value(getattr(value, name))) is not None}


def _of_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    made = {}
    for key, item in value.items():
        kept = item if type(item) is str else _value(item)
        if kept is not None:
            made[key] = kept
    return made


def _of_list(value: Iterable[Any]) -> list[Any]:
    return [kept for item in value if (kept := _value(item)) is not None and kept != {}]


# By exact type, as an event consists of little else.
_CONVERTERS: dict[type, Callable[[Any], Any]] = {dict: _of_dict, list: _of_list}


def _value(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if (convert := _CONVERTERS.get(kind)) is not None:
        return convert(value)
    if names := _names(kind):
        return _of_object(value, names)
    if isinstance(value, list | tuple | set | frozenset):
        return _of_list(value)
    if isinstance(value, dict):
        return _of_dict(value)
    return Serde.remove_nulls_and_enums(value.value if isinstance(value, Enum) else value)


def _names(kind: type) -> tuple[str, ...]:
    """The names of the fields of an attrs class; none of any other class."""
    if (names := _NAMES.get(kind)) is None:
        names = _NAMES[kind] = tuple(field.name for field in attr.fields(kind)) if attr.has(kind) else ()
    return names


def _unknown(value: Any) -> str:
    return f"{_UNKNOWN}{type(value).__qualname__}>>"


_ENCODER = json.JSONEncoder(sort_keys=True, default=_unknown)
_PARTS = json.JSONEncoder(sort_keys=True, default=_unknown, check_circular=False)
