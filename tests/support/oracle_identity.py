"""One dataset, one vertex, for `tests.support.oracle`: DESIGN's section 6 in the plainest way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.events import Dataset, DatasetEvent, Event
from schemas.facets.datasets import SymlinksDatasetFacet
from schemas.naming import DatasetName, build, canonical, engine, is_rules_form, last_part, parts
from tests.support.oracle_events import Told, facet, flowing, inputs_of, outputs_of, written

TABLE_NAME = "by table name"


class Mention(NamedTuple):
    """A dataset as it is named somewhere."""

    name: DatasetName
    links: tuple[DatasetName, ...] = ()
    read: bool = False


def mentions(event: Event) -> Iterator[Mention]:
    """Every dataset that an event names."""
    if isinstance(event, DatasetEvent):
        yield mention(event.dataset)
        return
    read = inputs_of(event)
    yield from (mention(one, read=True) for one in event.inputs if canonical(one.namespace, one.name) in read)
    yield from (Mention(name, read=True) for name in read)
    yield from (mention(dataset) for dataset in written(event))
    yield from (Mention(name) for name in flowing(event)[1])
    for target, facets in outputs_of(event).items():
        yield Mention(target)
        for one in facets.values():
            if isinstance(one.what, Told):
                yield from (Mention(source, read=True) for source in one.what.sources)


def mention(dataset: Dataset, *, read: bool = False) -> Mention:
    """A dataset with its symlinks."""
    links = facet(SymlinksDatasetFacet, dataset.facets)
    others = [DatasetName(link.namespace, link.name) for link in links.identifiers] if links else []
    return Mention(DatasetName(dataset.namespace, dataset.name), tuple(others), read)


class Identity:
    """Which names are one dataset, and which of them is shown.

    Attributes:
        aliases: All names and spellings of each dataset, by the one that is shown.
        shown: The one that is shown, by canonical name.
    """

    def __init__(self, found: Iterable[Mention], same: Sequence[Sequence[str]], *, by_table_name: bool) -> None:
        self._same = [[split_prefix(prefix) for prefix in group] for group in same]
        self._by_table_name = by_table_name
        raw: set[DatasetName] = set()
        groups: list[set[DatasetName]] = []
        for one in found:
            raw |= {one.name, *one.links}
            group = {canonical(*name) for name in (one.name, *one.links)}
            while more := {other for name in group for other in self._configured(name, read=one.read)} - group:
                group |= more
            groups.append(group)
        self.shown: dict[DatasetName, DatasetName] = {}
        self.aliases: dict[DatasetName, set[DatasetName]] = {}
        for group in joined(groups):
            names = {name for name in group if name.namespace != TABLE_NAME}
            first = min(names, key=self._rank)
            self.shown |= dict.fromkeys(names, first)
            self.aliases[first] = names | {name for name in raw if canonical(*name) in names}

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


def joined(groups: Iterable[set[DatasetName]]) -> list[set[DatasetName]]:
    """Groups that share a name are one."""
    found: list[set[DatasetName]] = []
    for group in groups:
        touching = [other for other in found if other & group]
        found = [other for other in found if not other & group]
        found.append(group.union(*touching))
    return found
