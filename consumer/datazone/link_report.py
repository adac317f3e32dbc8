"""Which datasets DataZone shows on an asset of its catalog, and for all others why not."""

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
        domain_id: The domain that was asked.
        dataset: Its name in the events.
        source: The sourceIdentifier under which it is, or would be, posted; empty if no asset can have it.
        asset_id: Of the asset on which its lineage is shown; empty if there is none.
        why: Why there is none, and what to do; empty if there is one.
    """

    domain_id: str
    dataset: DatasetName
    source: str
    asset_id: str = ""
    why: str = ""


Found = dict[Target, dict[DatasetName, Identity]]
"""The datasets of each domain with their identities."""


class Datasets:
    """A sink that keeps the datasets of events, as they would be posted.

    Attributes:
        found: What it has seen.
    """

    def __init__(self, routes: Routes, identities: Callable[[Target], Identities], forward: Forward) -> None:
        self.found: Found = {}
        self._forward = forward
        self._routes = routes
        self._identities = identities

    def write(self, events: Sequence[Event]) -> None:
        """Notes the datasets of runs that are for a domain."""
        for event in events:
            target = self._routes.find(event) if isinstance(event, RunEvent) else None
            if isinstance(event, RunEvent) and target is not None:
                seen = self.found.setdefault(target, {})
                for name, identity in datasets(event, self._identities(target), self._forward).items():
                    if name not in seen or not seen[name].source:
                        seen[name] = identity

    def close(self) -> None:
        """Nothing is held."""


def posted(domain: Domain, identities: Identities, since: datetime | None) -> dict[DatasetName, Identity]:
    """Returns the datasets of the events that a domain has, under the names that were posted.

    Raises:
        HeadwaterError: The domain does not answer.
    """
    found = dict.fromkeys(name for event in domain.events(since) for name in event.datasets)
    return {name: _as_posted(name, identities) for name in found}


def _as_posted(name: DatasetName, identities: Identities) -> Identity:
    source, now = source_identifier(name), identities.of(Dataset(*name, {}), read=True)
    if now.source and now.source != source:
        return Identity(
            name,
            "",
            f"it was posted before the settings made it {now.source}: forward its events again, see docs/datazone.md",
        )
    return now if now.source else Identity(name, "", now.hindrance)


def links(domain: Domain, some: Iterable[tuple[DatasetName, Identity]]) -> list[Link]:
    """Asks a domain for the asset of each dataset, in the order of their names.

    Raises:
        HeadwaterError: The domain does not answer.
    """
    return [_link(domain, name, identity) for name, identity in sorted(some)]


def _link(domain: Domain, name: DatasetName, identity: Identity) -> Link:
    domain_id = domain.target.domain_id
    if not identity.source:
        return Link(domain_id, name, "", why=identity.hindrance)
    node = domain.node(identity.source)
    asset_id = domain.asset_of(node) if node is not None else ""
    why = "" if asset_id else _why(domain, name, identity.source, seen=node is not None)
    return Link(domain_id, name, identity.source, asset_id, why)


def _why(domain: Domain, name: DatasetName, source: str, *, seen: bool) -> str:
    table = last_part(name)
    assets = list(domain.assets_like(table))
    if any(asset.source == source for asset in assets):
        return (
            "its asset is in the catalog, but no lineage of it is processed: forward its events with `headwater consume"
            " --sink datazone`, and look at `headwater datazone status`"
        )
    others = sorted({asset.source for asset in assets if asset.source.rpartition("/")[2].lower() == table.lower()})
    if others:
        return (
            f"the catalog has {table} as {', '.join(others[:3])}: if that is the same table, correct"
            " datazone.account_id, or say so with identity.same"
        )
    posted_too = "its lineage is there, but " if seen else ""
    return (
        f"{posted_too}no asset of the catalog has this sourceIdentifier: run a data source for its database in the"
        " project that owns it; if one has run, the caller may not see that project"
    )
