"""What decode takes, what it refuses, and what it says then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.decode import MAX_BYTES, MAX_DEPTH, MAX_NAME, decode, decode_document
from schemas.errors import RejectedEvent
from schemas.events import Dataset, DatasetEvent, InputDataset, JobEvent, OutputDataset, RunEvent

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
RUN_ID = "01a1fc7f-4f87-75d1-b91b-1e46bc29e91e"


def lines() -> Iterator[tuple[str, bytes]]:
    """The real events, with file and line."""
    for path in sorted(SAMPLES.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            yield f"{path.name}:{number}", line


def event(**changes: Any) -> dict[str, Any]:
    """A small run event, with other or more keys; a key that is set to ... is left out."""
    document = {
        "eventTime": "2026-11-21T05:22:25.824607Z",
        "eventType": "COMPLETE",
        "run": {"runId": RUN_ID},
        "job": {"namespace": "dbt", "name": "titles"},
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    } | changes
    return {key: value for key, value in document.items() if value is not ...}


def run_event(**changes: Any) -> RunEvent:
    """That event, decoded."""
    decoded = decode(json.dumps(event(**changes)).encode())
    assert isinstance(decoded, RunEvent), f"decoded as {type(decoded).__name__}"
    return decoded


def rejection(data: bytes) -> RejectedEvent:
    """Why some bytes are refused."""
    with pytest.raises(RejectedEvent) as caught:
        decode(data)
    return caught.value


def test_real_events_keep_all_their_facets() -> None:
    """Every sample decodes, and each of its facets is what stands in the document."""
    count = 0
    for place, line in lines():
        document = json.loads(line)
        decoded = decode(line)
        assert isinstance(decoded, RunEvent), f"{place} is a {type(decoded).__name__}"
        assert decoded.run.facets == document["run"]["facets"], f"{place}: the run's facets changed"
        assert decoded.job.facets == document["job"]["facets"], f"{place}: the job's facets changed"
        assert [d.facets for d in decoded.inputs] == [d.get("facets", {}) for d in document["inputs"]], place
        assert [d.output_facets for d in decoded.outputs] == [d.get("outputFacets", {}) for d in document["outputs"]], (
            place
        )
        assert decode_document(document) == decoded, f"{place}: parsed and unparsed decode differently"
        count += 1
    assert count == 668, "the samples are not those that were copied"


def test_a_run_event_has_all_its_parts() -> None:
    """The core's values are where the specification says."""
    dataset = {"namespace": "s3://bucket", "name": "a/b", "facets": {"x": {"y": 1}}}
    decoded = run_event(
        inputs=[dataset | {"inputFacets": {"i": {}}}],
        outputs=[dataset | {"outputFacets": {"o": {}}}],
        unknown={"kept": False},
    )
    assert (decoded.run.run_id, decoded.job.namespace, decoded.job.name) == (RUN_ID, "dbt", "titles")
    assert decoded.inputs == (InputDataset("s3://bucket", "a/b", {"x": {"y": 1}}, {"i": {}}),)
    assert decoded.outputs == (OutputDataset("s3://bucket", "a/b", {"x": {"y": 1}}, {"o": {}}),)
    assert decoded.producer == "https://example.com/producer"
    assert decoded.schema_url.endswith("RunEvent")


def test_keys_tell_which_event_it_is() -> None:
    """A run makes a run event, else a job a job event, else a dataset a dataset event, whatever schemaURL says."""
    dataset = {"namespace": "ns", "name": "t"}
    nothing: dict[str, Any] = {"run": None, "eventType": ...}
    assert isinstance(decode_document(event(dataset=dataset)), RunEvent)
    assert isinstance(decode_document(event(dataset=dataset, **nothing)), JobEvent)
    decoded = decode_document(event(dataset=dataset, job=None, **nothing))
    assert isinstance(decoded, DatasetEvent)
    assert decoded.dataset == Dataset("ns", "t", {})


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"run": ...}, "$.run"),
        ({"run": []}, "$.run"),
        ({"run": {}}, "$.run.runId"),
        ({"run": {"runId": ""}}, "$.run.runId"),
        ({"run": {"runId": 7}}, "$.run.runId"),
        ({"job": ...}, "$.job"),
        ({"job": {"namespace": "", "name": "x"}}, "$.job.namespace"),
        ({"job": {"namespace": "x", "name": None}}, "$.job.name"),
        ({"job": {"namespace": "x", "name": "n" * (MAX_NAME + 1)}}, "$.job.name"),
        ({"inputs": {}}, "$.inputs"),
        ({"inputs": "x"}, "$.inputs"),
        ({"eventTime": ...}, "$.eventTime"),
        ({"eventTime": 1763702545}, "$.eventTime"),
        ({"eventType": "DONE"}, "$.eventType"),
        ({"eventType": 3}, "$.eventType"),
        ({"run": ..., "eventType": ..., "job": ...}, "$"),
    ],
)
def test_a_broken_core_is_refused_with_its_place(changes: dict[str, Any], path: str) -> None:
    """Each fault of the core is named by its JSON path, and in words."""
    error = rejection(json.dumps(event(**changes)).encode())
    assert error.path == path
    assert len(error.reason.split()) > 3, f"{error.reason!r} explains nothing"


