"""Facets of datasets: schema, names, storage, versions, statistics and tests."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.facets.base import Facet, Many, Name, Part, length
from schemas.limits import MAX_COLUMNS, MAX_SYMLINKS, check_limit


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _known_count(value: object) -> object:
    """Returns None for a negative count, by which database drivers report an unknown number."""
    return None if isinstance(value, int | float) and value < 0 else value


Count = Annotated[int, Field(lt=1 << 63)]
MaybeCount = Annotated[Count | None, BeforeValidator(_known_count)]


class SchemaField(Part):
    """A column, or a field of a nested one.

    Attributes:
        name: Name as the source spells it.
        type: Type as the source spells it, such as `varchar(16)`.
        ordinal_position: Position from 1; None if unknown.
        fields: Fields of a struct, an array or a map.
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
        check_limit(_columns(raw), MAX_COLUMNS, "columns, with those of nested fields")
        return raw


def _columns(raw: object) -> int:
    """Counts the fields of a raw object, including nested ones."""
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
        check_limit(length(raw, "identifiers"), MAX_SYMLINKS, "symlinks of one dataset")
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
    """The table format and the file format of a dataset."""

    key: ClassVar[str] = "storage"
    storage_layer: str
    file_format: str | None = None


class PreviousIdentifier(Part):
    """The former name of a renamed dataset."""

    namespace: Name
    name: Name


class LifecycleStateChangeDatasetFacet(Facet):
    """A change to a dataset as a whole."""

    key: ClassVar[str] = "lifecycleStateChange"
    lifecycle_state_change: Annotated[
        Literal["ALTER", "CREATE", "DROP", "OVERWRITE", "RENAME", "TRUNCATE"], BeforeValidator(_upper)
    ]
    previous_identifier: PreviousIdentifier | None = None


class OutputStatisticsOutputDatasetFacet(Facet):
    """The amount of data that a run wrote; None is unknown. `size` is in bytes."""

    key: ClassVar[str] = "outputStatistics"
    row_count: MaybeCount = None
    size: MaybeCount = None
    file_count: MaybeCount = None


class Assertion(Part):
    """One test of a dataset or of a column, with its result."""

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
