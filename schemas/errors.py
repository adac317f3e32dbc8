"""Errors in events.

```
SchemaError
├── RejectedEvent   the document is not an OpenLineage event; it can never be folded
└── BadFacet        one facet is invalid; only that facet is ignored
```
"""

from __future__ import annotations

MAX_TEXT = 2_000
"""Maximum length of a path or a reason in characters; longer ones are shortened."""


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}..."


class SchemaError(Exception):
    """A document, or a part of one, violates the OpenLineage specification.

    Attributes:
        path: JSON path of the invalid value, such as `$.inputs[2].name`.
        reason: Description of the error, with the expected value.
    """

    def __init__(self, path: str, reason: str) -> None:
        # Both quote the producer's text, and go to logs, dead letters and caches.
        path, reason = _shortened(path), _shortened(reason)
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class RejectedEvent(SchemaError):
    """The document is not an OpenLineage event; it can never be folded."""


class BadFacet(SchemaError):
    """One facet is invalid; only that facet is ignored."""
