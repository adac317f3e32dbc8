"""The process that writes an event, of several."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.ingest.writer_processes import place_of

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
LINES = [line for file in sorted(SAMPLES.glob("events_*.jsonl")) for line in file.read_bytes().splitlines()]


def test_all_events_of_a_job_have_one_place() -> None:
    """However an event is laid out."""
    found: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for line in LINES:
        event = json.loads(line)
        job = event["job"]["namespace"], event["job"]["name"]
        found[job] |= {place_of(line), place_of(json.dumps(event, indent=2).encode())}
    assert len(found) > 10
    assert {len(places) for places in found.values()} == {1}, "events of one job are apart"
    assert len({min(places) for places in found.values()}) == len(found), "places of different jobs are equal"


def test_a_declaration_of_a_dataset_has_the_place_of_its_dataset() -> None:
    """Two of one dataset are written in their order."""
    one, other = ({"dataset": {"namespace": "n", "name": name}, "eventTime": "t"} for name in ("a", "b"))
    assert place_of(json.dumps(one).encode()) == place_of(json.dumps({**one, "eventTime": "u"}).encode())
    assert place_of(json.dumps(one).encode()) != place_of(json.dumps(other).encode())


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'{"job": 1}', b'{"job": {"name": 1}}', b"\xff", b"[" * 100_000])
def test_what_is_no_event_has_some_place(data: bytes) -> None:
    """The process that gets it rejects it."""
    assert place_of(data) == 0


@given(st.binary() | st.text().map(lambda name: json.dumps({"job": {"namespace": name, "name": name}}).encode()))
def test_any_bytes_have_a_place(data: bytes) -> None:
    """Lone surrogates too, which JSON can spell."""
    assert place_of(data) >= 0
