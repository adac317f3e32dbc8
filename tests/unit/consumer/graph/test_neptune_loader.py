"""`headwater load`: a bulk load is asked for, signed, watched, and its end is the command's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import TransientError
from consumer.graph.gremlin.connection import GraphError
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.neptune_loader import BulkLoader, Progress
from tests.support.graph.fake_loader import LOAD, NeptuneLoader
from tests.support.processes.command_line import headwater

ROLE = "arn:aws:iam::123456789012:role/NeptuneLoad"
WHAT = ["--source", "s3://bucket/load/", "--role", ROLE, "--every-s", "0.001"]
DONE = ("LOAD_COMPLETED", {"totalRecords": 12, "totalTimeSpent": 3})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeptuneLoader]:
    """A loader."""
    server = NeptuneLoader(tmp_path_factory.mktemp("loader"))
    yield server
    server.close()


@pytest.fixture
def loader(running: NeptuneLoader) -> NeptuneLoader:
    """A loader that was asked nothing yet, and whose loads are done at once."""
    running.started.clear()
    running.answers[:] = [DONE]
    return running


def test_a_load_is_watched_to_its_end(loader: NeptuneLoader) -> None:
    """The request is what the loader wants, and what it says on the way is told."""
    loader.answers[:] = [("LOAD_NOT_STARTED", {}), ("LOAD_IN_PROGRESS", {"totalRecords": 5}), DONE]
    done = headwater("load", *WHAT, "--json", env=loader.environment_of_clients)
    assert done.exit_code == 0, done.stderr
    (asked,) = loader.started
    assert asked == {
        "source": "s3://bucket/load/",
        "format": "csv",
        "iamRoleArn": ROLE,
        "region": "us-east-1",
        "mode": "NEW",
        "failOnError": True,
        "parallelism": "MEDIUM",
        "updateSingleCardinalityProperties": False,
        "queueRequest": True,
    }
    assert "LOAD_IN_PROGRESS: 5 records" in done.stderr
    told = json.loads(done.stdout)
    assert (told["id"], told["status"], told["records"]) == (LOAD, "LOAD_COMPLETED", 12)


def test_options_of_the_load(loader: NeptuneLoader) -> None:
    """Each reaches the loader."""
    more = ["--update", "--parallelism", "OVERSUBSCRIBE", "--bucket-region", "eu-west-1"]
    assert headwater("load", *WHAT, *more, env=loader.environment_of_clients).exit_code == 0
    (asked,) = loader.started
    assert asked["updateSingleCardinalityProperties"] is True
    assert (asked["parallelism"], asked["region"]) == ("OVERSUBSCRIBE", "eu-west-1")


def test_a_load_that_is_under_way_is_watched_again(loader: NeptuneLoader) -> None:
    """By its id, and none is started."""
    assert headwater("load", "--load-id", LOAD, env=loader.environment_of_clients).exit_code == 0
    assert loader.started == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("LOAD_S3_ACCESS_DENIED_ERROR", {}), "allow it s3:Get*"),
        (
            (
                "LOAD_FAILED",
                {
                    "insertErrors": 2,
                    "errorLogs": [{"fileName": "s3://bucket/load/edges.csv", "recordNum": 7, "errorMessage": "no end"}],
                },
            ),
            "s3://bucket/load/edges.csv:7: no end",
        ),
        (("LOAD_COMPLETED", {"parsingErrors": 1}), "1 record could not be loaded"),
    ],
)
def test_a_load_that_fails(answer: tuple[str, dict[str, Any]], said: str, loader: NeptuneLoader) -> None:
    """The exit code is 1, and what is wrong where is told."""
    loader.answers[:] = [answer]
    done = headwater("load", *WHAT, env=loader.environment_of_clients)
    assert (done.exit_code, said in done.stderr) == (1, True), done.stderr


def test_a_wrong_signature(loader: NeptuneLoader) -> None:
    """Neptune's refusal is told, and nothing is loaded."""
    done = headwater("load", *WHAT, env=loader.environment_of_clients | {"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert (done.exit_code, "returned 403" in done.stderr, loader.started) == (1, True, []), done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--graph", "sqlite:///x.db"], "has no loader"),
        (["--source", "load/"], "s3://bucket/folder/"),
        (["--source", "s3://b/f/", "--role", "NeptuneLoad"], "arn:aws:iam::123456789012:role/NAME"),
        (["--source", "s3://b/f/", "--role", ROLE, "--graph", "wss://host:8182/gremlin"], "--bucket-region"),
    ],
)
def test_wrong_calls(options: list[str], said: str) -> None:
    """They are found out before anything is asked."""
    done = headwater("load", *options, env={"HEADWATER_GRAPH": "neptune://host:8182?region=us-east-1"})
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_silence_is_waited_out(loader: NeptuneLoader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failover while a load is watched ends nothing; a silence without end does, and tells how to go on."""
    for name, value in loader.environment_of_clients.items():
        monkeypatch.setenv(name, value)
    loader.answers[:] = [503, 500, DONE]
    client = BulkLoader(Address.parse(loader.url))
    told: list[Progress] = []
    waits: list[float] = []
    assert client.watch(LOAD, 5, 60, told.append, waits.append).ok
    assert (len(told), waits) == (1, [5, 5])
    loader.answers[:] = [503]
    with pytest.raises(TransientError, match=f"--load-id {LOAD}"):
        client.watch(LOAD, 5, 60, told.append, waits.append)
    with pytest.raises(GraphError, match="Load not found"):
        client.progress("another")
    gone = NeptuneLoader(tmp_path)
    gone.close()
    with pytest.raises(TransientError, match="does not respond"):
        BulkLoader(Address.parse(gone.url)).progress(LOAD)
