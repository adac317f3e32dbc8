"""Facets of lineage: column lineage, and lineage that a producer states explicitly."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.events import canonical_run_id
from schemas.facets.base import ByName, Facet, Many, Name, NameOrEmpty, Part
from schemas.limits import MAX_LINKS, check_limit


def _type_of(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _run_id(value: object) -> object:
    return canonical_run_id(value) if isinstance(value, str) else value


RunId = Annotated[Name, BeforeValidator(_run_id)]
"""A canonical run id, see `schemas.events.canonical_run_id`."""


class Transformation(Part):
    """A transformation of a source column.

    Attributes:
        type: DIRECT if the value flows into the target, INDIRECT if it only influences it, as a filter does.
        subtype: Subtype such as IDENTITY, AGGREGATION, FILTER, JOIN.
        description: Description in words or SQL.
        masking: True if the value can't be recovered from the result; None is unknown.
    """

    type: Annotated[Name, BeforeValidator(_type_of)]
    subtype: str | None = None
    description: str | None = None
    masking: bool | None = None


class InputField(Part):
    """A source column.

    Its dataset may have an empty name, as of a location without a path: such a source is no table, and costs no other.
    """

    namespace: NameOrEmpty
    name: NameOrEmpty
    field: Name
    transformations: Many[Transformation] = ()


class ColumnLineageField(Part):
    """The sources of one column.

    Attributes:
        input_fields: Source columns. The single transformation of the facet's older versions is copied to each source
            that has none of its own.
        transformation_type: IDENTITY or MASKED, in older versions.
        transformation_description: Description in words, in older versions.
    """

    input_fields: tuple[InputField, ...]
    transformation_type: str | None = None
    transformation_description: str | None = None

    @model_validator(mode="after")
    def _with_the_old_transformation(self) -> Self:
        old = self.transformation_type or self.transformation_description
        if not old or all(field.transformations for field in self.input_fields):
            return self
        subtype = (self.transformation_type or "").upper() or None
        one = Transformation(
            type="DIRECT",
            subtype=subtype if subtype == "IDENTITY" else "TRANSFORMATION",
            description=self.transformation_description,
            masking=subtype == "MASKED",
        )
        fields = (
            f if f.transformations else f.model_copy(update={"transformations": (one,)}) for f in self.input_fields
        )
        return self.model_copy(update={"input_fields": tuple(fields)})


class ColumnLineageDatasetFacet(Facet):
    """The sources of an output's columns.

    Attributes:
        fields: Sources by output column.
        dataset: Source columns that influence every row, such as those of a filter or a join.
    """

    key: ClassVar[str] = "columnLineage"
    fields: ByName[ColumnLineageField] = Field(default_factory=dict)
    dataset: Many[InputField] = ()

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        check_limit(_links(raw), MAX_LINKS, "links between columns")
        return raw

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("fields") is None and raw.get("dataset") is None:
            raise ValueError("`fields` and `dataset` are both missing, so there is no column lineage")
        return raw


class LineageDatasetInput(Part):
    """A source dataset; with a `field`, a source column."""

    type: Literal["DATASET"]
    namespace: Name
    name: Name
    field: Name | None = None
    transformations: Many[Transformation] = ()


class _JobRef(Part):
    """A job with namespace and name, or the event's own job if both are missing."""

    type: Literal["JOB"]
    namespace: Name | None = None
    name: Name | None = None
    run_id: RunId | None = None

    @model_validator(mode="after")
    def _named_in_whole(self) -> Self:
        if (self.namespace is None) != (self.name is None):
            raise ValueError("a job must have both a namespace and a name, or neither")
        return self


class LineageJobInput(_JobRef):
    """A source job; without a namespace and a name, the event's own job."""

    transformations: Many[Transformation] = ()


LineageInput = Annotated[LineageDatasetInput | LineageJobInput, Field(discriminator="type")]


class LineageField(Part):
    """The sources of one target column."""

    inputs: tuple[LineageInput, ...]


class LineageDatasetEntry(Part):
    """The sources of a named dataset, as in `LineageFacet`."""

    type: Literal["DATASET"]
    namespace: Name
    name: Name
    inputs: tuple[LineageInput, ...] | None = None
    fields: ByName[LineageField] = Field(default_factory=dict)


class LineageJobEntry(_JobRef):
    """The sources of a job; without a namespace and a name, the event's own job."""

    inputs: tuple[LineageInput, ...] | None = None


LineageEntry = Annotated[LineageDatasetEntry | LineageJobEntry, Field(discriminator="type")]


class LineageFacet(Facet):
    """Lineage that the producer states explicitly; it takes precedence over inputs and outputs.

    On a dataset, `inputs` and `fields` are the sources of that dataset. On a job, `entries` has them for each target.

    Attributes:
        inputs: Sources of the dataset; empty if it has none, None if they are unknown.
        fields: Sources of the dataset's columns, by column.
        entries: Targets with their sources; None in a dataset's facet.
    """

    key: ClassVar[str] = "lineage"
    inputs: tuple[LineageInput, ...] | None = None
    fields: ByName[LineageField] = Field(default_factory=dict)
    entries: tuple[LineageEntry, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        check_limit(_links(raw), MAX_LINKS, "links from sources to targets")
        return raw


_LISTS = frozenset({"inputFields", "dataset", "inputs", "entries", "transformations"})
"""Keys of the lists in lineage facets: sources, transformations, targets."""


def _links(raw: object) -> int:
    """Counts the sources of a raw lineage facet, once per transformation."""
    if not isinstance(raw, dict):
        return 1
    found: list[object] = []
    for key, items in raw.items():
        if key in _LISTS and isinstance(items, list):
            found += items
        elif key == "fields" and isinstance(items, dict):
            found += items.values()
    return sum(map(_links, found)) if found else 1
