"""Search: what is found, in which order, and how filters narrow it."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from consumer.errors import UsageError
from consumer.graph import ids
from consumer.graph.schema import NODE
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, NotExists, PropertyEquals, Vertex
from consumer.query.catalog.search import Results, SearchIndex
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import demo, graph, job, table
from tests.support.graph.run_events import owned, schema


def index_of(*events: object) -> SearchIndex:
    """An index of the graph of events."""
    index = SearchIndex()
    index.refresh(graph(events))
    return index


def names(results: Results) -> list[str]:
    """The last parts of the names found, in order."""
    return [match.summary.node_name for match in results.matches]


@pytest.fixture(scope="module")
def imdb() -> SearchIndex:
    """The index of the demo's graph; only read."""
    index = SearchIndex()
    index.refresh(demo())
    return index


def test_the_exact_name_comes_first(imdb: SearchIndex) -> None:
    """A name comes before names that contain it, and those before other places."""
    found = names(imdb.search("titles"))
    assert found[0] == "titles"
    assert "genre_titles" in found[1:]


@pytest.mark.parametrize("query", ["crew", "CREW", "title crew", "stg crews"])
def test_every_term_has_to_occur(imdb: SearchIndex, query: str) -> None:
    """Parts of a name in any order and letter case find it; all results have all terms."""
    results = imdb.search(query, limit=100)
    assert results.total == len(results.matches) > 0
    for match in results.matches:
        assert all(term in match.summary.dataset.name.casefold() for term in query.casefold().split()), match


def test_columns_are_found_and_named() -> None:
    """A column is found, and said to be the reason."""
    index = index_of(job(table("orders"), facets=schema(order_id="int", customer_email="text")))
    (match,) = index.search("email").matches
    assert (match.matched, match.columns) == ("column", ("customer_email",))


def test_filters_narrow() -> None:
    """owner:, tag:, column: and engine: filter, alone or beside terms."""
    tagged = {"tags": {"tags": [{"key": "pii", "value": "true", "source": "DBT"}]}}
    index = index_of(
        job(table("orders"), facets=owned("finance")),
        job(table("people"), facets={**owned("hr"), **tagged, **schema(email="text")}),
        job(("s3://bucket", "landing/orders")),
    )
    assert names(index.search("owner:finance")) == ["orders"]
    assert names(index.search("tag:pii")) == ["people"]
    assert names(index.search("column:email")) == ["people"]
    assert [index.search(one).matches[0].matched for one in ("owner:hr", "tag:pii people")] == ["owner", "name"]
    assert names(index.search("engine:redshift orders")) == ["orders"]
    assert index.search("engine:redshift orders").matches[0].summary.dataset.name == "dev.s.orders"
    assert index.search("owner:finance people").total == 0


def test_pages_are_the_whole(imdb: SearchIndex) -> None:
    """Pages by offset give every match once, in the order of the whole."""
    whole = names(imdb.search("title", limit=1000))
    paged = [name for at in range(0, len(whole), 3) for name in names(imdb.search("title", limit=3, offset=at))]
    assert paged == whole
    assert len(whole) > 6


@pytest.mark.parametrize("query", ["", "   "])
def test_an_empty_query_is_refused(imdb: SearchIndex, query: str) -> None:
    """An empty query says what to type."""
    with pytest.raises(UsageError, match="name a part"):
        imdb.search(query)


def test_a_refresh_follows_the_graph() -> None:
    """What is new is found after a refresh, and what is gone is not."""
    index = SearchIndex()
    index.refresh(graph([job(table("old"))]))
    index.refresh(graph([job(table("new"))]))
    assert (index.search("new").total, index.search("old").total) == (1, 0)


COUNT = 4_000
MOST_BYTES = 1_500
"""Bytes of an entry: 150 MB at 100,000 datasets."""


def test_the_index_is_small_also_while_it_is_refreshed() -> None:
    """Bytes of a dataset with ten columns; a refresh makes again only what has changed."""
    store = SqliteStore(Path(":memory:"))
    store.write([_dataset(at) for at in range(COUNT)])
    index = SearchIndex()
    tracemalloc.start()
    try:
        index.refresh(store)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        before = {id(entry) for entry in index.entries}
        index.refresh(store)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < COUNT * MOST_BYTES
    assert peak < 1.8 * held, "a page of new entries, not all of them"
    assert {id(entry) for entry in index.entries} == before
    store.write([_dataset(7, "an email address", rev="2")])
    index.refresh(store)
    assert index.search("email").total == 1
    assert len({id(entry) for entry in index.entries} - before) == 1


def _dataset(at: int, description: str = "A description of what the model has.", rev: str = "1") -> Change:
    name = DatasetName(table("x")[0], f"dev.schema_{at % 50}.model_name_{at}")
    properties = {
        **name._asdict(),
        "rev": rev,
        "description": f"{description} {at}",
        "columns": json.dumps([[f"column_{number}_of_{at}", "int"] for number in range(10)]),
        "owners": json.dumps([{"name": f"team-{at % 20}"}]),
        "tags": json.dumps([{"key": "nightly", "value": "true", "source": "DBT"}]),
    }
    when = NotExists() if rev == "1" else PropertyEquals("rev", "1")
    return Change(Vertex(ids.dataset(name), NODE, properties), when, PropertyEquals("rev", rev))
