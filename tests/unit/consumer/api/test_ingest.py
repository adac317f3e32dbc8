"""Ingest: what is taken, what is refused and how, and that 2xx means durable."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from consumer.api.receivers import GraphReceiver
from consumer.errors import TransientError
from consumer.graph.sqlite_store import SqliteStore
from consumer.processing.ports import TooLargeError
from consumer.projection.graph_sink import GraphSink
from tests.support.api.serving import Kept, client_of
from tests.support.graph.example_graphs import job, table
from tests.support.graph.run_events import run_event

ONE, BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"
EVENT = run_event("COMPLETE", "10:00", table("b"), table("a"))
LATER = run_event("COMPLETE", "11:00", table("c"), table("b"))
DATASET_EVENT = {
    "eventTime": "2026-01-01T00:00:00Z",
    "dataset": {"namespace": "s3://b", "name": "k"},
    "producer": "https://example.com",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
}


@pytest.fixture
def kept() -> Kept:
    """A receiver that keeps what it is given."""
    return Kept()


@pytest.fixture
def client(tmp_path: Path, kept: Kept) -> Iterator[TestClient]:
    """A client of an API with that receiver."""
    with client_of(tmp_path / "graph.db", kept) as found:
        yield found


def post(client: TestClient, data: bytes, path: str = ONE, **headers: str) -> Any:
    """Posts a body as JSON, unless a header says otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, content=data, headers={"content-type": "application/json", **named})


@pytest.mark.parametrize("event", [EVENT, job(table("b"), table("a")), DATASET_EVENT], ids=["run", "job", "dataset"])
def test_each_kind_of_event_is_kept_byte_for_byte(client: TestClient, kept: Kept, event: dict[str, Any]) -> None:
    """201, the bytes as sent, and the key of its root job or dataset."""
    data = json.dumps(event, indent=3).encode()
    assert post(client, data).status_code == 201
    (found,) = kept.events
    assert found.data == data
    owner = event.get("job") or event["dataset"]
    assert found.key == f"{owner['namespace']}/{owner['name']}".encode()
    assert [name for name, _ in found.headers] == ["received-at", "principal"]


def test_compressed_bodies_are_taken(client: TestClient, kept: Kept) -> None:
    """gzip, as openlineage-python sends, and zstd."""
    data = json.dumps(EVENT).encode()
    assert post(client, gzip.compress(data), content_encoding="gzip").status_code == 201
    assert post(client, zstandard.compress(data), content_encoding="zstd").status_code == 201
    assert [one.data for one in kept.events] == [data, data]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"", "$"),
        (b"{]", "$"),
        (b"[]", "$"),
        (b'{"eventTime": "yesterday", "job": {"namespace": "a", "name": "b"}}', "$.eventTime"),
        (
            b'{"eventTime": "2026-01-01T00:00:00Z", "run": {}, "job": {"namespace": "a", "name": "b"}}',
            "$.run.runId",
        ),
    ],
)
def test_an_invalid_event_is_400_with_its_path(client: TestClient, kept: Kept, data: bytes, path: str) -> None:
    """The path and the reason; nothing is kept."""
    answer = post(client, data)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["path"] == path
    assert kept.events == []


def test_other_media_types_are_415_and_none_is_taken(client: TestClient) -> None:
    """text/plain is refused; a client that sends no type is not."""
    data = json.dumps(EVENT).encode()
    assert post(client, data, content_type="text/plain").status_code == 415
    assert client.post(ONE, content=data).status_code == 201


def test_a_long_body_is_413(client: TestClient) -> None:
    """Announced or not, compressed or not."""
    assert post(client, b" " * (8 * 1024 * 1024 + 1)).status_code == 413
    assert post(client, gzip.compress(bytes(9 * 1024 * 1024)), content_encoding="gzip").status_code == 413


def test_what_can_not_be_written_now_is_503_and_never_429(client: TestClient, kept: Kept) -> None:
    """With Retry-After: stock clients send it again, while 429 would lose it."""
    kept.error = TransientError("the broker is away")
    answer = post(client, json.dumps(EVENT).encode())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    kept.error = TooLargeError("events", [0])
    assert post(client, json.dumps(EVENT).encode()).status_code == 413


