"""Access to nested parts of events, any of which may be missing or of another type."""

from collections.abc import Mapping
from typing import Any


def at(value: Any, *path: str) -> Mapping[str, Any]:
    """Returns the object at a path of keys; an empty object if there is none."""
    for step in path:
        # Nearly all are dictionaries, and a check for any mapping takes longer than all the rest.
        value = value.get(step) if type(value) is dict or isinstance(value, Mapping) else None
    return value if type(value) is dict or isinstance(value, Mapping) else {}
