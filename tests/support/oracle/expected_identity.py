"""One dataset, one vertex, for `tests.support.oracle.expected_graph`: DESIGN's section 6 in the plainest way."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from consumer.lineage.facts.registers import as_json, value_of
from consumer.lineage.lifecycle import is_dropped
from schemas.errors import BadFacet
from schemas.events import Dataset, DatasetEvent, Event
from schemas.facets.base import DELETED
from schemas.facets.base import read as read_view
from schemas.facets.dataset_facets import LifecycleStateChangeDatasetFacet, SymlinksDatasetFacet
from schemas.naming import DatasetName, build, canonical, engine, is_rules_form, last_part, parts
from schemas.storage_paths import has_paths
from tests.support.oracle.expected_facts import (
    Told,
    flowing,
    inputs_of,
    outputs_of,
    previous_name,
    said,
    stated_by_job,
    written,
)

TABLE_NAME = "by table name"

T = TypeVar("T", bound=Hashable)


class Mention(NamedTuple):
    """A dataset as it is named somewhere.

    Attributes:
        name: As it is spelled.
        links: The names of its symlinks facet, as they are spelled; None if it has no facet that can be read.
        read: True if it is an input, or a source of lineage.
        time: The time of the event.
        used: False if the event only says that it was dropped, or what it was renamed to.
    """

    name: DatasetName
    links: tuple[DatasetName, ...] | None = None
    read: bool = False
    time: str = ""
    used: bool = True

    @property
    def linked(self) -> set[DatasetName]:
        """The other names that it is linked with, in canonical form."""
        return {canonical(*link) for link in self.links or ()} - {canonical(*self.name)}

    @property
    def stamp(self) -> str:
        """The stamp of its symlinks facet."""
        text = as_json(sorted(self.linked)) if self.linked else ""
        return f"{self.time} {value_of(text).digest[:12]}"


def mentions(event: Event) -> Iterator[Mention]:
    """Every dataset that an event names."""
    if isinstance(event, DatasetEvent):
        yield mention(event.dataset, event.event_time)
        yield from renamed_in(event.dataset, event.dataset.facets, event.event_time)
        return
    read = inputs_of(event)
    named = [one for one in event.inputs if canonical(one.namespace, one.name) in read]
    yield from (mention(one, event.event_time, read=True) for one in named)
    yield from (Mention(name, read=True) for name in read - {canonical(one.namespace, one.name) for one in named})
    for one in named:
        yield from renamed_in(one, {**one.facets, **one.input_facets}, event.event_time)
    yield from (mention(dataset, event.event_time) for dataset in written(event))
    reads, writes = flowing(event)
    yield from (Mention(name, read=True) for name in reads)
    yield from (Mention(name) for name in writes)
    outputs = outputs_of(event)
    for target, facets in outputs.items():
        yield Mention(target, used=target in stated_by_job(event, {}))
        for found in facets.values():
            if isinstance(found.what, Told):
                yield from (Mention(source, read=True) for source in found.what.sources)


def mention(dataset: Dataset, time: str, *, read: bool = False) -> Mention:
    """A dataset with its symlinks."""
    try:
        links = read_view(SymlinksDatasetFacet, dataset.facets, "$")
    except BadFacet:
        links = None
    others = () if links is None or links is DELETED else links.identifiers
    spelled = tuple(DatasetName(link.namespace, link.name) for link in others)
    name = DatasetName(dataset.namespace, dataset.name)
    return Mention(name, None if links is None else spelled, read, time, not is_dropped(dataset.facets))


def renamed_in(dataset: Dataset, facets: Mapping[str, object], time: str) -> Iterator[Mention]:
    """The name that a dataset had before."""
    for change in said(LifecycleStateChangeDatasetFacet, facets, time).values():
        previous = previous_name(canonical(dataset.namespace, dataset.name), change)
        if previous is not None:
            yield Mention(previous, used=False)


class Identity:
    """Which names are one dataset, and which of them is shown.

    Attributes:
        aliases: All names and spellings of each dataset, by the one that is shown.
        shown: The one that is shown, by canonical name.
        used: Those that are shown of which more is known than that they were dropped.
    """

    def __init__(self, found: Iterable[Mention], same: Sequence[Sequence[str]], *, by_table_name: bool) -> None:
        self._same = [[split_prefix(prefix) for prefix in group] for group in same]
        self._by_table_name = by_table_name
        raw: set[DatasetName] = set()
        configured: list[set[DatasetName]] = []
        facets: dict[DatasetName, Mention] = {}
        used: set[DatasetName] = set()
        for one in found:
            spelled = {one.name, *(one.links or ())}
            raw |= spelled
            for name in {canonical(*name) for name in spelled}:
                configured.append(self._closure(name, read=one.read))
                used |= configured[-1] if one.used else set()
            if one.links is not None:
                name = canonical(*one.name)
                facets[name] = max(facets.get(name, one), one, key=lambda mention: mention.stamp)
        links = [{name, other} for name, mention in facets.items() for other in mention.linked]
        self.shown: dict[DatasetName, DatasetName] = {}
        self.aliases: dict[DatasetName, set[DatasetName]] = {}
        self.used: set[DatasetName] = set()
        for group in linked(configured, links):
            names = {name for name in group if name.namespace != TABLE_NAME}
            first = min(names, key=self._rank)
            self.shown |= dict.fromkeys(names, first)
            self.used |= {first} if group & used else set()
            self.aliases[first] = names | {name for name in raw if canonical(*name) in names}

    def known_as(self, name: DatasetName) -> DatasetName:
        """The name that a dataset is shown under, or the name itself where it is not shown."""
        return shown if (shown := self.shown[name]) in self.used else name

    def _closure(self, name: DatasetName, *, read: bool) -> set[DatasetName]:
        """A name with all that the settings say that it is."""
        group = {name}
        while more := {other for one in group for other in self._configured(one, read=read)} - group:
            group |= more
        return group

    def _configured(self, name: DatasetName, *, read: bool) -> Iterator[DatasetName]:
        """What the settings say a name is, too."""
        for (first, leading), *others in self._same:
            for remainder in remainders(name, others):
                twin = build_name(first, (*leading, *remainder))
                if twin is not None and twin != name:
                    yield twin
        kind = engine(name.namespace)
        if self._by_table_name and parts(name) and (kind in {"athena", "glue"} or (kind == "redshift" and read)):
            yield DatasetName(TABLE_NAME, last_part(name))

    def _rank(self, name: DatasetName) -> tuple[bool, bool, bool, DatasetName]:
        """False comes first."""
        is_glue = engine(name.namespace) == "glue"
        preferred = any(True for group in self._same for _ in remainders(name, group[:1]))
        return not preferred, not is_glue, not is_rules_form(name), name


Prefix = tuple[str, tuple[str, ...]]


def split_prefix(text: str) -> Prefix:
    """A namespace and leading parts; a namespace here is a URL without a path, or has no slash."""
    start = text.index("://") + 3 if "://" in text else 0
    cut = text.find("/", start)
    namespace, leading = (text, "") if cut < 0 else (text[:cut], text[cut + 1 :])
    return canonical(namespace, "").namespace, tuple(leading.lower().split(".")) if leading else ()


def remainders(name: DatasetName, prefixes: Iterable[Prefix]) -> Iterator[tuple[str, ...]]:
    """What is left of a name below those prefixes that it has; Athena's default catalog may be left out of one."""
    known = parts(name) or tuple(name.name.split("."))
    readings = [known]
    if engine(name.namespace) == "athena" and known[0] == "awsdatacatalog":
        readings.append(known[1:])
    for namespace, leading in prefixes:
        fits = [r[len(leading) :] for r in readings if r[: len(leading)] == leading and len(r) > len(leading)]
        if name.namespace == namespace and fits:
            yield fits[0]


