"""Law 6: the graph as of a moment is a fresh graph of what had happened by then."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph.sqlite_store import SqliteStore
from consumer.history.past_graph import as_of
from consumer.lineage.identity import IdentityRules
from schemas.timestamps import canonical_time
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT, TIMES, events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import difference, embedded_whole, shuffled, whole, write
from tests.support.graph.happened import happened, of_one_kind

RULES = st.sampled_from((IdentityRules.of(), IdentityRules.of([[GLUE, ATHENA], [f"{GLUE}/db", f"{REDSHIFT}/dev.db"]])))
MOMENTS = st.sampled_from(TIMES).map(canonical_time)


@settings(max_examples=examples(150), deadline=None)
@given(events(), st.integers(0, 2**32), MOMENTS, RULES)
def test_the_past_is_what_had_happened_by_then(
    documents: list[Any], seed: int, time: str, rules: IdentityRules
) -> None:
    """Shuffled, repeated and cut into batches, whatever came late: as of T equals a graph of what had happened by T."""
    documents = of_one_kind(documents)
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, shuffled(documents, seed, 4), rules)
        with closing(as_of(store, time, rules)) as past:
            found = whole(past)
    changed = difference(found, embedded_whole([happened(documents, time)], rules))
    assert not changed, f"as of {time} the graph is not what had happened by then:\n{changed}"
