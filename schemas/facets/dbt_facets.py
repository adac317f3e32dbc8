"""dbt's own facets, as openlineage-dbt 1.54 emits them (its module `openlineage.common.provider.dbt.facets`).

Their keys are dbt's names, in snake case also in the events.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from schemas.facets.base import Facet, Many, Name, Part

_UNDERSCORES = ConfigDict(alias_generator=None)


class DbtNodeJobFacet(Facet):
    """The node of dbt's manifest that a job builds or tests.

    Attributes:
        unique_id: dbt's id, such as `model.imdb.titles`, which does not depend on how the model is run.
        original_file_path: Path relative to the project's folder.
        test_type: `generic` or `singular`, for a test.
        root_project: The invoked project, if the node is of another package; added by Headwater.
        checksum: dbt's checksum of the node's code; added by Headwater.
    """

    model_config = _UNDERSCORES
    key: ClassVar[str] = "dbt_node"
    unique_id: Name | None = None
    original_file_path: str | None = None
    database: str | None = None
    schema_: str | None = Field(None, alias="schema")
    alias: str | None = None
    test_type: str | None = None
    root_project: str | None = None
    checksum: str | None = None


class DbtRunRunFacet(Facet):
    """The dbt invocation of a run."""

    model_config = _UNDERSCORES
    key: ClassVar[str] = "dbt_run"
    invocation_id: Name
    project_name: str | None = None
    project_version: str | None = None
    profile_name: str | None = None
    dbt_runtime: str | None = None
    account_id: str | None = None
    full_refresh: bool | None = None


class DbtModelConfig(Part):
    """The resolved configuration of a model; `incremental` is set for incremental models only."""

    model_config = _UNDERSCORES
    materialized: str | None = None
    access: str | None = None
    owner: str | None = None
    group: str | None = None
    incremental: dict[str, Any] | None = None


class DbtModelDatasetFacet(Facet):
    """The configuration of the dbt model that writes a dataset."""

    model_config = _UNDERSCORES
    key: ClassVar[str] = "dbt_model"
    config: DbtModelConfig | None = None


class DbtExposure(Part):
    """A use of a dataset, such as a dashboard or a notebook; the owner is added by Headwater."""

    model_config = _UNDERSCORES
    unique_id: str | None = None
    name: str | None = None
    type: str | None = None
    url: str | None = None
    owner: str | None = None


class DbtExposuresDatasetFacet(Facet):
    """The dbt exposures that use a dataset."""

    model_config = _UNDERSCORES
    key: ClassVar[str] = "dbt_exposures"
    exposures: Many[DbtExposure] = ()