def test_a_batch_is_204_or_says_which_failed(client: TestClient, kept: Kept) -> None:
    """As OpenLineage describes: the index, the reason, and whether to send it again."""
    good = [run_event("COMPLETE", "10:00", table(name)) for name in "abc"]
    assert post(client, json.dumps(good).encode(), BATCH).status_code == 204
    assert len(kept.events) == 3
    mixed = json.dumps([good[0], {"no": "event"}, good[1]]).encode()
    answer = post(client, mixed, BATCH)
    assert answer.status_code == 200
    found = answer.json()
    assert found["summary"] == {"received": 3, "successful": 2, "failed": 1, "retriable": 0, "non_retriable": 1}
    assert [(one["index"], one["retriable"]) for one in found["failed_events"]] == [(1, False)]
    kept.error = TransientError("the broker is away")
    answer = post(client, json.dumps(good).encode(), BATCH)
    assert [one["retriable"] for one in answer.json()["failed_events"]] == [True] * 3


def test_a_fault_of_the_server_loses_no_event(client: TestClient, kept: Kept) -> None:
    """500, which stock clients retry; in a batch retriable, and without what is inside the server."""
    kept.error = RuntimeError("secret detail")
    assert post(client, json.dumps(EVENT).encode()).status_code == 500
    answer = post(client, json.dumps([EVENT]).encode(), BATCH)
    (failed,) = answer.json()["failed_events"]
    assert (failed["retriable"], answer.headers["retry-after"], "secret" in answer.text) == (True, "1", False)


def test_an_event_in_the_batch_endpoint_is_400(client: TestClient) -> None:
    """And says where it belongs."""
    answer = post(client, json.dumps(EVENT).encode(), BATCH)
    assert (answer.status_code, "/api/v1/lineage" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize("path", ["/api/v1/lineage", "/api/v1/lineage/batch"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_allow_names_post(client: TestClient, method: str, path: str) -> None:
    """A client that errs in the method learns which one takes events."""
    assert client.request(method, path).headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_without_a_receiver_there_is_no_ingest(tmp_path: Path) -> None:
    """405, as for any other write."""
    with client_of(tmp_path / "graph.db") as client:
        assert post(client, json.dumps(EVENT).encode()).status_code == 405


def test_the_receiver_is_closed_at_the_end(tmp_path: Path, kept: Kept) -> None:
    """After what waited was written."""
    with client_of(tmp_path / "graph.db", kept) as client:
        post(client, json.dumps(EVENT).encode())
    assert kept.closed


@pytest.mark.parametrize("path", ["/api/v1/lineage", "/api/v1/lineage/batch"])
def test_a_graph_that_can_not_be_used_is_tried_again(tmp_path: Path, path: str) -> None:
    """The event is answered as one to send again, without the file's path, and is taken once the graph is usable."""
    file = tmp_path / "secret.db"
    file.write_bytes(b"no database" * 1000)
    receiver = GraphReceiver(lambda: GraphSink(SqliteStore(file), None))
    event = run_event("COMPLETE", "10:00", table("b"), table("a"))
    sent: Any = [event] if path.endswith("batch") else event
    with client_of(tmp_path / "read.db", receiver) as client:
        refused = client.post(path, json=sent)
        assert refused.headers["retry-after"] == "1"
        assert refused.status_code == (200 if path.endswith("batch") else 503)
        assert "secret" not in refused.text
        assert "can't be used" in refused.text
        file.unlink()
        assert client.post(path, json=sent).is_success


@pytest.mark.parametrize("path", [ONE, BATCH])
def test_a_graph_that_another_process_locks_is_503_without_its_path(tmp_path: Path, path: str) -> None:
    """The event is to be sent again; the path is for the log alone."""
    file = tmp_path / "secret.db"
    sent: Any = [EVENT] if path.endswith("batch") else EVENT
    receiver = GraphReceiver(lambda: GraphSink(SqliteStore(file, busy_timeout_s=0.001), None))
    with client_of(tmp_path / "read.db", receiver) as client:
        assert client.post(path, json=sent).is_success
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with capture_logs() as lines:
                refused = client.post(path, json=[LATER] if path.endswith("batch") else LATER)
        assert refused.status_code == (200 if path.endswith("batch") else 503)
        assert "another process writes to the graph; try again" in refused.text
        assert "secret" not in refused.text
        assert [str(file) in line["error"] for line in lines if line["event"] == "graph failed"] == [True]
