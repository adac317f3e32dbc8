"""Reads from a DataZone domain: posted events, lineage nodes and assets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from consumer.datazone.datazone_client import DataZone, classify_error
from consumer.datazone.routing import Target
from consumer.datazone.source_identifier import ASSETS
from schemas.naming import DatasetName

PAGE_SIZE: Final = 50
"""Maximum number of entries in a response (API reference)."""


class Processing(StrEnum):
    """The processing status of a posted event."""

    REQUESTED = "REQUESTED"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class PostedEvent(NamedTuple):
    """An event that DataZone has.

    Attributes:
        id: DataZone's id of the event.
        status: The processing status.
        time: Time of the event.
        run_id: OpenLineage id of the run.
        job: Namespace and name of the job.
        datasets: Inputs and outputs of the event.
    """

    id: str
    status: Processing
    time: datetime | None
    run_id: str
    job: tuple[str, str]
    datasets: tuple[DatasetName, ...]


class Node(NamedTuple):
    """A node of the lineage graph; `downstream` has the ids of its direct successors."""

    id: str
    source: str
    downstream: tuple[str, ...]

    @property
    def asset_id(self) -> str:
        """The id of the asset that this node stands for; empty if it stands for none."""
        prefix, _, rest = self.source.partition("/")
        return rest if prefix == ASSETS else ""


class Asset(NamedTuple):
    """An asset of the catalog; `source` is its sourceIdentifier, empty if the asset has none."""

    id: str
    name: str
    source: str


class Domain:
    """Reads from one domain.

    Args:
        target: The domain.
        client: Client of the domain, which retries failed requests.
    """

    def __init__(self, target: Target, client: DataZone) -> None:
        self.target = target
        self._client = client
        self._nodes: dict[str, Node | None] = {}

    def ping(self) -> None:
        """Requests one event, to see that the domain responds.

        Raises:
            HeadwaterError: The domain does not respond.
        """
        self._call(self._client.list_lineage_events, maxResults=1)

    def events(self, since: datetime | None = None, status: Processing | None = None) -> Iterator[PostedEvent]:
        """Yields the events whose time is after a timestamp, latest first.

        Raises:
            HeadwaterError: The domain does not respond.
        """
        wanted: dict[str, Any] = {"maxResults": PAGE_SIZE, "sortOrder": "DESCENDING"}
        wanted |= {"timestampAfter": since} if since else {}
        wanted |= {"processingStatus": status.value} if status else {}
        while True:
            page = self._call(self._client.list_lineage_events, **wanted)
            yield from map(_parse_summary, page.get("items", ()))
            if not page.get("nextToken"):
                return
            wanted["nextToken"] = page["nextToken"]

    def document(self, event_id: str) -> Any:
        """Returns the document of an event, as it was posted.

        Raises:
            HeadwaterError: The domain does not respond, or has no such event.
        """
        body = self._call(self._client.get_lineage_event, identifier=event_id)["event"]
        return orjson.loads(body.read())

    def node(self, identifier: str) -> Node | None:
        """Returns a node by its id or sourceIdentifier; None if there is none. Requests each node once.

        Raises:
            HeadwaterError: The domain does not respond.
        """
        if identifier not in self._nodes:
            self._nodes[identifier] = self._node(identifier)
        return self._nodes[identifier]

    def asset_of(self, node: Node) -> str:
        """Returns the id of the asset that is linked to a dataset's node; empty if there is none."""
        if node.asset_id:
            return node.asset_id
        for identifier in node.downstream:
            successor = self.node(identifier)
            if successor is not None and successor.asset_id:
                return successor.asset_id
        return ""

    def assets_like(self, table: str) -> Iterator[Asset]:
        """Yields the first page of the inventory's assets that match a table's name, in DataZone's ranking.

        Raises:
            HeadwaterError: The domain does not respond.
        """
        page = self._call(
            self._client.search,
            searchScope="ASSET",
            searchText=table,
            maxResults=PAGE_SIZE,
            additionalAttributes=["FORMS"],
        )
        for item in page.get("items", ()):
            if asset := item.get("assetItem"):
                forms = asset.get("additionalAttributes", {}).get("formsOutput", ())
                sources = (_parse_source_identifier(form.get("content")) for form in forms)
                yield Asset(asset["identifier"], asset["name"], next(filter(None, sources), ""))

    def _node(self, identifier: str) -> Node | None:
        try:
            response = self._client.get_lineage_node(domainIdentifier=self.target.domain_id, identifier=identifier)
        except ClientError as error:
            if error.response["Error"].get("Code") == "ResourceNotFoundException":
                return None
            raise classify_error(error, self.target) from error
        except BotoCoreError as error:
            raise classify_error(error, self.target) from error
        downstream = tuple(reference["id"] for reference in response.get("downstreamNodes", ()))
        return Node(response["id"], response.get("sourceIdentifier", ""), downstream)

    def _call(self, method: Callable[..., dict[str, Any]], **parameters: Any) -> dict[str, Any]:
        try:
            return method(domainIdentifier=self.target.domain_id, **parameters)
        except (ClientError, BotoCoreError) as error:
            raise classify_error(error, self.target) from error


def _parse_source_identifier(content: Any) -> str:
    """Returns the sourceIdentifier in a form of an asset; empty if it is another form."""
    try:
        form = orjson.loads(content or "null")
    except orjson.JSONDecodeError:
        return ""
    source = form.get("sourceIdentifier") if isinstance(form, dict) else None
    return source if isinstance(source, str) else ""


def _parse_summary(item: dict[str, Any]) -> PostedEvent:
    summary = item.get("eventSummary", {}).get("openLineageRunEventSummary", {})
    datasets = [*summary.get("inputs", ()), *summary.get("outputs", ())]
    job, time = summary.get("job", {}), item.get("eventTime")
    return PostedEvent(
        id=item["id"],
        status=Processing(item["processingStatus"]),
        time=time.astimezone(UTC) if time else None,
        run_id=summary.get("runId", ""),
        job=(job.get("namespace", ""), job.get("name", "")),
        datasets=tuple(DatasetName(one.get("namespace", ""), one.get("name", "")) for one in datasets),
    )
