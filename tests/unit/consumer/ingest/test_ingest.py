"""`headwater ingest`: the forms of its inputs, what it rejects, and that both end in one graph."""

import gzip
import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from structlog.testing import capture_logs

from consumer import wiring
from consumer.config.loader import Settings
from consumer.config.settings import BatchSettings
from consumer.errors import RetriesExhausted, TransientError
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.ingest.document_writer import DocumentWriter
from consumer.ingest.inputs import find
from consumer.ingest.json_splitter import CUT_OFF, FRAGMENT_BYTES, TOO_LONG, RawDocument, split_documents
from consumer.ingest.pipeline import ALONE_S, Pipeline
from consumer.ingest.writer_processes import WriterProcesses
from schemas.events import Event
from tests.support.processes.command_line import headwater

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
ATHENA = SAMPLES / "events_athena.jsonl"
EVENTS: list[dict[str, Any]] = [json.loads(line) for line in ATHENA.read_text().splitlines()]


def split(data: bytes) -> list[RawDocument]:
    """The pieces of some bytes."""
    return list(split_documents(io.BytesIO(data)))


def exported(url: str) -> str:
    """The graph as text."""
    return headwater("export", "--graph", url).stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The graph of Athena's events, read as JSON lines."""
    url = f"sqlite:///{tmp_path_factory.mktemp('expected') / 'graph.db'}"
    assert headwater("ingest", ATHENA, "--graph", url).exit_code == 0
    return exported(url)


FORMS: dict[str, bytes] = {
    "lines": ATHENA.read_bytes(),
    "lines of Windows": b"\xef\xbb\xbf" + ATHENA.read_bytes().replace(b"\n", b"\r\n"),
    "an array": json.dumps(EVENTS).encode(),
    "a pretty array": json.dumps(EVENTS, indent=2).encode(),
    "pretty documents": "\n".join(json.dumps(event, indent=2) for event in EVENTS).encode(),
    "arrays in lines": "\n".join(json.dumps(EVENTS[at : at + 5]) for at in range(0, len(EVENTS), 5)).encode(),
    "gzip": gzip.compress(ATHENA.read_bytes()),
    "a log in Kafka's place": b"".join(
        b'{"topic": "t", "key": "a/\\"b\\"", "timestamp": 1, "value": %s}\n' % line
        for line in ATHENA.read_bytes().splitlines()
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_graph(form: str, expected: str, tmp_path: Path) -> None:
    """However events are laid out in a file or on stdin, the graph is the same."""
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    done = headwater("ingest", "-", "--graph", url, "--json", stdin=FORMS[form])
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["events"], summary["runs"], summary["rejected"]) == (26, 13, 0), summary
    assert exported(url) == expected, f"{form} give another graph"


def test_a_pretty_event_a_file(tmp_path: Path, expected: str) -> None:
    """One event a file, over many lines, from any number of files."""
    files = [tmp_path / f"{index:02}.json" for index in range(len(EVENTS))]
    for file, event in zip(files, EVENTS, strict=True):
        file.write_text(json.dumps(event, indent=4))
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    done = headwater("ingest", *files, "--graph", url)
    assert "26 events of 13 runs" in done.stderr, done.stderr
    assert exported(url) == expected, "another graph than that of the lines"


def test_what_is_rejected_is_listed_and_kept(tmp_path: Path) -> None:
    """Each bad line costs itself; it is told with file, line, path and reason, and kept as it was."""
    good = json.dumps(EVENTS[1])
    bad = ["{not json", "[]", '{"eventTime": "yesterday"}', '"\\ud800"']
    file, letters = tmp_path / "events.jsonl", tmp_path / "rejected.jsonl"
    file.write_bytes("\n".join([good, bad[0], "", bad[1], bad[2], good, bad[3]]).encode() + b"\n\xff\xfe")
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    done = headwater("ingest", file, "--graph", url, "--dead-letters", letters)
    assert done.exit_code == 1, "something was rejected"
    assert f"{file}:5: $.eventTime: " in done.stderr, done.stderr
    assert "2 events of 1 run folded" in done.stderr, done.stderr
    kept = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [letter["line"] for letter in kept] == [2, 4, 5, 7, 8], kept
    assert [letter["value"] for letter in kept] == [*bad, "\\xff\\xfe"], "the lines as they were"
    assert {letter["file"] for letter in kept} == {str(file)}, kept
    assert set(kept[0]) == {"file", "line", "path", "reason", "value"}, kept[0]


def test_dead_letters_are_a_file_of_their_own(tmp_path: Path) -> None:
    """A file without anything rejected leaves an empty file of dead letters; an input is never overwritten."""
    letters = tmp_path / "rejected.jsonl"
    graph = f"sqlite:///{tmp_path / 'graph.db'}"
    assert headwater("ingest", ATHENA, "--graph", graph, "--dead-letters", letters).exit_code == 0
    assert letters.read_bytes() == b"", "nothing was rejected"
    letters.write_bytes(ATHENA.read_bytes())
    done = headwater("ingest", letters, "--graph", graph, "--dead-letters", letters)
    assert (done.exit_code, "is an input too" in done.stderr) == (2, True), done.stderr
    assert letters.read_bytes() == ATHENA.read_bytes(), "the input is as it was"


def test_a_damaged_archive_costs_its_rest(tmp_path: Path) -> None:
    """Of a gzip file that was cut off, what can be read counts, and the loss is told."""
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(gzip.compress(ATHENA.read_bytes() * 40)[:-2000])
    done = headwater("ingest", file, "--graph", f"sqlite:///{tmp_path / 'graph.db'}")
    assert (done.exit_code, "the rest of the gzip data is damaged" in done.stderr) == (1, True), done.stderr
    assert "of 13 runs" in done.stderr, "what came before the damage is in the graph"


@pytest.mark.parametrize(("name", "said"), [("nothing.jsonl", "does not exist"), (".", "is a folder")])
def test_a_missing_file_stops_before_anything_is_read(name: str, said: str, tmp_path: Path) -> None:
    """A wrong name is found out before the first file is folded."""
    graph = tmp_path / "graph.db"
    done = headwater("ingest", ATHENA, tmp_path / name, "--graph", f"sqlite:///{graph}")
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    assert not graph.exists(), "nothing was folded"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Variables that lead boto3 to a look-alike of S3 with three objects in the bucket `events`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=url, **keys)  # type: ignore[call-overload] # keys are of three arguments
    client.create_bucket(Bucket="events")
    lines = ATHENA.read_bytes().splitlines(keepends=True)
    client.put_object(Bucket="events", Key="day/1.jsonl", Body=b"".join(lines[:13]))
    client.put_object(Bucket="events", Key="day/2.jsonl.gz", Body=gzip.compress(b"".join(lines[13:])))
    client.put_object(Bucket="events", Key="day/1.jsonl.bak", Body=b"{")
    client.delete_object(Bucket="events", Key="day/1.jsonl.bak")
    client.put_object(Bucket="events", Key="bad/x.json", Body=b"{")
    yield {name.upper() if name != "region_name" else "AWS_DEFAULT_REGION": value for name, value in keys.items()} | {
        "AWS_ENDPOINT_URL": url
    }
    server.stop()


