"""Parameters of the native API's queries, as models that check requests, and describe them in OpenAPI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FAR = 100
MOST = 500

Depth = Annotated[int, Field(ge=0, le=FAR)]
Limit = Annotated[int, Field(ge=1, le=MOST)]
Moment = Annotated[
    str,
    Field(min_length=1, max_length=64, description="A time (RFC 3339), a date, or how long ago, such as 7d."),
]
Node = Annotated[
    str, Field(min_length=1, max_length=4000, description="Dataset or column: a name, namespace/name, or its end.")
]
NodeOrJob = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4000,
        description="Dataset, as elsewhere, or job:namespace/name; dataset:namespace/name is always a dataset.",
    ),
]


class Parameters(BaseModel):
    """Parameters of a query; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SearchParameters(Parameters):
    """Of `/search`."""

    q: str = Field(min_length=1, max_length=400, description="Words, and filters such as owner:finance.")
    limit: Limit = Field(20, description="Maximum number of results.")
    offset: int = Field(0, ge=0, le=100_000, description="Results to skip.")


class NodeParameters(Parameters):
    """Of `/dataset`."""

    node: Node
    as_of: Moment | None = Field(None, description="Answer as of this moment.")


class LineageParameters(NodeParameters):
    """Of `/lineage`."""

    upstream: Depth = Field(1, description="Steps upstream.")
    downstream: Depth = Field(1, description="Steps downstream.")
    columns: bool = Field(default=False, description="Answer by columns.")
    direct: bool = Field(default=False, description="Follow only columns whose values are used.")


class GraphParameters(NodeParameters):
    """Of `/graph`."""

    node: NodeOrJob
    upstream: Depth = Field(1, description="Steps upstream.")
    downstream: Depth = Field(1, description="Steps downstream.")
    limit: int = Field(1_000, ge=1, le=20_000, description="Maximum number of datasets, nearest first.")
    states: bool = Field(default=False, description="Read the latest run of each dataset.")


class ImpactParameters(NodeParameters):
    """Of `/impact`."""

    change: Literal["drop", "rename", "type", "stop"] = Field("drop", description="How the node changes.")
    depth: int = Field(FAR, ge=1, le=FAR, description="Maximum number of steps downstream.")


class PathParameters(Parameters):
    """Of `/paths`."""

    source: Node
    target: Node
    limit: Limit = Field(20, description="Maximum number of paths.")
    as_of: Moment | None = Field(None, description="Answer as of this moment.")


class RunParameters(Parameters):
    """Of `/runs`."""

    node: Node | None = Field(None, description="Job, or dataset that jobs write; all jobs if it is not given.")
    state: Literal["START", "RUNNING", "COMPLETE", "FAIL", "ABORT"] | None = Field(None, description="Only this state.")
    limit: Limit = Field(20, description="Maximum number of runs.")
    as_of: Moment | None = Field(None, description="Only runs that had ended by this moment.")


class WhyParameters(NodeParameters):
    """Of `/why`."""

    depth: Depth = Field(FAR, description="Maximum number of steps upstream.")


class ChangesParameters(Parameters):
    """Of `/changes`."""

    since: Moment = Field(alias="from", description="Compare from this moment.")
    to: Moment | None = Field(None, description="Compare with this moment; with the present if it is not given.")
    node: NodeOrJob | None = Field(None, description="Dataset or job whose changes are asked for; all if not given.")
    upstream: Depth = Field(0, description="Steps upstream of the node whose changes are asked for too.")
    downstream: Depth = Field(0, description="Steps downstream of it, likewise.")
    limit: int = Field(2_000, ge=1, le=20_000, description="Maximum number of records, one for each job and run.")


class MomentsParameters(Parameters):
    """Of `/moments`."""

    node: NodeOrJob
    upstream: Depth = Field(1, description="Steps upstream.")
    downstream: Depth = Field(1, description="Steps downstream.")


class PageParameters(Parameters):
    """Of `/datasets`, `/jobs` and `/quality`."""

    cursor: str = Field("", max_length=8000, description="The `next` of the page before.")
    limit: Limit = Field(100, description="Maximum number of items.")


class QualityParameters(PageParameters):
    """Of `/quality`."""

    node: Node | None = Field(None, description="Dataset; all that have test results if it is not given.")
    outcome: Literal["all", "failed", "passed"] = Field("all", description="Only these results.")
