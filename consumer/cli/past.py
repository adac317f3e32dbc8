"""Reports about a graph as of a moment, beside the answer of a command."""

from __future__ import annotations

import click

from consumer.graph.store import GraphStore


def report_gap(store: GraphStore, at: str | None) -> None:
    """Reports on stderr that a prune has removed runs that may have been current at a moment.

    Args:
        store: The graph that the answer is from.
        at: The moment, as it was typed; None for the present.
    """
    if at is None:
        return
    from consumer.history.past_graph import PastGraph  # noqa: PLC0415 -- the write side only where it is needed

    if isinstance(store, PastGraph) and store.is_incomplete:
        click.echo(f"lineage is known since {store.known_since}: a prune has removed runs before", err=True)
