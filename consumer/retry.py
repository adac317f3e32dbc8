"""Retries of transient failures, and of writes that conflict with other writers; no other module sets up retries."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar, cast

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    stop_never,
    wait_exponential,
    wait_random,
    wait_random_exponential,
)
from tenacity.wait import wait_base

from consumer.errors import TransientError

P = ParamSpec("P")
T = TypeVar("T")

MAX_CONFLICTS: Final = 200
"""Conflicts with other writers after which a change is given up, so that the whole batch is retried."""

Backoff = wait_base
"""The pause between two attempts, as one of tenacity's strategies."""

IsRetried = Callable[[BaseException], bool]
"""True for an error after which a call is tried again."""


def jittered(initial_s: float, max_s: float) -> Backoff:
    """Returns a random backoff between 0 and a limit that doubles from `initial_s` to `max_s` seconds."""
    return wait_random_exponential(multiplier=initial_s, max=max_s)


def exponential(initial_s: float, max_s: float) -> Backoff:
    """Returns a backoff that doubles from `initial_s` to `max_s` seconds, plus a random part of up to `initial_s`.

    The random part keeps members apart that stopped for the same failure, so that they do not return at one moment.
    """
    return wait_exponential(multiplier=initial_s, max=max_s) + wait_random(0, initial_s)


def uniform(min_s: float, max_s: float) -> Backoff:
    """Returns a random backoff between two limits in seconds, which does not grow."""
    return wait_random(min_s, max_s)


class Retry:
    """Calls a function until it succeeds, and raises its last error if it does not.

    An error that is not retried bypasses tenacity. One that is raised through it refers to itself, by way of its
    traceback and the state of the retries, so that the call's arguments and locals wait for the garbage collector.

    Args:
        policy: How long to wait between two attempts, and when the last one has been made.
        is_retried: Which errors are tried again.
    """

    def __init__(self, policy: Retrying, is_retried: IsRetried) -> None:
        self._policy = policy
        self._is_retried = is_retried

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns what the function returns."""
        final: list[Exception] = []

        def attempt() -> T | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                if self._is_retried(error):
                    raise
                final.append(error)
                return None

        try:
            found: T | None = self._policy(attempt)
        finally:
            _release(self._policy)
        if final:
            raise final.pop()
        return cast("T", found)


class AsyncRetry:
    """The counterpart of `Retry` for a coroutine function; the event loop runs other work in the pauses.

    Args:
        policy: How long to wait between two attempts, and when the last one has been made.
        is_retried: Which errors are tried again.
    """

    def __init__(self, policy: AsyncRetrying, is_retried: IsRetried) -> None:
        self._policy = policy
        self._is_retried = is_retried

    async def __call__(self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns what the function returns."""
        final: list[Exception] = []

        async def attempt() -> T | None:
            try:
                return await function(*args, **kwargs)
            except Exception as error:
                if self._is_retried(error):
                    raise
                final.append(error)
                return None

        try:
            found: T | None = await self._policy(attempt)
        finally:
            _release(self._policy)
        if final:
            raise final.pop()
        return cast("T", found)


def _release(policy: Retrying | AsyncRetrying) -> None:
    """Drops the state of a call, which refers to itself: 28 objects that only the cyclic garbage collector would free.

    It runs rarely (`consumer.runtime.tune_gc`), and one of them is left by every request to a graph on a server.
    """
    policy.iter_state.reset()


def retrying(
    retry_on: type[BaseException] | IsRetried,
    backoff: Backoff,
    *,
    max_elapsed_s: float | None = None,
    should_stop: Callable[[RetryCallState], bool] = stop_never,
    on_retry: Callable[[RetryCallState], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Retry:
    """Returns a callable that calls a function until it succeeds, and raises its last error if it does not.

    Args:
        retry_on: The errors to retry: a class, or a predicate.
        backoff: The pause between two attempts.
        max_elapsed_s: Seconds after which a failed attempt is the last one; no pause ends later.
        should_stop: True if a failed attempt is the last one for another reason.
        on_retry: Called before each pause.
        sleep: Pauses for a number of seconds.
    """
    is_retried = _predicate(retry_on)
    policy = _policy(is_retried, backoff, max_elapsed_s, should_stop)
    return Retry(Retrying(**policy, before_sleep=on_retry, sleep=sleep), is_retried)


def async_retrying(
    retry_on: type[BaseException] | IsRetried,
    backoff: Backoff,
    *,
    max_elapsed_s: float | None = None,
    should_stop: Callable[[RetryCallState], bool] = stop_never,
    on_retry: Callable[[RetryCallState], None] | None = None,
) -> AsyncRetry:
    """Returns the counterpart of `retrying` for a coroutine function."""
    is_retried = _predicate(retry_on)
    policy = _policy(is_retried, backoff, max_elapsed_s, should_stop)
    return AsyncRetry(AsyncRetrying(**policy, before_sleep=on_retry), is_retried)


def _predicate(retry_on: type[BaseException] | IsRetried) -> IsRetried:
    # Not tenacity's predicate for types, which refers to itself, too.
    return (lambda error: isinstance(error, retry_on)) if isinstance(retry_on, type) else retry_on


def _policy(
    is_retried: IsRetried,
    backoff: Backoff,
    max_elapsed_s: float | None,
    should_stop: Callable[[RetryCallState], bool],
) -> dict[str, Any]:
    past_deadline = stop_never if max_elapsed_s is None else stop_after_delay(max_elapsed_s)
    return {
        "retry": retry_if_exception(is_retried),
        "wait": backoff if max_elapsed_s is None else partial(_cut, backoff, max_elapsed_s),
        "stop": lambda state: past_deadline(state) or should_stop(state),
        "reraise": True,
    }


def _cut(backoff: Backoff, max_elapsed_s: float, state: RetryCallState) -> float:
    """Returns the next pause in seconds, which ends at the deadline at the latest."""
    return min(backoff(state), remaining(max_elapsed_s, state.seconds_since_start or 0.0))


def remaining(max_elapsed_s: float, elapsed_s: float) -> float:
    """Returns the seconds until a deadline; never zero, so that a rounded clock has passed it after the pause."""
    return max(max_elapsed_s - elapsed_s, 0.001)


def error_of(state: RetryCallState) -> BaseException | None:
    """Returns the error of the last attempt; None if it succeeded."""
    return state.outcome.exception() if state.outcome else None


class ConflictLimit:
    """Counts the conflicts of one change with other writers (compare-and-set), up to a limit."""

    def __init__(self) -> None:
        self._conflicts = 0

    def count(self, what: str) -> None:
        """Counts one conflict, after which the caller computes its change again from the current state.

        Args:
            what: The vertices that other writers change, with their number.

        Raises:
            TransientError: The limit is reached.
        """
        self._conflicts += 1
        if self._conflicts >= MAX_CONFLICTS:
            raise TransientError(f"other writers changed {what} at each of {MAX_CONFLICTS} attempts")
