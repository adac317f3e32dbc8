"""Checks that the graph as of a moment is one of what had happened by then."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.history.past_graph import as_of
from consumer.lineage.identity import NO_RULES, IdentityRules
from tests.support.graph.asked import answers, names_in, walks
from tests.support.graph.graph_of_events import difference, whole, write
from tests.support.graph.happened import happened


def check_moment(
    store: GraphStore, events: Sequence[Any], time: str, rules: IdentityRules = NO_RULES, *, is_apart: bool = True
) -> None:
    """At a moment, walks from each name, all that is asked of it, and the whole graph are those of a fresh graph.

    Args:
        store: The graph.
        events: All that was written to it.
        time: The moment.
        rules: Which names are one dataset by configuration.
        is_apart: True to ask of each name without what was read for others.
    """
    names = names_in(store)
    together = [[name] for name in names] if is_apart else [names]
    with closing(SqliteStore(Path(":memory:"))) as fresh:
        write(fresh, [happened(events, time)], rules)
        for some in together:
            with closing(as_of(store, time, rules)) as past:
                for name in some:
                    assert list(walks(past, name)) == list(walks(fresh, name)), f"as of {time}"
            with closing(as_of(store, time, rules)) as past:
                assert list(answers(past, some)) == list(answers(fresh, some)), f"as of {time}"
        with closing(as_of(store, time, rules)) as past:
            changed = difference(whole(past), whole(fresh))
        assert not changed, f"as of {time} the graph is not what had happened by then:\n{changed}"
