"""Answers of a graph about each of its datasets, to compare two graphs that should be equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from consumer.errors import UsageError
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.query.catalog.describe import describe
from consumer.query.job_names import jobs_of
from consumer.query.resolve import LineageNode, resolve, spelled
from consumer.query.runs import history
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName, last_part

STEPS = 3


def names_in(store: GraphStore) -> list[DatasetName]:
    """All names of datasets that a graph knows, sorted."""
    return sorted(DatasetName(*ids.parse(vertex.id)[1:]) for vertex in store.vertices(schema.NAME))


def answers(store: GraphStore, names: Iterable[DatasetName]) -> Iterator[tuple[str, Any]]:
    """Yields what a graph answers to questions about datasets, each with the question; an error is an answer."""
    for name in names:
        yield from walks(store, name)
        yield f"what {name} is", answer_of(describe, store, name)
        yield f"what is called {last_part(name)}", answer_of(resolve, store, last_part(name))
        yield f"runs of {name}", answer_of(runs, store, spelled(name))


def walks(store: GraphStore, name: DatasetName) -> Iterator[tuple[str, Any]]:
    """Yields the lineage of a dataset, by table and by column."""
    yield f"lineage of {name}", lineage(store, LineageNode(name), STEPS, STEPS)
    yield f"lineage of {name} by columns", lineage(store, LineageNode(name), STEPS, STEPS, columns=True)


def runs(store: GraphStore, name: str) -> Any:
    """The runs of the jobs that write a dataset."""
    return history(store, jobs_of(store, name), 10)


def answer_of(ask: Callable[..., Any], *arguments: Any) -> Any:
    """An answer, or the first line of the error."""
    try:
        return ask(*arguments)
    except UsageError as error:
        said = str(error).splitlines()[0].partition(";")[0]
        # An empty past is not an empty graph.
        return said.replace("held no dataset at that moment", "holds no dataset yet")
