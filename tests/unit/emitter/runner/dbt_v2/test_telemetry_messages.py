"""Telemetry of dbt v2 as messages: each outcome, real files, and what is not known."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emitter.runner.dbt_v2.telemetry_messages import Telemetry, is_needed, is_record
from emitter.runner.event_log import Message
from tests.support.dbt.fake_dbt_v2 import SAMPLES
from tests.support.dbt.recorded_sample import missing_fields

REAL = SAMPLES / "real" / "otel-preview.120"
NODE = "model.shop.orders"


def translated(records: Iterable[dict[str, Any]]) -> list[Message]:
    """The messages of one invocation's records."""
    telemetry = Telemetry()
    return [message for record in records for message in telemetry.take(record)]


def lines(name: str) -> list[bytes]:
    """The lines of a recorded file."""
    path = REAL / name if (REAL / name).exists() else SAMPLES / name / "logs" / "otel.jsonl"
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines()


def read(name: str) -> list[dict[str, Any]]:
    """All records of a recorded file."""
    return [json.loads(line) for line in lines(name)]


def record(name: str, kind: str = "SpanEnd", **attributes: Any) -> dict[str, Any]:
    """One record, with one second between its start and its end."""
    return {
        "record_type": kind,
        "trace_id": "0a",
        "event_type": f"v1.public.events.fusion.{name}",
        "start_time_unix_nano": "1795162504118204204",
        "end_time_unix_nano": "1795162505118204204",
        "time_unix_nano": "1795162505118204204",
        "severity_number": attributes.pop("severity_number", 9),
        "status": attributes.pop("status", {"message": None, "code": 1}),
        "attributes": attributes,
    }


def finished(**attributes: Any) -> Message:
    """The end of a node."""
    (message,) = translated([record("node.NodeProcessed", unique_id=NODE, **attributes)])
    return message


def statuses(messages: Iterable[Message]) -> Counter[str]:
    """How many nodes ended with each status."""
    return Counter(
        message["data"]["node_info"]["node_status"] for message in messages if message["name"] == "NodeFinished"
    )


def test_a_real_build() -> None:
    """2.0.0-preview.120 on BigQuery: 48 nodes, one error with its text, one failed test with two rows, query ids."""
    messages = translated(read("otel.jsonl.gz"))
    assert statuses(messages) == {"success": 16, "pass": 26, "fail": 1, "error": 1, "skipped": 4}
    ended = {found["data"]["node_info"]["node_status"]: found for found in messages if found["name"] == "NodeFinished"}
    assert ended["fail"]["data"]["run_result"]["num_failures"] == 2
    assert "is not supported" in ended["error"]["data"]["run_result"]["message"]
    assert ended["success"]["data"]["run_result"]["adapter_response"]["query_id"]
    began = [message for message in messages if message["name"] == "NodeExecuting"]
    assert len(began) == 43, "what is skipped has not begun"
    compiled = [message for message in began if message["compiled_code"]]
    assert len(compiled) == 35, "of six seeds and two unit tests there is no compiled SQL"
    assert (messages[0]["name"], messages[0]["flags"]["which"]) == ("MainReportVersion", "build")
    assert (messages[-1]["name"], messages[-1]["data"]["success"]) == ("CommandCompleted", False)


def test_a_real_failure_is_told() -> None:
    """Two nodes of 48 were recorded, and the end says that there were errors."""
    messages = translated(read("otel_failed.jsonl"))
    assert statuses(messages) == {"error": 1, "fail": 1}
    assert messages[-1]["data"] == {
        "success": False,
        "completed_at": "2026-02-26T02:34:01.863124000Z",
        "interrupted": False,
    }


