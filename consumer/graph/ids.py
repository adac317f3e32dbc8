"""Construction and parsing of the ids of vertices and edges.

An id is a kind and the parts of a name, joined by `/`, with `/` and `%` inside a part escaped: different names have
different ids, and `parse` returns the parts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from consumer.graph import schema
from consumer.lineage.facts.keys import ExposureName, GroupKey, JobName, OutputKey, RunKey
from schemas.naming import DatasetName

_KINDS = frozenset(
    {
        "dataset",
        "exposure",
        "name",
        "job",
        "run",
        "run_dataset",
        "output",
        "group",
        "column",
        "facet",
        "task",
        "change",
        "outbox",
        "statement",
        "alert",
        "alert_letter",
        "edge",
        "exposed",
        "reads",
        "writes",
        "column_edge",
        "column_of",
        "run_of",
        "child_of",
        "names",
        "output_of",
        "run_dataset_of",
        "change_of",
        "named",
        "stated",
        "stated_job",
    }
)

_DATASET_NAME_AT: Final = len("dataset/")
_COLUMN_NAME_AT: Final = len("column/")

CACHED_IDS = 2_048
"""Size of the cache of each kind's ids: a batch needs the same ids several times."""


def _escape(part: str) -> str:
    # The percent sign first, or that of an escaped slash would be escaped as well.
    return part.replace("%", "%25").replace("/", "%2F") if "/" in part or "%" in part else part


def unescape(part: str) -> str:
    """Returns a part of a name from that of an id."""
    return part.replace("%2F", "/").replace("%25", "%") if "%" in part else part


def _joined(kind: str, parts: tuple[str, ...]) -> str:
    # Hardly any part has a slash or a percent sign: to see that once takes half of the time of escaping each part.
    found = "/".join((kind, *parts))
    if "%" not in found and found.count("/") == len(parts):
        return found
    return "/".join((kind, *map(_escape, parts)))


def make(kind: str, *parts: str) -> str:
    """Returns the id of a kind with parts.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind not in _KINDS:
        raise ValueError(f"{kind!r} is not a kind of id")
    return _joined(kind, parts)


def parse(id_: str) -> tuple[str, ...]:
    """Returns the kind and the parts of an id.

    Raises:
        ValueError: The text is not an id of this graph.
    """
    parts = tuple(id_.split("/"))
    if parts[0] not in _KINDS:
        raise ValueError(f"{id_!r} is not an id of this graph")
    return tuple(map(unescape, parts)) if "%" in id_ else parts


@lru_cache(maxsize=CACHED_IDS)
def dataset(name: DatasetName) -> str:
    """Returns the id of the dataset with a display name."""
    return make("dataset", *name)


def exposure(name: ExposureName) -> str:
    """Returns the id of an exposure."""
    return make("exposure", *name)


@lru_cache(maxsize=CACHED_IDS)
def name(name: DatasetName) -> str:
    """Returns the id of the facts of a dataset name."""
    return make("name", *name)


def dataset_name(id_: str) -> DatasetName:
    """Returns the name of a dataset from its id, or from that of the facts of the name."""
    _, namespace, name = parse(id_)
    return DatasetName(namespace, name)


@lru_cache(maxsize=CACHED_IDS)
def job(name: JobName) -> str:
    """Returns the id of a job."""
    return make("job", *name)


@lru_cache(maxsize=CACHED_IDS)
def job_name(id_: str) -> JobName:
    """Returns the name of a job from its id."""
    _, namespace, name = parse(id_)
    return JobName(namespace, name)


@lru_cache(maxsize=CACHED_IDS)
def run(run: RunKey) -> str:
    """Returns the id of a run."""
    return make("run", *run.job, run.id)


def run_key(id_: str) -> RunKey:
    """Returns the key of a run from its id."""
    _, namespace, name, run = parse(id_)
    return RunKey(JobName(namespace, name), run)


def run_dataset(run: RunKey, name: DatasetName) -> str:
    """Returns the id of a streaming run's dataset."""
    return make("run_dataset", *run.job, run.id, *name)


