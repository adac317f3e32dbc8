"""Real events with something wrong in them: decoded, folded, merged and written, or rejected, and nothing else.

`make fuzz` takes a hundred thousand documents, and `make fuzz COUNT=...` any other number; the tests take a few.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.cli.json_highlight import marked
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.statement_codec import dump_statement
from consumer.kafka.dead_letter_topic import dead_letter_headers
from consumer.lineage.facts.delta import Delta, merge
from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import IdentityRules
from consumer.processing.batch import decode_record
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.event_time import DAY_S
from consumer.processing.record import Record
from consumer.projection.graph_writer import GraphWriter
from consumer.render import export_json
from schemas.decode import decode, decode_document
from schemas.errors import RejectedEvent
from schemas.events import Event
from tests.support.events.event_builders import dataset, run_event
from tests.support.events.mutations import Mutator
from tests.support.graph.example_graphs import GLUE, REDSHIFT
from tests.support.graph.graph_of_events import sample

COUNT = int(os.environ.get("FUZZ_COUNT", "5000"))
SHARES = 4
"""Parts of the work, each with its own seed, for as many processes."""

MOST_CPU_S = 20.0
"""What one document may cost; real ones take a tenth of a millisecond."""

MOST_GROWTH = 350 * 1024 * 1024
"""By how many bytes the process may grow, whatever comes: its caches are bounded."""

READABLE = 10_000
"""Characters that a path and a reason may have together: 64 levels of keys, cut to what can be read."""

TIMESTAMPS = (0, -1, 1, 1_800_000_000_000, 1_800_000_000_000_000, 253_402_300_799_999, 2**63 - 1, 4_000_000_000_000)
"""What a record may have for a time: none, a real one, one in microseconds, the calendar's end, anything."""

WEIGHED = 97
"""Every how many documents the memory that one takes is measured, as that is slow."""

RULES = IdentityRules.of([[f"{GLUE}/imdb_stg", f"{REDSHIFT}/dev.imdb_stg"]], by_table_name=True)


NOW_MS = 4_102_444_800_000
"""2100-01-01, so that every recorded event is of the past."""


def resident() -> int:
    """Bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def accepted(data: bytes, timestamp_ms: int = 0) -> Event | None:
    """The event in a record; None if it is rejected, and well."""
    record = Record("t", 0, 0, None, data, timestamp_ms)
    try:
        return decode_record(record, decode, DAY_S, NOW_MS)
    except RejectedEvent as error:
        check_rejection(record, error)
        return None


def check_rejection(record: Record, error: RejectedEvent) -> None:
    """Fails if a dead letter can't hold the reason, or a person can't see it."""
    assert error.path.startswith("$"), f"{error.path!r} is no JSON path"
    assert error.reason, "a rejection without a reason"
    assert len(str(error)) < READABLE, f"{str(error)[:100]}... has {len(str(error))} characters"
    assert dead_letter_headers(DeadLetter(record, error.reason, error.path)), "no headers"
    assert marked(record.value or b"", error.path), "nothing to see"


def said(*deltas: Delta) -> Delta:
    """Facts of several events: each statement once, as they are stored by what they say; without what was left out."""
    merged = Delta()
    for delta in deltas:
        merge(merged, delta)
    stated = {dump_statement(one): one for one in merged.statements}
    return replace(merged, problems=[], statements=[stated[text] for text in sorted(stated)])


def check_laws(data: bytes, event: Event, other: Delta) -> Delta:
    """The event's facts, after a look at the laws: they are the same again, and joining knows no order or number."""
    facts = fold(event, RULES)
    assert fold(decode(data), RULES) == facts, "the same document says something else when it is folded again"
    assert said(facts, facts) == said(facts), "merging an event twice is not the same as merging it once"
    assert said(facts, other) == said(other, facts, other), "the order of two events makes a difference"
    for problem in facts.problems:
        assert problem.path.startswith("$"), f"{problem} has no JSON path"
        assert problem.reason, f"{problem} has no reason"
        assert len(problem.path) < READABLE, f"{problem.path[:100]}... has {len(problem.path)} characters"
    return facts


def weigh(data: bytes) -> None:
    """Fails if a document takes memory out of proportion."""
    tracemalloc.start()
    try:
        event = accepted(data)
        if event is not None:
            fold(event, RULES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024 + 400 * len(data), f"{len(data)} bytes took {peak} bytes of memory"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(SHARES))
def test_mutated_events_are_folded_or_rejected(seed: int) -> None:
    """Whatever happened to an event, only a rejection is raised, in bounded time and memory, and the laws hold."""
    mutator = Mutator(seed, sample())
    began, taken, other = resident(), 0, Delta()
    for number, data in enumerate(mutator.documents(COUNT // SHARES)):
        before = time.thread_time()
        try:
            event = accepted(data, TIMESTAMPS[number % len(TIMESTAMPS)])
            if event is not None:
                other = check_laws(data, event, other)
                taken += 1
            if number % WEIGHED == 0:
                weigh(data)
        except Exception as error:
            error.add_note(f"seed {seed}, document {number}: {data[:200]!r}...")
            raise
        spent = time.thread_time() - before
        assert spent < MOST_CPU_S, f"seed {seed}, document {number} of {len(data)} bytes took {spent:.1f} s"
        assert resident() - began < MOST_GROWTH, f"seed {seed}: memory grew too much by document {number}"
    assert COUNT // SHARES * 0.2 < taken < COUNT // SHARES * 0.9, (
        f"{taken} accepted: the mutations are too wild or tame"
    )


@pytest.mark.timeout(3600)
def test_what_is_accepted_is_written() -> None:
    """The graph takes the facts of every event that decodes, in bounded memory, and its export is JSON."""
    began = resident()
    store = SqliteStore(Path(":memory:"))
    writer, batch = GraphWriter(store), Delta()
    for number, data in enumerate(Mutator(SHARES, sample()).documents(COUNT // 10)):
        if (event := accepted(data)) is not None:
            merge(batch, fold(event, RULES))
        if number % 100 == 99:
            writer.apply(batch)
            batch = Delta()
            assert resident() - began < MOST_GROWTH, f"memory grew too much by document {number}"
    writer.apply(batch)
    exported = export_json.document(store)
    store.close()
    assert export_json.to_json(exported).startswith(b"{"), "an export that is no JSON"
    assert exported["datasets"], "nothing was written"


def test_large_facets_are_not_hoarded() -> None:
    """Facets of half a megabyte, each another one, pass through without staying."""
    began = resident()
    for number in range(400):
        columns = [{"name": "c", "type": "varchar", "description": f"{number:05}" * 100_000}]
        event = run_event("COMPLETE", 1, outputs=[dataset("wide", schema={"fields": columns})])
        fold(decode_document(event), RULES)
    grown = resident() - began
    assert grown < 200 * 1024 * 1024, f"{grown} bytes more are held"
