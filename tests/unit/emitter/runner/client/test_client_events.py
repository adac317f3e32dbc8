"""What OpenLineage's client does to events on their way out: it costs no event, and no facet that the emitter made."""

import copy
import gzip
import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from emitter.dbt import node_facets
from emitter.runner.client.emission import open_client
from tests.support.events import every_facet

VERSION = "openlineage_client_version"
NOTES: list[str] = []
RULE = {"type": "exact", "match": "another job"}


class Destination:
    """Where the events of a test go: the transport's settings, and how to read what arrived."""

    def __init__(self, folder: Path, console: list[str], endpoint: "Endpoint") -> None:
        self._folder, self._console, self._endpoint = folder, console, endpoint
        file = {"type": "file", "log_file_path": str(folder / "events.jsonl"), "append": True}
        http = {"type": "http", "url": endpoint.url}
        transformer = "openlineage.client.transport.transform.JobNamespaceReplaceTransformer"
        renamed = {"new_job_namespace": "dbt", "include_parent_facet": False}
        self.transports: dict[str, dict[str, Any]] = {
            "console": {"type": "console"},
            "file": file,
            "http": http,
            "async_http": {**http, "type": "async_http"},
            "composite": {"type": "composite", "transports": {"a": file, "b": http}},
            "transform": {
                "type": "transform",
                "transport": file,
                "transformer_class": transformer,
                "transformer_properties": renamed,
            },
            "headwater": {
                "type": "emitter.transport.KafkaTransport",
                "bootstrap_servers": folder.as_uri(),
                "topic": "told",
            },
        }

    def arrived(self, name: str) -> list[dict[str, Any]]:
        """The events that the transport brought to their destination."""
        file, reported = self._folder / "events.jsonl", self._folder / "told.jsonl"
        read = {
            "console": lambda: self._console,
            "http": lambda: self._endpoint.bodies,
            "async_http": lambda: self._endpoint.bodies,
            "headwater": lambda: [json.dumps(json.loads(line)["value"]) for line in reported.read_text().splitlines()],
        }
        return [json.loads(text) for text in read.get(name, lambda: file.read_text().splitlines())()]


class Endpoint:
    """An HTTP server on loopback that keeps each request's body."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the standard library's name
                """Keeps the body."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bodies.append((gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode())
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Console(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@pytest.fixture
def destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Destination]:
    """The destinations of one test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HEADWATER_REFINE", "false")
    lines: list[str] = []
    logger, handler, endpoint = logging.getLogger("openlineage.client.transport.console"), _Console(lines), Endpoint()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield Destination(tmp_path, lines, endpoint)
    logger.removeHandler(handler)
    logger.setLevel(level)
    endpoint.close()


def tag(key: str, value: object, source: str = "USER") -> dict[str, Any]:
    """A tag as the client adds it."""
    return {"key": key, "value": value, "source": source}


def without_version(event: dict[str, Any]) -> dict[str, Any]:
    """The event without the tag that the client always adds."""
    found = copy.deepcopy(event)
    facets = found.get("run", {}).get("facets", {})
    if "tags" in facets:
        facets["tags"]["tags"] = [each for each in facets["tags"]["tags"] if each["key"] != VERSION]
    return found


CONFIGURED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "tags": {"tags": {"run": {"team": "finance", "cost": "7"}, "job": {"tier": "gold"}}},
    "facets": {
        "facets": {
            "environment_variables": ["HEADWATER_REFINE"],
            "source_code_location": {"disabled": False, "repo_url": "https://git.example/shop", "branch": "main"},
        }
    },
    "filters": {"filters": [RULE, {"type": "regex", "regex": "other.*"}]},
    "datasets": {"dataset": {"reducing_enabled": True}},
}


def expected(event: dict[str, Any], configured: str) -> dict[str, Any]:
    """The event with what the client is configured to add."""
    found = copy.deepcopy(event)
    if "run" not in found:
        return found
    run, job = found["run"]["facets"], found["job"]["facets"]
    if configured == "tags":
        kept = [each for each in run["tags"]["tags"] if each["key"] != "Team"]
        run["tags"]["tags"] = [*kept, tag("Team", "finance"), tag("cost", "7")]
        job["tags"] = {"tags": [tag("tier", "gold")]}
    if configured == "facets":
        run["environmentVariables"] = {"environmentVariables": [{"name": "HEADWATER_REFINE", "value": "false"}]}
        job["sourceCodeLocation"] = {"type": "git", "url": "https://git.example/shop", "branch": "main"}
    return found


def contained(part: Any, whole: Any) -> bool:
    """True if all of a document is in another one; lists are compared whole."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(contained(value, whole.get(key)) for key, value in part.items())
    if isinstance(part, list):
        same = isinstance(whole, list) and len(whole) == len(part)
        return same and all(map(contained, part, whole))
    return bool(part == whole)


def test_every_facet_is_among_the_samples() -> None:
    """A facet that the emitter learns to make is tested here, too."""
    run = every_facet.run()
    datasets = [*run["inputs"], *run["outputs"]]
    made = {*run["run"]["facets"], *run["job"]["facets"]}
    for each in datasets:
        made |= {*each["facets"], *each.get("inputFacets", {}), *each.get("outputFacets", {})}
    assert made == node_facets.KINDS - {"dataset_tags"} | {"columnLineage"}, "a dataset's tags have the key of a run's"


