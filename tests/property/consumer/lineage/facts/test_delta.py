"""Deltas of facts are a lattice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given

from consumer.lineage.facts.delta import Delta, merge
from tests.support.events.event_strategies import events
from tests.support.graph.graph_of_events import folded


@given(events(), events(), events())
def test_merging_is_a_lattice(one: Sequence[Any], two: Sequence[Any], three: Sequence[Any]) -> None:
    """Order, grouping and repetition of deltas make no difference to their facts."""

    def facts(*parts: Sequence[Any]) -> tuple[object, ...]:
        into = Delta()
        for part in parts:
            merge(into, folded(part))
        return into.runs, into.jobs, into.names, into.declared, into.contents

    expected = facts([*one, *two, *three])
    assert facts(three, two, one) == expected, "order"
    assert facts(one, [*two, *three], one) == expected, "grouping and repetition"
