"""What can be wrong with an event.

```
SchemaError
├── RejectedEvent   the document is no OpenLineage event; it can never be folded
└── BadFacet        one facet can't be read; it costs that facet only
```
"""

from __future__ import annotations

MAX_TEXT = 2_000
"""Characters of a path or a reason; longer ones are shortened."""


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}..."


class SchemaError(Exception):
    """A document, or a part of one, is not what OpenLineage says.

    Attributes:
        path: Where in the document, as a JSON path such as `$.inputs[2].name`.
        reason: What is wrong there and what was expected, in words.
    """

    def __init__(self, path: str, reason: str) -> None:
        # They go to logs, dead letters and caches, and quote what a producer wrote.
        path, reason = _shortened(path), _shortened(reason)
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class RejectedEvent(SchemaError):
    """The document is no OpenLineage event; it can never be folded."""


class BadFacet(SchemaError):
    """One facet can't be read; it costs that facet only."""
