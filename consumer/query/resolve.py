"""From what a person types to the dataset or column that is meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import product
from typing import NamedTuple, Protocol, runtime_checkable

import orjson

from consumer.errors import UnknownName, UsageError
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore, Vertex
from consumer.lineage.column_lineage import WHOLE
from schemas.naming import DatasetName, last_part, parts

MOST_LISTED = 20
"""Maximum number of candidates that an error lists."""

_EMPTY = "the graph holds no dataset yet; fill it with headwater ingest or headwater consume"
_EMPTY_PAST = "the graph held no dataset at that moment; ask for a later one"


DATASET = "dataset"


class LineageNode(NamedTuple):
    """A dataset, or one of its columns: what a question is about, and what its answer consists of.

    Attributes:
        dataset: The dataset, under the name that is shown; the key of what is no dataset.
        column: The column; `*` stands for all of them. None where the dataset itself is meant.
        kind: `dataset`, or `exposure` for what people use datasets for.
    """

    dataset: DatasetName
    column: str | None = None
    kind: str = DATASET


class _Known(NamedTuple):
    """A dataset in the graph with all its names, or an exposure."""

    name: DatasetName
    aliases: tuple[DatasetName, ...]
    kind: str = DATASET


def resolve(store: GraphStore, text: str) -> LineageNode:
    """Resolves a text to a dataset or column.

    A dataset is meant by `namespace/name`, by its name, or by the end of one of these from a `.` or `/` on, in this
    order; each of the name that is shown before those of aliases; in other upper and lower case only where nothing is
    spelled just so. What means no dataset is a column if it ends in a dot and the name of one, which may have dots of
    its own: `titles.title_type`. `titles.*` is all of the columns. Of a dataset without a schema any column may be
    meant, as its columns are unknown. An exposure is meant in the same ways, by what means no dataset.

    Raises:
        UsageError: It means several things; `UnknownName` if it means nothing.
        TransientError: The store can't serve now.
    """
    if not text.strip("./ "):
        raise UsageError(f"{text!r} names nothing; name a dataset, such as titles, or a column, such as titles.tconst")
    named = _named_in_full(store, text)
    if named is not None:
        return named
    if isinstance(store, PartialGraph):
        found = _among(store, [_known(vertex) for vertex in store.datasets_called(_may_be(text))], text)
        if found:
            return _only(found, text)
    known = [_known(vertex) for vertex in store.vertices(schema.NODE)]
    found = _among(store, known, text)
    if found:
        return _only(found, text)
    if not known:
        raise UnknownName(f"no dataset is called {text}: {_EMPTY_PAST if isinstance(store, PartialGraph) else _EMPTY}")
    raise UnknownName(f"no dataset is called {text}{_near(known, text)}")


@runtime_checkable
class PartialGraph(Protocol):
    """A store that has to make what it holds of each dataset, and makes only what is asked for."""

    def datasets_called(self, fits: Callable[[DatasetName], bool]) -> Iterator[Vertex]:
        """Yields the vertices of datasets that have a name of which a condition holds, and maybe others."""


def _may_be(text: str) -> Callable[[DatasetName], bool]:
    """Returns a condition that holds of each name of a dataset of which a text may mean the dataset or a column."""
    texts = [text.casefold(), *(dataset.casefold() for dataset, _ in _splits(text))]
    ends = tuple({re.split(r"[./]", one)[-1] for one in texts})

    def fits(name: DatasetName) -> bool:
        called = name.name.casefold()
        return any(end in called for end in ends) and any(_fit(name, one, str.casefold) is not None for one in texts)

    return fits


def _among(store: GraphStore, known: Collection[_Known], text: str) -> list[LineageNode]:
    """Returns what a text means among some datasets and exposures: a dataset or exposure, or else a column."""
    found = _meant(known, text)
    if found:
        return found
    datasets = _by_end(each for each in known if each.kind == DATASET)
    for dataset, column in _splits(text):
        found = _meant(datasets.get(_end(dataset), ()), dataset)
        if found:
            return _columns(store, [target.dataset for target in found], column)
    return []


def _named_in_full(store: GraphStore, text: str) -> LineageNode | None:
    """Returns the dataset that is shown as `namespace/name`, found without looking at any other."""
    cuts = [at for at, character in enumerate(text) if character == "/"]
    names = [DatasetName(text[:at], text[at + 1 :]) for at in cuts]
    wanted = {ids.dataset(name): LineageNode(name) for name in names}
    there = store.read(list(wanted), ("name",)) if wanted else {}
    return wanted[next(iter(there))] if len(there) == 1 else None


def _known(vertex: Vertex) -> _Known:
    aliases = vertex.properties.get("aliases")
    return _Known(
        DatasetName(str(vertex.properties["namespace"]), str(vertex.properties["name"])),
        tuple(DatasetName(*alias) for alias in orjson.loads(str(aliases))) if aliases else (),
        str(vertex.properties.get("kind") or DATASET),
    )


def spelled(name: DatasetName) -> str:
    """Returns a name as `namespace/name`."""
    return f"{name.namespace}/{name.name}"


def _same(text: str) -> str:
    return text


def _meant(known: Collection[_Known], text: str) -> list[LineageNode]:
    """Returns the datasets that a text means best, sorted: one, or several that it means equally well."""
    for kinds, case in product(({DATASET}, {each.kind for each in known} - {DATASET}), (_same, str.casefold)):
        wanted = case(text)
        ranked: dict[int, list[LineageNode]] = {}
        for dataset in known:
            rank = _rank(dataset, wanted, case) if dataset.kind in kinds else None
            if rank is not None:
                ranked.setdefault(rank, []).append(LineageNode(dataset.name, None, dataset.kind))
        if ranked:
            return sorted(ranked[min(ranked)])
    return []


def _rank(dataset: _Known, wanted: str, case: Callable[[str], str]) -> int | None:
    """Returns the rank of a text as a name of a dataset, 0 the best; None if it does not name it."""
    fits = [(_fit(dataset.name, wanted, case), 0), *((_fit(alias, wanted, case), 1) for alias in dataset.aliases)]
    # Of two names that fit as well, a dataset's own one is preferred to an alias.
    return min((2 * fit + is_alias for fit, is_alias in fits if fit is not None), default=None)


def _fit(name: DatasetName, wanted: str, case: Callable[[str], str]) -> int | None:
    full, dotted = _forms(name, case)
    if wanted == full:
        return 0
    if wanted in {case(name.name), dotted}:
        return 1
    # The part before has to end there: `basics` is no name of `title_basics`.
    return 2 if any(form.endswith((f".{wanted}", f"/{wanted}")) for form in (full, dotted)) else None


def _forms(name: DatasetName, case: Callable[[str], str]) -> tuple[str, str]:
    """Returns a name as `namespace/name`, and its parts joined by dots."""
    return case(spelled(name)), case(".".join(parts(name) or ()))


def _by_end(known: Iterable[_Known]) -> dict[str, list[_Known]]:
    """Returns datasets by the ends of their names: a text of a thousand dots costs as many looks, not as many scans."""
    found: dict[str, list[_Known]] = {}
    for dataset in known:
        for end in {_end(form) for name in (dataset.name, *dataset.aliases) for form in _forms(name, _same)}:
            found.setdefault(end, []).append(dataset)
    return found


def _end(text: str) -> str:
    """Returns the part after the last `.` or `/`, in one case: what means a dataset ends as one of its names does."""
    return text[max(text.rfind("."), text.rfind("/")) + 1 :].casefold()


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """Yields the ways to read a text as a dataset and its column; those with the longest dataset first."""
    for at in range(len(text) - 2, 0, -1):
        if text[at] == ".":
            yield text[:at], text[at + 1 :]


def _columns(store: GraphStore, datasets: Iterable[DatasetName], column: str) -> list[LineageNode]:
    """Returns the column of a name in each dataset that has it, or else in each dataset whose columns are unknown.

    Raises:
        UnknownName: The columns of all datasets are known, and none is called so.
    """
    by_id = {ids.dataset(name): name for name in datasets}
    if column == WHOLE:
        return [LineageNode(name, WHOLE) for name in by_id.values()]
    has = [
        LineageNode(by_id[edge.target], ids.parse(edge.source)[-1])
        for edge in store.edges_at(list(by_id), schema.COLUMN_OF, "in")
    ]
    for case in (_same, str.casefold):
        found = sorted(target for target in has if case(target.column or "") == case(column))
        if found:
            return found
    known = store.read(list(by_id), ("columns",))
    without_schema = {id_ for id_ in by_id if known.get(id_, {}).get("columns") in {None, "[]"}}
    if without_schema:
        return sorted(LineageNode(by_id[id_], column) for id_ in without_schema)
    raise _no_column(by_id.values(), has, column)


def _no_column(datasets: Iterable[DatasetName], has: Iterable[LineageNode], column: str) -> UnknownName:
    """Returns the error of a column that no dataset has; it lists columns of similar names, or else the first ones."""
    names = sorted({target.column or "" for target in has} - {WHOLE})
    near = difflib.get_close_matches(column, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names[:MOST_LISTED])}"
    return UnknownName(f"{' and '.join(map(spelled, datasets))} has no column {column}; {hint}")


def _only(found: list[LineageNode], text: str) -> LineageNode:
    if len(found) == 1:
        return found[0]
    lines = [spelled(dataset) + (f".{column}" if column else "") for dataset, column, _ in found[:MOST_LISTED]]
    more = [f"and {len(found) - MOST_LISTED} more"] if len(found) > MOST_LISTED else []
    raise UsageError("\n  ".join([f"{text} may be any of these; say which:", *lines, *more]))


def _near(known: Collection[_Known], text: str) -> str:
    """Returns the advice for a name that can't be resolved."""
    spellings: dict[str, list[DatasetName]] = {}
    for dataset in known:
        for spelling in {last_part(dataset.name).casefold(), dataset.name.name.casefold()}:
            spellings.setdefault(spelling, []).append(dataset.name)
    close = difflib.get_close_matches(text.casefold(), spellings, n=5)
    if not close:
        close = [spelling for spelling in sorted(spellings) if text.casefold() in spelling]
    if not close:
        return "; headwater export --format lineage-map lists all"
    names = list(dict.fromkeys(spelled(name) for spelling in close for name in spellings[spelling]))[:MOST_LISTED]
    return "\n  ".join(["; did you mean one of these?", *names])
