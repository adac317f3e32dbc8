"""The types of the API's answers, from which OpenAPI's schemas are generated.

The documents are made by `consumer.render`; a test validates the answer of each endpoint against its schema, which
allows no other member.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

_CLOSED = ConfigDict(extra="forbid")

Time = Annotated[str, Field(description="RFC 3339, UTC.")]


class _Answer(TypedDict):
    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    known_since: NotRequired[
        Annotated[Time | None, Field(description="Of an answer about the past: since when all of it is known.")]
    ]


class Name(TypedDict):
    """Name of a dataset or job."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    namespace: str
    name: str


class Node(Name):
    """A dataset, or one of its columns."""

    node_name: Annotated[str, Field(description="The last part of the name.")]
    column: NotRequired[str]


class Tag(TypedDict):
    """A tag of a dataset or column."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    key: str
    value: str
    source: str
    column: str | None


class TestResult(TypedDict):
    """The last result of a test."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    name: str
    assertion: str
    column: str | None
    success: bool
    severity: str | None


class Exposure(TypedDict):
    """A declared use of a dataset, such as a dashboard."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    name: str
    type: str | None
    url: str | None
    owner: str | None


class Summary(Name):
    """A dataset in a list."""

    node_name: str
    engine: str
    description: str | None
    owners: list[str]
    tags: list[Tag]
    materialized: str | None
    lifecycle: str | None
    tests: list[TestResult]


class RunState(TypedDict):
    """The state of a run."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    state: str | None
    started_at: Time | None
    ended_at: Time | None
    skipped: Annotated[str | None, Field(description="The reason why dbt skipped it: nothing was executed.")]


class RunKey(TypedDict):
    """A run's job and id."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    job: Name
    id: str


class Run(RunState):
    """A run with its datasets."""

    id: str
    job: Name
    duration_s: float | None
    error: str | None
    parent: RunKey | None
    inputs: list[Name]
    outputs: list[Name]


class Column(TypedDict):
    """A column of a dataset."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    name: str
    type: str | None
    description: str | None
    tags: list[Tag]


class Producer(Name):
    """A job that writes a dataset."""

    type: str | None
    integration: str | None
    description: str | None
    source_path: str | None
    sql: str | None
    last_run: Run | None


class Dataset(Summary):
    """Everything about one dataset."""

    known_since: NotRequired[Time | None]
    aliases: list[Name]
    apart: Annotated[list[Name], Field(description="Names that links give it, and that are not joined.")]
    columns: list[Column]
    producers: list[Producer]
    readers: list[Name]
    upstream: int
    downstream: int
    exposures: list[Exposure]
    kind: NotRequired[Annotated[str, Field(description="Of what is no dataset: exposure.")]]
    statistics: dict[str, Any]
    version: str | None
    source_uri: str | None


class Match(Summary):
    """A dataset that a search found."""

    matched: Annotated[str, Field(description="name, alias, column, tag, owner, engine or description.")]
    matched_columns: list[str]
    last_run: RunState | None


class Results(_Answer):
    """The best results of a search, and the number of all."""

    total: int
    results: list[Match]


class Datasets(_Answer):
    """A page of datasets; `next` is the cursor of the page after it."""

    datasets: list[Summary]
    next: str | None


class Job(Name):
    """A job in a list."""

    type: NotRequired[str]
    integration: NotRequired[str]
    description: NotRequired[str]
    source_path: NotRequired[str]


class Jobs(_Answer):
    """A page of jobs."""

    jobs: list[Job]
    next: str | None


class LineageNode(Node):
    """A dataset or column in a lineage."""

    kind: NotRequired[Annotated[str, Field(description="Of a node that is no dataset, such as exposure.")]]
    direction: Annotated[str, Field(description="root, upstream, downstream, or both in a cycle.")]
    depth: int


class LineageRoot(Node):
    """The dataset or column that was asked about."""

    kind: NotRequired[str]


class LineageEdge(TypedDict):
    """An edge; its ends are namespace, name and, by columns, the column."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    source: list[str]
    target: list[str]
    job: Annotated[list[str] | None, Field(description="Namespace and name.")]
    tool: NotRequired[str]
    transformations: NotRequired[list[str]]


class UnknownLineage(TypedDict):
    """Tables at which column lineage ends, and what is beyond them."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    nodes: list[LineageNode]
    edges: list[LineageEdge]


