"""Events dealt out to several writers under a schedule: cases from seeds, and the graph that each of them leaves."""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

from consumer.errors import TransientError
from consumer.graph import format_version
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.history.past_graph import as_of
from consumer.lineage.facts.delta import Delta
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_writer import GraphWriter
from schemas.naming import DatasetName
from tests.support.graph import whole_tasks
from tests.support.graph.asked import names_in, walks
from tests.support.graph.graph_of_events import difference, embedded_whole, folded, whole, write
from tests.support.graph.happened import happened, of_one_kind, time_of
from tests.support.writers.histories import FEW_NAMES, IDENTITY, LAST_SECOND, at, history
from tests.support.writers.schedule import Crash, Killed, Scheduler, Turn, gated, random_turns
from tests.support.writers.wider_histories import wider_history

Json = dict[str, Any]

MOST_TRIES = 50
"""How often a batch is tried before the case fails; the service retries without end."""

MOST_TASKS = 4
"""The greatest number of tasks of a case: three writers and a chore."""

_PAGE = 2
"""So small that a chore beside writers has several pages."""

_CALLS = 400
"""About how many store calls the turns of a case are for."""


_RULES = {**IDENTITY, **FEW_NAMES}


class Dealt(NamedTuple):
    """An event and where it goes.

    Attributes:
        document: The event.
        writer: The number of the writer that receives it.
        batch: The number of the batch that it is in, among those of its writer.
    """

    document: Json
    writer: int
    batch: int


@dataclass(frozen=True)
class Case:
    """Writers at once.

    Attributes:
        origin: How to make the case again, in words.
        kind: One of `KINDS`.
        events: The events, each dealt to one writer.
        writers: How many writers there are.
        identity: A name in `IDENTITY`.
        turns: Which task makes how many store calls; the writers are the first tasks, then comes the chore, if any.
        crash: The death of one writer or of the chore, if any.
        heir: The writer that receives the dead one's batches; a new process of the same number if it has ended.
        repeated: How many batches before the crash are delivered again, as their offsets were not committed.
        cutoffs: Event times before which the chore prunes, one prune each.
        beside: Chores of further tasks, by their names in `KINDS`.
        identities: Names in `IDENTITY` of the writers' own rules, where they differ; `identity` then is that of the
            reconcile which brings the graph to one of them before it is compared.
    """

    origin: str
    kind: str
    events: tuple[Dealt, ...]
    writers: int
    identity: str
    turns: tuple[Turn, ...]
    crash: Crash | None = None
    heir: int = 0
    repeated: int = 0
    cutoffs: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()

    @property
    def documents(self) -> list[Json]:
        """The events alone."""
        return [dealt.document for dealt in self.events]

    @property
    def rules(self) -> IdentityRules:
        """The identity rules of the graph in the end."""
        return _RULES[self.identity]

    def rules_of(self, writer: int) -> IdentityRules:
        """The identity rules of a writer."""
        return _RULES[self.identities[writer]] if self.identities else self.rules

    @property
    def chores(self) -> tuple[str, ...]:
        """The chores beside the writers, each a task of its own."""
        return (*(() if self.kind == "writers" else (self.kind,)), *self.beside)

    @property
    def is_pruned(self) -> bool:
        """True if runs are pruned."""
        return "prune" in self.chores

    @property
    def tasks(self) -> int:
        """How many tasks the schedule has."""
        return self.writers + len(self.chores)

    def batches(self, writer: int) -> list[list[Json]]:
        """The batches of a writer, in their order."""
        found: defaultdict[int, list[Json]] = defaultdict(list)
        for dealt in self.events:
            if dealt.writer == writer:
                found[dealt.batch].append(dealt.document)
        return [found[batch] for batch in sorted(found)]

    def turned(self, seed: int) -> Case:
        """The same events under other turns."""
        return replace(self, turns=random_turns(random.Random(seed), self.tasks, _CALLS))


SCHEDULES = int(os.environ.get("SCHEDULES", "500"))
"""How many cases the property test has; the servers of the contract test have some of a hundred of that."""


def seeds(first: int, count: int) -> range:
    """Seeds of a test: so many from a first one on, or only that of SCHEDULE_SEED, if it is set."""
    only = os.environ.get("SCHEDULE_SEED")
    return range(first, first + count) if only is None else range(int(only), int(only) + 1)


