"""Faults of values that pydantic rejects, each in words that name what is wrong and what is allowed.

pydantic's own messages are written for programmers and may quote secrets, so that none of them is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from consumer.config.allowed_values import allowed, number, schema_at
from consumer.config.similar_names import near
from consumer.safe_text import printable

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

RULE: Final = "rule"
"""pydantic's type of the errors that Headwater raises itself; their text is shown as it is."""

FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bool_parsing": "is neither true nor false",
        "bool_type": "is neither true nor false",
        "date_from_datetime_parsing": "is not a date",
        "datetime_from_date_parsing": "is not a time",
        "datetime_parsing": "is not a time",
        "datetime_type": "is not a time",
        "dict_type": "is not a table",
        "enum": "is not one of the choices",
        "finite_number": "is not a finite number",
        "float_parsing": "is not a number",
        "float_type": "is not a number",
        "greater_than": "is not above {gt}",
        "greater_than_equal": "is less than {ge}",
        "int_from_float": "is not a whole number",
        "int_parsing": "is not a whole number",
        "int_parsing_size": "is too large",
        "int_type": "is not a whole number",
        "less_than": "is not below {lt}",
        "less_than_equal": "is greater than {le}",
        "list_type": "is not a list",
        "literal_error": "is not one of the choices",
        "model_attributes_type": "is not a table",
        "model_type": "is not a table",
        "path_type": "is not a path",
        "string_pattern_mismatch": "is not valid",
        "string_too_short": "is not allowed",
        "string_type": "is not a text in quotes",
        "string_unicode": "is not valid UTF-8",
        "too_short": "has too few entries",
        "tuple_type": "is not a list",
    }
)
"""Faults of a value, by the type of pydantic's error."""

LONGEST_VALUE: Final = 60
"""Characters of a value in a message."""

_CONSTANTS: Final[Mapping[bool | None, str]] = MappingProxyType({None: "null", True: "true", False: "false"})


def rule(text: str, *settings: str) -> PydanticCustomError:
    """Returns the error of a validator.

    Args:
        text: The fault and the next action, without the setting.
        settings: Dotted names of the settings that a rule of several ones is about.
    """
    return PydanticCustomError(RULE, "{text}", {"text": text, "settings": settings})


def described(fault: ErrorDetails, model: type[BaseModel], value: str = "the value") -> str:
    """Returns the fault and the next action, such as `0 is less than 1; set a whole number, at least 1`.

    Args:
        fault: An error of pydantic.
        model: The model that raised it.
        value: The value in words, if it is not secret.
    """
    kind, keys = fault["type"], fault["loc"]
    if kind in {RULE, "value_error"}:
        return fault["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        known = schema_at(model, keys[:-1]).get("properties", {})
        return f"unknown key{near(str(keys[-1]), known)}; remove it or correct its name"
    needed = allowed(model, keys)
    if kind == "missing":
        return f"missing; set {needed}"
    limits = {name: number(limit) for name, limit in fault.get("ctx", {}).items()}
    return f"{value} {FAULTS.get(kind, 'is not valid').format_map(limits)}; set {needed}"


def shown(value: object) -> str:
    """Returns a value in words; a text that may hold a password, a long number and what has members are not quoted."""
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    if isinstance(value, int) and abs(value) >= 10**LONGEST_VALUE:
        return "the number"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    if "@" in text or "://" in text:
        return "the value"
    return repr(text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}...") if text else "an empty text"


def location(keys: Sequence[int | str]) -> str:
    """Returns a path in a TOML file in words, such as `channels, entry 1, url`."""
    return ", ".join(f"entry {key + 1}" if isinstance(key, int) else key_text(key) for key in keys)


def key_text(key: str) -> str:
    """Returns a key of a file on one line, without what a terminal obeys."""
    return printable(key).replace("\n", "\\n") if key else "with an empty name"