GOOD = {"namespace": "x", "name": "good"}


@pytest.mark.parametrize(
    "bad",
    [
        {"namespace": "s3://my_bucket", "name": ""},
        {"namespace": "", "name": "t"},
        {"namespace": "x", "name": " \n"},
        {"namespace": "\u00a0", "name": "t"},
        {"namespace": "x"},
        {"namespace": "x", "name": 7},
        {"namespace": "x", "name": "n" * (MAX_NAME + 1)},
        None,
        "t",
        [],
    ],
)
@pytest.mark.parametrize("key", ["inputs", "outputs"])
def test_a_bad_dataset_costs_itself(bad: object, key: str) -> None:
    """The others are there, and the bad one is reported with its place."""
    decoded = run_event(**{key: [GOOD, bad, GOOD | {"name": "last"}]})
    found = decoded.inputs if key == "inputs" else decoded.outputs
    assert [dataset.name for dataset in found] == ["good", "last"]
    (left_out,) = decoded.left_out
    assert left_out.path.startswith(f"$.{key}[1]")
    assert "left out" in left_out.reason


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"run": {"runId": RUN_ID, "facets": []}}, "$.run.facets"),
        ({"job": {"namespace": "dbt", "name": "titles", "facets": "x"}}, "$.job.facets"),
        ({"inputs": [GOOD | {"inputFacets": 1}]}, "$.inputs[0].inputFacets"),
        ({"outputs": [GOOD | {"facets": True}]}, "$.outputs[0].facets"),
        ({"producer": 3}, "$.producer"),
        ({"schemaURL": {}}, "$.schemaURL"),
    ],
)
def test_a_bad_part_costs_that_part(changes: dict[str, Any], path: str) -> None:
    """What lineage does not need is left out and reported."""
    assert [left_out.path for left_out in run_event(**changes).left_out] == [path]


@pytest.mark.parametrize("base", ["https://openlineage.io/spec/1-0-5/OpenLineage.json#/definitions", "#/$defs"])
def test_an_event_type_does_not_make_a_run_where_the_schema_says_otherwise(base: str) -> None:
    """Some producers put an eventType in every event."""
    job = event(run=..., schemaURL=f"{base}/JobEvent")
    assert isinstance(decode_document(job), JobEvent)
    dataset = event(run=..., job=..., dataset=GOOD, schemaURL=f"{base}/DatasetEvent")
    assert isinstance(decode_document(dataset), DatasetEvent)
    assert isinstance(decode_document(event(schemaURL=f"{base}/JobEvent")), RunEvent), "it has a run"
    assert rejection(json.dumps(event(run=...)).encode()).path == "$.run"


