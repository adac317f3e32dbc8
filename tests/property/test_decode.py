"""Laws of the schemas: decoding never fails otherwise, spelling once is enough, times keep their order."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.decode import decode, decode_document
from schemas.errors import RejectedEvent, SchemaError
from schemas.events import Event, RunEvent
from schemas.facets import ColumnLineageDatasetFacet, LineageFacet, SchemaDatasetFacet, read
from schemas.facets.known_facets import drop_unread
from schemas.lazy_decode import decode_lazily
from schemas.naming import DatasetName, build, canonical, is_rules_form, last_part, parts
from schemas.strict_json import MAX_INTEGER, MIN_INTEGER, parse
from schemas.timestamps import canonical_time

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
LINES = (SAMPLES / "events_athena.jsonl").read_bytes().splitlines() + (
    SAMPLES / "ev_fail_redshift.jsonl"
).read_bytes().splitlines()

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def refusal(act: Callable[[], object]) -> SchemaError | None:
    """What the schemas say is wrong; anything else that is raised fails the test."""
    try:
        act()
    except SchemaError as error:
        return error
    return None


@given(line=st.sampled_from(LINES), at=st.floats(0, 1), cut=st.integers(0, 12), put=st.binary(max_size=12))
def test_mutated_bytes_decode_or_are_rejected(line: bytes, at: float, cut: int, put: bytes) -> None:
    """Bytes that were cut out, put in or changed end in an event or in RejectedEvent, never in anything else."""
    index = int(at * len(line))
    said = refusal(lambda: decode(line[:index] + put + line[index + cut :]))
    assert said is None or said.path.startswith("$"), f"{said} has no JSON path"


def outcome(read: Callable[[bytes], Event], data: bytes) -> Event | tuple[str, str]:
    """The event in some bytes, or why there is none."""
    try:
        return read(data)
    except RejectedEvent as error:
        return error.path, error.reason


@given(line=st.sampled_from(LINES), at=st.floats(0, 1), cut=st.integers(0, 12), put=st.binary(max_size=12))
def test_mutated_bytes_decode_lazily_as_at_once(line: bytes, at: float, cut: int, put: bytes) -> None:
    """Whatever was cut out, put in or changed, and whether the body was seen before or not."""
    decode_lazily(line)
    index = int(at * len(line))
    data = line[:index] + put + line[index + cut :]
    expected = outcome(lambda data: drop_unread(decode(data)), data)
    assert [outcome(decode_lazily, data) for _ in range(2)] == [expected] * 2


def _replaced(document: Any, draw: st.DrawFn) -> Any:
    """The document with the value at one place replaced."""
    if draw(st.integers(0, 4)) == 0 or not isinstance(document, dict | list) or not document:
        return draw(JSON)
    if isinstance(document, dict):
        key = draw(st.sampled_from(sorted(document)))
        return {**document, key: _replaced(document[key], draw)}
    index = draw(st.integers(0, len(document) - 1))
    return [*document[:index], _replaced(document[index], draw), *document[index + 1 :]]


@st.composite
def mutated_documents(draw: st.DrawFn) -> Any:
    """A real event with one value changed into anything."""
    return _replaced(json.loads(draw(st.sampled_from(LINES))), draw)


@given(mutated_documents())
def test_mutated_documents_decode_or_are_rejected(document: Any) -> None:
    """So do documents with any value in any place; and their facets read or are BadFacet."""
    try:
        event = decode_document(document)
    except RejectedEvent as error:
        str(error).encode()
        return
    assert isinstance(event, RunEvent)
    for output in event.outputs:
        for view in (SchemaDatasetFacet, ColumnLineageDatasetFacet, LineageFacet):
            said = refusal(partial(read, view, output.facets, "$.outputs[0].facets"))
            assert said is None or said.path.startswith("$.outputs[0].facets."), f"{said} is not in the facets"


def _pairs(value: Any) -> Any:
    """The parsed document, or an error where a key is there twice with two values."""
    found: dict[str, Any] = {}
    for key, member in value:
        if key in found and spelled(found[key]) != spelled(member):
            raise KeyError
        found[key] = member
    return found


def spelled(value: Any) -> str:
    """Equal JSON has equal text."""
    return json.dumps(value, sort_keys=True)


OBJECT_TEXT = st.text('ab":{}, \\u03A', max_size=24)


@given(OBJECT_TEXT | st.lists(OBJECT_TEXT, max_size=4).map(lambda items: "{" + ",".join(items) + "}"))
@example('{"a":1,"b":"\\u003a","a":2}')
@example('{"a":":","a" :"::"}')
def test_duplicate_keys_are_found_exactly(text: str) -> None:
    """The keys that are faults are just those that a parser that keeps all pairs finds."""
    try:
        expected = json.loads(text, object_pairs_hook=_pairs)
    except KeyError:
        assert any("duplicated" in fault.reason for fault in parse(text.encode())[1]), f"{text} has no fault"
        return
    except ValueError:
        return
    if "\0" not in str(expected):
        assert parse(text.encode()) == (expected, [])


KEYS = st.sampled_from(["a", "b", ":", '":', "é", "\u2028"])


@given(st.lists(st.tuples(KEYS, JSON.filter(lambda value: "\\u0000" not in json.dumps(value))), max_size=4))
def test_objects_with_doubtful_keys_have_faults(pairs: list[tuple[str, Any]]) -> None:
    """There is a fault if and only if a key is there twice with two values, or an integer is too large."""
    try:
        body = ", ".join(f"{json.dumps(key)} : {json.dumps(value, allow_nan=False)}" for key, value in pairs)
        body.encode()
        values = [decoded for _, value in pairs for decoded in _integers(value)]
    except ValueError:
        return
    text = "{" + body + "}"
    try:
        json.loads(text, object_pairs_hook=_pairs)
        doubtful = any(not MIN_INTEGER <= value <= MAX_INTEGER for value in values)
    except KeyError:
        doubtful = True
    refused = refusal(lambda: parse(text.encode()))
    assert refused is None or "surrogate" in refused.reason, f"{text} was refused: {refused}"
    if refused is None:
        assert bool(parse(text.encode())[1]) == doubtful, f"{text}: {doubtful}"


def _integers(value: Any) -> list[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [integer for item in value for integer in _integers(item)]
    return [value] if type(value) is int else []


INSTANTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(one=INSTANTS, step=st.timedeltas(timedelta(0), timedelta(seconds=2)), first=OFFSETS, second=OFFSETS)
def test_canonical_times_sort_like_the_instants(
    one: datetime, step: timedelta, first: timezone, second: timezone
) -> None:
    """Whatever zones they were written in."""
    two = one + step
    spelled = [canonical_time(one.astimezone(first).isoformat()), canonical_time(two.astimezone(second).isoformat(" "))]
    assert sorted(spelled) == spelled, f"{one} and {two} sort the wrong way"
    assert (spelled[0] == spelled[1]) == (one == two), "two instants have one spelling"
    assert [canonical_time(text) for text in spelled] == spelled, "a canonical time is spelled again"
    assert [len(text) for text in spelled] == [27, 27]


NAMESPACES = st.one_of(
    st.sampled_from(
        [
            "awsathena://Athena.us-east-1.amazonaws.com:443/",
            "ARN:aws:glue:us-east-1:123456789012",
            "redshift://WG.us-east-1",
            "Redshift://[::1]:05439/",
            "s3://Bucket",
        ]
    ),
    st.from_regex(r"(?i)(awsathena|redshift)://[^/]{0,12}(:\d{0,5})?/?", fullmatch=True),
    st.text(max_size=12),
)
NAMES = st.text('aB."/İΣ\u212a ', max_size=16) | st.text(max_size=16)


@given(namespace=NAMESPACES, name=NAMES)
def test_canonical_is_idempotent(namespace: str, name: str) -> None:
    """A canonical name is its own canonical form; no name makes the functions raise; parts build the name again."""
    once = canonical(namespace, name)
    assert canonical(*once) == once
    assert parts(DatasetName(namespace, name)) == parts(once), "parts depend on the spelling"
    last_part(once)
    is_rules_form(once)
    known = parts(once)
    if known is not None:
        assert build(once.namespace, known) == once


@given(namespace=NAMESPACES, known=st.lists(NAMES, max_size=4))
def test_build_is_the_reverse_of_parts(namespace: str, known: list[str]) -> None:
    """What can be built has the parts that it was built of, in lower case."""
    built = build(namespace, known)
    if built is not None:
        assert parts(built) == tuple(part.lower() for part in known)
        assert canonical(*built) == built
