"""The second law on the real thing: `headwater consume` killed at random moments ends in the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.brokers.consuming_processes import EVENTS, Field, moments, undisturbed
from tests.support.events.small_events import records
from tests.support.processes.servers import GremlinServer, KafkaBroker

MOMENTS = 3 * max(1, EVENTS // 10_000)
"""Ends of the service, every third one by SIGTERM."""


@pytest.mark.timeout(900)
def test_killed_again_and_again(
    kafka_broker: KafkaBroker,
    gremlin_server: GremlinServer,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """SIGKILL and SIGTERM at random moments, and a start after each: nothing lost, nothing wrong."""
    gremlin_server.clear()
    expected = undisturbed(tmp_path_factory)
    field = Field(kafka_broker, gremlin_server.url, tmp_path, partitions=2)
    field.send(records(EVENTS))
    for number, lag in enumerate(moments(MOMENTS, seed=7)):
        with field.consuming() as service:
            field.until_lag(lag)
            if number % 3 == 2:
                service.stop()
            else:
                service.kill()
    with field.consuming() as service:
        field.until_lag(0)
        service.stop()
    field.check(expected)
