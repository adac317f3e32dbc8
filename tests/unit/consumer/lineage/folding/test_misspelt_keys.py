"""Keys that are misspelt: each is reported once, with its path and the key that was meant, or rejects the event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import NO_RULES
from schemas.decode import decode
from schemas.errors import RejectedEvent
from schemas.facets.misspellings import misspelt

NAMESPACE = "redshift://h:5439"
SOURCE = {"type": "DATASET", "namespace": NAMESPACE, "name": "dev.a.c"}
JOB = {"namespace": "a", "name": "b"}
EVENT: dict[str, Any] = {
    "eventTime": "2026-01-01T00:00:00Z",
    "eventType": "COMPLETE",
    "producer": "https://example.com",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {
        "runId": "00000000-0000-4000-8000-000000000001",
        "facets": {
            "parent": {"run": {"runId": "x"}, "job": JOB, "root": {"run": {"runId": "y"}, "job": JOB}},
            "errorMessage": {"message": "boom", "programmingLanguage": "SQL"},
            "nominalTime": {"nominalStartTime": "2026-01-01T00:00:00Z"},
            "tags": {"tags": [{"key": "a", "value": "b", "source": "c"}]},
        },
    },
    "job": {
        **JOB,
        "facets": {
            "jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"},
            "ownership": {"owners": [{"name": "ana"}]},
            "sql": {"query": "select 1"},
            "lineage": {"entries": [{**SOURCE, "inputs": [SOURCE], "fields": {"total": {"inputs": [SOURCE]}}}]},
        },
    },
    "inputs": [{"namespace": NAMESPACE, "name": "dev.a.c", "facets": {}}],
    "outputs": [
        {
            "namespace": NAMESPACE,
            "name": "dev.a.b",
            "facets": {
                "schema": {"fields": [{"name": "total", "type": "int", "fields": [{"name": "part"}]}]},
                "symlinks": {"identifiers": [{"namespace": NAMESPACE, "name": "dev.q.c", "type": "TABLE"}]},
                "columnLineage": {
                    "fields": {
                        "total": {"inputFields": [{"namespace": NAMESPACE, "name": "dev.a.c", "field": "amount"}]}
                    }
                },
                "version": {"datasetVersion": "1"},
            },
            "outputFacets": {"outputStatistics": {"rowCount": 1}},
        }
    ],
}
Path = tuple[str | int, ...]
_NO_KEYS = {"total"}
"""The name of a column, and not a key of OpenLineage."""


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yields the path of each key in a document."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key not in _NO_KEYS:
                yield (*path, key)
            yield from _paths(member, (*path, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _paths(member, (*path, index))


def _swapped(key: str) -> str:
    """Swaps the last two letters that differ."""
    at = max(at for at in range(1, len(key)) if key[at] != key[at - 1])
    return f"{key[: at - 1]}{key[at]}{key[at - 1]}{key[at + 1 :]}"


def _with_swapped(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(EVENT))
    owner: Any = document
    for step in path[:-1]:
        owner = owner[step]
    owner[_swapped(str(path[-1]))] = owner.pop(path[-1])
    return document


def _reports(document: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        event = decode(json.dumps(document).encode())
    except RejectedEvent as error:
        return [(error.path, error.reason)]
    return [(problem.path, problem.reason) for problem in fold(event, NO_RULES).problems]


def test_the_event_itself_is_good() -> None:
    """The event in which each key is misspelt below has no report."""
    assert _reports(EVENT) == []


@pytest.mark.parametrize("path", list(_paths(EVENT)), ids=lambda path: ".".join(map(str, path)))
def test_each_key_is_reported_once_with_its_path(path: Path) -> None:
    """One report, at the object that has the key, which names the key that was meant."""
    ((place, reason),) = _reports(_with_swapped(path))
    meant, steps = str(path[-1]), list(map(str, path[:-1]))
    assert place.replace("[", ".").replace("]", "").split(".")[: len(path)] == ["$", *steps]
    assert f"`{meant}`" in reason
    assert f"`{_swapped(meant)}` is there" in reason or place.endswith(f".{_swapped(meant)}")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("event_type", "eventType"),
        ("inputz", "inputs"),
        ("Outputs", "outputs"),
        ("typ", ""),
        ("custom", ""),
        ("x" * 99, ""),
    ],
)
def test_only_a_missing_key_that_looks_alike_is_meant(key: str, meant: str) -> None:
    """Spelling in another case counts; a key of a producer's own does not, nor one beside the key that it is like."""
    known = {"eventType", "inputs", "outputs", "run"}
    assert list(misspelt({"run", key}, known)) == ([(key, meant)] if meant else [])
    assert list(misspelt({key, *known}, known)) == []


def test_a_key_that_is_like_two_is_like_none() -> None:
    """A guess between two keys is not made."""
    assert list(misspelt({"outputFacet"}, {"inputFacets", "outputFacets"})) == [("outputFacet", "outputFacets")]
    assert list(misspelt({"namex"}, {"names", "named"})) == []


def test_a_key_with_two_values_says_what_it_has() -> None:
    """A core key with unequal values rejects the event: which value counts must not depend on a parser."""
    text = json.dumps(EVENT)[:-1] + ', "inputs": []}'
    with pytest.raises(RejectedEvent) as caught:
        decode(text.encode())
    assert caught.value.path == "$.inputs"
    assert "duplicated with different values: an array of 1 item, and an array of 0 items" in caught.value.reason
    assert "rejected" in caught.value.reason
