"""Facets of jobs and runs, and facets that datasets share: documentation, owners, tags."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator

from schemas.facets.base import Facet, Label, Many, Name, Part
from schemas.facets.lineage_facets import RunId
from schemas.timestamps import canonical_time

Time = Annotated[str, AfterValidator(canonical_time)]
"""A canonical timestamp, see `schemas.timestamps`."""


def _no_empty(value: object) -> object:
    return None if value == "" else value


class JobTypeJobFacet(Facet):
    """The kind of a job.

    Attributes:
        processing_type: BATCH or STREAMING.
        integration: The tool, such as DBT or SPARK.
        job_type: The tool's own kind, such as MODEL, TEST or JOB.
    """

    key: ClassVar[str] = "jobType"
    processing_type: Label | None = None
    integration: Label | None = None
    job_type: Label | None = None


class SQLJobFacet(Facet):
    """The SQL query of a job."""

    key: ClassVar[str] = "sql"
    query: str
    dialect: Label | None = None


class RetiredJobFacet(Facet):
    """Says that the job is no longer there, as of its event; a later run or JobEvent of the job brings it back."""

    key: ClassVar[str] = "headwater_retired"
    reason: Label | None = None


class SourceCodeLocationJobFacet(Facet):
    """The location of a job's code."""

    key: ClassVar[str] = "sourceCodeLocation"
    url: str
    type: Label | None = None
    repo_url: str | None = None
    path: str | None = None
    version: Label | None = None
    tag: Label | None = None
    branch: Label | None = None
    pull_request_number: Label | None = None


class DocumentationFacet(Facet):
    """The description of a job or a dataset."""

    key: ClassVar[str] = "documentation"
    description: str | None = None
    content_type: str | None = None


class Owner(Part):
    """An owner and the type of ownership."""

    name: Name
    type: Label | None = None


class OwnershipFacet(Facet):
    """The owners of a job or a dataset."""

    key: ClassVar[str] = "ownership"
    owners: Many[Owner] = ()


class Tag(Part):
    """A tag; with a `field`, a tag of that column."""

    key: Name
    value: str | None = None
    source: str | None = None
    field: str | None = None


class TagsFacet(Facet):
    """The tags of a run, a job or a dataset."""

    key: ClassVar[str] = "tags"
    tags: Many[Tag] = ()


class RunReference(Part):
    """A reference to a run by id."""

    run_id: RunId


class JobReference(Part):
    """A reference to a job by name."""

    namespace: Name
    name: Name


class RootRun(Part):
    """The topmost ancestor of a run, and its job."""

    run: RunReference
    job: JobReference


class ParentRunFacet(Facet):
    """The run that started this one."""

    key: ClassVar[str] = "parent"
    run: RunReference
    job: JobReference
    root: RootRun | None = None


class ErrorMessageRunFacet(Facet):
    """The error of a failed run."""

    key: ClassVar[str] = "errorMessage"
    message: str
    programming_language: Label | None = None
    stack_trace: str | None = None


class SkippedRunFacet(Facet):
    """The mark of a run that its tool skipped: nothing was executed, as what the reason names had failed before."""

    key: ClassVar[str] = "headwater_skipped"
    reason: Name


class SparkExceptionRunFacet(Facet):
    """The error of a failed Spark run; openlineage-spark emits this facet instead of OpenLineage's own."""

    key: ClassVar[str] = "spark.exception"
    message: str | None = None
    stack_trace: str | None = None


class NominalTimeRunFacet(Facet):
    """The nominal time interval of a run, in canonical timestamps; the end is exclusive."""

    key: ClassVar[str] = "nominalTime"
    nominal_start_time: Time
    nominal_end_time: Annotated[Time | None, BeforeValidator(_no_empty)] = None


class ProcessingEngineRunFacet(Facet):
    """The engine that executed a run, and its version."""

    key: ClassVar[str] = "processing_engine"
    version: Label | None = None
    name: Label | None = None
    openlineage_adapter_version: Label | None = None
