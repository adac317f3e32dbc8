"""Values that a field of a pydantic model takes, in words, from the model's JSON schema.

A field whose schema has an `allowed` is described by it, others by their type, unit and limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

_UNITS: Final = MappingProxyType({"_per_s": "per second", "_s": "of seconds", "_days": "of days", "_bytes": "of bytes"})
"""Units by the end of a setting's name."""

_TYPES: Final = MappingProxyType(
    {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "string": "a text",
        "array": "a list",
    }
)

_FORMATS: Final = MappingProxyType(
    {
        "path": "the path of a file",
        "date-time": "a time with its offset, such as 2026-12-24T00:00:00Z",
    }
)


def allowed(model: type[BaseModel], keys: Sequence[int | str]) -> str:
    """Returns the values that a field takes, such as `a number of seconds, above 0, such as 45`.

    Args:
        model: The model that holds the field.
        keys: Its path in the model, with positions in lists.
    """
    schema = schema_at(model, keys)
    if "allowed" in schema:
        return str(schema["allowed"])
    if "enum" in schema:
        *most, last = map(str, schema["enum"])
        return f"{', '.join(most)} or {last}"
    if "format" in schema:
        return _FORMATS.get(schema["format"], "a text")
    name = next((key for key in reversed(keys) if isinstance(key, str)), "")
    unit = next((f" {unit}" for end, unit in _UNITS.items() if name.endswith(end)), "")
    parts = [f"{_type_name(schema)}{unit}", *_bounds(schema)]
    if unit and schema.get("default") is not None:
        parts.append(f"such as {number(schema['default'])}")
    return ", ".join(parts)


def _type_name(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "")
    if kind == "array" and schema.get("items", {}).get("type") == "string":
        return "a list of texts"
    if kind == "object" and (keys := schema.get("required")):
        return f"a table with {' and '.join(keys)}"
    return _TYPES.get(kind, "a table")


def _bounds(schema: Mapping[str, Any]) -> list[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return [f"from {number(least)} to {number(most)}"]
    names = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    return [f"{words} {number(schema[name])}" for name, words in names.items() if name in schema]


def schema_at(model: type[BaseModel], keys: Sequence[int | str]) -> dict[str, Any]:
    """Returns the JSON schema of a field, with its constraints beside each other."""
    root = _root(model)
    schema = root
    for key in keys:
        inner = schema.get("items", {}) if isinstance(key, int) else schema.get("properties", {}).get(key, {})
        schema = _resolved(inner, root)
    return schema


@lru_cache(maxsize=4)
def _root(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a schema without references and without the alternative null."""
    found = dict(schema)
    for option in found.pop("anyOf", ()):
        if option.get("type") != "null":
            found = {**option, **found}
    if (reference := found.pop("$ref", None)) is not None:
        found = {**root["$defs"][reference.rpartition("/")[2]], **found}
    return found


def number(value: object) -> str:
    """Returns a number as people write it, such as `45` for 45.0."""
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)  # type: ignore[call-overload] # a float