def run_dataset_key(id_: str) -> tuple[RunKey, DatasetName]:
    """Returns the run and the dataset from the id of a streaming run's dataset."""
    _, namespace, job, run, of_dataset, name = parse(id_)
    return RunKey(JobName(namespace, job), run), DatasetName(of_dataset, name)


@lru_cache(maxsize=CACHED_IDS)
def output(output: OutputKey) -> str:
    """Returns the id of the facts of a job's output."""
    return make("output", *output.job, *output.name)


def output_key(id_: str) -> OutputKey:
    """Returns the key of an output from its id."""
    _, namespace, name, of_dataset, table = parse(id_)
    return OutputKey(JobName(namespace, name), DatasetName(of_dataset, table))


@lru_cache(maxsize=CACHED_IDS)
def group(group: GroupKey) -> str:
    """Returns the id of a job's completed runs with one parent."""
    return make("group", *group.job, group.parent)


def group_key(id_: str) -> GroupKey:
    """Returns the key of the group that a vertex is of."""
    _, namespace, name, parent = parse(id_)
    return GroupKey(JobName(namespace, name), parent)


def column(name: DatasetName, column: str) -> str:
    """Returns the id of a dataset's column."""
    return f"column/{dataset(name)[_DATASET_NAME_AT:]}/{_escape(column)}"


def dataset_of_column(column: str) -> str:
    """Returns the id of the dataset of a column, from the column's id."""
    return f"dataset/{column[_COLUMN_NAME_AT : column.rindex('/')]}"


def column_of_same_dataset(column: str, other: str) -> str:
    """Returns the id of another column of a dataset, given the id of one."""
    return f"{column[: column.rindex('/') + 1]}{_escape(other)}"


def column_of(column: str) -> str:
    """Returns the id of the edge from a column to its dataset.

    Args:
        column: The column's id.
    """
    return f"column_of/{column[_COLUMN_NAME_AT:]}"


def facet(ref: str) -> str:
    """Returns the id of a stored long value."""
    return make("facet", ref)


def statement(time: str, digest: str) -> str:
    """Returns the vertex of an event that counts at its own time."""
    return make("statement", time, digest)


def task(name: str) -> str:
    """Returns the id of a maintenance job's checkpoint."""
    return make("task", name)


def alert(number: int) -> str:
    """Returns the vertex of the alert that was raised as the n-th; ids of later ones are greater."""
    return make("alert", f"{number:012d}")


def alert_letter(channel: str, number: int) -> str:
    """Returns the vertex that says that a channel could not deliver an alert."""
    return make("alert_letter", channel, f"{number:012d}")


class EdgeEnds(NamedTuple):
    """The parts of an edge's id.

    Attributes:
        label: The edge's label.
        source: The id of the vertex that the edge leaves.
        target: The id of the vertex that the edge enters.
        job: The id of the job that made the edge, where the edge's id has it; else empty.
    """

    label: str
    source: str
    target: str
    job: str = ""


class _EdgeKind(NamedTuple):
    """The form of the ids of one kind of edge.

    Attributes:
        kind: The kind of the edge's id.
        label: The edge's label.
        source: The kind of the source's id, and how many parts its name has.
        target: The same of the target.
        target_from: The part of the edge's id with which the name of the target begins.
        has_target: True if the target's name stands after the source's, rather than being a piece of it.
        has_job: True if the id ends with the name of a job.
    """

    kind: str
    label: str
    source: tuple[str, int]
    target: tuple[str, int]
    target_from: int
    has_target: bool
    has_job: bool

    @property
    def parts(self) -> int:
        """The number of parts of an id beside its kind."""
        return self.source[1] + self.target[1] * self.has_target + 2 * self.has_job


def _edge_kind(
    kind: str, label: str, source: tuple[str, int], target: tuple[str, int], target_from: int, *, has_job: bool = False
) -> _EdgeKind:
    return _EdgeKind(kind, label, source, target, target_from, target_from >= source[1], has_job)