KINDS = ("writers", "writers", "reconcile", "prune")
"""Who is at work, by the remainder of the seed: writers alone, or a reconcile or prunes beside them."""


def case(seed: int) -> Case:
    """The case of a seed."""
    kind = KINDS[seed % len(KINDS)]
    chance = random.Random(seed)
    documents = history(chance, ordered=kind == "prune")
    writers = chance.choice((2, 2, 3))
    deal = _dealt_by_run if kind == "prune" else _dealt
    made = Case(
        f"make schedules SEED={seed}",
        kind,
        deal(chance, documents, writers),
        writers,
        identity=chance.choice(tuple(IDENTITY)) if chance.random() < 0.4 else "none",
        turns=(),
        cutoffs=tuple(at(chance.randint(1, LAST_SECOND)) for _ in range(3)) if kind == "prune" else (),
    )
    made = replace(made, turns=random_turns(chance, made.tasks, _CALLS))
    if chance.random() < 0.5:
        dies = Crash(chance.randrange(made.tasks), chance.randint(1, 25), after=chance.random() < 0.5)
        made = replace(made, crash=dies, heir=chance.randrange(writers), repeated=chance.choice((0, 0, 1)))
    return made


WIDER: tuple[tuple[str, ...], ...] = (
    (),
    (),
    ("reconcile",),
    ("reconcile", "reconcile"),
    ("prune", "prune"),
    ("prune", "reconcile"),
    ("prune", "prune", "reconcile"),
    (),
)
"""The chores beside the writers of a wider case, by the remainder of the seed; in the last kind, rules differ."""


def wider_case(seed: int) -> Case:
    """The case of a seed with more kinds of facets and names, several chores at once, other rules, lost answers."""
    chores = WIDER[seed % len(WIDER)]
    chance = random.Random(f"wider {seed}")
    ordered = "prune" in chores
    documents = wider_history(chance, ordered=ordered)
    writers = chance.choice((2, 2, 3))
    made = Case(
        f"wider case {seed}",
        chores[0] if chores else "writers",
        (_dealt_by_run if ordered else _dealt)(chance, documents, writers),
        writers,
        identity=chance.choice((*IDENTITY, *FEW_NAMES)) if chance.random() < 0.6 else "none",
        turns=(),
        cutoffs=tuple(at(chance.randint(1, LAST_SECOND)) for _ in range(2)) if ordered else (),
        beside=chores[1:],
    )
    if seed % len(WIDER) == len(WIDER) - 1:
        rules = tuple(chance.choice(tuple(IDENTITY)) for _ in range(writers))
        made = replace(made, identity=chance.choice(rules), identities=rules)
    made = replace(made, turns=random_turns(chance, made.tasks, _CALLS))
    if chance.random() < 0.5:
        dies = Crash(chance.randrange(made.tasks), chance.randint(1, 25), chance.random() < 0.5, chance.random() < 0.5)
        made = replace(made, crash=dies, heir=chance.randrange(writers), repeated=chance.choice((0, 0, 1)))
    return made


def _dealt(chance: random.Random, documents: Sequence[Json], writers: int) -> tuple[Dealt, ...]:
    """Events dealt out one by one, in the order of the history or in any other."""
    documents = list(documents)
    if chance.random() < 0.5:
        chance.shuffle(documents)
    places = [chance.randrange(writers) for _ in documents]
    return _batched(chance, list(zip(documents, places, strict=True)))


def _dealt_by_run(chance: random.Random, documents: Sequence[Json], writers: int) -> tuple[Dealt, ...]:
    """Events dealt out run by run, as by a key; those of one run stay in their order."""
    by_run: defaultdict[str, list[Json]] = defaultdict(list)
    for number, document in enumerate(documents):
        by_run[document.get("run", {}).get("runId", f"other {number}")].append(document)
    places = {run: chance.randrange(writers) for run in by_run}
    waiting = {run: deque(events) for run, events in by_run.items()}
    found: list[tuple[Json, int]] = []
    while waiting:
        run = chance.choice(sorted(waiting))
        found.append((waiting[run].popleft(), places[run]))
        if not waiting[run]:
            del waiting[run]
    return _batched(chance, found)


