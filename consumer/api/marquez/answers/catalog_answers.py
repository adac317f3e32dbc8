"""Answers about namespaces, datasets, sources and tags."""

from __future__ import annotations

from consumer.api.marquez.asked import Asked
from consumer.api.marquez.documents import column_graph, dataset_documents, run_documents
from consumer.api.marquez.documents.spelling import UNKNOWN_TIME, Document, dataset_version
from consumer.api.marquez.lookup import dataset_of
from consumer.api.marquez.refusals import missing
from consumer.query.catalog.versions import versions
from consumer.query.runs import Run
from schemas.naming import DatasetName

MOST_VERSIONS = 1_000
"""Versions among which one is looked for."""


def _namespace_document(name_: str) -> Document:
    return {
        "name": name_,
        "createdAt": UNKNOWN_TIME,
        "updatedAt": UNKNOWN_TIME,
        "ownerName": "anonymous",
        "description": None,
        "isHidden": False,
    }


def namespaces(asked: Asked) -> Document:
    """Lists the namespaces of datasets and jobs."""
    page = asked.query.page()
    return {"namespaces": [_namespace_document(one) for one in asked.names.namespaces[page.offset : page.end]]}


def in_namespace(asked: Asked) -> str:
    """Returns the namespace of a request.

    Raises:
        Problem: Nothing in the graph has it.
    """
    space = asked.parts[0]
    if space not in asked.names.datasets and space not in asked.names.jobs:
        raise missing("Namespace", space)
    return space


def namespace(asked: Asked) -> Document:
    """Returns one namespace."""
    return _namespace_document(in_namespace(asked))


def datasets(asked: Asked) -> Document:
    """Lists the datasets of a namespace."""
    page, space = asked.query.page(), in_namespace(asked)
    listed = asked.names.datasets.get(space, ())
    shown = [DatasetName(space, one) for one in listed[page.offset : page.end]]
    known = dataset_documents.read_nodes(asked.store, shown)
    in_order = {one: known[one] for one in shown if one in known}
    return {"totalCount": len(listed), "datasets": dataset_documents.documents(asked.store, in_order)}


def _dataset(asked: Asked) -> DatasetName:
    named = DatasetName(*asked.parts[:2])
    found = dataset_of(asked.store, [named])
    if found is None:
        raise missing("Dataset", named.name)
    return found


def dataset(asked: Asked) -> Document:
    """Returns one dataset with the lineage of its columns."""
    found = _dataset(asked)
    made = dataset_documents.documents(asked.store, dataset_documents.read_nodes(asked.store, [found]))
    return {**made[0], "columnLineage": column_graph.of_dataset(asked.store, found)}


def _version_document(made: Document, dataset_: DatasetName, run: Run | None) -> Document:
    keys = ("type", "name", "physicalName", "namespace", "sourceName", "fields", "tags", "description", "facets")
    return {
        "id": made["id"],
        **{key: made[key] for key in keys},
        "createdAt": made["createdAt"] if run is None else run.ended_at,
        "version": dataset_version(dataset_, None if run is None else run.key),
        "lifecycleState": made["lastLifecycleState"] or None,
        "currentSchemaVersion": None,
        "createdByRun": None if run is None else run_documents.bare(run),
    }


def _versions(asked: Asked, most: int) -> tuple[list[Document], int]:
    found = _dataset(asked)
    made = dataset_documents.documents(asked.store, dataset_documents.read_nodes(asked.store, [found]))[0]
    runs, total = versions(asked.store, found, most)
    if not runs:
        return [_version_document(made, found, None)], 1
    return [_version_document(made, found, run) for run in runs], total


def dataset_versions(asked: Asked) -> Document:
    """Lists the versions of a dataset, newest first: one for each completed run that wrote it."""
    page = asked.query.page()
    found, total = _versions(asked, page.end)
    return {"versions": found[page.offset : page.end], "totalCount": total}


def dataset_version_of(asked: Asked) -> Document:
    """Returns one version of a dataset."""
    version = asked.parts[2]
    found, _ = _versions(asked, MOST_VERSIONS)
    one = next((one for one in found if one["version"] == version), None)
    if one is None:
        raise missing("Dataset version", version)
    return one


def _source(space: str) -> Document:
    scheme, separator, _ = space.partition("://")
    return {
        "type": scheme.upper() if separator else space.partition(":")[0].upper(),
        "name": space,
        "createdAt": UNKNOWN_TIME,
        "updatedAt": UNKNOWN_TIME,
        "connectionUrl": space,
        "description": None,
    }


def sources(asked: Asked) -> Document:
    """Lists the sources of data: the namespaces of datasets."""
    page = asked.query.page()
    listed = sorted(asked.names.datasets)[page.offset : page.end]
    return {"sources": [_source(space) for space in listed]}


def source(asked: Asked) -> Document:
    """Returns one source."""
    if asked.parts[0] not in asked.names.datasets:
        raise missing("Source", asked.parts[0])
    return _source(asked.parts[0])


def tags(asked: Asked) -> Document:
    """Lists the tags of datasets and columns."""
    page = asked.query.page()
    listed = asked.remembered.tags.get(asked.store)[page.offset : page.end]
    return {"tags": [{"name": tag, "description": None} for tag in listed]}
