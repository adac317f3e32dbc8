"""Documents that are held as bytes are the same when they come back, and a writer with them writes the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.workload import Project
from consumer.graph import ids
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore, Properties
from consumer.lineage.folding.fold import Folder
from consumer.lineage.identity import NO_RULES
from consumer.projection import alias_sets, jobs, runs
from consumer.projection.blobs import BlobStore
from consumer.projection.documents.document_packing import DocumentPacking
from consumer.projection.documents.fact_document import FactDocument, absent
from consumer.projection.graph_writer import CACHED, Cached, GraphWriter
from consumer.projection.repository import FactRepository
from schemas.decode import decode
from schemas.naming import DatasetName

MODELS = 60
SMALL = Cached(*[1 << 17] * 5)
"""Caches in which some dozen documents are objects, and others are packed."""


def build(writer: GraphWriter, number: int) -> None:
    """Writes a build of the project, ten events at a time."""
    events = [decode(value) for _, value in Project("bench", MODELS).build(number)]
    for at in range(0, len(events), 10):
        writer.apply(Folder(NO_RULES).fold(events[at : at + 10]).delta)


@pytest.fixture(scope="module")
def built() -> Iterator[GraphStore]:
    """The graph of two builds of a project."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        writer = GraphWriter(store)
        build(writer, 0)
        build(writer, 1)
        yield store


@pytest.mark.parametrize(
    ("kind", "key_of"),
    [
        (jobs.KIND, ids.job_name),
        (jobs.OUTPUTS, ids.output_key),
        (jobs.GROUPS, ids.group_key),
        (alias_sets.KIND, lambda id_: DatasetName(*ids.parse(id_)[1:])),
        (runs.KIND, ids.run_key),
    ],
    ids=lambda one: getattr(one, "label", ""),
)
def test_documents_come_back(built: GraphStore, kind: Any, key_of: Any) -> None:
    """With all that they hold, also when they are packed a second time, after a change of stamps alone."""
    keys = [key_of(vertex.id) for vertex in built.vertices(kind.label)]
    found = FactRepository(built, kind, 1 << 20, BlobStore(built, 1 << 20)).read(keys)
    packing: DocumentPacking[Any, Any] = DocumentPacking(kind)
    assert len(found) >= MODELS
    for document in found.values():
        again = unpacked(packing, document)
        assert again._replace(packed=b"") == document
        later = again._replace(token="9.later")
        assert unpacked(packing, later) == later


def unpacked(packing: DocumentPacking[Any, Any], document: FactDocument[Any]) -> FactDocument[Any]:
    """The document when it comes back."""
    packed = packing.pack(document)
    assert packed is not None
    return packing.unpack(packed)


def test_one_that_is_not_there_comes_back() -> None:
    """That a document is not in the store is kept, too."""
    packing = DocumentPacking(jobs.KIND)
    assert unpacked(packing, absent(jobs.KIND)) == absent(jobs.KIND)


def test_one_of_an_older_format_is_read_again() -> None:
    """Packing leaves it out: it has no stamps, and has to be written as a whole when it changes."""
    old = FactDocument("1.old", jobs.KIND.empty, size=1_000)
    assert DocumentPacking(jobs.KIND).pack(old) is None


def test_small_caches_write_the_same() -> None:
    """Documents are written as without packing, however they were held meanwhile."""
    found: list[dict[str, Properties]] = []
    for cached in (CACHED, SMALL):
        with closing(SqliteStore(Path(":memory:"))) as store:
            writer = GraphWriter(store, cached)
            for number in range(4):
                build(writer, number)
            labels = (jobs.KIND.label, jobs.OUTPUTS.label, alias_sets.KIND.label)
            found.append({vertex.id: vertex.properties for label in labels for vertex in store.vertices(label)})
    assert len(found[0]) >= 3 * MODELS
    assert found[0] == found[1]