def _batched(chance: random.Random, placed: Sequence[tuple[Json, int]]) -> tuple[Dealt, ...]:
    ends = chance.choice((0.3, 0.6, 1.0))
    batches: defaultdict[int, int] = defaultdict(int)
    found: list[Dealt] = []
    for document, writer in placed:
        found.append(Dealt(document, writer, batches[writer]))
        batches[writer] += chance.random() < ends
    return tuple(found)


class Ground(Protocol):
    """Where cases take place."""

    def stores(self, count: int) -> Sequence[GraphStore]:
        """Stores on one empty graph."""
        ...


class InMemory:
    """A SQLite graph in memory, new for each case; its tasks share a connection, as only one runs at a time."""

    def __init__(self) -> None:
        self._store: SqliteStore | None = None

    def stores(self, count: int) -> Sequence[GraphStore]:
        """Stores on one empty graph."""
        self.close()
        self._store = SqliteStore(Path(":memory:"))
        return [self._store] * count

    def close(self) -> None:
        """Drops the graph."""
        if self._store is not None:
            self._store.close()
            self._store = None


class Play:
    """A case under way: the tasks, and the batches that each writer has still to write."""

    def __init__(self, case: Case, stores: Sequence[GraphStore]) -> None:
        self._case = case
        self._scheduler = Scheduler(case.turns, case.crash)
        self._stores = [gated(store, self._scheduler, number) for number, store in enumerate(stores)]
        self._waiting = [deque(case.batches(writer)) for writer in range(case.writers)]

    def run(self) -> tuple[Turn, ...]:
        """Runs all tasks to their end; returns the turns that they took."""
        tasks: list[Callable[[], None]] = [partial(self._write, writer) for writer in range(self._case.writers)]
        for number, chore in enumerate(self._case.chores, self._case.writers):
            tasks.append(partial(self._upkeep, chore, self._stores[number]))
        self._scheduler.run(tasks)
        return self._scheduler.turns

    def _write(self, me: int) -> None:
        """Writes the batches of one writer; once it is killed, another process does."""
        rules = self._case.rules_of(me)
        writer = GraphWriter(self._stores[me], rules=rules)
        written: list[list[Json]] = []
        while self._waiting[me]:
            try:
                apply(writer, folded(self._waiting[me][0], rules))
            except Killed:
                writer = GraphWriter(self._stores[me], rules=rules)
                self._redeliver(me, written)
            else:
                written.append(self._waiting[me].popleft())

    def _redeliver(self, me: int, written: list[list[Json]]) -> None:
        repeated = written[len(written) - min(self._case.repeated, len(written)) :]
        batches = [*repeated, *self._waiting[me]]
        self._waiting[me].clear()
        heir = self._case.heir
        if heir != me and self._scheduler.is_alive(heir) and self._waiting[heir]:
            under_way = self._waiting[heir].popleft()
            self._waiting[heir].extendleft(reversed([under_way, *batches]))
        else:
            self._waiting[me].extend(batches)

    def _upkeep(self, chore: str, store: GraphStore) -> None:
        """Carries a chore out; once it is killed, another process begins it again."""
        try:
            self._carry_out(chore, store)
        except Killed:
            self._carry_out(chore, store)

    def _carry_out(self, chore: str, store: GraphStore) -> None:
        if chore == "reconcile":
            whole_tasks.reconcile(store, _PAGE, self._case.rules)
            return
        for before in self._case.cutoffs:
            whole_tasks.prune(store, before, _PAGE)


def apply(writer: GraphWriter, delta: Delta) -> None:
    """Writes a batch; what fails for now is tried again, as the service does."""
    for _ in range(MOST_TRIES):
        with suppress(TransientError):
            writer.apply(delta)
            return
    raise AssertionError(f"a batch can't be written within {MOST_TRIES} tries")


def lineage(found: bytes) -> bytes:
    """An export without its runs."""
    parsed = orjson.loads(found)
    del parsed["runs"]
    return orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


class Result(NamedTuple):
    """The result of a case.

    Attributes:
        fault: What is wrong with the graph; empty if nothing is.
        turns: The turns that the tasks took.
        severity: 0 for none, 1 where a reconcile has something to do, 2 for a wrong graph, 3 for a task that fails.
    """

    fault: str
    turns: tuple[Turn, ...]
    severity: int = 0


