"""Walks in the form that a store has for them are walks in the form that every store has."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.identity import IdentityRules
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT, events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import write
from tests.support.graph.walk_forms import check_forms

RULES = st.sampled_from((IdentityRules.of(), IdentityRules.of([[GLUE, ATHENA], [f"{GLUE}/db", f"{REDSHIFT}/dev.db"]])))


@settings(max_examples=examples(60), deadline=None)
@given(events(), RULES, st.integers(0, 3), st.integers(0, 3))
def test_every_form_gives_the_same_lineage(documents: list[Any], rules: IdentityRules, up: int, down: int) -> None:
    """By table, by column and by values, of each dataset, each column, and of columns and datasets that are missing."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [documents], rules)
        check_forms(store, up, down)
