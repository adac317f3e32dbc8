"""Several requests at once to Neptune's look-alike: they overlap, those of one owner never do, and faults cost nothing.

With `conflict` at 1 the look-alike fails each write that meets another one of the same element, so a count of zero
conflicts shows that none has met another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.gremlin_store import GremlinStore, open_gremlin
from consumer.graph.store import Change, Edge, NotExists, PropertyEquals, Vertex
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from schemas.decode import decode
from tests.support.events.event_builders import columns, dataset, made_of, run_event
from tests.support.graph.graph_of_events import embedded, exported
from tests.support.processes.servers import NeptuneProxy

import orjson  # isort: skip

CONNECTIONS = 4
SLOW_MS = [30, 30]
"""Duration of a request: longer than it takes to send the next one."""

CONFLICT = "ConcurrentModificationException"


@contextmanager
def opened(neptune: NeptuneProxy, connections: int = CONNECTIONS) -> Iterator[GremlinStore]:
    """A store with several connections."""
    retry_policy = RetryPolicy(max_elapsed_s=60.0, initial_backoff_s=0.01, max_backoff_s=0.2)
    with closing(open_gremlin(neptune.url, retry_policy, connections=connections)) as store:
        yield store


def new(name: str, *steps: Vertex | Edge) -> Change:
    """The change that makes a vertex, with what hangs on it."""
    return Change(Vertex(name, "thing", {"rev": "1"}), NotExists(), PropertyEquals("rev", "1"), steps)


def conflicts(neptune: NeptuneProxy) -> int:
    """Number of writes that met another one of the same element."""
    return int(neptune.stats()["engine"].get(CONFLICT, 0))


def most_at_once(neptune: NeptuneProxy) -> int:
    """The most requests that were under way together."""
    return int(neptune.stats()["concurrent"]["max"])


def test_one_write_of_many_owners(neptune: NeptuneProxy) -> None:
    """The requests of a writer overlap, as many as there are connections."""
    neptune.faults(conflict=1, delay_ms=SLOW_MS)
    with opened(neptune) as store:
        assert store.write([new(f"v{number}") for number in range(2_000)]) == set()
        assert most_at_once(neptune) == CONNECTIONS
        assert neptune.stats()["connections"]["opened"] == CONNECTIONS
        neptune.faults()
        assert len(store.read([f"v{number}" for number in range(2_000)])) == 2_000
    assert conflicts(neptune) == 0


def test_one_connection(neptune: NeptuneProxy) -> None:
    """The number of connections is a limit."""
    neptune.faults(delay_ms=SLOW_MS)
    with opened(neptune, 1) as store:
        store.write([new(f"v{number}") for number in range(1_000)])
    assert most_at_once(neptune) == 1


def chained(owner: str, steps: int) -> list[Change]:
    """Changes of one owner, each on the token of the one before."""
    found = [new(owner)]
    for number in range(1, steps):
        token = PropertyEquals("rev", str(number + 1))
        found.append(Change(Vertex(owner, "thing", {"rev": token.value}), PropertyEquals("rev", str(number)), token))
    return found


def test_changes_of_one_owner_follow_each_other(neptune: NeptuneProxy) -> None:
    """They are in several requests, of several threads, and no two of them are under way together."""
    neptune.faults(conflict=1, delay_ms=SLOW_MS)
    with opened(neptune) as store, ThreadPoolExecutor(3) as pool:
        mixed = [change for owner in "abc" for change in chained(owner, 200)]
        others = [pool.submit(store.write, chained(owner, 50)) for owner in "abc"]
        assert store.write([*mixed, *(new(f"v{number}") for number in range(500))]) <= set("abc")
        for other in others:
            assert other.result() <= set("abc")
        assert {store.read([owner])[owner]["rev"] for owner in "abc"} <= {"50", "200"}
    assert conflicts(neptune) == 0, "two requests of one owner were under way together"
    assert most_at_once(neptune) > 1


def test_an_edge_waits_for_its_ends(neptune: NeptuneProxy) -> None:
    """A request with an edge is sent after the requests of the same write that make its ends."""
    neptune.faults(conflict=1, delay_ms=SLOW_MS)
    ends = [new(f"end{number}") for number in range(400)]
    tied = [
        new(f"tied{number}", Edge(f"edge{number}", "line", f"tied{number}", f"end{number}", {}))
        for number in range(400)
    ]
    with opened(neptune) as store:
        assert store.write([*ends, *tied]) == set()
        assert len(store.edges_at([f"end{number}" for number in range(400)], "line", "in")) == 400
    assert neptune.stats()["backend"] == {}, "an edge was refused for want of an end"


EVENTS = [
    run_event(
        kind,
        second,
        job=f"j{number}",
        run=f"r{number}",
        inputs=[f"t{number // 2}"],
        outputs=[
            dataset(f"t{number + 1}", schema=columns("x", "y"), columnLineage=made_of(x=f"t{number // 2}.x")),
        ],
    )
    for number in range(60)
    for kind, second in (("START", 1), ("COMPLETE", 2))
]


def written(store: GremlinStore, events: Sequence[object], threads: int = CONNECTIONS) -> None:
    """Has a sink write events, several batches of them at once."""
    sink = GraphSink(store, IdentityRules.of())
    batches = [events[start : start + 12] for start in range(0, len(events), 12)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda batch: sink.write([decode(orjson.dumps(event)) for event in batch]), batches))


class TestBatches:
    """A sink that writes several batches at once, on tables that they have in common."""

    def test_they_overlap(self, neptune: NeptuneProxy) -> None:
        """Their requests are under way together, none meets another one of its owner, and the bytes are the same."""
        neptune.faults(conflict=1, delay_ms=SLOW_MS)
        with opened(neptune) as store:
            written(store, EVENTS)
            assert most_at_once(neptune) > 1
            assert conflicts(neptune) == 0, "two requests of one owner were under way together"
            neptune.faults()
            assert exported(store) == embedded([EVENTS])

    def test_connections_break(self, neptune: NeptuneProxy) -> None:
        """Requests are lost on their way there and back, while others go on."""
        neptune.faults(drop_before=0.1, drop_after=0.1, delay_ms=[0, 10])
        with opened(neptune) as store:
            written(store, EVENTS)
            dropped = neptune.stats()["dropped"]
            neptune.faults()
            assert exported(store) == embedded([EVENTS])
        assert min(dropped["before"], dropped["after"]) > 0, f"hardly any connection was cut: {dropped}"

    @pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException", CONFLICT])
    def test_the_server_is_crowded(self, neptune: NeptuneProxy, code: str) -> None:
        """A request that is refused because of others is sent again, fewer at once, and nothing is lost."""
        neptune.faults(errors={code: 0.2}, delay_ms=[0, 10])
        with opened(neptune) as store:
            written(store, EVENTS)
            assert neptune.stats()["injected"].get(code, 0) > 5
            neptune.faults()
            assert exported(store) == embedded([EVENTS])


def test_fewer_at_once_while_the_server_refuses(neptune: NeptuneProxy) -> None:
    """After refusals fewer requests are under way; once it serves, there are as many as before."""
    changes = [[new(f"{part}/{number}") for number in range(1_600)] for part in "ab"]
    with opened(neptune) as store, ThreadPoolExecutor(1) as pool:
        neptune.faults(errors={"ThrottlingException": 1.0})
        refused = pool.submit(store.write, changes[0][:400])
        while neptune.stats()["injected"].get("ThrottlingException", 0) < 8:
            assert not refused.done()
        neptune.reset_stats()
        neptune.faults(delay_ms=SLOW_MS)
        assert refused.result() == set()
        assert most_at_once(neptune) < CONNECTIONS
        for part in changes:
            assert store.write(part) == set()
        assert most_at_once(neptune) == CONNECTIONS
