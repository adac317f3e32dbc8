"""The consumer's errors: rejected or transient, and no third kind.

```
HeadwaterError
├── UsageError        the command or its settings are wrong; exit code 2
│   ├── NotFound      the named input is empty: no object, no manifest
│   ├── UnknownName   a name means no dataset, column or job
│   └── UnusableGraph the graph does not exist, is damaged, or is of another version or program
├── TransientError    an outside system can't serve now; retry, the offset stays
│   └── RetriesExhausted        retries lasted as long as the settings allow
├── RefusedWrite      the sink rejects a write permanently; the records at fault are searched for and rejected
└── RejectedRecord    a record that can never be folded; it becomes a dead letter
```
"""

from __future__ import annotations


class HeadwaterError(Exception):
    """An error for a person to read: what failed, where, and the next action.

    Attributes:
        public: The message for clients of the API, without the server's paths; empty if the message has none.
    """

    def __init__(self, *args: object, public: str = "") -> None:
        super().__init__(*args)
        self.public = public


class UsageError(HeadwaterError):
    """The command or its settings are wrong; exit code 2."""


class NotFound(UsageError):
    """The named input can be read and is empty: no object, no manifest."""


class UnknownName(UsageError):
    """A name means no dataset, column or job of the graph."""


class UnusableGraph(UsageError):
    """The graph does not exist, is damaged, or is of another version or program; the settings name it."""


class TransientError(HeadwaterError):
    """An outside system can't serve now; retry, the offset stays."""


class RetriesExhausted(TransientError):
    """Retries lasted as long as the settings allow."""


class RefusedWrite(HeadwaterError):
    """The sink rejects a write permanently; the records at fault are searched for and rejected."""


class RejectedRecord(HeadwaterError):
    """A record that can never be folded; it becomes a dead letter."""

    def __init__(self, reason: str, path: str = "$") -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason
        self.path = path
