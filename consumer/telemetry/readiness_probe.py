"""Probe of the sink at the start, so that a service without records learns that it could write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from consumer.errors import HeadwaterError
from consumer.retry import error_of, jittered, retrying

MAX_BACKOFF_S = 15.0
"""Maximum seconds between two attempts."""

_log = structlog.get_logger(__name__)


class ReadinessProbe:
    """Probe on a thread of its own, which ends with the first response.

    Args:
        ask: Returns once the sink has responded, on a connection of its own; raises `HeadwaterError` otherwise.
        reached: Called once.
    """

    def __init__(self, ask: Callable[[], None], reached: Callable[[], None]) -> None:
        self._ask = ask
        self._reached = reached
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headwater-probe", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        with_retries = retrying(
            HeadwaterError,
            jittered(1, MAX_BACKOFF_S),
            should_stop=lambda _: self._enough.is_set(),
            on_retry=lambda state: _log.warning("sink not ready, retrying", error=str(error_of(state))),
            sleep=self._pause,
        )
        try:
            with_retries(self._ask)
        except HeadwaterError as error:
            _log.warning("sink not ready until the stop", error=str(error))
        else:
            self._reached()

    def _pause(self, seconds: float) -> None:
        self._enough.wait(seconds)
