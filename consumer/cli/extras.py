"""The extra that installs a missing module, so that an error names what to install instead of a traceback.

Only the standard library is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_OWN = frozenset({"consumer", "emitter", "schemas"})
_EXTRAS: Mapping[str, str] = MappingProxyType(
    {"opentelemetry": "consumer,tracing", "starlette": "serve", "uvicorn": "serve", "mcp": "serve", "anyio": "serve"}
)
"""Extras by the top-level module that only they install; every other module belongs to `consumer`."""


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Returns the module that is missing and the command that installs it.

    Args:
        error: A failed import; None is returned if the missing module is Headwater's own.
    """
    top = (error.name or "").partition(".")[0]
    if not top or top in _OWN:
        return None
    extra = _EXTRAS.get(top, "consumer")
    return f"the Python module {error.name} is not installed: pip install 'headwater[{extra}]'"
