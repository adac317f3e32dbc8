"""The facets that are read of an event; all others say nothing to a graph, and are not kept while an event waits."""

from __future__ import annotations

from typing import Any, Final, cast

from schemas.events import Body, DatasetEvent, Event, Facets, RunEvent
from schemas.facets import dataset_facets, dbt_facets, job_facets, lineage_facets  # noqa: F401 -- their views are what is known
from schemas.facets.base import Facet

CATALOG: Final = "catalog"
"""The facet that names the format of a table's catalog; the fold reads one key of it, without a view."""

EXTRACTION_ERROR: Final = "extractionError"
"""The facet of a run whose extractor failed; that it is there is all that is read of it."""

READ: Final = frozenset(view.key for view in Facet.__subclasses__()) | {CATALOG, EXTRACTION_ERROR}
"""The facets that have a typed view, and those that are read without one."""

KNOWN_FACETS: Final = READ | {
    "dataQualityMetrics",
    "datasetType",
    "dbt_version",
    "environmentVariables",
    "executionParameters",
    "externalQuery",
    "hierarchy",
    "inputStatistics",
    "jobDependencies",
    "sourceCode",
    "subset",
    "test",
}
"""The facets that are read, OpenLineage's others, and dbt-ol's: none of them is a misspelt name of another."""


def drop_unread(event: Event) -> Event:
    """Returns the event, in place, without facets that nothing reads."""
    if isinstance(event, DatasetEvent):
        _drop(event.dataset.facets)
        return event
    if isinstance(event, RunEvent):
        _drop(event.run.facets)
    drop_unread_of(event.body)
    return event


def drop_unread_of(body: Body) -> Body:
    """Returns the body, in place, without facets that nothing reads."""
    _drop(body.job.facets)
    for read in body.inputs:
        _drop(read.facets)
        _drop(read.input_facets)
    for written in body.outputs:
        _drop(written.facets)
        _drop(written.output_facets)
    return body


def _drop(facets: Facets) -> None:
    for name in facets.keys() - READ:
        del cast("dict[str, Any]", facets)[name]
