"""Facets of lineage: which columns a column is made of, and lineage that a producer states itself."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.events import canonical_run_id
from schemas.facets.base import ByName, Facet, Many, Name, Part
from schemas.limits import MAX_LINKS, bounded


def _type_of(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _run_id(value: object) -> object:
    return canonical_run_id(value) if isinstance(value, str) else value


RunId = Annotated[Name, BeforeValidator(_run_id)]
"""A run's id, spelled as in `schemas.events.Run`."""


class Transformation(Part):
    """What was done to a column on its way.

    Attributes:
        type: DIRECT where the value goes on, INDIRECT where it only decides, as a filter does; in upper case.
        subtype: Such as IDENTITY, AGGREGATION, FILTER, JOIN.
        description: In words or in SQL.
        masking: Whether the value can no longer be told from the result; None is unknown.
    """

    type: Annotated[Name, BeforeValidator(_type_of)]
    subtype: str | None = None
    description: str | None = None
    masking: bool | None = None


class InputField(Part):
    """A column that another is made of."""

    namespace: Name
    name: Name
    field: Name
    transformations: Many[Transformation] = ()


class ColumnLineageField(Part):
    """What one column is made of.

    Attributes:
        input_fields: The columns. Where the facet has the one transformation of its older versions, each of them that
            has none of its own has that one.
        transformation_type: IDENTITY or MASKED, as older versions say it.
        transformation_description: In words, as older versions say it.
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
    """What the columns of an output are made of.

    Attributes:
        fields: By the output's column.
        dataset: The columns that decide on every row, as those of a filter or a join do.
    """

    key: ClassVar[str] = "columnLineage"
    fields: ByName[ColumnLineageField] = Field(default_factory=dict)
    dataset: Many[InputField] = ()

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        bounded(_links(raw), MAX_LINKS, "links between columns")
        return raw

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("fields") is None and raw.get("dataset") is None:
            raise ValueError("there are neither `fields` nor `dataset`; which columns go where can't be told")
        return raw


class LineageDatasetInput(Part):
    """A dataset that feeds a target; with a `field`, a column of it."""

    type: Literal["DATASET"]
    namespace: Name
    name: Name
    field: Name | None = None
    transformations: Many[Transformation] = ()


class _JobRef(Part):
    """A job, named in whole, or the event's own where neither namespace nor name is there."""

    type: Literal["JOB"]
    namespace: Name | None = None
    name: Name | None = None
    run_id: RunId | None = None

    @model_validator(mode="after")
    def _named_in_whole(self) -> Self:
        if (self.namespace is None) != (self.name is None):
            raise ValueError("a job has both a namespace and a name, or none of them")
        return self


class LineageJobInput(_JobRef):
    """A job that feeds a target; without a namespace and a name it is the event's own."""

    transformations: Many[Transformation] = ()


LineageInput = Annotated[LineageDatasetInput | LineageJobInput, Field(discriminator="type")]


class LineageField(Part):
    """What feeds one column of a target."""

    inputs: tuple[LineageInput, ...]


class LineageDatasetEntry(Part):
    """What feeds a dataset: as in `LineageFacet`, with the target named."""

    type: Literal["DATASET"]
    namespace: Name
    name: Name
    inputs: tuple[LineageInput, ...] | None = None
    fields: ByName[LineageField] = Field(default_factory=dict)


class LineageJobEntry(_JobRef):
    """What feeds a job; without a namespace and a name it is the event's own."""

    inputs: tuple[LineageInput, ...] | None = None


LineageEntry = Annotated[LineageDatasetEntry | LineageJobEntry, Field(discriminator="type")]


class LineageFacet(Facet):
    """Lineage that the producer states itself; it goes before what inputs and outputs suggest.

    On a dataset, `inputs` and `fields` tell what feeds that dataset. On a job, `entries` tell it of each target.

    Attributes:
        inputs: What feeds the dataset; empty where it is known that nothing does, None where nothing is said.
        fields: What feeds its columns, by column.
        entries: The targets; None in a dataset's facet.
    """

    key: ClassVar[str] = "lineage"
    inputs: tuple[LineageInput, ...] | None = None
    fields: ByName[LineageField] = Field(default_factory=dict)
    entries: tuple[LineageEntry, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _bounded(cls, raw: Any) -> Any:
        bounded(_links(raw), MAX_LINKS, "links from sources to targets")
        return raw


_LISTS = frozenset({"inputFields", "dataset", "inputs", "entries", "transformations"})
"""Where facets of lineage have lists: of sources, of what was done to one, of targets."""


def _links(raw: object) -> int:
    """How many sources a facet of lineage names, each as often as it is transformed; before any of it is read."""
    if not isinstance(raw, dict):
        return 1
    found: list[object] = []
    for key, items in raw.items():
        if key in _LISTS and isinstance(items, list):
            found += items
        elif key == "fields" and isinstance(items, dict):
            found += items.values()
    return sum(map(_links, found)) if found else 1