_DATASET, _COLUMN, _JOB, _RUN, _NAME = ("dataset", 2), ("column", 3), ("job", 2), ("run", 3), ("name", 2)
_EXPOSURE, _STATEMENT = ("exposure", 2), ("statement", 2)

_EDGE_KINDS: Final = (
    _edge_kind("edge", schema.EDGE, _DATASET, _DATASET, 2, has_job=True),
    _edge_kind("exposed", schema.EDGE, _DATASET, _EXPOSURE, 2),
    _edge_kind("reads", schema.READS, _DATASET, _JOB, 2),
    _edge_kind("writes", schema.WRITES, _JOB, _DATASET, 2),
    _edge_kind("column_edge", schema.COLUMN_EDGE, _COLUMN, _COLUMN, 3, has_job=True),
    _edge_kind("column_of", schema.COLUMN_OF, _COLUMN, _DATASET, 0),
    _edge_kind("run_of", schema.RUN_OF, _RUN, _JOB, 0),
    _edge_kind("child_of", schema.CHILD_OF, _RUN, _RUN, 3),
    _edge_kind("names", schema.NAMES, _JOB, _NAME, 2),
    _edge_kind("output_of", schema.OUTPUT_OF, ("output", 4), _NAME, 2),
    _edge_kind("run_dataset_of", schema.RUN_DATASET_OF, ("run_dataset", 5), _RUN, 0),
    _edge_kind("named", schema.NAMED, _JOB, _NAME, 2),
    _edge_kind("stated", schema.STATED, _STATEMENT, _NAME, 2),
    _edge_kind("stated_job", schema.STATED, _STATEMENT, _JOB, 2),
)
_BY_KIND: Final = {kind.kind: kind for kind in _EDGE_KINDS}
_BY_ENDS: Final = {(kind.label, kind.source[0], kind.target[0]): kind for kind in _EDGE_KINDS}


def edge_id(label: str, source: str, target: str, job: str = "") -> str:
    """Returns the id of an edge between two vertices.

    Args:
        label: The edge's label.
        source: The id of the vertex that it leaves.
        target: The id of the vertex that it enters.
        job: The id of the job that made it, where several jobs may make such an edge.

    Raises:
        KeyError: There is no such edge in this graph.
    """
    of_source, _, source_name = source.partition("/")
    of_target, _, target_name = target.partition("/")
    kind = _BY_ENDS[label, of_source, of_target]
    found = f"{kind.kind}/{source_name}"
    if kind.has_target:
        found = f"{found}/{target_name}"
    return f"{found}/{job.partition('/')[2]}" if kind.has_job else found


def edge_ends(id_: str) -> EdgeEnds | None:
    """Returns the parts of an edge's id; None of an id that `edge_id` does not make."""
    kind = _BY_KIND.get(id_.partition("/")[0])
    parts = id_.split("/")
    if kind is None or len(parts) != 1 + kind.parts:
        return None
    of_source, of_target = kind.source[1], kind.target[1]
    source = "/".join((kind.source[0], *parts[1 : 1 + of_source]))
    target = "/".join((kind.target[0], *parts[1 + kind.target_from : 1 + kind.target_from + of_target]))
    return EdgeEnds(kind.label, source, target, "/".join(("job", *parts[-2:])) if kind.has_job else "")


def is_edge_id(id_: str, label: str, source: str, target: str, job: str) -> bool:
    """True if an edge's id is made of its ends, which can be parsed from it."""
    of_source, _, source_name = source.partition("/")
    of_target, _, target_name = target.partition("/")
    kind = _BY_ENDS.get((label, of_source, of_target))
    if kind is None or bool(job) != kind.has_job:
        return False
    found = f"{kind.kind}/{source_name}/{target_name}" if kind.has_target else f"{kind.kind}/{source_name}"
    if kind.has_job:
        found = f"{found}/{job.partition('/')[2]}"
    return (
        found == id_
        and source.count("/") == kind.source[1]
        and target.count("/") == kind.target[1]
        and id_.count("/") == kind.parts
    )
