"""Impact: what breaks, how certainly, and what is unknown."""

from __future__ import annotations

import pytest
from click import unstyle

from consumer.query.catalog.exposures import Exposure
from consumer.query.resolve import resolve
from consumer.query.traversal.impact import Certainty, Change, Impact, impact
from consumer.render import answers, documents
from tests.support.graph.example_graphs import demo, graph, job, table
from tests.support.graph.run_events import owned

A, B, C, D = (table(name) for name in "abcd")


def reached(found: Impact) -> dict[str, tuple[int, str, tuple[str, ...]]]:
    """Depth, certainty and columns of what is affected, by the last part of its name."""
    return {one.summary.node_name: (one.depth, one.certainty.value, one.columns) for one in found.affected}


def test_a_table_affects_all_that_is_made_from_it() -> None:
    """Every table downstream, with its distance and owners."""
    store = graph([job(B, A, facets=owned("finance")), job(C, B, facets=owned("finance", "hr")), job(D, A)])
    found = impact(store, resolve(store, "a"))
    assert reached(found) == {"b": (1, "direct", ()), "d": (1, "direct", ()), "c": (2, "direct", ())}
    assert (found.by_depth, found.owners) == ({1: 2, 2: 1}, {"finance": 2, "hr": 1})
    assert found.unknown_at == ()


def test_a_column_affects_what_uses_it_and_nothing_else() -> None:
    """Columns made from it are direct, tables whose rows it decides are indirect, others are not affected."""
    filtered = {
        "columnLineage": {
            "fields": {"y": {"inputFields": [{"namespace": A[0], "name": A[1], "field": "other"}]}},
            "dataset": [
                {
                    "namespace": A[0],
                    "name": A[1],
                    "field": "x",
                    "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}],
                }
            ],
        }
    }
    store = graph(
        [
            job(B, A, columns={"x2": [(A, "x")]}),
            job(C, A, facets=filtered),
            job(D, A, columns={"z": [(A, "other")]}),
        ]
    )
    found = impact(store, resolve(store, "a.x"))
    assert reached(found) == {"b": (1, "direct", ("x2",)), "c": (1, "indirect", ())}


def test_unknown_is_said_and_not_none() -> None:
    """Where column lineage ends, the tables beyond are listed as unknown."""
    store = graph([job(B, A, columns={"x2": [(A, "x")]}), job(C, B), job(D, C)])
    found = impact(store, resolve(store, "a.x"))
    assert reached(found) == {"b": (1, "direct", ("x2",)), "c": (2, "unknown", ()), "d": (3, "unknown", ())}
    assert [name.name for name in found.unknown_at] == [B[1]]


def test_a_stop_counts_by_table() -> None:
    """If data stops arriving, the whole table is what counts, also where a column is named."""
    store = graph([job(B, A, columns={"x2": [(A, "x")]}), job(D, A, columns={"z": [(A, "other")]})])
    found = impact(store, resolve(store, "a.x"), Change.STOP)
    assert found.root.column is None
    assert set(reached(found)) == {"b", "d"}


@pytest.mark.parametrize(("depth", "expected"), [(1, {"b"}), (2, {"b", "c"})])
def test_depth_bounds_the_answer(depth: int, expected: set[str]) -> None:
    """No more steps than asked for."""
    store = graph([job(B, A), job(C, B), job(D, C)])
    assert set(reached(impact(store, resolve(store, "a"), depth=depth))) == expected


def test_a_cycle_ends() -> None:
    """Tables that are made from each other are listed once."""
    store = graph([job(B, A), job(A, B)])
    assert reached(impact(store, resolve(store, "a")))["b"] == (1, "direct", ())


def test_exposures_are_listed_with_what_they_use() -> None:
    """A dashboard is a use of the table that it reads, with its owner; it is not a table that breaks."""
    use = {"unique_id": "exposure.p.weekly", "name": "weekly", "type": "dashboard", "url": "https://bi.example.com/1"}
    store = graph([job(B, A), job(C, B, facets={"dbt_exposures": {"exposures": [use]}})])
    found = impact(store, resolve(store, "a"))
    assert set(reached(found)) == {"b", "c"}
    uses = {one.summary.node_name: [(use.name, use.type, use.url) for use in one.exposures] for one in found.affected}
    assert uses == {"b": [], "c": [("weekly", "dashboard", "https://bi.example.com/1")]}


def test_what_uses_the_root_itself_breaks_too() -> None:
    """A dashboard on a table that feeds no other one: dropped, nothing else breaks, and that does."""
    use = {"unique_id": "exposure.p.weekly", "name": "weekly", "type": "dashboard", "owner": "=ana"}
    columns = {"schema": {"fields": [{"name": "x"}]}}
    facets = {"dbt_exposures": {"exposures": [use]}, **owned("finance"), **columns}
    store = graph([job(B, A, columns={"x": [(A, "x")]}, facets=facets)])
    for asked in ("b", "b.x"):
        found = impact(store, resolve(store, asked))
        assert (found.affected, found.exposures) == ((), (Exposure("weekly", "dashboard", "", "=ana"),))
        text = unstyle(answers.impact(found))
        assert "weekly (dashboard, =ana)" in text
        assert "nothing" not in text
        assert answers.impact_csv(found).splitlines()[1].startswith(f"0,{B[0]},{B[1]},Redshift,direct,")
        assert documents.impact(found)["changed"]["exposures"][0]["name"] == "weekly"
    above = impact(store, resolve(store, "a"))
    assert (above.exposures, len(answers.impact_csv(above).splitlines())) == ((), 2)


def test_real_events() -> None:
    """What depends on a source, through two engines."""
    store = demo()
    found = impact(store, resolve(store, "title_crew"))
    assert {one.certainty for one in found.affected} == {Certainty.DIRECT}
    assert reached(found)["names"][0] == 4
