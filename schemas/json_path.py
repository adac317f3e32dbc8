"""JSON paths: where in a document something is."""

from __future__ import annotations

from collections.abc import Iterable


def join(at: str, steps: Iterable[str | int]) -> str:
    """Returns a JSON path with more steps, such as `$.inputs[2].facets["my facet"]`.

    Args:
        at: The path to begin with; `$` is the document.
        steps: Keys of objects and indexes of arrays; keys that are no identifiers are quoted.
    """
    return at + "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if len(step) <= MAX_KEY and step.isidentifier():
        return f".{step}"
    # Such a key may hold what no terminal, log or UTF-8 encoder takes.
    safe = step if len(step) <= MAX_KEY else f"{step[:MAX_KEY]}..."
    return '["' + safe.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"]'


MAX_KEY = 100
"""Characters of a key that a path shows; the rest would only flood the log."""
