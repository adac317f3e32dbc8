"""Ids of vertices and edges, made in this one place.

An id is a kind and the parts of a name, joined by `/`, with `/` and `%` inside a part escaped: two different names
never give one id, and `parse` gives the parts back.
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

REMEMBERED = 2_048
"""How many ids of each kind are remembered: a batch asks for the same ones several times."""


def _escape(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F") if "/" in part or "%" in part else part


def _unescape(part: str) -> str:
    return part.replace("%2F", "/").replace("%25", "%")


def make(kind: str, *parts: str) -> str:
    """The id of a kind of thing with the given parts.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in _KINDS:
        raise ValueError(f"no kind of id is called {kind!r}")
    return "/".join((kind, *map(_escape, parts)))


def parse(id_: str) -> tuple[str, ...]:
    """The kind and the parts of an id.

    Raises:
        ValueError: It is not an id of this graph.
    """
    kind, *parts = id_.split("/")
    if kind not in _KINDS:
        raise ValueError(f"{id_!r} is not an id of this graph")
    return (kind, *map(_unescape, parts))


@lru_cache(maxsize=REMEMBERED)
def dataset(name: DatasetName) -> str:
    """The vertex of a dataset that is shown under a name."""
    return make("dataset", *name)


def exposure(name: ExposureName) -> str:
    """The vertex of an exposure."""
    return make("exposure", *name)


@lru_cache(maxsize=REMEMBERED)
def name(name: DatasetName) -> str:
    """The vertex that holds what was said of a dataset under a name."""
    return make("name", *name)


@lru_cache(maxsize=REMEMBERED)
def job(name: JobName) -> str:
    """The vertex of a job."""
    return make("job", *name)


def run(run: RunKey) -> str:
    """The vertex of a run."""
    return make("run", *run.job, run.id)


def run_key(id_: str) -> RunKey:
    """The key of the run that a vertex is of."""
    _, namespace, name, run = parse(id_)
    return RunKey(JobName(namespace, name), run)


def run_dataset(run: RunKey, name: DatasetName) -> str:
    """The vertex of a dataset that a streaming run reads or writes."""
    return make("run_dataset", *run.job, run.id, *name)


def run_dataset_key(id_: str) -> tuple[RunKey, DatasetName]:
    """The run and the dataset that such a vertex is of."""
    _, namespace, job, run, of_dataset, name = parse(id_)
    return RunKey(JobName(namespace, job), run), DatasetName(of_dataset, name)


@lru_cache(maxsize=REMEMBERED)
def output(output: OutputKey) -> str:
    """The vertex of what a job's runs carried for a dataset."""
    return make("output", *output.job, *output.name)


def output_key(id_: str) -> OutputKey:
    """The key of the output that a vertex is of."""
    _, namespace, name, of_dataset, table = parse(id_)
    return OutputKey(JobName(namespace, name), DatasetName(of_dataset, table))


def group(group: GroupKey) -> str:
    """The vertex of the completed runs of a job that have one parent."""
    return make("group", *group.job, group.parent)


def column(name: DatasetName, column: str) -> str:
    """The vertex of a dataset's column."""
    return make("column", *name, column)


def facet(ref: str) -> str:
    """The vertex that holds a long value."""
    return make("facet", ref)


def statement(time: str, digest: str) -> str:
    """Returns the vertex of an event that counts at its own time."""
    return make("statement", time, digest)


def task(name: str) -> str:
    """The vertex that says how far a chore of the upkeep is."""
    return make("task", name)


def alert(number: int) -> str:
    """Returns the vertex of the alert that was raised as the n-th; ids of later ones are greater."""
    return make("alert", f"{number:012d}")


def alert_letter(channel: str, number: int) -> str:
    """Returns the vertex that says that a channel could not deliver an alert."""
    return make("alert_letter", channel, f"{number:012d}")