def play(case: Case, ground: Ground) -> Result:
    """Lets the writers of a case write, and compares the graph with the one that a single writer makes in one batch."""
    stores = ground.stores(case.tasks)
    turns: tuple[Turn, ...] = case.turns
    format_version.claim(stores[0])
    try:
        turns = Play(case, stores).run()
        if case.identities:
            whole_tasks.reconcile(stores[0], rules=case.rules)
    except Exception as error:  # noqa: BLE001 - an error of a writer is a fault like any other, to be shrunk
        return Result(f"a task failed: {error!r}", turns, 3)
    found, expected = whole(stores[0]), _by_one_writer(orjson.dumps(case.documents), case.identity)
    if case.is_pruned:
        found, expected = lineage(found), lineage(expected)
    changed = difference(found, expected)
    if changed:
        return Result(f"the graph is not that of a single writer:\n{changed}", turns, 2)
    if not case.is_pruned and case.identity not in FEW_NAMES and (wrong := wrong_past(case, stores[0])):
        return Result(wrong, turns, 2)
    try:
        mended = whole_tasks.reconcile(stores[0], rules=case.rules)
    except Exception as error:  # noqa: BLE001 - the same
        return Result(f"a reconcile afterwards failed: {error!r}", turns, 3)
    return Result(f"a reconcile afterwards mends {mended} vertices", turns, 1) if mended else Result("", turns)


@lru_cache(maxsize=16)
def _by_one_writer(documents: bytes, identity: str) -> bytes:
    """The graph that a single writer makes of events in one batch; kept, as one story has very many schedules."""
    return embedded_whole([orjson.loads(documents)], _RULES[identity])


def wrong_past(case: Case, store: GraphStore) -> str:
    """Compares walks as of a moment with those of what had happened by then; returns what differs, or an empty text."""
    if of_one_kind(case.documents) != case.documents:
        return ""
    times = sorted({time_of(document) for document in case.documents})
    time = times[len(times) // 2]
    names = tuple(names_in(store))
    expected = _walks_then(orjson.dumps(happened(case.documents, time)), case.identity, names)
    with closing(as_of(store, time, case.rules)) as past:
        for name, wanted in zip(names, expected, strict=True):
            for (question, found), (_, answer) in zip(walks(past, name), wanted, strict=True):
                if found != answer:
                    return f"as of {time}, the {question} is\n{found}\nand should be\n{answer}"
    return ""


@lru_cache(maxsize=16)
def _walks_then(documents: bytes, identity: str, names: tuple[DatasetName, ...]) -> list[list[tuple[str, object]]]:
    """The walks from each name in the graph of events; kept for the same reason."""
    with closing(SqliteStore(Path(":memory:"))) as fresh:
        write(fresh, [orjson.loads(documents)], _RULES[identity])
        return [list(walks(fresh, name)) for name in names]


def described(case: Case, result: Result) -> str:
    """A failed case for people: how to repeat it, its events, its schedule, and what is wrong."""
    lines = [
        f"{result.fault}",
        "",
        f"made from: {case.origin}",
        f"at work: {', '.join(('writers', *case.chores))}; prunes: {', '.join(case.cutoffs) or 'none'}",
        f"identity rules: {case.identity}; those of writers: {', '.join(case.identities) or 'the same'}",
    ]
    for writer in range(case.writers):
        for number, batch in enumerate(case.batches(writer)):
            lines += [f"writer {writer}, batch {number}: {json.dumps(document)}" for document in batch]
    if case.crash is not None:
        when = "only notified of a lost connection " if case.crash.is_lost else ""
        when += "after" if case.crash.after else "before"
        lines.append(
            f"task {case.crash.task} is killed {when} its store call {case.crash.call};"
            f" if it is a writer, writer {case.heir} receives its batches, and {case.repeated} earlier ones"
        )
    lines.append(f"turns (task x store calls): {' '.join(f'{task}x{calls}' for task, calls in result.turns)}")
    return "\n".join(lines)


@contextmanager
def in_memory() -> Iterator[InMemory]:
    """A ground in memory, closed at the end."""
    ground = InMemory()
    try:
        yield ground
    finally:
        ground.close()
