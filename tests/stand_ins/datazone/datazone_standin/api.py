"""DataZone's operations, as far as lineage needs them."""

import itertools
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from aiohttp import web

from . import answers, model
from .catalog import Asset
from .errors import ApiError
from .graph import Node, View
from .identity import Caller
from .openlineage import Json
from .paging import page
from .settings import Settings
from .store import Domain, StoredEvent
from .traffic import Statistics, TokenBucket

Operation = Callable[["Call"], web.Response]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, authenticated and checked against the model."""

    domain: Domain
    parameters: model.Parameters
    body: bytes
    caller: Caller
    now: float


class LineageApi:
    """All state of the service, and one method per operation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.assets = settings.assets
        self.operations: Mapping[str, Operation] = {
            "PostLineageEvent": self.post_lineage_event,
            "GetLineageEvent": self.get_lineage_event,
            "ListLineageEvents": self.list_lineage_events,
            "GetLineageNode": self.get_lineage_node,
            "ListLineageNodeHistory": self.list_lineage_node_history,
            "GetAsset": self.get_asset,
            "Search": self.search,
        }
        self.reset()

    def reset(self) -> None:
        """Forget every event, token and number; the assets stay."""
        settings = self._settings
        ids, sequence = random.Random(settings.seed), itertools.count()
        self.statistics = Statistics()
        self._buckets: dict[str, TokenBucket] = {}
        self.domains = {
            domain_id: Domain(
                domain_id,
                process_delay=settings.process_delay,
                hashed_hosts=settings.hashed_hosts,
                ids=ids,
                sequence=sequence,
            )
            for domain_id in settings.domains
        }
        self.set_assets(self.assets)

    def set_assets(self, assets: Iterable[Asset]) -> None:
        """Replace the catalog of every domain."""
        self.assets = tuple(assets)
        for domain in self.domains.values():
            mine = (a for a in self.assets if a.domain_id in (None, domain.id))
            domain.graph.set_assets(mine)

    def settle(self, now: float) -> None:
        """Bring all domains up to date."""
        for domain in self.domains.values():
            domain.settle(now)

    def domain(self, operation: str, parameters: model.Parameters) -> Domain:
        """Return the domain that a request names."""
        name = parameters["domainIdentifier"]
        if domain := self.domains.get(name):
            return domain
        # Not every operation declares ResourceNotFoundException.
        error = "ResourceNotFoundException"
        if not model.declares(operation, error):
            error = "AccessDeniedException"
        raise ApiError(error, f"Domain {name} does not exist", reason="unknown_domain")

    def throttle(self, caller: Caller, now: float) -> None:
        """Spend one of the caller's transactions ("per AWS account per Region")."""
        tps = self._settings.tps
        bucket = self._buckets.setdefault(caller.account, TokenBucket(tps))
        if tps and not bucket.take(now):
            raise ApiError("ThrottlingException", "Rate exceeded", reason="throttled")
        self.statistics.accepted.count(now)

    def post_lineage_event(self, call: Call) -> web.Response:
        """Store an event; it is processed later."""
        size, statistics = len(call.body), self.statistics
        model.check_size("event", "LineageEvent", size, reason="event_too_large")
        stored, is_new = call.domain.post(
            call.body, call.parameters.get("clientToken"), call.caller, call.now
        )
        if is_new:
            statistics.stored += 1
        else:
            statistics.duplicates += 1
        return web.json_response({"id": stored.id, "domainId": call.domain.id})

    def get_lineage_event(self, call: Call) -> web.Response:
        """Answer the event as posted, and all else in headers."""
        identifier = call.parameters["identifier"]
        stored = call.domain.get(identifier)
        if stored is None:
            raise _not_found(f"Lineage event {identifier} does not exist")
        headers = {
            "Domain-Id": stored.domain_id,
            "Id": stored.id,
            "Processing-Status": stored.status,
            "Created-By": stored.caller.key_id,
            "Created-At": formatdate(stored.created_at, usegmt=True),
        }
        if when := stored.event_time:
            headers["Event-Time"] = formatdate(when.timestamp(), usegmt=True)
        return web.Response(body=stored.body, headers=headers)

    def list_lineage_events(self, call: Call) -> web.Response:
        """Answer a page of event summaries."""
        wanted = call.parameters
        after, before = wanted.get("timestampAfter"), wanted.get("timestampBefore")
        status = wanted.get("processingStatus")
        found = [
            stored
            for stored in call.domain.events()
            if (after is None or stored.listed_at > after)
            and (before is None or stored.listed_at < before)
            and status in (None, stored.status)
        ]
        shown, token = page(found, _event_place, wanted)
        return _page("items", [answers.event_summary(s) for s in shown], token)

    def get_lineage_node(self, call: Call) -> web.Response:
        """Answer a node with its neighbours, now or at the given time."""
        node, when = self._node(call), call.parameters.get("eventTimestamp")
        view = call.domain.graph.view(node, when)
        if view is None:
            raise _not_found(f"Lineage node {node.id} has no version at {when}")
        domain = call.domain
        return web.json_response(
            answers.node_details(domain.id, domain.graph, view, when)
        )

    def list_lineage_node_history(self, call: Call) -> web.Response:
        """Answer a page of the node's versions."""
        wanted = call.parameters
        views = [
            view
            for view in call.domain.graph.history(self._node(call))
            if _is_wanted(view, wanted)
        ]
        shown, token = page(views, _view_place, wanted)
        nodes = [answers.node_summary(call.domain.id, view) for view in shown]
        return _page("nodes", nodes, token)

    def get_asset(self, call: Call) -> web.Response:
        """Answer an asset, whose form holds its sourceIdentifier."""
        identifier = call.parameters["identifier"]
        for asset in self.assets:
            if asset.id == identifier and asset.domain_id in (None, call.domain.id):
                return web.json_response(answers.asset_details(call.domain.id, asset))
        raise _not_found(f"Asset {identifier} does not exist")

    def search(self, call: Call) -> web.Response:
        """Answer the assets whose name has the text in it; in the body of a POST."""
        wanted = model.read_body("Search", call.body)
        text = wanted.get("searchText", "").lower()
        found = [
            answers.asset_item(
                call.domain.id, asset, "FORMS" in wanted.get("additionalAttributes", ())
            )
            for asset in call.domain.graph.assets()
            if wanted["searchScope"] == "ASSET" and text in asset.name.lower()
        ]
        shown = found[: wanted.get("maxResults", 50)]
        return web.json_response({"items": shown, "totalMatchCount": len(found)})

    def _node(self, call: Call) -> Node:
        identifier = call.parameters["identifier"]
        node = call.domain.graph.find(identifier)
        # "If sourceIdentifier is greater than 1800 characters, you can use
        # lineage node identifier" (API Reference, GetLineageNode).
        if node is None or (identifier != node.id and len(identifier) > 1800):
            raise _not_found(f"Lineage node {identifier} does not exist")
        return node


def _event_place(stored: StoredEvent) -> tuple[float, int]:
    return stored.listed_at.timestamp(), stored.sequence


def _view_place(view: View) -> tuple[float, int]:
    return (view.at.timestamp() if view.at else 0.0), 0


def _is_wanted(view: View, wanted: model.Parameters) -> bool:
    since, until = wanted.get("eventTimestampGTE"), wanted.get("eventTimestampLTE")
    sides = {"UPSTREAM": view.upstream, "DOWNSTREAM": view.downstream}
    side = sides.get(wanted.get("direction", ""), True)
    return bool(
        view.at
        and side
        and (since is None or view.at >= since)
        and (until is None or view.at <= until)
    )


def _page(member: str, entries: list[Json], token: str | None) -> web.Response:
    answer: Json = {member: entries}
    return web.json_response(answer | ({"nextToken": token} if token else {}))


def _not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, reason="not_found")