class Lineage(_Answer):
    """Lineage of a dataset or column."""

    root: LineageRoot
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    unknown: UnknownLineage


class ExposureAbout(TypedDict):
    """Type, address and owner of an exposure."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    type: str | None
    url: str | None
    owner: str | None


class TestCounts(TypedDict):
    """Counts of the last test results that passed and failed."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    passed: int
    failed: int


class Card(Name):
    """A dataset or exposure of a neighbourhood."""

    node_name: str
    kind: str
    upstream: Annotated[int | None, Field(description="Steps upstream of the root; null if it is not.")]
    downstream: Annotated[int | None, Field(description="Steps downstream of the root; null if it is not.")]
    engine: str
    materialized: str | None
    lifecycle: str | None
    owners: list[str]
    tags: list[str]
    tests: TestCounts
    columns: Annotated[int | None, Field(description="Number of columns; null if they are unknown.")]
    sources: int
    uses: int
    exposure: ExposureAbout | None
    last_run: RunState | None


class Levels(TypedDict):
    """Number of datasets at each step."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    upstream: list[int]
    downstream: list[int]


class Graph(_Answer):
    """The datasets around one; a link is the places of source and target in `nodes`, and the tool."""

    root: Node
    nodes: list[Card]
    links: list[tuple[int, int, str]]
    levels: Levels
    total: int


class Affected(Summary):
    """A dataset that a change affects."""

    depth: int
    certainty: Annotated[str, Field(description="direct, indirect, or unknown.")]
    columns: list[str]
    exposures: list[Exposure]


class Impact(_Answer):
    """Datasets that a change affects, by steps and owners."""

    root: Node
    change: str
    total: int
    by_depth: dict[str, int]
    owners: dict[str, int]
    affected: list[Affected]
    unknown_at: Annotated[list[Name], Field(description="Tables at which column lineage ends.")]
    changed: Annotated[Affected, Field(description="The dataset that changes, at depth 0, with its own exposures.")]


class Link(TypedDict):
    """A step of data from one dataset or column to another."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    source: Node
    target: Node
    job: Name | None
    tool: str | None
    transformations: list[str]


class Paths(_Answer):
    """Shortest paths between two nodes."""

    source: Node
    target: Node
    paths: list[list[Link]]
    truncated: bool
    unknown: bool


class Feeding(RunState):
    """The last run that had completed a write of an input when a run started."""

    dataset: Name
    run: RunKey


class Runs(_Answer):
    """The latest runs, and the number of all."""

    total: int
    runs: list[Run]
    fed_by: Annotated[list[Feeding], Field(description="Of a node that is named: what fed its newest run.")]


class FindingDataset(Name):
    """The dataset of a possible cause."""

    node_name: str


class Finding(TypedDict):
    """A possible cause of a stale or wrong dataset."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    dataset: FindingDataset
    depth: int
    cause: str
    detail: str
    since: Time | None
    owners: list[str]
    run: RunKey | None


class Why(_Answer):
    """Possible causes, nearest first; nothing is known of those `without_runs`."""

    root: Name
    checked: int
    findings: list[Finding]
    without_runs: list[Name]


class Moment(TypedDict):
    """A moment at which something changed."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    time: Time
    changes: int
    breaking: bool


class Moments(_Answer):
    """The moments at which a neighbourhood changed, oldest first."""

    moments: list[Moment]


class Change(TypedDict):
    """One change of lineage."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    kind: str
    dataset: Name | None
    column: str | None
    source: Name | None
    source_column: str | None
    before: str | None
    after: str | None
    breaking: bool


class ChangeRecord(TypedDict):
    """The changes of one job or dataset by one run."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    time: Time | None
    job: Name | None
    run: str | None
    commit: str | None
    dataset: Name | None
    changes: list[Change]


class Changes(_Answer):
    """Changes between two moments; `total` and `breaking` count all, `records` may be cut at `limit`."""

    total: int
    breaking: int
    records: list[ChangeRecord]
    truncated: bool
