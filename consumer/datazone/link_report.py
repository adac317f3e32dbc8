"""The link report: the catalog asset of each dataset, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer.datazone.domain import Domain
from consumer.datazone.routing import Routes, Target
from consumer.datazone.source_identifier import Identities, Identity, source_identifier
from consumer.datazone.translate import Forward, datasets
from schemas.events import Dataset, Event, RunEvent
from schemas.naming import DatasetName, last_part


@dataclass(frozen=True, slots=True)
class Link:
    """A dataset and its asset.

    Attributes:
        domain_id: The queried domain.
        dataset: Name of the dataset in the events.
        source: The sourceIdentifier of the posted dataset; empty if no asset can have it.
        asset_id: Id of the asset that shows the dataset's lineage; empty if there is none.
        why: Reason why there is no asset, and the next action; empty if there is one.
    """

    domain_id: str
    dataset: DatasetName
    source: str
    asset_id: str = ""
    why: str = ""


DatasetIdentities = dict[Target, dict[DatasetName, Identity]]
"""Datasets of each domain with their identities."""


class DatasetCollector:
    """A sink that collects the datasets of events under the names that would be posted.

    Attributes:
        datasets: Collected datasets.
    """

    def __init__(self, routes: Routes, identities: Callable[[Target], Identities], forward: Forward) -> None:
        self.datasets: DatasetIdentities = {}
        self._forward = forward
        self._routes = routes
        self._identities = identities

    def write(self, events: Sequence[Event]) -> None:
        """Collects the datasets of run events that are routed to a domain."""
        for event in events:
            target = self._routes.find(event) if isinstance(event, RunEvent) else None
            if isinstance(event, RunEvent) and target is not None:
                seen = self.datasets.setdefault(target, {})
                for name, identity in datasets(event, self._identities(target), self._forward).items():
                    if name not in seen or not seen[name].source:
                        seen[name] = identity

    def close(self) -> None:
        """Does nothing: the sink holds no resource."""


def posted_datasets(domain: Domain, identities: Identities, since: datetime | None) -> dict[DatasetName, Identity]:
    """Returns the datasets of a domain's events, under the names that were posted.

    Raises:
        HeadwaterError: The domain does not respond.
    """
    found = dict.fromkeys(name for event in domain.events(since) for name in event.datasets)
    return {name: _as_posted(name, identities) for name in found}


def _as_posted(name: DatasetName, identities: Identities) -> Identity:
    source, now = source_identifier(name), identities.of(Dataset(*name, {}), read=True)
    if now.source and now.source != source:
        return Identity(
            name,
            "",
            f"it was posted under an older name than {now.source}: forward its events again, see docs/datazone.md",
        )
    return now if now.source else Identity(name, "", now.unlinkable_reason)


def find_links(domain: Domain, some: Iterable[tuple[DatasetName, Identity]]) -> list[Link]:
    """Returns the link of each dataset in a domain, in the order of their names.

    Raises:
        HeadwaterError: The domain does not respond.
    """
    return [_link(domain, name, identity) for name, identity in sorted(some)]


def _link(domain: Domain, name: DatasetName, identity: Identity) -> Link:
    domain_id = domain.target.domain_id
    if not identity.source:
        return Link(domain_id, name, "", why=identity.unlinkable_reason)
    node = domain.node(identity.source)
    asset_id = domain.asset_of(node) if node is not None else ""
    why = "" if asset_id else _unlinked_reason(domain, name, identity.source, seen=node is not None)
    return Link(domain_id, name, identity.source, asset_id, why)


def _unlinked_reason(domain: Domain, name: DatasetName, source: str, *, seen: bool) -> str:
    table = last_part(name)
    assets = list(domain.assets_like(table))
    if any(asset.source == source for asset in assets):
        return (
            "its asset is in the catalog, but has no processed lineage: forward its events with `headwater consume"
            " --sink datazone`, and check `headwater datazone status`"
        )
    others = sorted({asset.source for asset in assets if asset.source.rpartition("/")[2].lower() == table.lower()})
    if others:
        return (
            f"the catalog has {table} as {', '.join(others[:3])}: if it is the same table, correct"
            " datazone.account_id, or add an identity.same rule"
        )
    lead = "its lineage was processed, but " if seen else ""
    return (
        f"{lead}no asset of the catalog has this sourceIdentifier: run a data source for its database in the"
        " project that owns it; if one has run, give the caller access to that project"
    )