def build_name(namespace: str, found: tuple[str, ...]) -> DatasetName | None:
    """The name of these parts; Glue has no catalogs."""
    if engine(namespace) is None:
        return DatasetName(namespace, ".".join(found))
    return build(namespace, found) or (build(namespace, found[1:]) if found[0] == "awsdatacatalog" else None)


Group = frozenset[DatasetName]


def linked(configured: Iterable[set[DatasetName]], links: Sequence[set[DatasetName]]) -> list[Group]:
    """All names in groups: what the settings join, then what symlinks join.

    A symlink never joins two tables of one Glue catalog or of one Athena, but for both their names of one table.
    """
    tables = joined([*configured, *(link for link in links if is_one_table(*sorted(link)))])
    home = {name: group for group in tables for name in group}
    between = {pair for link in links if len(pair := frozenset(home[name] for name in link)) == 2}
    between -= disputed_claims(between)
    parts = joined([*({table} for table in tables), *between])
    return [frozenset().union(*group) for part in parts for group in settled(part, between, catalogs(part, between))]


def disputed_claims(between: set[frozenset[Group]]) -> set[frozenset[Group]]:
    """The links of a location with tables of a Redshift or another engine that is no catalog, if two of it claim it."""
    places = {one for link in between for one in link if all(has_paths(name.namespace) for name in one)}
    tables = {one for link in between for one in link} - places
    hanging = joined([*({table} for table in tables), *(link for link in between if link <= tables)])
    found: set[frozenset[Group]] = set()
    for place in joined([*({one} for one in places), *(link for link in between if link <= places)]):
        claims = {link for link in between if len(link & place) == 1}
        claimants = [table for table in hanging if any(link & table for link in claims)]
        for table in claimants:
            others = [own_names(one) for one in claimants if one != table]
            if any(own_names(table) & other for other in others):
                found |= {link for link in claims if link & table}
    return found


