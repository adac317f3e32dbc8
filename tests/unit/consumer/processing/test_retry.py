"""Trying again: what is told of it, and how loudly."""

from __future__ import annotations

import threading

from structlog.testing import capture_logs
from tenacity import wait_fixed

from consumer.config.settings import BatchSettings
from consumer.errors import TransientError
from consumer.processing.observer import Unobserved
from consumer.processing.retry import LASTS_S, Insistence


def test_what_lasts_is_an_error() -> None:
    """A hiccup is a warning; what goes on failing is an error, which alarms are made of, until it works again."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def attempt() -> None:
        if now < 2 * LASTS_S:
            raise TransientError("the graph is down")

    insist = Insistence(
        BatchSettings(), lambda: now, threading.Event(), Unobserved(), sleep=sleep, wait=wait_fixed(LASTS_S / 2)
    )
    with capture_logs() as lines:
        assert insist("writing", attempt)
    assert {line["event"] for line in lines} == {"writing failed; trying again"}
    told = [(line["log_level"], line["seconds"]) for line in lines]
    assert told == [("warning", 0), ("warning", 30), ("error", 60), ("error", 90)]
    assert all(line["error"] == "the graph is down" for line in lines)
