"""The consumer's errors: rejected or transient, and no third.

```
HeadwaterError
├── UsageError        the command or its settings are wrong; exit code 2
│   └── NothingThere  what is named is empty: no object, no manifest
├── TransientError    an outside system can't serve now; try again, the offset stays
│   └── GaveUp        it was tried for as long as the settings allow
├── RefusedWrite      the sink refuses a write for good; the records at fault are looked for and rejected
└── RejectedRecord    a record that can never be folded; it goes to the dead letters
```
"""

from __future__ import annotations


class HeadwaterError(Exception):
    """Something that a person should read: what happened, where, and what to do."""


class UsageError(HeadwaterError):
    """The command or its settings are wrong; exit code 2."""


class NothingThere(UsageError):
    """What is named can be looked at, and is empty: no object, no manifest."""


class TransientError(HeadwaterError):
    """An outside system can't serve now; try again, the offset stays."""


class GaveUp(TransientError):
    """It was tried for as long as the settings allow."""


class RefusedWrite(HeadwaterError):
    """The sink refuses a write for good; the records at fault are looked for and rejected."""


class RejectedRecord(HeadwaterError):
    """A record that can never be folded; it goes to the dead letters."""

    def __init__(self, reason: str, path: str = "$") -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason
        self.path = path
