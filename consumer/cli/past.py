"""Reports about a graph as of a moment, beside the answer of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from consumer.graph.store import GraphStore


@contextmanager
def gap_reported(store: GraphStore, at: str | None) -> Iterator[None]:
    """Reports on stderr, after an answer or its error, that a prune has removed runs that it may rest on.

    Args:
        store: The graph that the answer is from.
        at: The moment, as it was typed; None for the present.
    """
    try:
        yield
    finally:
        if at is not None:
            _report_gap(store)


def _report_gap(store: GraphStore) -> None:
    from consumer.history.past_graph import PastGraph  # noqa: PLC0415 -- the write side only where it is needed

    if isinstance(store, PastGraph) and store.is_incomplete:
        click.echo(f"lineage is known since {store.known_since}: a prune has removed runs before", err=True)
