"""The shapes of Marquez's answers, as data: captured from a running Marquez, with nulls written and not left out.

A dict has exactly these keys. A list has any number of elements of its one shape. `time?` may be null, `*` is anything.
"""

from __future__ import annotations

import re
from typing import Any

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

NAMESPACE = {
    "name": "str",
    "createdAt": "time",
    "updatedAt": "time",
    "ownerName": "str",
    "description": "str?",
    "isHidden": "bool",
}
NAME = {"namespace": "str", "name": "str"}
VERSION = {**NAME, "version": "uuid"}
FIELD = {"name": "str", "type": "str?", "tags": ["str"], "description": "str?"}
COLUMN_SOURCE = {
    "namespace": "str",
    "dataset": "str",
    "field": "str",
    "transformationDescription": "str?",
    "transformationType": "str?",
}
COLUMN_LINEAGE = {
    "name": "str",
    "inputFields": [COLUMN_SOURCE],
    "transformationDescription": "str?",
    "transformationType": "str?",
}
DATASET_NODE = {
    "id": NAME,
    "type": "=DB_TABLE",
    "name": "str",
    "physicalName": "str",
    "createdAt": "time",
    "updatedAt": "time",
    "namespace": "str",
    "sourceName": "str",
    "fields": [FIELD],
    "tags": ["str"],
    "lastModifiedAt": "time?",
    "lastLifecycleState": "str?",
    "description": "str?",
}
DATASET = {
    **DATASET_NODE,
    "currentVersion": "uuid?",
    "columnLineage": ([COLUMN_LINEAGE], None),
    "facets": "*",
    "deleted": "bool",
}
RUN = {
    "id": "str",
    "createdAt": "time",
    "updatedAt": "time",
    "nominalStartTime": "time?",
    "nominalEndTime": "time?",
    "state": "=NEW|RUNNING|COMPLETED|FAILED|ABORTED",
    "startedAt": "time?",
    "endedAt": "time?",
    "durationMs": "int?",
    "args": "*",
    "jobVersion": (VERSION, None),
    "inputDatasetVersions": [{"datasetVersionId": VERSION, "facets": "*"}],
    "outputDatasetVersions": [{"datasetVersionId": VERSION, "facets": "*"}],
    "facets": "*",
}
DATASET_VERSION = {
    "id": NAME,
    "type": "=DB_TABLE",
    "name": "str",
    "physicalName": "str",
    "createdAt": "time",
    "version": "uuid",
    "namespace": "str",
    "sourceName": "str",
    "fields": [FIELD],
    "tags": ["str"],
    "lifecycleState": "str?",
    "description": "str?",
    "currentSchemaVersion": "uuid?",
    "createdByRun": (RUN, None),
    "facets": "*",
}
JOB_NODE = {
    "id": NAME,
    "type": "=BATCH",
    "name": "str",
    "simpleName": "str",
    "parentJobName": "str?",
    "parentJobUuid": "uuid?",
    "currentRunUuid": "uuid?",
    "createdAt": "time",
    "updatedAt": "time",
    "namespace": "str",
    "inputs": [NAME],
    "outputs": [NAME],
    "location": "str?",
    "description": "str?",
    "latestRun": (RUN, None),
}
JOB = {
    **{key: shape for key, shape in JOB_NODE.items() if key != "currentRunUuid"},
    "latestRuns": ([RUN], None),
    "facets": "*",
    "currentVersion": "uuid?",
    "labels": ["str"],
    "tags": ["str"],
}
JOB_VERSION = {
    "id": VERSION,
    "name": "str",
    "createdAt": "time",
    "version": "uuid",
    "namespace": "str",
    "location": "str?",
    "inputs": [NAME],
    "outputs": [NAME],
    "latestRun": (RUN, None),
}
EDGE = {"origin": "str", "destination": "str"}


def _node(kind: str, data: Any) -> dict[str, Any]:
    return {"id": "str", "type": f"={kind}", "data": data, "inEdges": [EDGE], "outEdges": [EDGE]}


LINEAGE = {"graph": [(_node("DATASET", DATASET_NODE), _node("JOB", JOB_NODE))]}
FIELD_DATA = {
    "namespace": "str",
    "dataset": "str",
    "datasetVersion": "uuid?",
    "field": "str",
    "fieldType": "str",
    "transformationDescription": "str?",
    "transformationType": "str?",
    "inputFields": [{**COLUMN_SOURCE, "datasetVersion": "uuid?"}],
}
COLUMN_GRAPH = {"graph": [_node("DATASET_FIELD", (FIELD_DATA, None))]}
RESULT = {"type": "=DATASET|JOB", "name": "str", "updatedAt": "time", "namespace": "str", "nodeId": "str"}
EVENT = {
    "eventType": "str",
    "eventTime": "time",
    "run": {"runId": "str", "facets": "*"},
    "job": {**NAME, "facets": "*"},
    "inputs": [{**NAME, "facets": "*"}],
    "outputs": [{**NAME, "facets": "*"}],
    "producer": "str",
    "schemaURL": "str",
}
INTERVAL = {"startInterval": "time", "endInterval": "time"}
EVENT_COUNTS = {**INTERVAL, "fail": "int", "start": "int", "complete": "int", "abort": "int"}
COUNT = {**INTERVAL, "count": "int"}
RUN_LINEAGE = {
    "runs": [
        {
            "job": VERSION,
            "run": {"id": "str", "start": "time?", "end": "time?", "status": "str"},
            "inputs": [{**VERSION, "producedByRunId": "str?"}],
        }
    ]
}
SOURCE = {
    "type": "str",
    "name": "str",
    "createdAt": "time",
    "updatedAt": "time",
    "connectionUrl": "str",
    "description": "str?",
}
TAG = {"name": "str", "description": "str?"}


def faults(value: Any, shape: Any, at: str = "$") -> list[str]:
    """Lists where a value differs from a shape."""
    if isinstance(shape, tuple):
        found = [faults(value, one, at) for one in shape]
        return [] if not all(found) else min(found, key=len)
    if isinstance(shape, dict):
        return _of_object(value, shape, at)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at} is no list: {value!r}"]
        return [fault for index, one in enumerate(value) for fault in faults(one, shape[0], f"{at}[{index}]")]
    return [] if _is(value, shape) else [f"{at} is not {shape}: {value!r}"]


def _of_object(value: Any, shape: dict[str, Any], at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at} is no object: {value!r}"]
    if set(value) != set(shape):
        return [f"{at} has other keys: {sorted(set(value) ^ set(shape))}"]
    return [fault for key, one in shape.items() for fault in faults(value[key], one, f"{at}.{key}")]


def _is(value: Any, shape: str | None) -> bool:
    if shape is None or value is None:
        return value is None and (shape is None or shape.endswith("?") or shape == "*")
    kind = shape.rstrip("?")
    if kind.startswith("="):
        return value in kind[1:].split("|")
    if kind in {"time", "uuid"}:
        return isinstance(value, str) and bool({"time": _TIME, "uuid": _UUID}[kind].fullmatch(value))
    return kind == "*" or type(value) is {"str": str, "int": int, "bool": bool}[kind]