def test_what_real_producers_leave_out_is_accepted() -> None:
    """Nulls, missing and empty things stand for nothing."""
    nothing = run_event(
        eventType=...,
        producer=None,
        schemaURL=...,
        inputs=None,
        outputs=[],
        run={"runId": "manual 7", "facets": None},
        job={"namespace": "ключ", "name": "表", "facets": {"gone": None, "here": {}, "odd": 3}},
    )
    assert (nothing.event_type, nothing.producer, nothing.schema_url) == ("OTHER", "", "")
    assert (nothing.inputs, nothing.outputs) == ((), ())
    assert nothing.run.run_id == "manual 7"
    assert nothing.run.facets == {}
    assert nothing.job.facets == {"here": {}, "odd": 3}
    assert (nothing.job.namespace, nothing.job.name) == ("ключ", "表")
    assert run_event(eventType="complete").event_type == "COMPLETE"
    assert run_event(run={"runId": RUN_ID.upper()}).run.run_id == RUN_ID
    assert isinstance(decode(b"\xef\xbb\xbf" + json.dumps(event()).encode()), RunEvent)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-11-21T05:22:25.824607Z", "2026-11-21T05:22:25.824607Z"),
        ("2026-11-21T05:22:25Z", "2026-11-21T05:22:25.000000Z"),
        ("2026-11-21T05:22Z", "2026-11-21T05:22:00.000000Z"),
        ("2026-11-21T05:22:25.1Z", "2026-11-21T05:22:25.100000Z"),
        ("2026-11-21T05:22:25.123456999Z", "2026-11-21T05:22:25.123456Z"),
        ("2026-11-21T05:22:25.824607", "2026-11-21T05:22:25.824607Z"),
        ("2026-11-21t05:22:25.824607z", "2026-11-21T05:22:25.824607Z"),
        ("2026-11-21 05:22:25.824607+00:00", "2026-11-21T05:22:25.824607Z"),
        ("2026-01-01T00:30:00.5+01:00", "2025-12-31T23:30:00.500000Z"),
        ("2026-12-31T23:30:00-0530", "2027-01-01T05:00:00.000000Z"),
        ("2026-12-31T23:30:00+05", "2026-12-31T18:30:00.000000Z"),
        ("2026-11-21T05:22:25.5+00:00Z", "2026-11-21T05:22:25.500000Z"),
        ("2026-11-21T05:22:25-0000Z", "2026-11-21T05:22:25.000000Z"),
        ("2026-11-21 05:22:25.5 +0000 UTC", "2026-11-21T05:22:25.500000Z"),
        ("2026-11-21 05:22:25 UTC", "2026-11-21T05:22:25.000000Z"),
        ("2026-11-21T05:22:25Z[Europe/London]", "2026-11-21T05:22:25.000000Z"),
        ("2026-11-21T05:22:25Z[UTC]", "2026-11-21T05:22:25.000000Z"),
        ("2026-07-21T05:22:25.1+01:00[Europe/London]", "2026-07-21T04:22:25.100000Z"),
        ("2026-11-21T05:22:25+05:30[Etc/GMT+5]", "2026-11-20T23:52:25.000000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("2016-12-31T23:59:60.1234567Z", "2016-12-31T23:59:59.999999Z"),
        ("1990-12-31T15:59:60-08:00", "1990-12-31T23:59:59.999999Z"),
        ("2015-07-01T05:29:60.5+05:30", "2015-06-30T23:59:59.999999Z"),
    ],
)
def test_times_have_one_spelling(text: str, canonical: str) -> None:
    """UTC, six fraction digits, Z."""
    assert run_event(eventTime=text).event_time == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-21",
        "2026-11-21T05:22:60Z",
        "2026-11-21T23:59:60Z",
        "2026-12-31T23:59:61Z",
        "2016-12-31T23:59:60-08:00",
        "9999-12-31T23:59:60Z",
        "2026-11-21T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-11-21T05:22:25+24:00",
        "2026-11-21T05:22:25+01:60",
        "2026-11-21T05:22:25.Z",
        "\u0662026-11-21T05:22:25Z",
        "2026-11-21T05:22:25Z\n",
        "2026-11-21T05:22:25+01:00Z",
        "2026-11-21T05:22:25-00:30 UTC",
        "2026-11-21T05:22:25[Europe/London]",
        "2026-11-21T05:22:25Z[Europe/London",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Days and seconds that are not on the calendar are refused, as nothing could be said of their order."""
    assert rejection(json.dumps(event(eventTime=text)).encode()).path == "$.eventTime"


def with_facet(facet: bytes) -> bytes:
    """The small event with one raw run facet `x`."""
    return json.dumps(event(run={"runId": RUN_ID, "facets": {"x": 0}})).encode().replace(b'"x": 0', b'"x": ' + facet)


@pytest.mark.parametrize("text", ["no json", "<xml/>", "true story", '"a" b', "INFO {}"])
def test_what_is_no_json_is_shown(text: str) -> None:
    """A line of a log, for example; not a guess at which literal it was to be."""
    assert rejection(f"  {text}".encode()).reason.endswith(f"and this with {text!r}")


@pytest.mark.parametrize(
    ("facet", "path", "word"),
    [
        (b"{", "$", "not valid JSON"),
        (b"nan", "$", "not valid JSON"),
        (b"{NaN}", "$", "not valid JSON"),
        (b"-NaN", "$", "not valid JSON"),
        (b"1e", "$", "not valid JSON"),
        (b'"\xff"', "$", "UTF-8"),
        (b'"\xed\xa0\x80"', "$", "surrogates"),
        (b'["\\ud800", "\xff"]', "$", "not valid JSON"),
        (b'"\x00"', "$", "control character"),
    ],
)
def test_what_a_graph_can_not_take_is_refused(facet: bytes, path: str, word: str) -> None:
    """Anywhere in the document, with the place."""
    error = rejection(with_facet(facet))
    assert (error.path, word in error.reason) == (path, True), f"{error}"


@pytest.mark.parametrize(
    ("facet", "path", "word"),
    [
        (b'{"y": ["a\\u0000b"]}', "$.run.facets.x.y[0]", "NUL"),
        (b'{"a \\u0000": 1}', '$.run.facets.x["a \\x00"]', "NUL"),
        (b'{"y": 1, "y": 2}', "$.run.facets.x.y", "duplicated"),
        (b'{"y": [], "y": {}}', "$.run.facets.x.y", "duplicated"),
        (b'{"y": 1, "z": {}, "y" : {"y": 2}}', "$.run.facets.x.y", "duplicated"),
        (b'[{"a b": 1, "a b"\n:2}]', '$.run.facets.x[0]["a b"]', "duplicated"),
        (b'{"y": ":", "y": ""}', "$.run.facets.x.y", "duplicated"),
        (b'{"y": "", "z": "\\u003a", "y": "b"}', "$.run.facets.x.y", "duplicated"),
        (b'{"y": "", "z": "\\u003A", "\\u0079": "b"}', "$.run.facets.x.y", "duplicated"),
        (b"18446744073709551616", "$.run.facets.x", "64 bits"),
        (b"[-9223372036854775809]", "$.run.facets.x[0]", "64 bits"),
        (b"1" + b"0" * 200, "$.run.facets.x", "64 bits"),
        (b"1" + b"0" * 400, "$.run.facets.x", "64 bits"),
        (b"NaN", "$.run.facets.x", "nan is not"),
        (b'{"mean": [1.5, -Infinity]}', "$.run.facets.x.mean[1]", "-inf is not"),
        (b"1e999", "$.run.facets.x", "inf is not"),
        (b"1" + b"0" * 400 + b".5", "$.run.facets.x", "inf is not"),
        (b'"\\ud800"', "$.run.facets.x", "surrogate"),
        (b'"\\udc00 x"', "$.run.facets.x", "surrogate"),
        (b'{"a\\uD83D": 1}', '$.run.facets.x["a\\ud83d"]', "surrogate"),
        (b'{"y": 1, "y": NaN}', "$.run.facets.x.y", "nan is not"),
    ],
)
def test_what_a_graph_can_not_take_costs_its_facet(facet: bytes, path: str, word: str) -> None:
    """The rest of the event is there, and the fault is reported with its place."""
    decoded = decode(with_facet(facet))
    assert isinstance(decoded, RunEvent)
    assert decoded.run.facets == {}
    (left_out,) = decoded.left_out
    assert (left_out.path, word in left_out.reason) == (path, True), f"{left_out}"


@pytest.mark.parametrize(
    "facet",
    [
        b'{"y": 1, "y": 1}',
        b'{"y": {"a": [1, {"b": null}], "c": ":"}, "y": {"c": ":", "a": [1, {"b": null}]}}',
        b'[{"y": "\\u003a", "y": ":"}]',
        b'{"y": {"z": 1, "z": 1}, "y": {"z": 1, "z": 1}}',
    ],
)
def test_a_key_twice_with_equal_values_costs_nothing(facet: bytes) -> None:
    """Which of the two is meant makes no difference."""
    decoded = decode(with_facet(facet))
    assert isinstance(decoded, RunEvent)
    assert (decoded.run.facets["x"], decoded.left_out) == (json.loads(facet), ())


@pytest.mark.parametrize("one", ["1", "true", "1.0", '"1"', "[1]", "null"])
def test_equal_is_equal_json(one: str) -> None:
    """Python takes 1, 1.0 and True for equal; a reader of the event does not."""
    others = {"1", "true", "1.0", '"1"', "[1]", "null"} - {one}
    for other in others:
        decoded = decode(with_facet(f'{{"y": {one}, "y": {other}}}'.encode()))
        assert [left_out.path for left_out in decoded.left_out] == ["$.run.facets.x.y"], other


TWICE = (
    ('"run": {', '"run": {"facets": {"x": {}, "x": {}, "y": {"a": 1}, "y": {"a": 2}}, ', "$.run.facets.y", True),
    ('"run": {', '"run": {"facets": {}, "facets": {"x": {}}, ', "$.run.facets", True),
    ('"run": {', '"run": {"more": 1, "more": 2, ', "$.run.more", True),
    ('"run": {', '"more": 1, "more": 2, "run": {', "$.more", True),
    ('"run": {', '"producer": "p", "run": {', "$.producer", True),
    ('"run": {', '"inputs": [{"namespace": "n", "name": "a", "name": "b"}], "run": {', "$.inputs[0].name", True),
    ('"run": {', '"outputs": [{"namespace": "n", "name": "a", "x": 1, "x": 2}], "run": {', "$.outputs[0].x", True),
    ('"run": {', '"run": {"runId": "other", ', "$.run.runId", False),
    ('"run": {', '"eventTime": "2025-01-01T00:00:00Z", "run": {', "$.eventTime", False),
    ('"run": {', '"inputs": [], "inputs": [{}], "run": {', "$.inputs", False),
    ('"job": {', '"job": {"name": "other", ', "$.job.name", False),
)


@pytest.mark.parametrize(("place", "put", "path", "taken"), TWICE, ids=[case[2] for case in TWICE])
def test_a_key_twice_costs_the_smallest_part(place: str, put: str, path: str, *, taken: bool) -> None:
    """A facet, a dataset or a field; the event only where it is not known what the event is about."""
    data = json.dumps(event()).replace(place, put, 1).encode()
    if not taken:
        assert rejection(data).path == path
        return
    assert [left_out.path for left_out in decode(data).left_out] == [path]


def test_a_dataset_that_is_left_out_keeps_the_places_of_others() -> None:
    """Paths in reports are those of the document as it was sent."""
    twice, empty, good = '"name": "a", "name": "b"', '"name": ""', '"name": "c"'
    inputs = ", ".join(f'{{"namespace": "n", {names}}}' for names in (twice, empty, good))
    decoded = decode(json.dumps(event()).replace('"run": {', f'"inputs": [{inputs}], "run": {{', 1).encode())
    assert isinstance(decoded, RunEvent)
    assert [dataset.name for dataset in decoded.inputs] == ["c"]
    assert [left_out.path for left_out in decoded.left_out] == ["$.inputs[0].name", "$.inputs[1].name"]


def test_too_many_faults_are_refused() -> None:
    """A document that is broken all over is not worth salvaging."""
    keys = ", ".join(f'"k{number}": {{"a": 1, "a": 2}}' for number in range(101))
    assert "more than 100" in rejection(with_facet(b"{" + keys.encode() + b"}")).reason


@pytest.mark.parametrize(
    "facet",
    [
        b"18446744073709551615",
        b"-9223372036854775808",
        b"[1e300, -1e19, 1.5]",
        b'"\\\\u0000 \\ud83d\\ude00 \\u00e9 \\u003a"',
        b'{"y": {"y": ":"}, "z": [{"y": 1}, {"y": 1}], "q": "\\"y\\": 1"}',
    ],
)
def test_what_only_looks_so_is_accepted(facet: bytes) -> None:
    """The cheap test may suspect too much; the exact one then clears it."""
    decoded = decode(with_facet(facet))
    assert isinstance(decoded, RunEvent)
    assert decoded.run.facets["x"] == json.loads(facet), "the facet changed"


def nested(levels: int) -> bytes:
    """An event of so many levels."""
    inner = levels - 3  # the event, the run, its facets
    return with_facet(b"[" * inner + b"]" * inner)


def test_nesting_has_a_limit() -> None:
    """As many levels as are allowed, and no more; parsers' own limits do not show."""
    assert isinstance(decode(nested(MAX_DEPTH)), RunEvent)
    for levels in (MAX_DEPTH + 1, 255, 900, 5000, 1_000_000):
        assert rejection(nested(levels)).path.startswith("$"), f"{levels} levels"
    assert "deeper" in rejection(nested(MAX_DEPTH + 1)).reason
    hidden = b'{"y": ' + b"[" * 1000 + b"]" * 1000 + b', "y": 1}'
    assert "deep" in rejection(with_facet(hidden)).reason