@pytest.mark.parametrize("name", ["otel.jsonl.gz", "otel_failed.jsonl", "duckdb", "redshift"])
def test_what_is_left_out_unparsed_makes_no_message(name: str) -> None:
    """The look at a line's bytes keeps all that is needed, and leaves out half of the lines at least."""
    every, kept = lines(name), [line for line in lines(name) if is_needed(line)]
    assert translated(map(json.loads, kept)) == translated(map(json.loads, every))
    assert len(kept) < len(every) / 1.5
    assert all(is_record(json.loads(line)) for line in every)
    assert is_needed(b'{"name": "NodeStart"}'), "what is no telemetry is not judged"


@pytest.mark.parametrize("name", ["duckdb", "redshift", "otel.jsonl.gz"])
def test_what_telemetry_needs_is_in_the_samples(name: str) -> None:
    """A newer sample without one of these names or fields means that dbt has renamed it."""
    missing = missing_fields(read(name))
    assert not missing, f"telemetry has no longer {missing}: emitter/runner/dbt_v2/telemetry_messages.py reads these"


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"node_outcome": "NODE_OUTCOME_SUCCESS"}, "success"),
        ({"node_outcome": "NODE_OUTCOME_ERROR", "status": {"message": "error", "code": 2}}, "error"),
        ({"node_outcome": "NODE_OUTCOME_ERROR", "status": None}, "cancelled"),
        ({"node_outcome": "NODE_OUTCOME_CANCELED"}, "cancelled"),
        ({}, "cancelled"),
        ({"node_outcome": "NODE_OUTCOME_UNSPECIFIED"}, "cancelled"),
        ({"node_outcome": "NODE_OUTCOME_SKIPPED"}, "skipped"),
        ({"node_outcome": "NODE_OUTCOME_SKIPPED", "node_skip_reason": "NODE_SKIP_REASON_UPSTREAM"}, "skipped"),
        ({"node_outcome": "NODE_OUTCOME_SKIPPED", "node_skip_reason": "NODE_SKIP_REASON_CACHED"}, "reused"),
        ({"node_outcome": "NODE_OUTCOME_SKIPPED", "node_skip_reason": "NODE_SKIP_REASON_NO_OP"}, "no-op"),
        ({"node_outcome": "NODE_OUTCOME_OF_TOMORROW"}, "of_tomorrow"),
    ],
)
def test_each_outcome_of_a_node(attributes: dict[str, Any], status: str) -> None:
    """In dbt-core's words; what is cut short when dbt is interrupted has no outcome of its own."""
    assert finished(**attributes)["data"]["node_info"]["node_status"] == status


@pytest.mark.parametrize(
    ("detail", "status", "failures"),
    [
        ({}, "pass", 0),
        (None, "pass", None),
        ({"test_outcome": "TEST_OUTCOME_PASSED"}, "pass", 0),
        ({"test_outcome": "TEST_OUTCOME_WARNED", "failing_rows": 1}, "warn", 1),
        ({"test_outcome": "TEST_OUTCOME_FAILED", "failing_rows": "2"}, "fail", 2),
        ({"test_outcome": "TEST_OUTCOME_OF_TOMORROW"}, "of_tomorrow", 0),
    ],
)
def test_each_outcome_of_a_test(detail: dict[str, Any] | None, status: str, failures: int | None) -> None:
    """Defaults are left out by protobuf; a number of 64 bits is a text."""
    message = finished(node_outcome="NODE_OUTCOME_SUCCESS", node_type="NODE_TYPE_TEST", node_test_detail=detail)
    assert message["data"]["node_info"]["node_status"] == status
    assert message["data"]["run_result"]["num_failures"] == failures


