"""Construction and parsing of the ids of vertices and edges.

An id is a kind and the parts of a name, joined by `/`, with `/` and `%` inside a part escaped: different names have
different ids, and `parse` returns the parts.
"""

from __future__ import annotations

from functools import lru_cache

from consumer.lineage.exposures import ExposureName
from consumer.lineage.facts.keys import GroupKey, JobName, OutputKey, RunKey
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
    }
)

CACHED_IDS = 2_048
"""Size of the cache of each kind's ids: a batch needs the same ids several times."""


def _escape(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F") if "/" in part or "%" in part else part


def _unescape(part: str) -> str:
    return part.replace("%2F", "/").replace("%25", "%")


def make(kind: str, *parts: str) -> str:
    """Returns the id of a kind with parts.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind not in _KINDS:
        raise ValueError(f"{kind!r} is not a kind of id")
    return "/".join((kind, *map(_escape, parts)))


def parse(id_: str) -> tuple[str, ...]:
    """Returns the kind and the parts of an id.

    Raises:
        ValueError: The text is not an id of this graph.
    """
    kind, *parts = id_.split("/")
    if kind not in _KINDS:
        raise ValueError(f"{id_!r} is not an id of this graph")
    return (kind, *map(_unescape, parts))


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


@lru_cache(maxsize=CACHED_IDS)
def job(name: JobName) -> str:
    """Returns the id of a job."""
    return make("job", *name)


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


def group(group: GroupKey) -> str:
    """Returns the id of a job's completed runs with one parent."""
    return make("group", *group.job, group.parent)


def column(name: DatasetName, column: str) -> str:
    """Returns the id of a dataset's column."""
    return make("column", *name, column)


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
