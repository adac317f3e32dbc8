"""Marquez's ids of nodes: `dataset:NS:NAME`, `datasetField:NS:NAME:FIELD`, `job:NS:NAME`.

A namespace may have colons of its own: `arn:aws:glue:us-east-1:123456789012`. Marquez's web UI percent-encodes the
parts and leaves the separators bare, so the raw query string says where the parts begin. Clients that encode the whole
id lose that; then every way to divide it is tried on the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import combinations, pairwise
from typing import NamedTuple
from urllib.parse import unquote_plus

from consumer.lineage.facts.keys import JobName
from schemas.naming import DatasetName

MOST_COLONS = 24
"""Colons of an id; one with more is refused, since each of them may be a separator."""

MOST_CHARS = 8_000

_VERSION = re.compile(r"#([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$")


class NodeKind(StrEnum):
    """The kind of a node."""

    DATASET = "dataset"
    FIELD = "datasetField"
    JOB = "job"


_PARTS = {NodeKind.DATASET: 2, NodeKind.FIELD: 3, NodeKind.JOB: 2}


class NodeId(NamedTuple):
    """One way to read an id.

    Attributes:
        kind: The kind of the node.
        parts: Namespace and name; of a field also the field.
        version: The UUID after `#`; None if there is none.
    """

    kind: NodeKind
    parts: tuple[str, ...]
    version: str | None = None

    @property
    def dataset(self) -> DatasetName:
        """The dataset; only of datasets and fields."""
        return DatasetName(*self.parts[:2])

    @property
    def job(self) -> JobName:
        """The job; only of jobs."""
        return JobName(*self.parts)


def readings(raw: str) -> list[NodeId]:
    """Lists the ways to read an id, the likeliest first: longer namespaces before shorter ones.

    Args:
        raw: The id as the query string has it, percent-encoded.

    Returns:
        Nothing if it is no id of a node.
    """
    whole = unquote_plus(raw)
    kind_text, _, text = whole.partition(":")
    if kind_text not in set(NodeKind) or len(raw) > MOST_CHARS:
        return []
    kind = NodeKind(kind_text)
    text, version = _without_version(text)
    divided = (parts for parts in (*_bare(raw, kind), *_divisions(text, _PARTS[kind])) if all(parts))
    return [NodeId(kind, parts, version) for parts in dict.fromkeys(divided)]


def _without_version(text: str) -> tuple[str, str | None]:
    found = _VERSION.search(text)
    return (text[: found.start()], found[1].lower()) if found else (text, None)


def _bare(raw: str, kind: NodeKind) -> Iterator[tuple[str, ...]]:
    """Yields the division by bare colons, if there are as many as the kind has parts."""
    encoded = raw.split(":")[1:]
    if len(encoded) == _PARTS[kind]:
        *first, last = map(unquote_plus, encoded)
        yield (*first, _without_version(last)[0])


def _divisions(text: str, count: int) -> Iterator[tuple[str, ...]]:
    colons = [at for at, character in enumerate(text) if character == ":"]
    if len(colons) > MOST_COLONS:
        return
    for cuts in sorted(combinations(colons, count - 1), reverse=True):
        bounds = [-1, *cuts, len(text)]
        yield tuple(text[start + 1 : end] for start, end in pairwise(bounds))


def dataset_id(name: DatasetName) -> str:
    """Returns the id of a dataset as answers have it: never percent-encoded."""
    return f"{NodeKind.DATASET}:{name.namespace}:{name.name}"


def field_id(name: DatasetName, field: str) -> str:
    """Returns the id of a dataset's field."""
    return f"{NodeKind.FIELD}:{name.namespace}:{name.name}:{field}"


def job_id(name: JobName) -> str:
    """Returns the id of a job."""
    return f"{NodeKind.JOB}:{name.namespace}:{name.name}"
