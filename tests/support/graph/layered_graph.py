"""Graphs of any size, shaped like a dbt project: layers of models, all of them downstream of one source."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from consumer.graph import format_version
from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.facts.delta import Delta, merge
from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import NO_RULES
from consumer.projection.graph_writer import GraphWriter
from schemas.decode import decode_document
from tests.support.graph.example_graphs import Name, job, table

SOURCE = "dev.raw.hub"
"""The source that everything is made from."""
_BATCH = 2_000


def model(number: int) -> Name:
    """The table of a model."""
    return table(f"model_{number:05}")


def events(models: int, layers: int) -> Iterator[dict[str, Any]]:
    """The events of a project; each model reads one to three of the layer before that stand near."""
    width = max(1, models // layers)
    for number in range(models):
        chance = random.Random(number)
        at, before = number % width, number // width - 1
        if before < 0:
            yield job(model(number), table("hub", "raw"))
            continue
        places = {at} | {(at + chance.randrange(-3, 4)) % width for _ in range(chance.choice((0, 0, 1, 2)))}
        yield job(model(number), *(model(before * width + place) for place in sorted(places)))


def fill(file: Path, models: int, layers: int = 10) -> None:
    """Writes the graph of such a project into a new file."""
    with closing(SqliteStore(file)) as store:
        format_version.claim(store)
        writer = GraphWriter(store, rules=NO_RULES)
        remaining = events(models, layers)
        while batch := list(islice(remaining, _BATCH)):
            delta = Delta()
            for event in batch:
                merge(delta, fold(decode_document(event), NO_RULES))
            writer.apply(delta)
