"""Values of facets."""

from __future__ import annotations

from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.registers import Registers, value_of


def test_facet_values() -> None:
    """A stored value needs its text; a deleted facet has none."""
    facets = Registers.at("1", Values.of({"a": '{"x":1}', "b": "#ref", "c": value_of("").ref}))
    assert facet_value(facets, "a") == {"x": 1}
    assert facet_value(facets, "b") == facet_value(facets, "c") == facet_value(facets, "none") == {}
    assert facet_value(facets, "b", {"#ref": '{"y":2}'}.__getitem__) == {"y": 2}
