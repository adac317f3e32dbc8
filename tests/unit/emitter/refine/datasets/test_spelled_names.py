"""Tables of which a part of the name has a dot or a quote in it."""

from __future__ import annotations

import json

import pytest

from emitter.refine import Refiner
from schemas.naming import DatasetName, parts
from tests.support.dbt.refinement_inputs import NAMESPACE, edges, event, manifest, names, node
from tests.support.graph.graph_of_events import embedded

RAW = node("source.p.shop.raw", columns="a b", identifier="Raw.2024")
MODEL = node("model.p.m", "source.p.shop.raw", sql='select a from "dev"."shop"."raw.2024"', alias='m."1"')
NEXT = node("model.p.n", "model.p.m", sql='select a from "dev"."shop"."m.""1"""')


@pytest.mark.parametrize("given", ["dev.shop.Raw.2024", 'dev.shop."raw.2024"'])
def test_a_part_is_quoted_where_a_name_needs_it(given: str) -> None:
    """In inputs, outputs and the sources of columns, whether the event had quotes or not; refined twice as well."""
    refiner = Refiner(manifest(RAW, MODEL, NEXT))
    refined = refiner.refine(event("model.p.m", given, output='dev.shop.m."1"'))
    assert (names(refined["inputs"]), names(refined["outputs"])) == (['dev.shop."raw.2024"'], ['dev.shop."m.""1"""'])
    assert edges(refined) == {('dev.shop."raw.2024"', "a", "a")}
    assert refiner.refine(refined) == refined
    assert parts(DatasetName(NAMESPACE, names(refined["outputs"])[0])) == ("dev", "shop", 'm."1"')


def test_the_graph_has_the_columns_of_such_tables() -> None:
    """The names of the events are those of the SQL."""
    refiner = Refiner(manifest(RAW, MODEL, NEXT))
    events = [
        refiner.refine(event("model.p.m", "dev.shop.raw.2024", output='dev.shop.m."1"')),
        refiner.refine(event("model.p.n", 'dev.shop.m."1"', output="dev.shop.n")),
    ]
    for one, query in zip(events, (MODEL["compiled_code"], NEXT["compiled_code"]), strict=True):
        one["job"]["facets"]["sql"] = {"query": query}
    graph = json.loads(embedded([events]))
    raw, made = [NAMESPACE, 'dev.shop."raw.2024"', "a"], [NAMESPACE, 'dev.shop."m.""1"""', "a"]
    assert [edge[:2] for edge in graph["column_edges"]] == [[made, [NAMESPACE, "dev.shop.n", "a"]], [raw, made]]
    assert len(graph["datasets"]) == 3


def test_other_names_are_left_alone() -> None:
    """A project without such tables, and an event without datasets."""
    refiner = Refiner(manifest(node("source.p.shop.raw", columns="a"), node("model.p.m", "source.p.shop.raw")))
    refined = refiner.refine(event("model.p.m", "dev.shop.raw", "dev.other.x.y", output="dev.shop.m"))
    assert names(refined["inputs"]) == ["dev.shop.raw", "dev.other.x.y"]
