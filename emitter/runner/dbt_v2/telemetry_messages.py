"""dbt v2's telemetry, translated into the messages of dbt-core's callbacks. Pure.

dbt v2 writes one JSON object per line: the start and the end of spans, and log records. Few fields of few records are
read. Unknown records and fields are ignored, and fields that protobuf omits have their defaults.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from emitter.dbt.artifact_times import of_nanoseconds
from emitter.dbt.outcomes.run_results import CANCELLED, REUSED
from emitter.runner.event_log import Message

Record = Mapping[str, Any]

_START, _END = "SpanStart", "SpanEnd"
_RUN = "EXECUTION_PHASE_RUN"
_ERROR_CODE = 2
_ERROR_LEVEL = 17
_LATEST = 253_402_300_799 * 10**9
_TESTS = frozenset({"NODE_TYPE_TEST", "NODE_TYPE_UNIT_TEST"})
_TEST_OUTCOMES = {"": "pass", "PASSED": "pass", "WARNED": "warn", "FAILED": "fail"}
_SKIP_REASONS = {"CACHED": REUSED, "NO_OP": "no-op"}
_OUTCOMES = {"SUCCESS": "success", "ERROR": "error", "CANCELED": CANCELLED, "": CANCELLED}
_MAIN_QUERY = "execute adapter call"
_OF_NODES = (
    "name",
    "database",
    "schema",
    "identifier",
    "materialization",
    "relative_path",
    "node_checksum",
    "node_outcome",
)
_ARTIFACTS = {"ARTIFACT_TYPE_MANIFEST": "WritableManifest", "ARTIFACT_TYPE_CATALOG": "CatalogArtifact"}

# Parts of a line that decide without parsing whether it is needed; most lines are not.
_NEEDED = (
    b'.Invocation"',
    b'.NodeProcessed"',
    b'.CompiledCode"',
    b'.LogMessage"',
    b'.ArtifactWritten"',
)
_IF_ENDED = b'.QueryExecuted"'
_IF_RUNNING = b'.NodeEvaluated"'
_RECORD = b'"event_type"'


def is_needed(line: bytes) -> bool:
    """False for a line of telemetry that `Telemetry` ignores."""
    if _RECORD not in line:
        return True
    if _IF_RUNNING in line:
        return _RUN.encode() in line and b'"SpanStart"' in line
    if _IF_ENDED in line:
        return b'"SpanEnd"' in line
    return any(part in line for part in _NEEDED)


def is_record(message: Message) -> bool:
    """True for a record of telemetry, rather than a message."""
    return "event_type" in message and "record_type" in message


def name_of(record: Record) -> str:
    """Returns the type of a record without its package, such as `NodeProcessed`."""
    return str(record.get("event_type")).rpartition(".")[2]


def ended_node(record: Record) -> list[str]:
    """Returns the unique id of the node whose end a record reports; an empty list for any other record."""
    if record["record_type"] != _END or name_of(record) != "NodeProcessed":
        return []
    unique_id = _object(record.get("attributes")).get("unique_id")
    return [unique_id] if isinstance(unique_id, str) else []


class Telemetry:
    """Translates the records of one invocation."""

    def __init__(self) -> None:
        self._sql: dict[str, str] = {}
        self._errors: dict[str, str] = {}
        self._queries: dict[str, str] = {}
        self._began: dict[str, str] = {}

    def take(self, record: Record) -> Iterator[Message]:
        """Yields the messages of a record."""
        name = name_of(record)
        kind, attributes = record.get("record_type"), _object(record.get("attributes"))
        unique_id = str(attributes.get("unique_id") or "")
        if name == "Invocation":
            yield from _began(record, attributes) if kind == _START else _ended(record, attributes)
        elif name == "ArtifactWritten" and kind == _END:
            yield from _written(record, attributes)
        elif name == "LogMessage":
            yield from self._logged(record, unique_id)
        elif not unique_id:
            return
        elif name == "CompiledCode":
            self._sql[unique_id] = str(attributes.get("sql") or "")
        elif name == "QueryExecuted" and kind == _END:
            self._asked(unique_id, attributes)
        elif name == "NodeEvaluated" and kind == _START and _runs(attributes):
            self._began[unique_id] = _time(record, "start")
            yield self._node("NodeExecuting", unique_id, attributes, self._began[unique_id], "started")
        elif name == "NodeProcessed" and kind == _END:
            yield self._finished(unique_id, record, attributes)

    def _logged(self, record: Record, unique_id: str) -> Iterator[Message]:
        if _number(record.get("severity_number")) < _ERROR_LEVEL:
            return
        text = str(record.get("body") or _object(record.get("attributes")).get("message") or "")
        if unique_id:
            self._errors.setdefault(unique_id, text)
        elif text:
            yield {"name": "MainEncounteredError", "data": {"exc": text}, "msg": text, "ts": _time(record, "")}

    def _asked(self, unique_id: str, attributes: Record) -> None:
        query = attributes.get("query_id")
        # Adapters also query relations and privileges; the last statement of the node itself is the one that made it.
        if query and attributes.get("query_description", _MAIN_QUERY) == _MAIN_QUERY:
            self._queries[unique_id] = str(query)
        if error := attributes.get("query_error_adapter_message"):
            self._errors.setdefault(unique_id, str(error))

    def _finished(self, unique_id: str, record: Record, attributes: Record) -> Message:
        """Returns the end of a node with all that was recorded of it, which is then discarded."""
        error = self._errors.pop(unique_id, None)
        ended = _time(record, "end")
        started = self._began.pop(unique_id, None) or _time(record, "start")
        status = _status(record, attributes, error)
        response = {"query_id": self._queries.pop(unique_id, None), "rows_affected": attributes.get("rows_affected")}
        message = self._node("NodeFinished", unique_id, attributes, ended, status)
        self._sql.pop(unique_id, None)
        message["data"]["run_result"] = {
            "message": error,
            "num_failures": _failures(attributes),
            "adapter_response": {key: value for key, value in response.items() if value is not None},
            "timing_info": [{"name": "execute", "started_at": started, "completed_at": ended}],
        }
        return message

    def _node(self, name: str, unique_id: str, attributes: Record, time: str, status: str) -> Message:
        return {
            "name": name,
            "msg": "",
            "ts": time,
            "data": {"node_info": {"unique_id": unique_id, "node_status": status}},
            "compiled_code": self._sql.get(unique_id),
            # Messages may have to wait for dbt's end.
            "node": {key: attributes[key] for key in _OF_NODES if key in attributes},
        }


def _began(record: Record, attributes: Record) -> Iterator[Message]:
    arguments = _object(attributes.get("eval_args"))
    yield {
        "name": "MainReportVersion",
        "msg": "",
        "ts": _time(record, "start"),
        "invocation_id": str(attributes.get("invocation_id") or record.get("trace_id")),
        "data": {"version": str(_object(attributes.get("process_info")).get("version") or "")},
        "flags": {
            # For `source freshness` and `docs generate`, the last part is dbt-core's name of the command.
            "which": (str(arguments.get("command") or "").split() or [""])[-1],
            "full_refresh": arguments.get("full_refresh"),
            "select": _words(arguments.get("select")),
            "selector": arguments.get("selector"),
        },
    }


def _ended(record: Record, attributes: Record) -> Iterator[Message]:
    """Yields the end of dbt; if it has no metrics, dbt was interrupted."""
    metrics, status = attributes.get("metrics"), _object(record.get("status"))
    errors = _number(_object(metrics).get("total_errors"))
    time = _time(record, "end")
    interrupted = not isinstance(metrics, Mapping)
    success = not (interrupted or errors or status.get("code") == _ERROR_CODE)
    data = {"success": success, "completed_at": time, "interrupted": interrupted}
    yield {"name": "CommandCompleted", "msg": str(status.get("message") or "Command failed"), "ts": time, "data": data}


def _written(record: Record, attributes: Record) -> Iterator[Message]:
    if kind := _ARTIFACTS.get(str(attributes.get("artifact_type"))):
        data = {"artifact_type": kind, "artifact_path": str(attributes.get("relative_path") or "")}
        yield {"name": "ArtifactWritten", "msg": "", "ts": _time(record, "end"), "data": data}


def _runs(attributes: Record) -> bool:
    """True for the phase in which a node is executed; a skipped node has its outcome from the start."""
    return attributes.get("phase") == _RUN and not attributes.get("node_outcome")


def _status(record: Record, attributes: Record, error: str | None) -> str:
    """Returns dbt-core's name of the node's status; an unknown outcome keeps its own name."""
    outcome = _enum(attributes.get("node_outcome"), "NODE_OUTCOME_")
    if outcome == "SKIPPED":
        return _SKIP_REASONS.get(_enum(attributes.get("node_skip_reason"), "NODE_SKIP_REASON_"), "skipped")
    if outcome == "SUCCESS" and attributes.get("node_type") in _TESTS:
        detail = _object(attributes.get("node_test_detail"))
        found = _enum(detail.get("test_outcome"), "TEST_OUTCOME_")
        return _TEST_OUTCOMES.get(found, found.lower())
    if outcome == "ERROR" and error is None and not record.get("status"):
        # An interrupted dbt closes all open spans: the outcome of these nodes is unknown.
        return CANCELLED
    return _OUTCOMES.get(outcome, outcome.lower())


def _failures(attributes: Record) -> int | None:
    if attributes.get("node_type") not in _TESTS:
        return None
    detail = attributes.get("node_test_detail")
    return _number(_object(detail).get("failing_rows")) if isinstance(detail, Mapping) else None


def _enum(value: object, prefix: str) -> str:
    name = str(value or "").removeprefix(prefix)
    return "" if name == "UNSPECIFIED" else name


def _words(value: object) -> list[str] | None:
    if isinstance(value, list):
        return [str(word) for word in value]
    return value.split() if isinstance(value, str) and value else None


def _object(value: object) -> Record:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> int:
    """Returns a number, which protobuf's JSON writes as text if it has 64 bits."""
    try:
        return int(value) if isinstance(value, int | float | str) else 0
    except ValueError:
        return 0


def _time(record: Record, which: str) -> str:
    key = f"{which}_time_unix_nano" if which else "time_unix_nano"
    return of_nanoseconds(min(max(_number(record.get(key)), 0), _LATEST))
