"""The groups of names that are one dataset each, by the links between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from consumer.lineage.identity import ATHENA_CATALOG, HUB
from schemas.naming import DatasetName, engine, parts
from schemas.storage_paths import has_paths, scheme

Group = frozenset[DatasetName]
"""All names of one dataset."""

Links = Mapping[DatasetName, Collection[DatasetName]]
"""By name the names that it is linked with; each link is there in both directions."""

_CATALOGS = frozenset({"glue", "athena"})
"""Engines of which two names are two tables."""

_METASTORES = frozenset({"databricks", "hive", "unity-catalog"})
"""Schemes of other catalogs of which two names are two tables, and whose tables symlinks tie to locations."""

_REGION = re.compile(r"awsathena://athena\.([^./:]+)|arn:[^:]*:glue:([^:]+):")

_Clusters = Mapping[Group, Collection[Group]]

_Authorities = Mapping[Group, frozenset[str]]
"""By cluster what decides which names are different datasets."""


def components(same: Links, symlinks: Links) -> list[Group]:
    """Returns the groups of names that are one dataset each.

    Two names of one authority (two tables of one Glue catalog, of one Athena, or of one metastore) are two datasets,
    unless configuration says otherwise. So a symlink never joins them, and what leads to several of them, such as a
    location that two tables claim, belongs to none. Other namespaces may have two names of one table, as Redshift has
    in two external schemas of one Glue table. But a location never joins two of their names either.

    Args:
        same: Links that configuration makes.
        symlinks: Links that events make; its keys are all the names.
    """
    certain = {name: set(same.get(name, ())) for name in symlinks}
    for name, others in symlinks.items():
        certain[name] |= {other for other in others if _same_table(name, other)}
    clusters = list(_connected(symlinks, certain))
    home = {name: cluster for cluster in clusters for name in cluster}
    links: dict[Group, set[Group]] = {cluster: set() for cluster in clusters}
    for name, others in symlinks.items():
        links[home[name]] |= {home[other] for other in others if other in home} - {home[name]}
    links = _without_disputed_locations(links)
    groups: list[Group] = []
    for joined in _connected(clusters, links):
        authorities = _authorities(joined, links)
        apart = _apart(joined, links, authorities) if _contested(authorities.values()) else [joined]
        groups += (frozenset().union(*one) for one in apart)
    return groups


def _without_disputed_locations(links: _Clusters) -> dict[Group, set[Group]]:
    """Returns the links without those between a location and tables of one namespace, of which several claim it.

    Tables that hang together without a location are one claimant.
    """
    locations = set(filter(_is_location, links))
    kept = {cluster: set(others) for cluster, others in links.items()}
    if not locations:
        return kept
    tables = list(_connected(links.keys() - locations, links))
    table_of = {cluster: table for table in tables for cluster in table}
    namespaces = {table: _namespaces_of(frozenset().union(*table)) for table in tables}
    for place in _connected(locations, links):
        claimants = {table_of[other] for cluster in place for other in links[cluster] if other not in locations}
        for table in _disputing(claimants, namespaces):
            for cluster in table:
                kept[cluster] -= place
            for cluster in place:
                kept[cluster] -= table
    return kept


def _disputing(
    claimants: Collection[frozenset[Group]], namespaces: Mapping[frozenset[Group], set[str]]
) -> list[frozenset[Group]]:
    """Returns the claimants of a location that have a namespace in common with another one."""
    counts = Counter(space for table in claimants for space in namespaces[table])
    disputed = {space for space, count in counts.items() if count > 1}
    return [table for table in claimants if not disputed.isdisjoint(namespaces[table])]


def _is_location(cluster: Group) -> bool:
    return all(has_paths(name.namespace) for name in cluster)


def _namespaces_of(cluster: Group) -> set[str]:
    """Returns the namespaces that have names of a cluster, but for catalogs and locations."""
    return {
        name.namespace
        for name in cluster
        if name.namespace != HUB
        and engine(name.namespace) not in _CATALOGS
        and scheme(name.namespace) not in _METASTORES
        and not has_paths(name.namespace)
    }


def _same_table(one: DatasetName, other: DatasetName) -> bool:
    """True for Athena's name and Glue's name of one table of the account's own catalog."""
    if {engine(one.namespace), engine(other.namespace)} != {"athena", "glue"}:
        return False
    tables = [parts(name) or () for name in (one, other)]
    return tables[0][-2:] == tables[1][-2:] and ATHENA_CATALOG in (*tables[0][:-2], *tables[1][:-2])


