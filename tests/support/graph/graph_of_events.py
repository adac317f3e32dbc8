"""Graphs for tests: made from lists of event documents, exported, compared."""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from consumer.graph import format_version, ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore, Properties
from consumer.lineage.exposures import KIND
from consumer.lineage.facts.delta import Delta
from consumer.lineage.folding.fold import Folder
from consumer.lineage.identity import NO_RULES, IdentityRules
from consumer.projection.graph_writer import GraphWriter
from consumer.render import export_json
from schemas.lazy_decode import decode_lazily

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def sample(*names: str) -> list[Any]:
    """The recorded events of files in tests/data/samples, given without `.jsonl`; of all files if none is named."""
    files = [SAMPLES / f"{name}.jsonl" for name in names] or sorted(SAMPLES.glob("*.jsonl"))
    return [orjson.loads(line) for file in files for line in file.read_bytes().splitlines() if line.strip()]


def folded(documents: Iterable[Any], rules: IdentityRules = NO_RULES) -> Delta:
    """One delta of a batch of documents, read and folded as the service does it, with what it keeps of earlier ones."""
    return folder(rules).fold([decode_lazily(orjson.dumps(document)) for document in documents]).delta


@lru_cache(maxsize=16)
def folder(rules: IdentityRules) -> Folder:
    """The folder of some rules; one for all tests, so that bodies come again."""
    return Folder(rules)


def write(store: GraphStore, batches: Iterable[Sequence[Any]], rules: IdentityRules = NO_RULES) -> None:
    """Writes batches of documents, as one writer that opened the graph for writing."""
    format_version.claim(store)
    writer = GraphWriter(store, rules=rules)
    for batch in batches:
        writer.apply(folded(batch, rules))


def exported(store: GraphStore) -> bytes:
    """The export of a graph as bytes."""
    return export_json.to_json(export_json.document(store))


def whole(store: GraphStore) -> bytes:
    """The graph as bytes: the export, and what only other formats have."""
    return export_json.to_json({**export_json.document(store), **exposed(store)})


def exposed(store: GraphStore) -> dict[str, list[Any]]:
    """The exposures of a graph, and the edges to them with what they say."""
    vertices = [vertex.id for vertex in store.vertices(schema.NODE) if vertex.properties.get("kind") == KIND]
    edges = [edge for edge in store.edges(schema.EDGE) if "job" not in edge.properties]
    return {
        "exposures": sorted(ids.parse(id_)[1:] for id_ in vertices),
        "exposure_edges": sorted(
            [ids.parse(edge.source)[1:], ids.parse(edge.target)[1:], *said_of(edge.properties)] for edge in edges
        ),
    }


def said_of(edge: Properties) -> list[str]:
    """What an edge to an exposure says of it."""
    return [str(edge.get(key) or "") for key in ("type", "url", "owner")]


def embedded(batches: Iterable[Sequence[Any]], rules: IdentityRules = NO_RULES) -> bytes:
    """The export of the graph that batches make in the embedded store."""
    return _made(batches, rules, exported)


def embedded_whole(batches: Iterable[Sequence[Any]], rules: IdentityRules = NO_RULES) -> bytes:
    """The graph that batches make in the embedded store, as `whole` has it."""
    return _made(batches, rules, whole)


def _made(batches: Iterable[Sequence[Any]], rules: IdentityRules, as_bytes: Callable[[GraphStore], bytes]) -> bytes:
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, batches, rules)
        return as_bytes(store)


def shuffled(documents: Sequence[Any], seed: int, size: int) -> list[list[Any]]:
    """Documents in another order, a third of them twice, in batches of at most `size`."""
    rng = random.Random(seed)
    found = [*documents, *(document for document in documents if rng.random() < 1 / 3)]
    rng.shuffle(found)
    batches: list[list[Any]] = []
    while found:
        count = rng.randint(1, size)
        batches.append(found[:count])
        del found[:count]
    return batches


def difference(found: bytes, expected: bytes) -> str:
    """What differs between two exports, as a unified diff; empty where nothing does."""
    lines = difflib.unified_diff(expected.decode().split("\n"), found.decode().split("\n"), lineterm="", n=6)
    return "\n".join(lines)
