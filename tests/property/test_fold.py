"""Folding many events at once, with what was kept of earlier ones, states what the events state one by one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.lineage.facts.delta import Delta, merge
from consumer.lineage.folding.fold import Folder, fold
from consumer.lineage.identity import NO_RULES, IdentityRules
from schemas.decode import decode
from schemas.errors import RejectedEvent
from schemas.events import Event
from schemas.lazy_decode import decode_lazily
from tests.support.events.event_strategies import events
from tests.support.events.mutations import Mutator
from tests.support.graph.example_graphs import GLUE, REDSHIFT
from tests.support.graph.graph_of_events import shuffled

DATA = Path(__file__).parents[1] / "data"
RECORDED = [
    line
    for folder in ("samples", "producers")
    for path in sorted((DATA / folder).glob("*.jsonl"))
    for line in path.read_bytes().splitlines()
    if line.strip()
]
RULES = IdentityRules.of([[f"{GLUE}/imdb_stg", f"{REDSHIFT}/dev.imdb_stg"]], by_table_name=True)


def one_by_one(documents: Iterable[bytes], rules: IdentityRules) -> Delta:
    """The facts of each event, folded by itself, joined."""
    delta = Delta()
    for document in documents:
        merge(delta, fold(decode(document), rules))
    return delta


def normalized(delta: Delta) -> Delta:
    """A delta in which the order of what was left out makes no difference."""
    return replace(delta, problems=sorted(delta.problems))


def read(documents: Iterable[bytes]) -> list[Event]:
    """The events of documents."""
    return [decode_lazily(document) for document in documents]


@settings(max_examples=100, deadline=None)
@given(events(), st.integers(0, 2**32))
def test_at_once_as_one_by_one(documents: list[Any], seed: int) -> None:
    """Cut into any batches, and again by the same folder."""
    folder = Folder(NO_RULES)
    for turn in range(2):
        for batch in shuffled(documents, seed + turn, 6):
            data = [orjson.dumps(document) for document in batch]
            assert normalized(folder.fold(read(data)).delta) == normalized(one_by_one(data, NO_RULES))


@pytest.mark.parametrize("kept", [100_000, 32_000_000])
def test_recorded_events(kept: int) -> None:
    """Of every producer, in any order, whatever is kept."""
    folder, chance = Folder(RULES, kept), random.Random(kept)
    lines = RECORDED + RECORDED[::3]
    chance.shuffle(lines)
    while lines:
        batch = [lines.pop() for _ in range(min(len(lines), chance.randint(1, 200)))]
        assert normalized(folder.fold(read(batch)).delta) == normalized(one_by_one(batch, RULES))


def test_mutated_events() -> None:
    """With anything wrong in them."""
    folder, batch = Folder(RULES), list[bytes]()
    recorded: Sequence[Any] = [orjson.loads(line) for line in RECORDED]
    for number, data in enumerate(Mutator(7, list(recorded)).documents(600)):
        try:
            decode(data)
        except RejectedEvent:
            continue
        batch += [data] * (1 + number % 3)
        if number % 10 == 9:
            assert normalized(folder.fold(read(batch)).delta) == normalized(one_by_one(batch, RULES))
            batch.clear()
