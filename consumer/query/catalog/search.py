"""Search over datasets: names, columns, descriptions, tags, owners and engines, ranked.

The index is in memory. `SearchIndex.refresh` reads the graph page by page (keyset scan), so it can run beside queries.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

import orjson

from consumer.errors import UsageError
from consumer.graph import schema
from consumer.graph.store import GraphStore, Properties
from consumer.query.catalog.datasets import SUMMARY_KEYS, Summary, summary_of
from schemas.naming import DatasetName, last_part

T = TypeVar("T", bound=Hashable)

PAGE = 1_000
"""Datasets that are read at once."""
DESCRIPTION_CHARS = 300
"""Characters of a description that are searched and returned."""
_KEYS = (*SUMMARY_KEYS, "columns", "aliases")
_FILTERS = ("engine", "owner", "tag", "column")
_SEPARATOR = "\n"
"""Between the texts of an entry; no query has one."""


class Match(NamedTuple):
    """A dataset that a query finds.

    Attributes:
        summary: The dataset.
        matched: Where the rarest-placed term was found: `name`, `alias`, `column`, `tag`, `owner` or `description`; of
            filters alone the first filter.
        columns: The columns whose names contain a term, at most ten.
        score: Its rank; the greater, the better.
    """

    summary: Summary
    matched: str
    columns: tuple[str, ...]
    score: float


class Results(NamedTuple):
    """The best matches, and the number of all."""

    matches: tuple[Match, ...]
    total: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """A dataset in the index; all texts are case-folded."""

    summary: Summary
    name: str
    full_name: str
    aliases: str
    columns: str
    tags: str
    owners: str
    description: str

    def field_of(self, term: str) -> tuple[str, float] | None:
        """Finds where a term occurs best, and its score there."""
        if term == self.name:
            return "name", 100.0
        if self.name.startswith(term):
            return "name", 80.0
        if term in self.name:
            return "name", 70.0 if _at_word(self.name, term) else 55.0
        for where, text, score in (
            ("name", self.full_name, 45.0),
            ("alias", self.aliases, 40.0),
            ("tag", self.tags, 35.0),
            ("owner", self.owners, 35.0),
            ("column", self.columns, 30.0),
            ("description", self.description, 15.0),
        ):
            if term in text:
                return where, score + (5.0 if _at_word(text, term) else 0.0)
        return None


def _at_word(text: str, term: str) -> bool:
    """True if a term begins at the beginning of a word of a text."""
    at = text.find(term)
    return at == 0 or not text[at - 1].isalnum()


class _Query(NamedTuple):
    terms: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]


def _parse(text: str) -> _Query:
    words = re.findall(r'(?:(\w+):)?"([^"]+)"|(\S+)', text)
    terms: list[str] = []
    filters: list[tuple[str, str]] = []
    for key, quoted, word in words:
        name, colon, value = word.partition(":")
        if key in _FILTERS:
            filters.append((key, quoted.casefold()))
        elif colon and name in _FILTERS and value:
            filters.append((name, value.casefold()))
        else:
            terms.append((quoted or word).casefold())
    return _Query(tuple(terms), tuple(filters))


@dataclass(slots=True)
class SearchIndex:
    """An index of all datasets of a graph.

    Attributes:
        entries: The datasets, in no order.
    """

    entries: list[_Entry] = field(default_factory=list)

    def refresh(self, store: GraphStore) -> None:
        """Brings the index to what the graph shows now.

        Raises:
            TransientError: The store can't serve now; what was indexed before stays.
        """
        # An entry that is as it was is kept, so that a refresh takes little memory beside the index.
        known = {one.summary.dataset: one for one in self.entries}
        shared: dict[Hashable, Any] = {}
        entries: list[_Entry] = []
        for ids in _pages(store):
            for properties in store.read(ids, _KEYS).values():
                found = _entry(properties, shared)
                before = known.get(found.summary.dataset)
                entries.append(found if before != found else before)
        self.entries = entries

    def search(self, text: str, limit: int = 20, offset: int = 0) -> Results:
        """Finds datasets.

        Every term has to occur somewhere: in the name, an alias, a column, a tag, an owner or the description. Words
        such as `owner:finance`, `tag:pii`, `engine:athena` and `column:email` filter. A phrase stands in quotes.

        Args:
            text: The query; letter case does not matter.
            limit: The most matches to return.
            offset: How many of the best matches to pass over.

        Raises:
            UsageError: The query is empty.
        """
        query = _parse(text)
        if not query.terms and not query.filters:
            raise UsageError("the query is empty; name a part of a table, column, tag or owner")
        found = [match for entry in self.entries if (match := _match(entry, query)) is not None]
        found.sort(key=lambda match: (-match.score, len(match.summary.node_name), match.summary.dataset))
        return Results(tuple(found[offset : offset + limit]), len(found))


def _pages(store: GraphStore) -> Iterator[list[str]]:
    last = ""
    while page := store.ids(schema.NODE, last, PAGE):
        yield page
        last = page[-1]


def _entry(properties: Properties, shared: dict[Hashable, Any]) -> _Entry:
    """Makes an entry; values that many datasets have, such as a namespace, an owner or a tag, are held once."""

    def once(value: T) -> T:
        return cast("T", shared.setdefault(value, value))

    name = DatasetName(once(str(properties["namespace"])), str(properties["name"]))
    summary = summary_of(name, properties)
    summary = summary._replace(
        description=summary.description[:DESCRIPTION_CHARS],
        owners=once(summary.owners),
        tags=once(tuple(map(once, summary.tags))),
        materialized=once(summary.materialized),
        lifecycle=once(summary.lifecycle),
        tests=once(summary.tests),
    )
    description = summary.description.casefold()
    columns = (str(column) for column, _ in orjson.loads(str(properties.get("columns") or "[]")))
    aliases = ("/".join(alias) for alias in orjson.loads(str(properties.get("aliases") or "[]")))
    return _Entry(
        summary,
        last_part(name).casefold(),
        f"{name.namespace}/{name.name}".casefold(),
        _joined(aliases),
        once(_joined(columns)),
        once(_joined(text for tag in summary.tags for text in (tag.key, tag.text))),
        once(_joined(summary.owners)),
        description if description != summary.description else summary.description,
    )


def _joined(texts: Iterable[str]) -> str:
    return _SEPARATOR.join(dict.fromkeys(texts)).casefold()


def _match(entry: _Entry, query: _Query) -> Match | None:
    if not all(_passes(entry, key, value) for key, value in query.filters):
        return None
    score, matched = 0.0, "name" if query.terms else query.filters[0][0]
    for term in query.terms:
        place = entry.field_of(term)
        if place is None:
            return None
        matched = place[0] if score == 0.0 or place[1] < score else matched
        score += place[1]
    return Match(entry.summary, matched, _columns(entry, query), score)


def _passes(entry: _Entry, key: str, value: str) -> bool:
    if key == "engine":
        return entry.summary.engine.casefold().startswith(value)
    texts = {"owner": entry.owners, "tag": entry.tags, "column": entry.columns}[key].split(_SEPARATOR)
    return any(value in text for text in texts) if key == "owner" else value in texts


def _columns(entry: _Entry, query: _Query) -> tuple[str, ...]:
    wanted = [*query.terms, *(value for key, value in query.filters if key == "column")]
    names = entry.columns.split(_SEPARATOR) if entry.columns else []
    return tuple(name for name in names if _has_any(name, wanted))[:10]


def _has_any(name: str, terms: Iterable[str]) -> bool:
    return any(term in name for term in terms)
