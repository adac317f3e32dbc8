"""Types that a later schema without types does not erase."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import orjson
import pytest

from consumer.lineage.column_types import ALL_TYPED, TYPED, with_types
from consumer.lineage.facts.registers import EMPTY
from tests.support.events.event_builders import dataset, dataset_event, name
from tests.support.graph.graph_of_events import folded

Json = dict[str, Any]


def schema(**types: str | None) -> Json:
    """A schema facet; columns without a type have None."""
    return {"fields": [{"name": column, **({"type": type_} if type_ else {})} for column, type_ in types.items()]}


def types_of(*said: Json) -> dict[str, str | None]:
    """The columns with their types after events that say schemas, one a second."""
    events = [dataset_event(second, dataset("t", schema=facet)) for second, facet in enumerate(said)]
    found = {str(_types(list(order))) for order in permutations(events)}
    assert len(found) == 1, "the order of arrival makes a difference"
    return _types(events)


def _types(events: list[Any]) -> dict[str, str | None]:
    delta = folded(events)
    heard = delta.names[name("t")].heard
    keys = [key for key in ("schema", TYPED, ALL_TYPED) if key in heard]
    texts = [delta.contents.get(heard[key].ref, heard[key].ref) for key in keys]
    if texts[0] == EMPTY:
        return {}
    current, *typed = [orjson.loads(text) for text in texts if text]
    return dict(_flat(with_types(current, *typed)["fields"]))


def _flat(fields: list[Json], prefix: str = "") -> Any:
    for field in fields:
        yield prefix + field["name"], field.get("type")
        yield from _flat(field.get("fields") or [], f"{prefix}{field['name']}.")


FULL = schema(x="int", y="varchar")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([FULL, schema(x=None, y=None)], {"x": "int", "y": "varchar"}),
        ([FULL, schema(x=None)], {"x": "int"}),
        ([FULL, schema(x=None, z=None)], {"x": "int", "z": None}),
        ([FULL, schema(x="bigint", y=None)], {"x": "bigint", "y": "varchar"}),
        ([FULL, schema(x="bigint", y=None), schema(x=None, y=None)], {"x": "bigint", "y": "varchar"}),
        ([schema(x="int", y=None), schema(x=None, y=None)], {"x": "int", "y": None}),
        ([schema(x="int"), schema(x="bigint")], {"x": "bigint"}),
        ([schema(x=None), schema(x=None)], {"x": None}),
        ([FULL, {"_deleted": True}], {}),
        ([FULL, {"_deleted": True}, schema(x=None)], {"x": None}),
        ([FULL, {"fields": []}, schema(x=None)], {"x": "int"}),
    ],
)
def test_types_stay(said: list[Json], expected: dict[str, str | None]) -> None:
    """Which columns there are is the last schema's word; what type one has is that of who last knew it."""
    assert types_of(*said) == expected


def test_nested_fields() -> None:
    """Fields of a column keep their types, too."""
    inner = {
        "fields": [
            {"name": "s", "type": "struct", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "date"}]}
        ]
    }
    bare = {"fields": [{"name": "s", "fields": [{"name": "a"}, {"name": "c"}]}]}
    assert types_of(inner, bare) == {"s": "struct", "s.a": "int", "s.c": None}


def test_with_types_changes_nothing_else() -> None:
    """Descriptions and the order of columns are the schema's own; a schema with all types is as it was."""
    current = {"fields": [{"name": "y", "description": "d"}, {"name": "x", "type": "int"}]}
    typed = {"fields": [{"name": "x", "type": "text"}, {"name": "y", "type": "text", "description": "old"}]}
    assert with_types(current, typed) == {
        "fields": [{"name": "y", "description": "d", "type": "text"}, {"name": "x", "type": "int"}]
    }
    assert with_types(FULL, typed) == FULL
    assert with_types({}, typed) == {}
