"""Sends events by whatever transport OpenLineage is configured with."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)

log = logging.getLogger("emitter.runner")

CLOSE_TIMEOUT = 10.0
"""Seconds that a transport without a `close_timeout` of its own may take to send what waits."""

Event = Mapping[str, Any]
DatasetT = TypeVar("DatasetT", InputDataset, OutputDataset)


class Emission:
    """An OpenLineage client that never raises but on construction.

    Args:
        client: The client; the one of OpenLineage's configuration if it is not given.

    Raises:
        Exception: Whatever the client and its transport say to a configuration that they can't use.
    """

    def __init__(self, client: OpenLineageClient | None = None) -> None:
        self._client = client or OpenLineageClient()
        self.close_timeout = float(getattr(self._client.transport, "close_timeout", CLOSE_TIMEOUT))
        self._sent = self._failed = 0
        self._first: str | None = None

    def emit(self, event: Event) -> None:
        """Sends an event; what the transport raises is counted and told at the end."""
        try:
            self._client.emit(client_event(event))
            self._sent += 1
        except Exception as error:  # noqa: BLE001 # any transport may be configured; the others events must go out
            self._failed += 1
            self._first = self._first or f"{type(error).__name__}: {error}"

    def close(self, spent: float = 0.0) -> None:
        """Waits until the transport has sent what waits, at most `close_timeout` less the seconds already spent."""
        try:
            self._client.close(timeout=max(self.close_timeout - spent, 0.1))
        except Exception as error:  # noqa: BLE001 # as above
            log.warning("the OpenLineage transport did not close: %s: %s", type(error).__name__, error)
        if self._failed:
            log.warning(
                "%d of %d OpenLineage events were not sent: %s", self._failed, self._failed + self._sent, self._first
            )


def client_event(event: Event) -> RunEvent | DatasetEvent:
    """The event as the class that the client takes; facets stay dictionaries."""
    if "dataset" in event:
        dataset = event["dataset"]
        return DatasetEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            dataset=StaticDataset(
                namespace=dataset["namespace"], name=dataset["name"], facets=dataset.get("facets", {})
            ),
        )
    run, job = event["run"], event["job"]
    return RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=Run(run["runId"], run.get("facets", {})),
        job=Job(job["namespace"], job["name"], job.get("facets", {})),
        producer=event["producer"],
        inputs=[_dataset(InputDataset, found, "inputFacets") for found in event["inputs"]],
        outputs=[_dataset(OutputDataset, found, "outputFacets") for found in event["outputs"]],
    )


def _dataset(kind: type[DatasetT], found: Mapping[str, Any], own: str) -> DatasetT:
    return kind(
        namespace=found["namespace"], name=found["name"], facets=found.get("facets", {}), **{own: found.get(own, {})}
    )