@pytest.mark.parametrize("data", [b"", b" ", b"[]", b"null", b'"x"', b"1", b"{}", b"{}{}", b"\xef\xbb\xbf", b"\x80"])
def test_what_is_no_event_is_refused(data: bytes) -> None:
    """Other JSON and other bytes have no event in them."""
    assert rejection(data).path == "$" or data == b"{}"


def test_size_has_a_limit() -> None:
    """A document of 10 MB is refused without a look at it; one of just the allowed size is read."""
    error = rejection(b"[" * 10_000_000)
    assert str(MAX_BYTES) in error.reason, f"it was parsed: {error}"
    full = json.dumps(event()).encode()
    assert isinstance(decode(full + b" " * (MAX_BYTES - len(full))), RunEvent)


@pytest.mark.parametrize(
    ("facet", "path"),
    [
        ({1: 2}, "$.run.facets.x[1]"),
        ([b"bytes"], "$.run.facets.x[0]"),
        ([()], "$.run.facets.x[0]"),
    ],
)
def test_parsed_documents_are_checked_too(facet: object, path: str) -> None:
    """What no JSON parser would give back is refused, as it could not be written either."""
    with pytest.raises(RejectedEvent) as caught:
        decode_document(event(run={"runId": RUN_ID, "facets": {"x": facet}}))
    assert caught.value.path == path
    caught.value.reason.encode()


