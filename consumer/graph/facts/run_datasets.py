"""Datasets of runs that are stored apart from the run, each in a vertex of its own: a stream may name ever new ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore
from consumer.graph.stored_facts import unpacked
from consumer.lineage.facts.keys import RunKey
from consumer.lineage.facts.processing import has_datasets_apart
from consumer.lineage.facts.run_facts import RunDataset, RunFacts, with_datasets
from schemas.naming import DatasetName


def datasets_apart(store: GraphStore, runs: Collection[RunKey]) -> dict[RunKey, dict[DatasetName, RunDataset]]:
    """Returns the datasets that runs have apart.

    Raises:
        TransientError: The store can't serve now.
    """
    found: defaultdict[RunKey, dict[DatasetName, RunDataset]] = defaultdict(dict)
    edges = store.edges_at([ids.run(run) for run in runs], schema.RUN_DATASET_OF, "in") if runs else ()
    stored = store.read([edge.source for edge in edges], facts_codec.KEYS) if edges else {}
    for id_, properties in stored.items():
        run, name = ids.run_dataset_key(id_)
        found[run][name] = facts_codec.load_run_dataset(unpacked(properties))
    return found


def whole_runs(store: GraphStore, facts: Mapping[RunKey, RunFacts]) -> dict[RunKey, RunFacts]:
    """Returns the facts of runs with all of their datasets.

    Raises:
        TransientError: The store can't serve now.
    """
    apart = datasets_apart(store, [run for run, one in facts.items() if has_datasets_apart(one)])
    return {run: with_datasets(one, apart[run]) if run in apart else one for run, one in facts.items()}


def finite_runs(store: GraphStore, facts: Mapping[RunKey, RunFacts]) -> dict[RunKey, RunFacts]:
    """Returns the facts of runs, with all datasets of those that are no streams by their own events.

    Raises:
        TransientError: The store can't serve now.
    """
    return {**facts, **whole_runs(store, {run: one for run, one in facts.items() if one.snapshot is None})}
