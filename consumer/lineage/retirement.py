"""Events that retire a job or a dataset: what a deleted model leaves behind is no longer current.

Retiring is said by an event, so it reaches every store as other events do, in any order: through the topic, a replay, a
merge of graphs. A later event of the job or dataset brings it back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from consumer.lineage.facts.current import RETIRED
from consumer.lineage.facts.keys import JobName, spelled
from schemas.naming import DatasetName

PRODUCER = "urn:headwater:retire"
_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_OF_NODES = frozenset({"model", "seed", "snapshot", "test"})
"""Kinds of nodes of dbt that have jobs."""
_TESTS = ".test"
"""The end of the name of the job that stands for a model's tests."""


def of_job(job: JobName, time: str, reason: str = "") -> dict[str, Any]:
    """Returns the event that retires a job.

    Args:
        job: The job's key.
        time: As of when; what the job does later counts again.
        reason: Why; empty to leave it open.
    """
    facet: dict[str, Any] = {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}JobFacet"}
    if reason:
        facet["reason"] = reason
    return {
        "eventTime": time,
        "job": {"namespace": job.namespace, "name": job.name, "facets": {RETIRED: facet}},
        "producer": PRODUCER,
        "schemaURL": f"{_SPEC}JobEvent",
    }


def of_dataset(dataset: DatasetName, time: str) -> dict[str, Any]:
    """Returns the event that retires a dataset: it was dropped.

    Args:
        dataset: The dataset, under any of its names.
        time: As of when; a later write brings it back.
    """
    dropped = {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}DatasetFacet", "lifecycleStateChange": "DROP"}
    return {
        "eventTime": time,
        "dataset": {
            "namespace": dataset.namespace,
            "name": dataset.name,
            "facets": {"lifecycleStateChange": dropped},
        },
        "producer": PRODUCER,
        "schemaURL": f"{_SPEC}DatasetEvent",
    }


def deleted_nodes(jobs: Iterable[JobName], namespace: str, project: str, nodes: Collection[str]) -> Iterator[JobName]:
    """Yields the jobs of a dbt project whose nodes its manifest no longer has.

    Args:
        jobs: Jobs in the graph.
        namespace: The namespace of the project's jobs.
        project: The root project of the manifest.
        nodes: The unique ids of its nodes.
    """
    for job in jobs:
        root, _, unique_id = job.name.rpartition("/")
        parts = unique_id.split(".")
        if job.namespace != namespace or len(parts) < len(("model", "project", "name")) or parts[0] not in _OF_NODES:
            continue
        if spelled(root or parts[1]) == spelled(project) and unique_id.removesuffix(_TESTS) not in nodes:
            yield job
