"""Throttle of repeated warnings: logged a few times a minute, and then counted."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache
from structlog import DropEvent
from structlog.typing import EventDict, WrappedLogger

MINUTE_S: Final = 60.0
SUPPRESSED: Final = "suppressed"
"""Field of a log line: the number of equal lines that were suppressed before it."""

_MAX_KINDS = 1000
"""Kinds of lines that are counted separately; the least recently seen are evicted first."""
_MAX_KEY = 200
_VARIABLE_PARTS = re.compile(r"[0-9a-fA-F-]*\d[0-9a-fA-F-]*|'[^']*'|\"[^\"]*\"")
"""Numbers, ids and quoted names, which differ between errors of one kind."""

_THROTTLED_METHODS = frozenset({"warning", "error", "exception", "critical"})


@dataclass(slots=True)
class _Kind:
    since: float
    logged: int = 0
    suppressed: int = 0


class LogThrottle:
    """Throttle of repeated lines: a processor for structlog, and a filter for the standard library's logging.

    Args:
        max_per_minute: Lines of one kind per minute; 0 for no limit.
        clock: Seconds; monotonic.
    """

    def __init__(self, max_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_per_minute = max_per_minute
        self._clock = clock
        self._kinds: LRUCache[tuple[str, ...], _Kind] = LRUCache(_MAX_KINDS)
        self._lock = threading.Lock()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Returns the line, with the number of suppressed lines of its kind.

        Raises:
            DropEvent: The line is suppressed.
        """
        if method not in _THROTTLED_METHODS:
            return event
        suppressed = self._admit((getattr(logger, "name", ""), method, str(event.get("event")), _error_kind(event)))
        if suppressed is None:
            raise DropEvent
        if suppressed:
            event[SUPPRESSED] = suppressed
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """True if a library's line is logged; Headwater's own lines have been through the processor."""
        if record.levelno < logging.WARNING or isinstance(record.msg, dict):
            return True
        suppressed = self._admit(
            (record.name, str(record.msg), _VARIABLE_PARTS.sub("#", record.getMessage())[:_MAX_KEY])
        )
        if suppressed:
            setattr(record, SUPPRESSED, suppressed)
        return suppressed is not None

    def _admit(self, key: tuple[str, ...]) -> int | None:
        """Returns the number of lines of a kind suppressed before this one; None if this one is suppressed, too."""
        if not self._max_per_minute:
            return 0
        with self._lock:
            now = self._clock()
            kind = self._kinds.setdefault(key, _Kind(now))
            if now - kind.since >= MINUTE_S:
                kind.since, kind.logged = now, 0
            if kind.logged >= self._max_per_minute:
                kind.suppressed += 1
                return None
            suppressed, kind.suppressed = kind.suppressed, 0
            kind.logged += 1
            return suppressed


def _error_kind(event: EventDict) -> str:
    """Returns the error without the parts that differ between repetitions."""
    exception: Any = event.get("exc_info")
    if isinstance(exception, BaseException):
        return type(exception).__name__
    text = event.get("error") or event.get("reason") or ""
    return _VARIABLE_PARTS.sub("#", f"{event.get('path', '')} {text}")[:_MAX_KEY]
