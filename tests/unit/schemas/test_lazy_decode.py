"""Decoding that leaves a body unread gives the same events and the same rejections as decoding at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.decode import MAX_DEPTH, decode
from schemas.errors import RejectedEvent
from schemas.events import Event, RunEvent, UnreadBody
from schemas.facets.known_facets import drop_unread
from schemas.lazy_decode import decode_lazily
from schemas.strict_json import MAX_VALUES

DATA = Path(__file__).parents[2] / "data"
LINES = [
    line
    for folder in ("samples", "producers")
    for path in sorted((DATA / folder).glob("*.jsonl"))
    for line in path.read_bytes().splitlines()
    if line.strip()
]
EVENT = {
    "eventTime": "2026-11-21T05:22:25.824607Z",
    "eventType": "COMPLETE",
    "run": {"runId": "01a1fc7f-4f87-75d1-b91b-1e46bc29e91e", "facets": {"nominalTime": {"x": 1}}},
    "job": {"namespace": "dbt", "name": "titles", "facets": {"sql": {"query": "select 1"}}},
    "inputs": [{"namespace": "n", "name": "i"}],
    "outputs": [{"namespace": "n", "name": "o", "outputFacets": {"outputStatistics": {"rowCount": 1}}}],
    "producer": "p",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}
COMPACT, SPACED = orjson.dumps(EVENT), json.dumps(EVENT).encode()


def at_once(data: bytes) -> Event:
    """The event as `decode` reads it, without what nothing reads."""
    return drop_unread(decode(data))


def outcome(read: Callable[[bytes], Event], data: bytes) -> Event | tuple[str, str]:
    """The event in some bytes, or why there is none."""
    try:
        return read(data)
    except RejectedEvent as error:
        return error.path, error.reason


def check(data: bytes) -> Event | tuple[str, str]:
    """The outcome, after a look that it is the same at once and lazily, when it is seen first and again."""
    expected = outcome(at_once, data)
    for time in ("first", "again"):
        assert outcome(decode_lazily, data) == expected, f"{time}: {data[:300]!r}"
    return expected


def is_unread(data: bytes) -> bool:
    """True if the body of an event is left unread."""
    event = decode_lazily(data)
    return isinstance(event, RunEvent) and isinstance(event.content, UnreadBody)


def test_recorded_events() -> None:
    """Each is the same either way, and most of them are unread, as the emitters write them."""
    assert len(LINES) > 900
    for line in LINES:
        check(line)
    assert sum(map(is_unread, LINES)) > 0.9 * len(LINES)


@pytest.mark.parametrize("data", [COMPACT, SPACED, SPACED.replace(b"\xef", b"")], ids=["compact", "spaced", "other"])
def test_the_usual_layouts_are_left_unread(data: bytes) -> None:
    """With the values that the document has, and equal digests for equal bodies."""
    event, other = decode_lazily(data), decode_lazily(data.replace(b"COMPLETE", b"START"))
    assert isinstance(event, RunEvent)
    assert isinstance(other, RunEvent)
    assert isinstance(event.content, UnreadBody)
    assert isinstance(other.content, UnreadBody)
    assert (event.content.digest, event.run.digest) == (other.content.digest, other.run.digest)
    assert (event.event_type, other.event_type) == ("COMPLETE", "START")
    assert (event.job.name, event.outputs[0].output_facets) == ("titles", {"outputStatistics": {"rowCount": 1}})
    check(data)


def test_equal_bodies_only_have_equal_digests() -> None:
    """A change of any member of a body, also of where one ends, is another body."""
    digests = set()
    for key, value in {**EVENT, "inputs": [], "outputs": [], "producer": "q", "schemaURL": "s"}.items():
        if key in {"eventTime", "eventType", "run"}:
            continue
        for changed in ({**EVENT, key: value}, {k: v for k, v in EVENT.items() if k != key}):
            event = decode_lazily(orjson.dumps(changed)) if "job" in changed else None
            if isinstance(event, RunEvent) and isinstance(event.content, UnreadBody):
                digests.add(event.content.digest)
    assert len(digests) == 9


@pytest.mark.parametrize(
    "put",
    [
        '"producer": "p", "producer": "q", ',
        '"producer" : "p", ',
        '"unknown": {"a": 1, "a": 2}, ',
        '"eventType": "START", ',
        '"eventType": "start", ',
        '"eventType": null, ',
        '"eventTime": "2026-02-30T00:00:00.000000Z", ',
        '"eventTime": "2026-01-01T00:00:60.000000Z", ',
        '"eventTime": "2026-11-21T05:22:25Z", ',
        '"eventTime": "2026-11-21 05:22+02:00", ',
        '"eventTime": "0000-11-21T05:22:25.824607Z", ',
        '"eventTime": 5, ',
        '"run": {"runId": "A0000000-0000-4000-8000-00000000000F"}, ',
        '"run": {"runId": "a", "runId": "b"}, ',
        '"run": {"runId": "", "facets": {}}, ',
        '"run": {"runId": "a\\u0000b", "facets": {}}, ',
        '"run": {"runId": "a", "facets": null}, ',
        '"run": {"runId": "a", "facets": []}, ',
        '"run": {"runId": "a", "facets": {"parent": null, "x": {"a": 1, "a": 2}}}, ',
        '"run": {"runId": "a", "facets": {"parent": {"n": 18446744073709551616}}}, ',
        '"run": {"runId": "a", "more": {"n": 18446744073709551616}}, ',
        '"run": null, ',
        '"dataset": {"namespace": "n", "name": "d"}, ',
        "",
    ],
)
def test_what_is_odd_is_decided_at_once(put: str) -> None:
    """Whatever stands before a body that is known: in place of the usual member, or beside it."""
    check(COMPACT)
    body = {key: value for key, value in EVENT.items() if key not in {"eventTime", "eventType", "run"}}
    usual = {key: EVENT[key] for key in ("eventTime", "eventType", "run")}
    for rest in ({**usual, **body}, {key: value for key, value in {**usual, **body}.items() if f'"{key}"' not in put}):
        data = "{" + put + json.dumps(rest)[1:]
        check(data.encode())
        check(data.replace(", ", ",").replace(": ", ":").encode())


@pytest.mark.parametrize(
    "above", [MAX_DEPTH - 6, MAX_DEPTH - 5, MAX_DEPTH - 4, MAX_DEPTH - 3, MAX_DEPTH - 2, MAX_DEPTH]
)
def test_depth_counts_from_the_document(above: int) -> None:
    """Facets of a run are parsed apart from the document, and are as deep as in it."""
    nested: Any = 1
    for _ in range(above):
        nested = [nested]
    check(orjson.dumps({**EVENT, "run": {"runId": "a", "facets": {"nominalTime": {"x": nested}}}}))


def test_large_documents_are_read_at_once() -> None:
    """Their values are counted."""
    job = {"namespace": "n", "name": "j", "facets": {"sql": {"query": "q" * MAX_VALUES}}}
    data = orjson.dumps({**EVENT, "job": job})
    check(data)
    assert not is_unread(data)
