"""Retries: what is logged of them, and at which level."""

from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs
from tenacity import wait_fixed

from consumer.config.settings import BatchSettings
from consumer.errors import RetriesExhausted, TransientError
from consumer.processing.step_retrier import ESCALATE_TO_ERROR_AFTER_S, Retrier


def test_lasting_failures_are_errors() -> None:
    """Short failures are warnings; lasting ones are errors, which alarms count."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def attempt() -> None:
        if now < 2 * ESCALATE_TO_ERROR_AFTER_S:
            raise TransientError("the graph is down")

    retry = Retrier(
        BatchSettings(),
        lambda: now,
        threading.Event(),
        lambda *_: None,
        sleep=sleep,
        backoff=wait_fixed(ESCALATE_TO_ERROR_AFTER_S / 2),
    )
    with capture_logs() as lines:
        assert retry("writing", attempt)
    assert {line["event"] for line in lines} == {"step failed, retrying"}
    logged = [(line["log_level"], line["seconds"]) for line in lines]
    assert logged == [("warning", 0), ("warning", 30), ("error", 60), ("error", 90)]
    assert all(line["error"] == "the graph is down" for line in lines)


@pytest.mark.parametrize("pause_s", [4.0, 5.0, 60.0])
def test_no_pause_outlasts_the_limit(pause_s: float) -> None:
    """The last attempt is made at the limit, however long the next pause would be."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def attempt() -> None:
        raise TransientError("the graph is down")

    limits, backoff = BatchSettings(give_up_after_s=5.0), wait_fixed(pause_s)
    retry = Retrier(limits, lambda: now, threading.Event(), lambda *_: None, sleep=sleep, backoff=backoff)
    with pytest.raises(RetriesExhausted) as caught:
        retry("joining", attempt)
    assert str(caught.value) == "joining failed for 5 s; batch.give_up_after_s is 5 s: the graph is down"
    assert now == 5.0