def test_objects_below_a_prefix(s3: dict[str, str], expected: str, tmp_path: Path) -> None:
    """Each object whose key begins so is read, compressed or not; and rejected lines name theirs."""
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    done = headwater("ingest", "s3://events/day/", "--graph", url, env=s3)
    assert done.exit_code == 0, done.stderr
    assert exported(url) == expected, "another graph than that of the file"
    bad = headwater("ingest", "s3://events/", "--graph", url, env=s3)
    assert (bad.exit_code, "s3://events/bad/x.json:1: $: " in bad.stderr) == (1, True), bad.stderr


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://events/nothing/", "no objects below s3://events/nothing/"),
        ("s3://no-such-bucket/x", "NoSuchBucket"),
        ("s3:///x", "has no bucket"),
    ],
)
def test_wrong_addresses(address: str, said: str, s3: dict[str, str], tmp_path: Path) -> None:
    """An address at which nothing is says so."""
    done = headwater("ingest", address, "--graph", f"sqlite:///{tmp_path / 'graph.db'}", env=s3)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_a_broken_element_costs_itself() -> None:
    """An array's other elements are found, as are the lines where they begin."""
    found = split(b'[{"a": 1},\n {oops},\n\n {"b": "]"}\n]\n')
    assert found == [RawDocument(1, b'{"a": 1}'), RawDocument(2, b"{oops}"), RawDocument(4, b'{"b": "]"}')], found
    assert split(b'[{"a": 1},')[-1].fault == CUT_OFF, "an array that does not end has lost something"


