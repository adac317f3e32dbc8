"""From settings to parts: the one place that knows which class does what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from consumer.errors import UsageError
from consumer.graph.embedded import EmbeddedStore
from consumer.graph.store import GraphStore
from consumer.graph_sink import GraphSink
from consumer.lineage.identity import BadPrefix, IdentityRules
from consumer.settings import Settings
from consumer.sink import Sink

SQLITE = "sqlite:///"
GREMLIN = ("ws://", "wss://", "neptune://")

SinkName = Literal["graph"]


def sqlite_file(url: str) -> Path | None:
    """The file of an embedded graph's URL; None for other kinds of graphs.

    `sqlite:///graph.db` is relative to the current directory, `sqlite:////data/graph.db` is absolute.

    Raises:
        UsageError: It is a SQLite URL without a file, or with a host.
    """
    if not url.startswith("sqlite:"):
        return None
    if not url.startswith(SQLITE) or url == SQLITE:
        raise UsageError(f"graph {url!r} names no file; write sqlite:///graph.db, or sqlite:////data/graph.db")
    return Path(url.removeprefix(SQLITE))


READER_PATIENCE_S = 10.0
"""How long a command that only reads tries to reach a graph; a person is waiting for it."""


def open_graph(url: str, patience_s: float | None = None) -> GraphStore:
    """The store of a graph's URL; an embedded one is made if it is not there.

    Args:
        url: The graph's.
        patience_s: For how many seconds a server that can't serve now is tried again; the store's default if None.

    Raises:
        UsageError: The URL is of no kind that there is, or its file can't be opened.
    """
    if (path := sqlite_file(url)) is not None:
        return EmbeddedStore(path)
    if url.startswith(GREMLIN):
        from consumer.graph.gremlin_connection import Patience  # noqa: PLC0415 -- the driver only where it is needed
        from consumer.graph.neptune import open_gremlin  # noqa: PLC0415

        return open_gremlin(url, Patience() if patience_s is None else Patience(for_s=patience_s))
    raise UsageError(
        f"graph {url!r} is of no known kind; write sqlite:///graph.db, ws://host:8182/gremlin, wss://host:8182/gremlin"
        " or neptune://host:8182?region=us-east-1"
    )


@contextmanager
def reading(url: str) -> Iterator[GraphStore]:
    """A graph that is there already, in one state for all that is read within where its store can do that.

    Raises:
        UsageError: There is no such graph.
    """
    if (path := sqlite_file(url)) is not None and not path.exists():
        raise UsageError(f"there is no graph {path} yet; fill it with `headwater ingest`, or name another with --graph")
    store = open_graph(url, READER_PATIENCE_S)
    try:
        if isinstance(store, EmbeddedStore):
            with store.snapshot():
                yield store
        else:
            yield store
    finally:
        store.close()


def identity_rules(settings: Settings) -> IdentityRules:
    """Which names are one dataset by configuration.

    Raises:
        UsageError: A prefix can't be read.
    """
    try:
        same = [entry.prefixes for entry in settings.identity.same]
        return IdentityRules.of(same, by_table_name=settings.identity.by_table_name)
    except BadPrefix as error:
        raise UsageError(f"identity.same: {error}") from error


def graph_sink(settings: Settings) -> Sink:
    """The sink that writes to the graph."""
    rules = identity_rules(settings)
    return GraphSink(open_graph(settings.graph), rules)


SINKS: Mapping[SinkName, Callable[[Settings], Sink]] = {"graph": graph_sink}
"""What `headwater consume --sink` offers."""
