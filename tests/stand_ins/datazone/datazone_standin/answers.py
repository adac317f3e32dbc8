"""The bodies of answers, in the shapes of the service model."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from . import model
from .catalog import Asset
from .graph import LineageGraph, Node, View
from .openlineage import Json
from .projection import Facets
from .store import StoredEvent

# A node shows at most ten forms; these facets come before all others.
_FIRST_FACETS = ("columnLineage", "schema", "symlinks")


def event_summary(stored: StoredEvent) -> Json:
    """Return a `LineageEventSummary`, with as much as can be read of the event."""
    event = stored.event
    run, state = event.get("run"), event.get("eventType")
    run_id = run.get("runId") if isinstance(run, dict) else None
    details = {
        "eventType": state if state in _run_states() else None,
        "runId": run_id if isinstance(run_id, str) else None,
        "job": _name_identifier(event.get("job")),
        "inputs": _name_identifiers(event.get("inputs")),
        "outputs": _name_identifiers(event.get("outputs")),
    }
    summary = {
        "id": stored.id,
        "domainId": stored.domain_id,
        "processingStatus": stored.status,
        "eventTime": _epoch(stored.event_time),
        "eventSummary": {"openLineageRunEventSummary": _filled(details)},
        "createdBy": stored.caller.key_id,
        "createdAt": stored.created_at,
    }
    return _filled(summary)


def node_summary(domain_id: str, view: View) -> Json:
    """Return a `LineageNodeSummary`."""
    node = view.node
    summary = {
        "domainId": domain_id,
        "id": node.id,
        "typeName": node.type,
        "typeRevision": "1",
        "name": node.name,
        "sourceIdentifier": node.source_identifier,
        "eventTimestamp": _epoch(view.at),
        "createdAt": node.created_at,
        "createdBy": node.created_by,
        "updatedAt": node.updated_at,
        "updatedBy": node.updated_by,
    }
    return _filled(summary)


def node_details(
    domain_id: str, graph: LineageGraph, view: View, when: datetime | None
) -> Json:
    """Return a `GetLineageNodeOutput`."""

    def references(nodes: Iterable[Node]) -> list[Json]:
        found = [
            _filled({"id": n.id, "eventTimestamp": _epoch(graph.last_seen(n, when))})
            for n in nodes
        ]
        return found[: model.shape("LineageNodeReferenceList")["max"]]

    asset = view.node.asset
    return node_summary(domain_id, view) | {
        "formsOutput": [_asset_form(asset)] if asset else _facet_forms(view.facets),
        "upstreamNodes": references(view.upstream),
        "downstreamNodes": references(view.downstream),
    }


def asset_details(domain_id: str, asset: Asset) -> Json:
    """Return a `GetAssetOutput`."""
    return {
        "id": asset.id,
        "domainId": domain_id,
        "name": asset.name,
        "typeIdentifier": asset.type_identifier,
        "typeRevision": "1",
        "revision": "1",
        "owningProjectId": "standin",
        "formsOutput": [_asset_form(asset)],
    }


def asset_item(domain_id: str, asset: Asset, with_forms: bool) -> Json:
    """Return a `SearchInventoryResultItem` of an asset."""
    item = {
        "domainId": domain_id,
        "identifier": asset.id,
        "name": asset.name,
        "typeIdentifier": asset.type_identifier,
        "typeRevision": "1",
        "owningProjectId": "standin",
    }
    forms = {"formsOutput": [_asset_form(asset)]}
    return {"assetItem": item | ({"additionalAttributes": forms} if with_forms else {})}


def _asset_form(asset: Asset) -> Json:
    # Name, type and content as in "Troubleshooting data lineage", step 3.
    return {
        "formName": "AssetCommonDetailsForm",
        "typeName": "amazon.datazone.AssetCommonDetailsFormType",
        "typeRevision": "6",
        "content": json.dumps({"sourceIdentifier": asset.source_identifier}),
    }


def _facet_forms(facets: Facets) -> list[Json]:
    """Show facets as forms. Amazon's forms for them are not documented."""
    first = [name for name in _FIRST_FACETS if name in facets]
    rest = sorted(facets.keys() - set(first))
    limit = model.shape("FormOutputList")["max"]
    return [
        {
            "formName": re.sub(r"^(?=\d)|\W", "_", name),
            "content": json.dumps(facets[name]),
        }
        for name in (*first, *rest)[:limit]
    ]


def _run_states() -> list[str]:
    states: list[str] = model.shape("OpenLineageRunState")["enum"]
    return states


def _name_identifier(entity: Any) -> Json | None:
    if not isinstance(entity, dict):
        return None
    return {k: str(entity[k]) for k in ("namespace", "name") if k in entity}


def _name_identifiers(entities: Any) -> list[Json]:
    found = entities if isinstance(entities, list) else []
    named = (_name_identifier(entity) for entity in found)
    return [identifier for identifier in named if identifier]


def _filled(entries: Json) -> Json:
    return {key: value for key, value in entries.items() if value is not None}


def _epoch(when: datetime | None) -> float | None:
    return when.timestamp() if when else None
