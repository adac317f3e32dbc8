"""Facets of jobs and runs, and those that datasets have too: documentation, owners, tags."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator

from schemas.facets.base import Facet, Label, Many, Name, Part
from schemas.facets.lineage_facets import RunId
from schemas.timestamps import canonical_time

Time = Annotated[str, AfterValidator(canonical_time)]
"""A time in the one spelling of `schemas.timestamps`."""


def _no_empty(value: object) -> object:
    return None if value == "" else value


class JobTypeJobFacet(Facet):
    """What kind of job it is.

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
    """The query that the job is."""

    key: ClassVar[str] = "sql"
    query: str
    dialect: Label | None = None


class RetiredJobFacet(Facet):
    """Says that the job is no longer there, as of its event; a later run or JobEvent of the job brings it back."""

    key: ClassVar[str] = "headwater_retired"
    reason: Label | None = None


class SourceCodeLocationJobFacet(Facet):
    """Where the job's code is kept."""

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
    """What people have written about a job or a dataset."""

    key: ClassVar[str] = "documentation"
    description: str | None = None
    content_type: str | None = None


class Owner(Part):
    """Who answers for it, and as what."""

    name: Name
    type: Label | None = None


class OwnershipFacet(Facet):
    """Who answers for a job or a dataset."""

    key: ClassVar[str] = "ownership"
    owners: Many[Owner] = ()


class Tag(Part):
    """A tag; with a `field`, one of that column."""

    key: Name
    value: str | None = None
    source: str | None = None
    field: str | None = None


class TagsFacet(Facet):
    """The tags of a run, a job or a dataset."""

    key: ClassVar[str] = "tags"
    tags: Many[Tag] = ()


class RunReference(Part):
    """A run, by its id."""

    run_id: RunId


class JobReference(Part):
    """A job, by its name."""

    namespace: Name
    name: Name


class RootRun(Part):
    """The run that all began with, and its job."""

    run: RunReference
    job: JobReference


class ParentRunFacet(Facet):
    """The run that started this one."""

    key: ClassVar[str] = "parent"
    run: RunReference
    job: JobReference
    root: RootRun | None = None


class ErrorMessageRunFacet(Facet):
    """Why a run failed."""

    key: ClassVar[str] = "errorMessage"
    message: str
    programming_language: Label | None = None
    stack_trace: str | None = None


class SparkExceptionRunFacet(Facet):
    """Why a run of Spark failed; openlineage-spark has this facet in place of OpenLineage's own."""

    key: ClassVar[str] = "spark.exception"
    message: str | None = None
    stack_trace: str | None = None


class NominalTimeRunFacet(Facet):
    """When a run was meant to be: from, and up to but without, in canonical times."""

    key: ClassVar[str] = "nominalTime"
    nominal_start_time: Time
    nominal_end_time: Annotated[Time | None, BeforeValidator(_no_empty)] = None


class ProcessingEngineRunFacet(Facet):
    """What ran it, and in which version."""

    key: ClassVar[str] = "processing_engine"
    version: Label | None = None
    name: Label | None = None
    openlineage_adapter_version: Label | None = None