def test_a_node_has_what_was_said_of_it_before() -> None:
    """Its SQL, the id of its last statement, the first error, and the start of its execution."""
    run = "EXECUTION_PHASE_RUN"
    found = translated(
        [
            record("log.CompiledCode", "LogRecord", unique_id=NODE, sql="select 1"),
            record("node.NodeEvaluated", "SpanStart", unique_id=NODE, phase="EXECUTION_PHASE_RENDER"),
            record("node.NodeEvaluated", "SpanStart", unique_id=NODE, phase=run),
            record("query.QueryExecuted", unique_id=NODE, query_id="q1", query_description="execute adapter call"),
            record("query.QueryExecuted", unique_id=NODE, query_id="q2", query_description="list_relations call"),
            record("log.LogMessage", "LogRecord", unique_id=NODE, severity_number=17, message="no such column"),
            record("log.LogMessage", "LogRecord", unique_id=NODE, severity_number=13, message="a warning"),
            record("node.NodeProcessed", unique_id=NODE, node_outcome="NODE_OUTCOME_ERROR", rows_affected="3"),
        ]
    )
    assert [message["name"] for message in found] == ["NodeExecuting", "NodeFinished"]
    assert [message["compiled_code"] for message in found] == ["select 1", "select 1"]
    assert found[0]["ts"] == "2026-11-20T08:15:04.118204204Z"
    assert found[1]["data"]["run_result"] == {
        "message": "no such column",
        "num_failures": None,
        "adapter_response": {"query_id": "q1", "rows_affected": "3"},
        "timing_info": [
            {
                "name": "execute",
                "started_at": "2026-11-20T08:15:04.118204204Z",
                "completed_at": "2026-11-20T08:15:05.118204204Z",
            }
        ],
    }


def test_without_details_a_node_has_its_end_alone() -> None:
    """At the level info there is neither SQL nor a phase."""
    message = finished(node_outcome="NODE_OUTCOME_SUCCESS")
    assert (message["name"], message["compiled_code"]) == ("NodeFinished", None)


@pytest.mark.parametrize(
    ("attributes", "success", "interrupted"),
    [
        ({"metrics": {"total_errors": "0"}}, True, False),
        ({"metrics": {}}, True, False),
        ({"metrics": {"total_errors": "1"}}, False, False),
        ({"metrics": {}, "status": {"code": 2, "message": "Executed with errors"}}, False, False),
        ({"status": None}, False, True),
    ],
)
def test_the_end_of_dbt(attributes: dict[str, Any], *, success: bool, interrupted: bool) -> None:
    """Without metrics it is not the end that dbt had planned."""
    (message,) = translated([record("invocation.Invocation", **attributes)])
    assert (message["data"]["success"], message["data"]["interrupted"]) == (success, interrupted)


@pytest.mark.parametrize(
    ("command", "which"),
    [("build", "build"), ("source freshness", "freshness"), ("docs generate", "generate"), ("", "")],
)
def test_commands_have_dbt_cores_names(command: str, which: str) -> None:
    """The last word of those that have two."""
    arguments = {"command": command, "select": "a b+", "full_refresh": True}
    (message,) = translated([record("invocation.Invocation", "SpanStart", eval_args=arguments, invocation_id="i")])
    assert message["flags"] == {"which": which, "full_refresh": True, "select": ["a", "b+"], "selector": None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
KEYS = (
    "unique_id",
    "eval_args",
    "metrics",
    "process_info",
    "node_outcome",
    "node_test_detail",
    "phase",
    "sql",
    "select",
)
NAMES = ("invocation.Invocation", "node.NodeProcessed", "node.NodeEvaluated", "log.CompiledCode", "log.LogMessage", "x")


@settings(max_examples=50)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(["SpanStart", "SpanEnd", "LogRecord", "Other"]),
    st.dictionaries(st.sampled_from(KEYS), JSON) | JSON,
    st.sampled_from(["start_time_unix_nano", "severity_number", "status", "trace_id"]),
    JSON,
)
def test_any_value_is_taken(name: str, kind: str, attributes: Any, field: str, value: Any) -> None:
    """A field of another kind than was recorded breaks nothing."""
    odd = {**record(name, kind), "attributes": attributes, field: value}
    for message in translated([odd]):
        assert isinstance(json.dumps(message), str)
