"""The same warning once more: told a few times a minute, and then counted instead."""

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
HELD_BACK: Final = "held_back"
"""In a line: how many like it were not told since the last one that was."""

_KINDS = 1000
"""How many kinds of lines are told apart; the ones least seen are forgotten first."""
_LONGEST = 200
_VARIES = re.compile(r"[0-9a-fA-F-]*\d[0-9a-fA-F-]*|'[^']*'|\"[^\"]*\"")
"""Numbers, ids and quoted names, which differ from one error to the next of its kind."""

_LOUD = frozenset({"warning", "error", "exception", "critical"})


@dataclass(slots=True)
class _Kind:
    since: float
    told: int = 0
    held: int = 0


class Repeats:
    """Holds back what is told too often: a processor for structlog, and a filter for the standard library's logging.

    Args:
        most: How often a line of one kind is told in a minute; 0 for always.
        clock: Seconds; monotonic.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kinds: LRUCache[tuple[str, ...], _Kind] = LRUCache(_KINDS)
        self._lock = threading.Lock()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """The line, with a count if some like it were held back.

        Raises:
            DropEvent: It is held back.
        """
        if method not in _LOUD:
            return event
        held = self._admit((getattr(logger, "name", ""), method, str(event.get("event")), _kind_of_error(event)))
        if held is None:
            raise DropEvent
        if held:
            event[HELD_BACK] = held
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a library's line is told; ours have been through the processor."""
        if record.levelno < logging.WARNING or isinstance(record.msg, dict):
            return True
        held = self._admit((record.name, str(record.msg), _VARIES.sub("#", record.getMessage())[:_LONGEST]))
        if held:
            setattr(record, HELD_BACK, held)
        return held is not None

    def _admit(self, key: tuple[str, ...]) -> int | None:
        """How many like it were held back before; None if it is held back too."""
        if not self._most:
            return 0
        with self._lock:
            now = self._clock()
            kind = self._kinds.setdefault(key, _Kind(now))
            if now - kind.since >= MINUTE_S:
                kind.since, kind.told = now, 0
            if kind.told >= self._most:
                kind.held += 1
                return None
            held, kind.held = kind.held, 0
            kind.told += 1
            return held


def _kind_of_error(event: EventDict) -> str:
    """What is wrong, without what differs from one time to the next."""
    said: Any = event.get("exc_info")
    if isinstance(said, BaseException):
        return type(said).__name__
    text = event.get("error") or event.get("reason") or ""
    return _VARIES.sub("#", f"{event.get('path', '')} {text}")[:_LONGEST]
