"""The retrier of the service's steps: logs, counts and repeats them until they succeed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import structlog
from tenacity import RetryCallState

from consumer.config.settings import BatchSettings
from consumer.errors import RetriesExhausted, TransientError
from consumer.retry import Backoff, error_of, exponential, remaining, retrying

ESCALATE_TO_ERROR_AFTER_S: Final = 60.0
"""Seconds of failures of one step after which they are logged as errors; before, they are logged as warnings."""

_log = structlog.get_logger(__name__)


class Retrier:
    """Retries the steps of the service until they succeed, a limit is reached, or the service stops.

    Args:
        batching: Backoff, and the limit of time.
        clock: Monotonic clock in seconds.
        stop: Set by a request to stop, after which no failed step is retried.
        on_failure: Called with the step and the error of each failed attempt.
        sleep: Pauses for a number of seconds, or until `stop` is set.
        backoff: The pause between two attempts; by default exponential with jitter.
    """

    def __init__(
        self,
        batching: BatchSettings,
        clock: Callable[[], float],
        stop: threading.Event,
        on_failure: Callable[[str, Exception], None],
        *,
        sleep: Callable[[float], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._limit_s = batching.give_up_after_s
        self._clock = clock
        self._stop = stop
        self._on_failure = on_failure
        self._sleep = sleep
        self._backoff = backoff or exponential(batching.retry_first_s, batching.retry_max_s)

    def __call__(self, step: str, attempt: Callable[[], None]) -> bool:
        """Calls `attempt` until it succeeds; returns False if it failed after a request to stop.

        Args:
            step: Name of the step in logs and metrics, as a gerund.
            attempt: Raises `TransientError` if it should be retried.

        Raises:
            RetriesExhausted: The step failed for longer than `batch.give_up_after_s`.
        """
        began = self._clock()

        def should_stop(_: RetryCallState) -> bool:
            return self._stop.is_set() or (self._limit_s is not None and self._clock() - began >= self._limit_s)

        def log_retry(state: RetryCallState) -> None:
            elapsed_s = self._clock() - began
            log = _log.warning if elapsed_s < ESCALATE_TO_ERROR_AFTER_S else _log.error
            error = str(error_of(state))
            log("step failed, retrying", step=step, attempt=state.attempt_number, seconds=round(elapsed_s), error=error)

        def observed() -> None:
            try:
                attempt()
            except TransientError as error:
                self._on_failure(step, error)
                raise

        def pause(seconds: float) -> None:
            limit_s = seconds if self._limit_s is None else remaining(self._limit_s, self._clock() - began)
            self._sleep(min(seconds, limit_s))

        call = retrying(TransientError, self._backoff, should_stop=should_stop, on_retry=log_retry, sleep=pause)
        try:
            call(observed)
        except TransientError as error:
            if self._stop.is_set():
                _log.warning("step failed while stopping", step=step, error=str(error))
                return False
            elapsed_s = self._clock() - began
            raise RetriesExhausted(
                f"{step} failed for {elapsed_s:.0f} s; batch.give_up_after_s is {self._limit_s:g} s: {error}"
            ) from error
        return True
