"""JSON paths of values in a document."""

from __future__ import annotations

from collections.abc import Iterable


def join(at: str, steps: Iterable[str | int]) -> str:
    """Appends steps to a JSON path, such as `$.inputs[2].facets["my facet"]`.

    Args:
        at: Path to append to; `$` is the document.
        steps: Keys of objects and indexes of arrays; keys that are not identifiers are quoted.
    """
    return at + "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if len(step) <= MAX_KEY and step.isidentifier():
        return f".{step}"
    # Such a key may have characters that terminals, logs or UTF-8 encoders do not accept.
    safe = step if len(step) <= MAX_KEY else f"{step[:MAX_KEY]}..."
    return '["' + safe.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"]'


MAX_KEY = 100
"""Maximum length of a key in a path in characters; the rest would only flood the log."""
