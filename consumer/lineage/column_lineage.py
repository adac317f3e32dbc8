"""Column lineage as the graph keeps it: sources by target column, out of `columnLineage` and explicit `lineage` facets.

A source that influences the whole dataset (a filter, a join, a sort) is an edge to the column `*`, which stands for all
of them: one edge, where one to each column would multiply with the width of the table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from consumer.lineage.facts.registers import as_json
from consumer.lineage.metadata_columns import may_be_column
from schemas.byte_cache import ByteCache
from schemas.naming import DatasetName

MIB = 1024 * 1024
UNPACKED_SIZE = 6
"""Estimated ratio of the size of an unpacked lineage to that of its text."""

WHOLE = "*"
"""The column that stands for the dataset as a whole."""


class Source(NamedTuple):
    """A column, or with the column `*` a dataset, that something is made from.

    Attributes:
        dataset: Its dataset.
        column: Its name.
        kind: OpenLineage's transformation, `DIRECT/IDENTITY` or `INDIRECT/FILTER`, "" if not said.
    """

    dataset: DatasetName
    column: str
    kind: str = ""


class OutputLineage(NamedTuple):
    """The sources of an output.

    Attributes:
        datasets: Its source datasets; None if only columns are stated.
        columns: Sources by target column; those of the whole dataset under `*`.
        partial: True if it may not name all sources, as where some were left out that are no tables.
    """

    datasets: frozenset[DatasetName] | None
    columns: Mapping[str, tuple[Source, ...]]
    partial: bool = False

    @property
    def says_something(self) -> bool:
        """True if the lineage names a source, or states that it has none."""
        return self.datasets is not None or bool(self.columns)

    @property
    def sources(self) -> frozenset[DatasetName]:
        """Every dataset that the output is made from."""
        named = {source.dataset for sources in self.columns.values() for source in sources}
        return frozenset(named) | (self.datasets or frozenset())


class Extent(NamedTuple):
    """Number of column edges of a lineage, and number of characters in the names of their ends."""

    edges: int
    chars: int


class _Gist(NamedTuple):
    """The properties of a lineage that every event with it needs."""

    sources: frozenset[DatasetName]
    extent: Extent
    may_have_metadata: bool


NOTHING = OutputLineage(None, {})


def with_whole(columns: Mapping[str, tuple[Source, ...]], whole: tuple[Source, ...]) -> dict[str, tuple[Source, ...]]:
    """Columns by name with the sources of the whole dataset; parsers of `select *` name a column `*` too."""
    return {**columns, WHOLE: (*columns.get(WHOLE, ()), *whole)}


_UNPACKED: ByteCache[str, OutputLineage] = ByteCache(4 * MIB)
_GISTS: ByteCache[str, _Gist] = ByteCache(2 * MIB)


def pack(lineage: OutputLineage) -> str:
    """Returns the lineage as JSON; `unpack` is the way back, and is asked for soon."""
    columns = {column: tuple(sorted(set(lineage.columns[column]))) for column in sorted(lineage.columns)}
    tidy = lineage._replace(columns={column: made_of for column, made_of in columns.items() if made_of})
    packed = {
        "datasets": None if tidy.datasets is None else sorted(tidy.datasets),
        "columns": {column: _dumped(made_of) for column, made_of in tidy.columns.items()},
    }
    text = as_json({"partial": True, **packed} if tidy.partial else packed)
    _UNPACKED.put(text, tidy, len(text) * UNPACKED_SIZE)
    return text


def _dumped(made_of: Iterable[Source]) -> list[tuple[str, str, str, str]]:
    return [(*source.dataset, source.column, source.kind) for source in made_of]


def unpack(text: str) -> OutputLineage:
    """Returns the lineage of a packed text; the empty text, of a deleted facet, has none."""
    if not text:
        return NOTHING
    found = _UNPACKED.get(text)
    return _UNPACKED.put(text, _unpack(text), len(text) * UNPACKED_SIZE) if found is None else found


def _unpack(text: str) -> OutputLineage:
    packed = orjson.loads(text)
    datasets = packed["datasets"]
    return OutputLineage(
        None if datasets is None else frozenset(DatasetName(*name) for name in datasets),
        {column: tuple(map(_source, items)) for column, items in packed["columns"].items()},
        packed.get("partial", False),
    )


def without(
    stated: OutputLineage, is_phantom: Callable[[DatasetName], bool], is_metadata: Callable[[DatasetName, str], bool]
) -> OutputLineage:
    """Returns a lineage without sources that are no tables, and without columns that are metadata.

    Args:
        stated: The lineage as an event states it.
        is_phantom: True for the name of what is no table.
        is_metadata: True for a dataset's column that its engine adds by itself.
    """
    phantoms = frozenset(name for name in stated.sources if is_phantom(name))
    columns: dict[str, tuple[Source, ...]] = {}
    for column, made_of in stated.columns.items():
        columns[column] = tuple(
            one for one in made_of if one.dataset not in phantoms and not is_metadata(one.dataset, one.column)
        )
    datasets = None if stated.datasets is None else stated.datasets - phantoms
    return OutputLineage(datasets, columns, stated.partial or bool(phantoms))


def joined(stated: Sequence[OutputLineage]) -> OutputLineage:
    """Returns all that several statements say of one target: entries of a facet, or facets under several names."""
    if len(stated) == 1:
        return stated[0]
    named: list[frozenset[DatasetName]] = []
    columns: defaultdict[str, set[Source]] = defaultdict(set)
    partial = False
    for one in stated:
        named += [one.datasets] if one.datasets is not None else []
        partial |= one.partial
        for column, made_of in one.columns.items():
            columns[column].update(made_of)
    datasets = frozenset().union(*named) if named else None
    return OutputLineage(datasets, {column: tuple(sorted(made_of)) for column, made_of in columns.items()}, partial)


def sources(text: str) -> frozenset[DatasetName]:
    """Returns every dataset that the lineage of a packed text comes from."""
    return _gist(text).sources


def extent(stated: OutputLineage) -> Extent:
    """Returns the extent of a lineage, without the name of the target dataset."""
    found = [
        len(column) + len(source.column) + len(source.dataset.namespace) + len(source.dataset.name)
        for column, made_of in stated.columns.items()
        for source in made_of
    ]
    return Extent(len(found), sum(found))


def extent_of(text: str) -> Extent:
    """Returns the extent of the lineage in a packed text."""
    return _gist(text).extent


def may_have_metadata(text: str) -> bool:
    """True if a column of the lineage of a packed text may be metadata (`consumer.lineage.metadata_columns`)."""
    return _gist(text).may_have_metadata


def _gist(text: str) -> _Gist:
    found = _GISTS.get(text)
    if found is not None:
        return found
    stated = unpack(text)
    names = (one.column for made_of in stated.columns.values() for one in made_of)
    odd = any(map(may_be_column, stated.columns)) or any(map(may_be_column, names))
    return _GISTS.put(text, _Gist(stated.sources, extent(stated), odd), 2 * len(text))


def _source(item: Sequence[str]) -> Source:
    namespace, name, column, kind = item
    return Source(DatasetName(namespace, name), column, kind)


def kinds(sources: Iterable[str]) -> str:
    """Returns the transformations of one edge as a text: sorted, joined by commas."""
    return ",".join(sorted({kind for kind in sources if kind}))
