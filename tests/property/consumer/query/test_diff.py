"""Differences of two graphs: applied to the one they give the other."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.changes import Kind
from consumer.query.diff import Difference, diff
from consumer.render import export_json
from tests.support.events.event_strategies import events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import write

Parts = dict[str, set[Any]]


def parts_of(document: Mapping[str, Any]) -> Parts:
    """The datasets, columns and edges of an export, as sets."""
    found: Parts = {
        part: {tuple(map(tuple, entry)) for entry in document[part]}
        for part in ("reads", "writes", "dataset_edges", "column_edges")
    }
    names = [((one["namespace"], one["name"]), one["columns"]) for one in document["datasets"]]
    found["datasets"] = {name for name, _ in names}
    found["columns"] = {(name, column["name"], column["type"] or "") for name, columns in names for column in columns}
    return found


def applied(before: Parts, difference: Difference) -> Parts:
    """Returns the parts of a graph after changes."""
    after = {part: set(entries) for part, entries in before.items()}
    for record in difference.records:
        job = tuple(record.job or ())
        for kind, dataset, column, source, source_column, was, now in record.changes:
            name, origin = tuple(dataset), tuple(source or ())
            entries: dict[str, tuple[str, Any]] = {
                "read": ("reads", (name, job)),
                "write": ("writes", (job, name)),
                "edge": ("dataset_edges", (origin, name, job)),
                "column_edge": ("column_edges", ((*origin, source_column), (*name, column), job)),
                "dataset": ("datasets", name),
            }
            what, _, verb = kind.value.partition(".")
            if what == "column":
                after["columns"].discard((name, column, was))
                if kind is not Kind.COLUMN_REMOVED:
                    after["columns"].add((name, column, now))
            elif verb == "added":
                after[entries[what][0]].add(entries[what][1])
            else:
                after[entries[what][0]].remove(entries[what][1])
    return after


def exported(documents: list[Any]) -> export_json.Document:
    """The export of the graph of some events."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [documents])
        return export_json.document(store)


@settings(max_examples=examples(60), deadline=None)
@given(events(), events())
def test_a_difference_leads_from_one_graph_to_the_other(one: list[Any], other: list[Any]) -> None:
    """Applied to the first it gives the second; between equal graphs there is none."""
    before, after = exported(one), exported(one + other)
    assert applied(parts_of(before), diff(before, after)) == parts_of(after)
    assert not diff(after, after).records


@settings(max_examples=examples(30), deadline=None)
@given(events(), st.integers(0, 5))
def test_a_difference_about_a_dataset(documents: list[Any], index: int) -> None:
    """A part has the changes of the whole difference that name the dataset, and no others."""
    before, after = exported([]), exported(documents)
    everything = [change for record in diff(before, after).records for change in record.changes]
    if not everything:
        return
    about = everything[index % len(everything)].dataset
    found = [change for record in diff(before, after, {about}).records for change in record.changes]
    assert sorted(map(str, found)) == sorted(str(one) for one in everything if about in {one.dataset, one.source})
