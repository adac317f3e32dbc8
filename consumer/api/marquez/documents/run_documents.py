"""Runs as Marquez shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from consumer.api.marquez.documents.spelling import STATES, UNKNOWN_TIME, Document, dataset_version, name
from consumer.graph import facts_codec, ids
from consumer.graph.store import GraphStore
from consumer.graph.stored_facts import stored_facts
from consumer.lineage.facts.executions import CHECKSUM
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import RunKey
from consumer.lineage.facts.registers import Register, Registers, is_stored
from consumer.lineage.facts.run_facts import RunFacts
from consumer.query.catalog.datasets import texts_of
from consumer.query.runs import Run, all_fed_by
from schemas.naming import DatasetName

_EMPTY = RunFacts()

_KEPT_BESIDE = frozenset({"producer", CHECKSUM})
"""Registers of runs and jobs that are no facets; a checksum is not even JSON."""


def bare(run: Run) -> Document:
    """Returns a run without its facets and datasets, as lists of jobs and graphs have it."""
    duration = run.duration_s
    created = run.started_at or run.ended_at or UNKNOWN_TIME
    return {
        "id": run.key.id,
        "createdAt": created,
        "updatedAt": run.ended_at or created,
        "nominalStartTime": None,
        "nominalEndTime": None,
        "state": STATES.get(run.state, "NEW"),
        "startedAt": run.started_at or None,
        "endedAt": run.ended_at or None,
        "durationMs": None if duration is None else round(duration * 1000),
        "args": {},
        "jobVersion": None,
        "inputDatasetVersions": [],
        "outputDatasetVersions": [],
        "facets": {},
    }


def documents(store: GraphStore, runs: Sequence[Run]) -> list[Document]:
    """Returns runs with their facets and the versions of their datasets.

    Args:
        store: The graph.
        runs: Runs that were read in full.

    Raises:
        TransientError: The store can't serve now.
    """
    facts, fed = read_facts(store, [run.key for run in runs]), all_fed_by(store, runs)
    texts = texts_of(store, stored(register for one in facts.values() for register in one.facets.values()))
    return [_document(run, facts.get(run.key, _EMPTY), fed[run.key], texts) for run in runs]


def _document(run: Run, facts: RunFacts, fed: Mapping[DatasetName, Run], texts: Mapping[str, str]) -> Document:
    facets = as_facets(facts.facets, texts)
    nominal = facets.get("nominalTime", {})
    made = bare(run)
    return {
        **made,
        "updatedAt": facts.said_at or made["updatedAt"],
        "nominalStartTime": nominal.get("nominalStartTime"),
        "nominalEndTime": nominal.get("nominalEndTime"),
        "inputDatasetVersions": [
            _version(dataset, fed[dataset].key if dataset in fed else None) for dataset in run.inputs
        ],
        "outputDatasetVersions": [_version(dataset, run.key) for dataset in run.outputs],
        "facets": facets,
    }


def _version(dataset: DatasetName, run: RunKey | None) -> Document:
    return {"datasetVersionId": {**name(dataset), "version": dataset_version(dataset, run)}, "facets": {}}


def read_facts(store: GraphStore, keys: Collection[RunKey]) -> dict[RunKey, RunFacts]:
    """Reads the facts of runs.

    Raises:
        MissingText: The graph lacks a text that runs share.
        TransientError: The store can't serve now.
    """
    by_id = {ids.run(key): key for key in keys}
    known = store.read(list(by_id), facts_codec.KEYS) if by_id else {}
    found = stored_facts(store, {id_: properties for id_, properties in known.items() if "facts" in properties})
    return {by_id[id_]: facts_codec.load_run(one) for id_, one in found.items()}


def stored(registers: Iterable[Register]) -> list[str]:
    """Returns the references of texts that are stored apart."""
    return [register.ref for register in registers if is_stored(register.ref)]


def as_facets(registers: Registers, texts: Mapping[str, str]) -> dict[str, Any]:
    """Returns the facets that are in force, in the form of an event's.

    Args:
        registers: By facet.
        texts: The texts that are stored apart, by reference.
    """
    keys = sorted(registers.keys() - _KEPT_BESIDE)
    found = {key: facet_value(registers, key, lambda ref: texts.get(ref, "{}")) for key in keys}
    return {key: _parent(value) if key == "parent" else dict(value) for key, value in found.items() if value}


def _parent(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facet `parent` as events have it; the graph keeps it packed."""
    namespace, name_ = kept["job"]
    job = {"job": {"namespace": namespace, "name": name_}} if name_ else {}
    run = {"run": {"runId": kept["run"]}} if kept["run"] else {}
    root = {"root": {"run": {"runId": kept["root"]}}} if "root" in kept else {}
    return {**job, **run, **root}
