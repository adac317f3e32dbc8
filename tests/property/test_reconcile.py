"""The reconcile: whatever writers at once, and deaths, left behind, afterwards the graph is that of one writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.errors import TransientError
from consumer.graph import format_version
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, GraphStore
from consumer.lineage.facts.delta import Delta
from consumer.lineage.identity import IdentityRules
from consumer.maintenance.leased_task import LEASE_S, JobLease, run_job
from consumer.maintenance.reconcile import Reconcile, ReconcileResult
from consumer.projection.graph_writer import GraphWriter
from consumer.render import export_json
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT, events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import difference, folded, shuffled, whole, write
from tests.support.oracle.expected_graph import expected

SAME: tuple[tuple[Sequence[str], ...], ...] = (
    (),
    ((f"{GLUE}/db", f"{REDSHIFT}/dev.db"), (GLUE, ATHENA)),
    ((f"{REDSHIFT}/dev.db", f"{GLUE}/db"), (ATHENA, GLUE)),
    ((f"{REDSHIFT}/dev.db", f"{ATHENA}/awsdatacatalog.db"),),
)
"""Settings of `identity.same`: none; across engines and accounts; the same with other names first; two engines."""

identities = st.tuples(st.sampled_from(SAME), st.booleans())
"""`identity.same` and `identity.by_table_name`."""

PAGE = 3
"""So small that a pass has several pages."""


class Death(BaseException):
    """A process is killed."""


class Between:
    """A store that lets something else happen before chosen calls to it."""

    def __init__(self, store: GraphStore, at: frozenset[int], other: Callable[[], None]) -> None:
        self._store = store
        self._at = at
        self._other = other
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        if self.calls in self._at:
            self._other()
        return getattr(self._store, name)


def opened() -> SqliteStore:
    """An empty graph that was opened for writing."""
    store = SqliteStore(Path(":memory:"))
    format_version.claim(store)
    return store


class ReadOnly:
    """A store that must not be written to."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Fails."""
        raise AssertionError(f"written to a graph that is right: {changes}")


def reconcile(store: GraphStore, rules: IdentityRules) -> ReconcileResult:
    """A whole reconcile."""
    chore, place = Reconcile(store, rules, PAGE), ""
    while (following := chore.step(place)) is not None:
        place = following
    return chore.result


def apply(writer: GraphWriter, delta: Delta) -> None:
    """Writes as the service does: what fails for now is tried again."""
    for _ in range(20):
        with suppress(TransientError):
            writer.apply(delta)
            return
    raise AssertionError("a batch can't be written")


def expect(store: GraphStore, documents: Sequence[Any], identity: tuple[Any, bool], what: str) -> None:
    """The graph must be the oracle's."""
    oracle = export_json.to_json(expected(documents, identity[0], by_table_name=identity[1]))
    changed = difference(whole(store), oracle)
    assert not changed, f"{what}: the graph is not what the design says:\n{changed}"


@settings(max_examples=examples(40))
@given(events(), st.integers(0, 2**32), identities)
def test_a_graph_that_is_right_is_left_alone(documents: list[Any], seed: int, identity: tuple[Any, bool]) -> None:
    """What one writer made is right, in whatever order and batches: the reconcile writes nothing."""
    rules = IdentityRules.of(identity[0], by_table_name=identity[1])
    store = opened()
    write(store, shuffled(documents, seed, 4), rules)
    found = reconcile(ReadOnly(store), rules)
    assert found.repaired == 0


class Crowd:
    """Writers at once on one graph: each does a batch between steps of the one before it; the last one reconciles.

    Args:
        store: The graph.
        batches: What each writer writes.
        rules: The identity rules of all.
        at: For each writer before which of its calls the next one does something.
        death: Before which of its calls the first writer is killed, and started anew.
    """

    def __init__(
        self,
        store: GraphStore,
        batches: Sequence[list[Delta]],
        rules: IdentityRules,
        at: Sequence[frozenset[int]],
        death: int,
    ) -> None:
        self._store = store
        self._rules = rules
        self._batches = batches
        self._at = at
        self._death = death
        self._writers = [self._writer(number) for number in range(len(batches))]
        self._chore, self._place = Reconcile(store, rules, PAGE), ""

    def _writer(self, number: int) -> GraphWriter:
        def act() -> None:
            self.act(number + 1)

        def die() -> None:
            raise Death

        between: GraphStore = Between(self._store, self._at[number], act)
        if number == 0 and self._death:
            between = Between(between, frozenset({self._death}), die)
            self._death = 0
        return GraphWriter(between, rules=self._rules)

    def act(self, number: int) -> None:
        """Lets a writer write a batch; the one after the last reconciles a page."""
        if number == len(self._writers):
            self._reconcile()
        elif self._batches[number]:
            delta = self._batches[number].pop()
            try:
                apply(self._writers[number], delta)
            except Death:
                self._writers[number] = self._writer(number)
                apply(self._writers[number], delta)

    def _reconcile(self) -> None:
        following = self._chore.step(self._place)
        self._place = following or ""

    def run(self) -> None:
        """All that there is to write."""
        for number, batches in enumerate(self._batches):
            while batches:
                self.act(number)


