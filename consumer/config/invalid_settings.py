"""Explanation of invalid settings: each by its option, variable or key, with its value and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from consumer.config.faults import RULE, described, location, shown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class GivenSetting:
    """A setting's value from one layer.

    Attributes:
        value: As it was given.
        source: Its origin as `print-config` shows it.
        place: Its origin as errors name it: the option, the environment variable, or the key and its file.
    """

    value: object
    source: str
    place: str


def explained(
    error: ValidationError, model: type[BaseModel], given: Mapping[str, GivenSetting], secrets: Collection[str]
) -> str:
    """Returns a line for each fault.

    Args:
        error: What pydantic raised for the settings that were given.
        model: The model of all settings.
        given: By dotted name.
        secrets: Dotted names of settings whose values are never shown.
    """
    faults = error.errors(include_url=False)
    return "\n  ".join(f"invalid value for {_explained(fault, model, given, secrets)}" for fault in faults)


def _explained(
    fault: ErrorDetails, model: type[BaseModel], given: Mapping[str, GivenSetting], secrets: Collection[str]
) -> str:
    dotted = ".".join(map(str, fault["loc"]))
    name = next((name for name in given if f"{dotted}.".startswith(f"{name}.")), "")
    if not name:
        return f"{_several(fault, dotted, given)}: {described(fault, model)}"
    inner = fault["loc"][name.count(".") + 1 :]
    place = ", ".join(filter(None, (given[name].place, location(inner))))
    value = fault["input"] if inner else given[name].value
    if name in secrets:
        return f"{place}: {described(fault, model)}"
    return f"{place}: {described(fault, model, shown(value))}"


def _several(fault: ErrorDetails, group: str, given: Mapping[str, GivenSetting]) -> str:
    """Returns the places of the settings of a rule that were given, else the group's name."""
    named = fault.get("ctx", {}).get("settings", ()) if fault["type"] == RULE else ()
    return " and ".join(given[name].place for name in named if name in given) or group
