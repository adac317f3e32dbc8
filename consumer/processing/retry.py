"""Trying again: what an outside system can't do now is tried until it can, or until the settings say enough."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random
from tenacity.wait import wait_base

from consumer.config.settings import BatchSettings
from consumer.errors import GaveUp, TransientError
from consumer.processing.observer import Observer

LASTS_S = 60.0
"""A step that has failed for so many seconds is told as an error; until then it may be a hiccup, and is a warning."""

_log = structlog.get_logger(__name__)


class Insistence:
    """Tries steps until they work.

    Args:
        batching: Says how long to wait between two tries, and when to give up.
        clock: Seconds; monotonic.
        stop: Once it is set, a step that fails is not tried again.
        observer: Told of each failure.
        sleep: Waits for so many seconds, or until `stop` is set.
        wait: How long to wait between two tries; exponential with jitter unless said otherwise.
    """

    def __init__(
        self,
        batching: BatchSettings,
        clock: Callable[[], float],
        stop: threading.Event,
        observer: Observer,
        *,
        sleep: Callable[[float], None],
        wait: wait_base | None = None,
    ) -> None:
        self._limit = batching.give_up_after_s
        self._clock = clock
        self._stop = stop
        self._observer = observer
        self._sleep = sleep
        # With jitter, so that members whom one failure stopped do not all come back at once.
        self._wait = wait or wait_exponential(
            multiplier=batching.retry_first_s, max=batching.retry_max_s
        ) + wait_random(0, batching.retry_first_s)

    def __call__(self, step: str, attempt: Callable[[], None]) -> bool:
        """Tries until it works; false if it failed after a request to stop.

        Args:
            step: Its name in the log, as a gerund.
            attempt: Raises `TransientError` if it should be tried again.

        Raises:
            GaveUp: It failed for longer than `batch.give_up_after_s`.
        """
        began = self._clock()

        def hopeless(_: RetryCallState) -> bool:
            return self._stop.is_set() or (self._limit is not None and self._clock() - began >= self._limit)

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            tried = self._clock() - began
            say = _log.warning if tried < LASTS_S else _log.error
            say(f"{step} failed; trying again", attempt=state.attempt_number, seconds=round(tried), error=str(error))

        def observed() -> None:
            try:
                attempt()
            except TransientError as error:
                self._observer.failed(step, error)
                raise

        retrying = Retrying(
            sleep=self._sleep,
            stop=hopeless,
            wait=self._wait,
            retry=retry_if_exception_type(TransientError),
            before_sleep=tell,
            reraise=True,
        )
        try:
            retrying(observed)
        except TransientError as error:
            if self._stop.is_set():
                _log.warning(f"{step} failed while stopping", error=str(error))
                return False
            tried = self._clock() - began
            raise GaveUp(f"{step} failed for {tried:.0f} s, which is batch.give_up_after_s: {error}") from error
        return True