def crowd(
    store: GraphStore,
    documents: Sequence[Any],
    seed: int,
    rules: IdentityRules,
    at: Sequence[frozenset[int]],
    death: int,
) -> Crowd:
    """Three writers; each has all of the events, or a third of them."""
    found = [folded(batch, rules) for batch in shuffled(documents, seed, 3)]
    if seed % 2:
        return Crowd(store, [found[start::3] for start in range(3)], rules, at, death)
    return Crowd(
        store, [[folded(b, rules) for b in shuffled(documents, seed + n, 3)] for n in range(3)], rules, at, death
    )


steps = st.frozensets(st.integers(1, 80), max_size=12)


@settings(max_examples=examples(60))
@given(events(), st.integers(0, 2**32), identities, st.tuples(steps, steps, steps), st.integers(0, 60))
def test_what_writers_at_once_leave_is_mended(
    documents: list[Any],
    seed: int,
    identity: tuple[Any, bool],
    at: tuple[frozenset[int], frozenset[int], frozenset[int]],
    death: int,
) -> None:
    """After late links, and three writers and a reconcile between each other's steps, a reconcile brings the law.

    One of the writers is killed and started anew. A further reconcile finds nothing to do.
    """
    store = opened()
    rules = IdentityRules.of(identity[0], by_table_name=identity[1])
    crowd(store, documents, seed, rules, at, death).run()
    reconcile(store, rules)
    expect(store, documents, identity, "after a reconcile")
    reconcile(ReadOnly(store), rules)


@settings(max_examples=examples(60))
@given(events(), st.integers(0, 2**32), identities, st.tuples(steps, steps, steps), st.integers(1, 120))
def test_a_reconcile_that_dies_is_ended_by_the_next(
    documents: list[Any],
    seed: int,
    identity: tuple[Any, bool],
    at: tuple[frozenset[int], frozenset[int], frozenset[int]],
    step: int,
) -> None:
    """Killed before any step of its own; once its lease has run out, another one goes on where it was noted to be."""
    store = opened()
    rules = IdentityRules.of(identity[0], by_table_name=identity[1])
    crowd(store, documents, seed, rules, at, 0).run()

    def die() -> None:
        raise Death

    dying: GraphStore = Between(store, frozenset({step}), die)
    with suppress(Death):
        run_job(Reconcile(dying, rules, PAGE), JobLease(dying, "reconcile", "one", lambda: 0.0))
    run_job(Reconcile(store, rules, PAGE), JobLease(store, "reconcile", "two", lambda: LEASE_S))
    expect(store, documents, identity, "after a reconcile in two parts")
    reconcile(ReadOnly(store), rules)


def far_input() -> list[Any]:
    """A job whose input is of a dataset that other rules join, and is reconciled after the dataset's other name."""
    time = "2026-01-01T00:00:00Z"
    inputs = [
        {"type": "DATASET", "namespace": ATHENA, "name": "AwsDataCatalog.db.c"},
        {"type": "DATASET", "namespace": GLUE, "name": "table/db/a"},
    ]
    entry = {"type": "DATASET", "namespace": ATHENA, "name": "AwsDataCatalog.db.a", "inputs": inputs}
    job = {"namespace": "dbt", "name": "j1", "facets": {"lineage": {"entries": [entry]}}}
    return [
        {"eventTime": time, "dataset": {"namespace": ATHENA, "name": "AwsDataCatalog.db.a", "facets": {}}},
        {"eventTime": time, "dataset": {"namespace": GLUE, "name": "table/db/c", "facets": {}}},
        {"eventTime": time, "job": job, "inputs": [], "outputs": []},
    ]


@settings(max_examples=examples(80))
@given(events(), st.integers(0, 2**32), identities, identities, st.floats(0, 1))
@example(far_input(), 0, (SAME[3], False), (SAME[0], True), 1.0)
def test_other_settings_make_the_graph_that_a_new_one_would_be(
    documents: list[Any], seed: int, before: tuple[Any, bool], after: tuple[Any, bool], part: float
) -> None:
    """After a reconcile under changed identity settings, names are joined, parted and shown as these say."""
    store = opened()
    old, new = (IdentityRules.of(one[0], by_table_name=one[1]) for one in (before, after))
    batches = shuffled(documents, seed, 4)
    count = round(part * len(batches))
    write(store, batches[:count], old)
    write(store, batches[count:], new)
    reconcile(store, new)
    expect(store, documents, after, "after a reconcile under other settings")
    reconcile(ReadOnly(store), new)