def _is_of_catalog(name: DatasetName) -> bool:
    """True for a table of a catalog."""
    if engine(name.namespace) in _CATALOGS:
        return parts(name) is not None
    return scheme(name.namespace) in _METASTORES


def _catalogs_of(cluster: Group) -> set[str]:
    return {name.namespace for name in cluster if _is_of_catalog(name)}


def _authorities(clusters: Collection[Group], links: _Clusters) -> _Authorities:
    """Returns the catalogs that have names of each cluster.

    Athena's own catalog is a Glue catalog of its region, and its name does not say which. So a table of it and a
    differently called table of Glue have an authority in common, unless a symlink leads from one to the other.
    """
    found = {cluster: _catalogs_of(cluster) for cluster in clusters}
    tables = {cluster: _glue_tables(cluster, "glue") for cluster in clusters}
    for cluster in clusters:
        own = _glue_tables(cluster, "athena")
        if not own or tables[cluster]:
            continue
        regions = {region for region, *_ in own}
        for other in clusters:
            beside = {table for table in tables[other] if table[0] in regions}
            if beside and not beside & own and other not in links[cluster] and cluster not in links[other]:
                # Of these two alone.
                pair = f"{min(cluster)} {min(other)}"
                found[cluster].add(pair)
                found[other].add(pair)
    return {cluster: frozenset(authorities) for cluster, authorities in found.items()}


def _glue_tables(cluster: Group, kind: str) -> set[tuple[str, ...]]:
    """Returns the region, database and table of the names that an engine has for a table of a Glue catalog."""
    found: set[tuple[str, ...]] = set()
    for name in cluster:
        table = parts(name) if engine(name.namespace) == kind else None
        if table is not None and table[:-2] in {(), (ATHENA_CATALOG,)}:
            found.add((_region(name.namespace), *table[-2:]))
    return found


def _region(namespace: str) -> str:
    """Returns the region of an Athena's or a Glue catalog's namespace; the namespace itself if it names none."""
    found = _REGION.match(namespace)
    return found[1] or found[2] if found is not None else namespace


def _contested(authorities: Iterable[frozenset[str]]) -> set[str]:
    """Returns the authorities of which several clusters have names."""
    counts = Counter(authority for of_one in authorities for authority in of_one)
    return {authority for authority, count in counts.items() if count > 1}


_N = TypeVar("_N", bound=Hashable)


def _connected(nodes: Collection[_N], links: Mapping[_N, Collection[_N]]) -> Iterator[frozenset[_N]]:
    """Yields the parts of a graph that hang together; links to what is not among the nodes do not count."""
    within = frozenset(nodes)
    seen: set[_N] = set()
    for start in nodes:
        if start in seen:
            continue
        part: set[_N] = set()
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node not in part:
                part.add(node)
                waiting.extend(other for other in links.get(node, ()) if other in within)
        seen |= part
        yield frozenset(part)


def _apart(joined: frozenset[Group], links: _Clusters, authorities: _Authorities) -> list[frozenset[Group]]:
    """Returns the groups of clusters that are left where several names of an authority hang together."""
    contested = _contested(authorities.values())
    owners = {cluster: of_one & contested for cluster, of_one in authorities.items() if of_one & contested}
    others = joined - owners.keys()
    kept: dict[Group, set[Group]] = {cluster: set(links[cluster]) & others for cluster in joined}
    for part in _connected(others, links):
        claims = {owner: part & set(links[owner]) for owner in owners if part & set(links[owner])}
        for owner, places in claims.items():
            if _is_alone(owner, claims.keys(), owners):
                for place in places:
                    kept[place].add(owner)
            else:
                kept[owner] -= places
    for owner, of_one in owners.items():
        rivals = set(links[owner]) & owners.keys()
        for other in rivals:
            back = set(links[other]) & owners.keys()
            both_alone = _is_alone(other, rivals, owners) and _is_alone(owner, back, owners)
            if both_alone and not of_one & owners[other]:
                kept[owner].add(other)
    found: list[frozenset[Group]] = []
    for part in _connected(joined, kept):
        is_one = not _contested(authorities[cluster] for cluster in part)
        found += [part] if is_one else [frozenset({cluster}) for cluster in part]
    return found


def _is_alone(owner: Group, claimants: Collection[Group], owners: _Authorities) -> bool:
    """True if no other claimant has a name of an authority that the owner has a name of."""
    return not any(other != owner and owners[other] & owners[owner] for other in claimants)
