"""The first question to the sink: a service that has nothing to write yet learns that it could."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog
from tenacity import Retrying, retry_if_exception_type, sleep_using_event, stop_when_event_set, wait_random_exponential

from consumer.errors import HeadwaterError

MOST_WAIT_S = 15.0
"""Longest wait between two tries, in seconds."""

_log = structlog.get_logger(__name__)


class Probe:
    """Asks until there is an answer, on a thread of its own, which ends then.

    Args:
        ask: Returns when the sink has answered; raises `HeadwaterError` if it does not. On a connection of its own.
        reached: Told once.
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
        retrying = Retrying(
            retry=retry_if_exception_type(HeadwaterError),
            wait=wait_random_exponential(1, MOST_WAIT_S),
            sleep=sleep_using_event(self._enough),
            stop=stop_when_event_set(self._enough),
            before_sleep=lambda state: _log.warning(
                "the sink does not answer yet; asking again",
                error=str(state.outcome.exception() if state.outcome else None),
            ),
            reraise=True,
        )
        try:
            retrying(self._ask)
        except HeadwaterError as error:
            _log.warning("the sink has not answered while the service ran", error=str(error))
        else:
            self._reached()