@pytest.mark.parametrize(
    ("facet", "path"),
    [
        (float("nan"), "$.run.facets.x"),
        ({"y": "\ud800"}, "$.run.facets.x.y"),
        ({"\udc00": 1}, '$.run.facets.x["\\udc00"]'),
    ],
)
def test_a_bad_value_of_a_parsed_document_costs_its_facet(facet: object, path: str) -> None:
    """As it does in the bytes of a document."""
    decoded = decode_document(event(run={"runId": RUN_ID, "facets": {"x": facet, "y": {}}}))
    assert isinstance(decoded, RunEvent)
    assert decoded.run.facets == {"y": {}}
    assert [left_out.path for left_out in decoded.left_out] == [path]


@pytest.mark.parametrize(
    "value", [b'"\\ud800"', b"NaN", b"[1e999]"], ids=["half a character", "not a number", "infinite"]
)
def test_a_bad_value_costs_the_part_that_it_is_in(value: bytes) -> None:
    """The name of a dataset costs the dataset, that of the job the event, and a member of no meaning itself."""
    inputs = [{"namespace": "n", "name": "BAD"}, {"namespace": "n", "name": "good"}]
    decoded = decode(json.dumps(event(inputs=inputs)).encode().replace(b'"BAD"', value))
    assert isinstance(decoded, RunEvent)
    assert [dataset.name for dataset in decoded.inputs] == ["good"]
    assert [left_out.path for left_out in decoded.left_out] == ["$.inputs[0].name" + "[0]" * (value[:1] == b"[")]
    assert decode(json.dumps(event(more="BAD")).encode().replace(b'"BAD"', value)).left_out
    path = rejection(json.dumps(event(job={"namespace": "n", "name": "BAD"})).encode().replace(b'"BAD"', value)).path
    assert path.startswith("$.job.name")


def test_a_parsed_document_is_not_changed() -> None:
    """What is left out of an event is still in the document."""
    document = event(run={"runId": RUN_ID, "facets": {"x": 1 << 64, "y": {"z": "\0"}, "w": {}}})
    decoded = decode_document(document)
    assert isinstance(decoded, RunEvent)
    assert (decoded.run.facets, document["run"]["facets"]["x"]) == ({"w": {}}, 1 << 64)
    assert {left_out.path for left_out in decoded.left_out} == {"$.run.facets.x", "$.run.facets.y.z"}


def test_a_document_that_holds_itself_is_refused() -> None:
    """The limit of nesting ends the walk."""
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(RejectedEvent, match="deeper"):
        decode_document(event(run={"runId": RUN_ID, "facets": {"x": loop}}))
