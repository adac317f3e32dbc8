"""dbt's own facets, as openlineage-dbt 1.54 makes them (its module `openlineage.common.provider.dbt.facets`).

All of them are in dbt's words, with underscores in the events too.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from schemas.facets.base import Facet, Many, Name, Part

_UNDERSCORES = ConfigDict(alias_generator=None)


class DbtNodeJobFacet(Facet):
    """The node of dbt's manifest that a job builds or tests.

    Attributes:
        unique_id: Such as `model.imdb.titles`: the one name that a model has in every way to run it.
        original_file_path: From the project's folder.
        test_type: `generic` or `singular`, of a test.
        root_project: The project that is run, where the node is of another package; Headwater's own addition.
        checksum: dbt's checksum of the node's code; Headwater's own addition.
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
    """The invocation of dbt that a run is a part of."""

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
    """A model's resolved configuration; `incremental` as dbt has it, for incremental models only."""

    model_config = _UNDERSCORES
    materialized: str | None = None
    access: str | None = None
    owner: str | None = None
    group: str | None = None
    incremental: dict[str, Any] | None = None


class DbtModelDatasetFacet(Facet):
    """How dbt makes a dataset."""

    model_config = _UNDERSCORES
    key: ClassVar[str] = "dbt_model"
    config: DbtModelConfig | None = None


class DbtExposure(Part):
    """What people use a dataset for: a dashboard, a notebook; the owner is Headwater's own addition."""

    model_config = _UNDERSCORES
    unique_id: str | None = None
    name: str | None = None
    type: str | None = None
    url: str | None = None
    owner: str | None = None


class DbtExposuresDatasetFacet(Facet):
    """The exposures of dbt that use a dataset."""

    model_config = _UNDERSCORES
    key: ClassVar[str] = "dbt_exposures"
    exposures: Many[DbtExposure] = ()
