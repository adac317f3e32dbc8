"""What DataZone says of itself: the events that were posted, and the nodes that came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from consumer.datazone.datazone_client import DataZone, failure
from consumer.datazone.routing import Target
from consumer.datazone.source_identifier import ASSETS
from schemas.naming import DatasetName

PAGE: Final = 50
"""Most entries of one answer (API reference)."""


class Processing(StrEnum):
    """How far DataZone is with an event."""

    REQUESTED = "REQUESTED"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class Posted(NamedTuple):
    """An event that DataZone has.

    Attributes:
        id: DataZone's.
        status: How far it is processed.
        time: The event's.
        run_id: Its run.
        job: Namespace and name of its job.
        datasets: Its inputs and outputs.
    """

    id: str
    status: Processing
    time: datetime | None
    run_id: str
    job: tuple[str, str]
    datasets: tuple[DatasetName, ...]


class Node(NamedTuple):
    """A node of the lineage graph; `downstream` has the ids of what follows it."""

    id: str
    source: str
    downstream: tuple[str, ...]

    @property
    def asset_id(self) -> str:
        """The id of the asset that this node stands for; empty if it stands for none."""
        prefix, _, rest = self.source.partition("/")
        return rest if prefix == ASSETS else ""


class Asset(NamedTuple):
    """An asset of the catalog; `source` is its sourceIdentifier, empty if it tells none."""

    id: str
    name: str
    source: str


class Domain:
    """Reads from one domain.

    Args:
        target: The domain.
        client: Its client; it tries again by itself what fails.
    """

    def __init__(self, target: Target, client: DataZone) -> None:
        self.target = target
        self._client = client
        self._nodes: dict[str, Node | None] = {}

    def ask(self) -> None:
        """Asks for one event.

        Raises:
            HeadwaterError: The domain does not answer.
        """
        self._call(self._client.list_lineage_events, maxResults=1)

    def events(self, since: datetime | None = None, status: Processing | None = None) -> Iterator[Posted]:
        """Yields the events whose time is after a moment, the latest first.

        Raises:
            HeadwaterError: The domain does not answer.
        """
        wanted: dict[str, Any] = {"maxResults": PAGE, "sortOrder": "DESCENDING"}
        wanted |= {"timestampAfter": since} if since else {}
        wanted |= {"processingStatus": status.value} if status else {}
        while True:
            page = self._call(self._client.list_lineage_events, **wanted)
            yield from map(_posted, page.get("items", ()))
            if not page.get("nextToken"):
                return
            wanted["nextToken"] = page["nextToken"]

    def document(self, event_id: str) -> Any:
        """Returns an event as it was posted.

        Raises:
            HeadwaterError: The domain does not answer, or has no such event.
        """
        found = self._call(self._client.get_lineage_event, identifier=event_id)["event"]
        return orjson.loads(found.read())

    def node(self, identifier: str) -> Node | None:
        """Returns a node by its id or sourceIdentifier; None if there is none. Requests each node once.

        Raises:
            HeadwaterError: The domain does not answer.
        """
        if identifier not in self._nodes:
            self._nodes[identifier] = self._node(identifier)
        return self._nodes[identifier]

    def asset_of(self, node: Node) -> str:
        """Returns the id of the asset that hangs on a dataset's node; empty if none does."""
        if node.asset_id:
            return node.asset_id
        below = (self.node(identifier) for identifier in node.downstream)
        return next((found.asset_id for found in below if found is not None and found.asset_id), "")

    def assets_like(self, table: str) -> Iterator[Asset]:
        """Yields the inventory's assets that a table's name finds; the best fits only, as DataZone ranks them.

        Raises:
            HeadwaterError: The domain does not answer.
        """
        found = self._call(
            self._client.search, searchScope="ASSET", searchText=table, maxResults=PAGE, additionalAttributes=["FORMS"]
        )
        for item in found.get("items", ()):
            if asset := item.get("assetItem"):
                forms = asset.get("additionalAttributes", {}).get("formsOutput", ())
                sources = (_source_in(form.get("content")) for form in forms)
                yield Asset(asset["identifier"], asset["name"], next(filter(None, sources), ""))

    def _node(self, identifier: str) -> Node | None:
        try:
            found = self._client.get_lineage_node(domainIdentifier=self.target.domain_id, identifier=identifier)
        except ClientError as error:
            if error.response["Error"].get("Code") == "ResourceNotFoundException":
                return None
            raise failure(error, self.target) from error
        except BotoCoreError as error:
            raise failure(error, self.target) from error
        below = tuple(reference["id"] for reference in found.get("downstreamNodes", ()))
        return Node(found["id"], found.get("sourceIdentifier", ""), below)

    def _call(self, method: Callable[..., dict[str, Any]], **parameters: Any) -> dict[str, Any]:
        try:
            return method(domainIdentifier=self.target.domain_id, **parameters)
        except (ClientError, BotoCoreError) as error:
            raise failure(error, self.target) from error


def _source_in(content: Any) -> str:
    """Returns the sourceIdentifier in a form of an asset; empty if it is another form."""
    try:
        form = orjson.loads(content or "null")
    except orjson.JSONDecodeError:
        return ""
    found = form.get("sourceIdentifier") if isinstance(form, dict) else None
    return found if isinstance(found, str) else ""


def _posted(item: dict[str, Any]) -> Posted:
    told = item.get("eventSummary", {}).get("openLineageRunEventSummary", {})
    datasets = [*told.get("inputs", ()), *told.get("outputs", ())]
    job, when = told.get("job", {}), item.get("eventTime")
    return Posted(
        id=item["id"],
        status=Processing(item["processingStatus"]),
        time=when.astimezone(UTC) if when else None,
        run_id=told.get("runId", ""),
        job=(job.get("namespace", ""), job.get("name", "")),
        datasets=tuple(DatasetName(one.get("namespace", ""), one.get("name", "")) for one in datasets),
    )