@pytest.mark.parametrize("configured", CONFIGURED)
@pytest.mark.parametrize("transport", ["console", "file", "http", "async_http", "composite", "transform", "headwater"])
def test_each_facet_arrives(
    destination: Destination, transport: str, configured: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By each transport and with each of the client's features, as it was made, with what the client adds."""
    settings = {"transport": destination.transports[transport], **CONFIGURED[configured]}
    (tmp_path / "openlineage.yml").write_text(json.dumps(settings))
    sent = [every_facet.run(), every_facet.described()]
    before = copy.deepcopy(sent)
    emission = open_client()
    for event in sent:
        emission.emit(event)
    emission.close(NOTES.append)
    assert sent == before, "the client changed an event that may be used again"
    arrived = [without_version(event) for event in destination.arrived(transport)]
    assert len(arrived) == len(sent), caplog.text
    for event, given in zip(arrived, sent, strict=True):
        assert contained(expected(given, configured), event), json.dumps(event, indent=1)
        if configured == "nothing":
            assert event == expected(given, configured), "more than was made"


def test_tags_come_from_the_environment(destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or one by one; they are added to dbt's own, and outrank those of the same name."""
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(destination.transports["file"]))
    monkeypatch.setenv("OPENLINEAGE__TAGS__RUN", '{"nightly": "no"}')
    monkeypatch.setenv("OPENLINEAGE__TAGS__JOB__TIER", "gold")
    emission = open_client()
    emission.emit(every_facet.run())
    emission.close(NOTES.append)
    [event] = destination.arrived("file")
    tags = {each["key"]: (each["value"], each["source"]) for each in event["run"]["facets"]["tags"]["tags"]}
    assert (tags["nightly"], tags["Team"]) == (("no", "USER"), ("sales", "DBT_META"))
    assert event["job"]["facets"]["tags"]["tags"] == [tag("tier", "gold")]


def test_a_namespace_is_replaced_in_parents_too(destination: Destination, tmp_path: Path) -> None:
    """OpenLineage's own transformer changes the parent and the root of an event."""
    transform = destination.transports["transform"]
    transform["transformer_properties"] = {"new_job_namespace": "nightly", "include_parent_facet": True}
    (tmp_path / "openlineage.yml").write_text(json.dumps({"transport": transform}))
    emission = open_client()
    emission.emit(every_facet.run())
    emission.close(NOTES.append)
    [event] = destination.arrived("file")
    parent = event["run"]["facets"]["parent"]
    jobs = [event["job"], parent["job"], parent["root"]["job"]]
    assert [job["namespace"] for job in jobs] == ["nightly"] * 3


def test_column_lineage_keeps_pace_with_names_that_are_reduced(destination: Destination, tmp_path: Path) -> None:
    """Where the client takes a partition out of the input's name, it takes it out of the columns' sources as well."""
    settings = {"transport": destination.transports["file"], "dataset": {"reducing_enabled": True}}
    (tmp_path / "openlineage.yml").write_text(json.dumps(settings))
    given = json.loads(json.dumps(every_facet.run()).replace("dev.main.raw", "lake/raw/day=2026-01-01"))
    emission = open_client()
    emission.emit(given)
    emission.close(NOTES.append)
    [event] = destination.arrived("file")
    lineage = event["outputs"][0]["facets"]["columnLineage"]
    assert event["inputs"][0]["name"] == "lake/raw"
    assert {lineage["fields"]["id"]["inputFields"][0]["name"], lineage["dataset"][0]["name"]} == {"lake/raw"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPENLINEAGE__TAGS__RUN", '["a", "list"]'), ("OPENLINEAGE__TAGS__JOB", "7")],
)
def test_a_fault_in_what_the_client_adds_costs_no_event(
    destination: Destination,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
) -> None:
    """The client dies of such tags at each event; the events go out without them, and one line says so."""
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(destination.transports["file"]))
    monkeypatch.setenv(name, value)
    emission = open_client()
    for _ in range(3):
        emission.emit(every_facet.run())
    emission.close(NOTES.append)
    assert destination.arrived("file") == [every_facet.run()] * 3
    reported = [message for message in caplog.messages if "without the additions of OpenLineage's client" in message]
    assert len(reported) == 1, caplog.text


@pytest.mark.parametrize("transport", ["file", "headwater"])
def test_what_filters_keep_back_is_counted(
    destination: Destination, tmp_path: Path, caplog: pytest.LogCaptureFixture, transport: str
) -> None:
    """It is no loss, and nobody should wonder where the events are."""
    caplog.set_level("INFO", "emitter")
    rule = {"type": "exact", "match": every_facet.JOB}
    settings = {"transport": destination.transports[transport], "filters": [rule]}
    (tmp_path / "openlineage.yml").write_text(json.dumps(settings))
    emission = open_client()
    emission.emit(every_facet.run())
    emission.emit(every_facet.described())
    emission.close(NOTES.append)
    assert len(destination.arrived(transport)) == 1
    assert "1 dropped by `filters`" in caplog.messages[-1]


def test_a_parent_whose_run_is_no_uuid_costs_no_event(destination: Destination, monkeypatch: Any) -> None:
    """The client's class for it refuses such an id; an orchestrator may give one all the same."""
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(destination.transports["file"]))
    given = every_facet.run()
    given["run"]["facets"]["parent"]["root"]["run"]["runId"] = "scheduled__2026-01-01"
    emission = open_client()
    emission.emit(given)
    emission.close(NOTES.append)
    [event] = destination.arrived("file")
    assert event["run"]["facets"]["parent"] == given["run"]["facets"]["parent"]