def test_what_is_too_long_is_not_kept_in_memory() -> None:
    """A line or element beyond the limit is a rejection of bounded size, and the next one is read."""
    huge = b'{"a": "' + b"x" * (2 * FRAGMENT_BYTES) + b'"}'
    for data in (huge + b'\n{"b": 1}\n', b"[" + huge + b',\n{"b": 1}]'):
        first, second = split(data)
        assert (first.line, first.fault, len(first.data)) == (1, TOO_LONG, FRAGMENT_BYTES), "cut, with its reason"
        assert second == RawDocument(2, b'{"b": 1}'), "the next document is read"


def test_a_string_may_be_cut_anywhere() -> None:
    """What is read at once may end within a string, or between a backslash and what it escapes."""
    for length in range(8):
        data = b'["' + b"x" * (FRAGMENT_BYTES - length) + b'\\\\\\"]", {"b": 1}]'
        assert split(data)[-1] == RawDocument(1, b'{"b": 1}'), f"{length} bytes before the end of what is read at once"


class Flaky:
    """A sink that fails for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.written = 0

    def write(self, events: Sequence[Event]) -> None:
        """Fails, or counts."""
        self.failures -= 1
        if self.failures >= 0:
            raise TransientError("the graph is away")
        self.written += len(events)

    def close(self) -> None:
        """Nothing to give back."""


def test_a_write_is_tried_again_and_given_up() -> None:
    """What passes is waited for; what does not ends with what to do."""
    waits: list[float] = []
    sink = Flaky(3)
    with capture_logs() as lines:
        tally = Pipeline(DocumentWriter(sink, BatchSettings(max_records=10), lambda _: None, waits.append)).run(
            find([str(ATHENA)])
        )
    assert (sink.written, tally.events, len(waits)) == (26, 26, 3), "all is written after three waits"
    told = [(line["log_level"], line["event"], line["attempt"], line["error"]) for line in lines]
    assert told == [("warning", "write failed, retrying", at, "the graph is away") for at in (1, 2, 3)]
    limits = BatchSettings(give_up_after_s=0.000001)
    with pytest.raises(RetriesExhausted, match="run the command again"):
        Pipeline(DocumentWriter(Flaky(9), limits, lambda _: None, waits.append)).run(find([str(ATHENA)]))


def test_no_request_outlasts_the_retries_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person waits for a missing server as long as `batch.give_up_after_s` says, not as the store's default does."""
    policies: list[tuple[float, float]] = []

    def opened(_url: str, policy: RetryPolicy, *_: object, busy_timeout_s: float, **__: object) -> GraphStore:
        policies.append((policy.max_elapsed_s, busy_timeout_s))
        return SqliteStore(Path(":memory:"))

    monkeypatch.setattr(wiring, "open_graph", opened)
    for limit_s in (2.0, None, 1000.0):
        wiring.graph_sink(Settings(batch=BatchSettings(give_up_after_s=limit_s)))
    assert policies == [(2.0, 2.0), (30.0, 60.0), (30.0, 60.0)]


@pytest.mark.parametrize("exists", [True, False])
def test_another_process_that_writes_is_named(tmp_path: Path, *, exists: bool) -> None:
    """A file that stays locked ends the command within `batch.give_up_after_s`, with what to do."""
    path = tmp_path / "graph.db"
    if exists:
        wiring.graph_sink(Settings(graph=f"sqlite:///{path}")).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = headwater("ingest", ATHENA, "--graph", f"sqlite:///{path}", "--batch-give-up-after-s", "0.05")
    assert done.exit_code == (1 if exists else 2)
    assert f"another process writes to {path}; wait for it or stop it" in done.stderr


def test_few_events_need_no_processes(tmp_path: Path, expected: str) -> None:
    """An ingest that ends within seconds is done by the command alone."""
    started: list[str] = []

    class NeverStarted(WriterProcesses):
        def start(self) -> None:
            started.append("started")

    sink = wiring.graph_sink(Settings(graph=f"sqlite:///{tmp_path / 'graph.db'}"))
    others = NeverStarted(2, lambda: sink, BatchSettings(), lambda _: None)
    writer = DocumentWriter(sink, BatchSettings(), lambda _: None)
    with closing(sink):
        times = chain([0.0], repeat(ALONE_S - 0.1))
        Pipeline(writer, others, times.__next__).run(find([str(ATHENA)]))
        assert not started
        times = chain([0.0], repeat(ALONE_S))
        Pipeline(writer, others, times.__next__).run(find([str(ATHENA)]))
        assert started, "an ingest that takes long needs them"
    assert exported(f"sqlite:///{tmp_path / 'graph.db'}") == expected
