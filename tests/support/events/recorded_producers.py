"""Recorded events of real producers, and the graphs that they come to, in short names."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from consumer.graph import ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.facts.delta import Delta, merge
from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_writer import GraphWriter
from consumer.render import export_json
from schemas.decode import decode
from schemas.naming import DatasetName, last_part

PRODUCERS = Path(__file__).parents[2] / "data" / "producers"
NO_RULES = IdentityRules.of()

Named = Callable[[str, str], str]


def short(namespace: str, name: str) -> str:
    """What people call a dataset."""
    return last_part(DatasetName(namespace, name))


class Producer:
    """The graph of one file of recorded events.

    Args:
        file: The file's name, without `.jsonl`.
        named: What a dataset is called in the test.
        shuffle: A seed, for another order of the events; None for their own.
    """

    def __init__(self, file: str, named: Named = short, shuffle: int | None = None) -> None:
        lines = (PRODUCERS / f"{file}.jsonl").read_bytes().splitlines()
        if shuffle is not None:
            random.Random(shuffle).shuffle(lines)
        self._named = named
        self.delta = Delta()
        for line in lines:
            merge(self.delta, fold(decode(line), NO_RULES))
        store = SqliteStore(Path(":memory:"))
        try:
            GraphWriter(store).apply(self.delta)
            self.graph: dict[str, Any] = orjson.loads(export_json.to_json(export_json.document(store)))
            self._column_edges = list(store.edges(schema.COLUMN_EDGE))
        finally:
            store.close()

    @property
    def datasets(self) -> set[str]:
        """All datasets."""
        return {self._named(one["namespace"], one["name"]) for one in self.graph["datasets"]}

    @property
    def edges(self) -> set[tuple[str, str]]:
        """Dataset edges."""
        return {(self._named(*source), self._named(*target)) for source, target, _ in self.graph["dataset_edges"]}

    @cached_property
    def columns(self) -> set[tuple[str, str]]:
        """Column edges, each as two `table.column`."""
        return {
            (f"{self._named(*source[:2])}.{source[2]}", f"{self._named(*target[:2])}.{target[2]}")
            for source, target, _ in self.graph["column_edges"]
        }

    def kinds(self, source: str, target: str) -> set[str]:
        """Whether a column, as `table.column`, is made from another one, is influenced by it, or both."""
        return {
            kind.partition("/")[0]
            for edge in self._column_edges
            if (self._column(edge.source), self._column(edge.target)) == (source, target)
            for kind in str(edge.properties["transformations"]).split(",")
        }

    def _column(self, id_: str) -> str:
        _, namespace, name, column = ids.parse(id_)
        return f"{self._named(namespace, name)}.{column}"

    def states(self, job: str) -> set[str]:
        """The states of the runs of a job."""
        return {run["state"] for run in self.graph["runs"] if run["job"] and run["job"][1] == job}

    def schema(self, table: str) -> set[str]:
        """The columns of a dataset."""
        return {
            column["name"]
            for one in self.graph["datasets"]
            if self._named(one["namespace"], one["name"]) == table
            for column in one["columns"]
        }