def own_names(table: Iterable[Group]) -> set[str]:
    """The namespaces of a table's names that are no catalogs."""
    found = {name.namespace for group in table for name in group}
    metastores = ("hive", "databricks", "unity-catalog")
    return {one for one in found if engine(one) in {None, "redshift"} and not one.startswith(metastores)} - {TABLE_NAME}


def is_one_table(one: DatasetName, other: DatasetName) -> bool:
    """True for a table of the account's own catalog under Athena's and under Glue's name."""
    by_engine = {engine(name.namespace): parts(name) or () for name in (one, other)}
    return by_engine.keys() == {"athena", "glue"} and by_engine["athena"] == ("awsdatacatalog", *by_engine["glue"][-2:])


Catalogs = Mapping[Group, set[str]]


def catalogs(part: frozenset[Group], between: set[frozenset[Group]]) -> Catalogs:
    """The Glue catalogs and Athenas that say that each is a table.

    Athena's own catalog may be any Glue catalog, so it is one with that of each table of another name.
    """
    found = {
        table: {name.namespace for name in table if engine(name.namespace) in {"glue", "athena"} and parts(name)}
        for table in part
    }
    kinds = {table: {engine(name.namespace): (parts(name) or ()) for name in sorted(table)} for table in part}
    for one in part:
        for other in part:
            athena, glue = kinds[one].get("athena"), kinds[other].get("glue")
            if not athena or not glue or "glue" in kinds[one] or athena[:1] != ("awsdatacatalog",):
                continue
            if athena[1:] != glue and frozenset({one, other}) not in between:
                shared = f"{sorted(one)} {sorted(other)}"
                found[one].add(shared)
                found[other].add(shared)
    return found


def settled(part: frozenset[Group], between: set[frozenset[Group]], by: Catalogs) -> list[frozenset[Group]]:
    """The datasets of a part that hangs together by symlinks, given as the groups of names that they are made of.

    Where a catalog knows two of them, a place that hangs together by itself, and that several of its tables claim,
    belongs to none of these; one that only one of them claims belongs to it.
    """
    disputed = {one for table in part for one in by[table] if is_disputed(one, part, by)}
    if not disputed:
        return [part]
    owners = {table for table in part if by[table] & disputed}
    own = {link for link in between if link <= part}
    kept = [link for link in own if not link & owners]
    for place in joined([*({table} for table in part - owners), *kept]):
        claims = {(link - place, link) for link in own if len(link & place) == 1 and link - place <= owners}
        claimants = {owner for (owner,), _ in claims}
        kept += [link for (owner,), link in claims if not rivals(owner, claimants, by)]
    among = [link for link in own if link <= owners]
    for one, other in (sorted(link, key=sorted) for link in among):
        beside = {
            owner: frozenset().union(*(link for link in among if owner in link)) - {owner} for owner in (one, other)
        }
        if by[one] & by[other]:
            continue
        if not rivals(other, beside[one], by) and not rivals(one, beside[other], by):
            kept.append(frozenset({one, other}))
    found = joined([*({table} for table in part), *kept])
    return [
        one
        for group in found
        for one in ([group] if not any(is_disputed(c, group, by) for c in disputed) else alone(group))
    ]


def is_disputed(catalog: str, tables: Iterable[Group], by: Catalogs) -> bool:
    """True if a catalog knows several of these."""
    return sum(catalog in by[table] for table in tables) > 1


def rivals(owner: Group, claimants: Iterable[Group], by: Catalogs) -> set[Group]:
    """The other claimants that a catalog knows which knows the owner, too."""
    return {one for one in claimants if one != owner and by[one] & by[owner]}


def alone(group: Iterable[Group]) -> list[frozenset[Group]]:
    """Each by itself."""
    return [frozenset({one}) for one in group]


def joined(groups: Iterable[Iterable[T]]) -> list[frozenset[T]]:
    """Groups that share a member are one."""
    found: list[frozenset[T]] = []
    for group in map(frozenset, groups):
        touching = [other for other in found if other & group]
        found = [other for other in found if not other & group]
        found.append(group.union(*touching))
    return found
