"""Facets of datasets: what a table is, where it is, what was seen of it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.facets.base import Facet, Many, Name, Part, length
from schemas.limits import MAX_COLUMNS, MAX_SYMLINKS, bounded


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _known_count(value: object) -> object:
    """None for a negative count, which is how database drivers say that they do not know."""
    return None if isinstance(value, int | float) and value < 0 else value


Count = Annotated[int, Field(lt=1 << 63)]
MaybeCount = Annotated[Count | None, BeforeValidator(_known_count)]


class SchemaField(Part):
    """A column, or a field of a nested one.

    Attributes:
        name: As the source spells it.
        type: In the source's own words, such as `varchar(16)`.
        ordinal_position: From 1, where the producer tells.
        fields: What a struct, an array or a map is made of.
    """

    name: Name
    type: str | None = None
    description: str | None = None
    ordinal_position: int | None = Field(None, alias="ordinal_position")
    fields: Many[SchemaField] = ()


class SchemaDatasetFacet(Facet):
    """The columns of a dataset."""

    key: ClassVar[str] = "schema"
    fields: Many[SchemaField] = ()

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        bounded(_columns(raw), MAX_COLUMNS, "columns, with those of nested fields")
        return raw


def _columns(raw: object) -> int:
    """How many fields there are in an object that has some, and in these."""
    fields = raw.get("fields") if isinstance(raw, dict) else None
    return len(fields) + sum(map(_columns, fields)) if isinstance(fields, list) else 0


class Symlink(Part):
    """Another name of a dataset."""

    namespace: Name
    name: Name
    type: str | None = None


class SymlinksDatasetFacet(Facet):
    """Other names of the same dataset."""

    key: ClassVar[str] = "symlinks"
    identifiers: Many[Symlink] = ()

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        bounded(length(raw, "identifiers"), MAX_SYMLINKS, "symlinks of one dataset")
        return raw


class DatasourceDatasetFacet(Facet):
    """The database that a dataset is in."""

    key: ClassVar[str] = "dataSource"
    name: str | None = None
    uri: str | None = None


class DatasetVersionDatasetFacet(Facet):
    """The version of a dataset that was read or written, such as an Iceberg snapshot's id."""

    key: ClassVar[str] = "version"
    dataset_version: str


class StorageDatasetFacet(Facet):
    """How a dataset is stored: by which table format, in which file format."""

    key: ClassVar[str] = "storage"
    storage_layer: str
    file_format: str | None = None


class PreviousIdentifier(Part):
    """What a renamed dataset was called."""

    namespace: Name
    name: Name


class LifecycleStateChangeDatasetFacet(Facet):
    """What was done to a dataset as a whole."""

    key: ClassVar[str] = "lifecycleStateChange"
    lifecycle_state_change: Annotated[
        Literal["ALTER", "CREATE", "DROP", "OVERWRITE", "RENAME", "TRUNCATE"], BeforeValidator(_upper)
    ]
    previous_identifier: PreviousIdentifier | None = None


class OutputStatisticsOutputDatasetFacet(Facet):
    """How much a run wrote; None is unknown. `size` is in bytes."""

    key: ClassVar[str] = "outputStatistics"
    row_count: MaybeCount = None
    size: MaybeCount = None
    file_count: MaybeCount = None


class Assertion(Part):
    """One test of a dataset, or of one of its columns, and whether it held."""

    assertion: str
    success: bool
    column: str | None = None
    severity: str | None = None
    name: str | None = None
    description: str | None = None
    expected: str | None = None
    actual: str | None = None
    content: str | None = None
    content_type: str | None = None
    params: dict[str, Any] | None = None


class DataQualityAssertionsDatasetFacet(Facet):
    """The tests that ran on a dataset."""

    key: ClassVar[str] = "dataQualityAssertions"
    assertions: Many[Assertion]
