"""Processes that were forked: each counts and sends what it emitted itself, and none deletes what another wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from emitter.cli.spool import main
from emitter.spool.layout import Destination, open_queue
from emitter.spool.queue import Queue
from emitter.spool.spool_writer import SpoolWriter
from tests.support.events.spooled_records import drain, record

PARENT = """
import os, sys
from emitter.config.transport_config import CheckedConfig
from emitter.transport import KafkaTransport

transport = KafkaTransport(CheckedConfig.from_dict({{"bootstrap_servers": "{servers}", "close_timeout": 5}}))

def emit(*names):
    for name in names:
        transport.emit({{"job": {{"namespace": "n", "name": name}}}})

emit("p1", "p2")
if (child := os.fork()) == 0:
    emit("c1", "c2", "c3")
    {end}
assert os.waitpid(child, 0)[1] == 0
emit("p3")
transport.close()
"""
ENDS = ["transport.close(); sys.exit()", "sys.exit()", "os._exit(0)"]


def run(script: str) -> str:
    """Runs it; returns what it said on stderr."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def names(log: Path) -> list[str]:
    """The jobs of the events that came to the log, sorted."""
    return sorted(json.loads(line)["value"]["job"]["name"] for line in log.read_bytes().splitlines())


@pytest.mark.parametrize("end", ENDS)
def test_each_process_sends_its_own_events(tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each, however the child ends; what a child that is cut off leaves on disk is sent by whoever sends next."""
    output = run(PARENT.format(servers=tmp_path.as_uri(), end=end))
    transport = {"type": "emitter.transport.KafkaTransport", "bootstrap_servers": tmp_path.as_uri()}
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    assert main(["flush"]) == 0
    assert names(tmp_path / "openlineage.events.jsonl") == ["c1", "c2", "c3", "p1", "p2", "p3"], output
    assert "lost" not in output


@pytest.mark.parametrize("end", ENDS)
def test_what_waits_is_counted_by_the_process_that_emitted_it(end: str) -> None:
    """Nobody answers: all six events are on disk, and each summary counts three of them."""
    output = run(PARENT.format(servers="127.0.0.1:9", end=end).replace('"close_timeout": 5', '"close_timeout": 0.5'))
    summaries = [line for line in output.splitlines() if "0 sent, 3 waiting, 0 quarantined" in line]
    assert len(summaries) == (1 if "_exit(" in end else 2), output
    spool = Path(os.environ["HEADWATER_SPOOL_DIR"])
    found = [json.loads(each.value)["job"]["name"] for each in waiting(spool)]
    assert sorted(found) == ["c1", "c2", "c3", "p1", "p2", "p3"]


def waiting(spool: Path) -> list:  # type: ignore[type-arg]
    """The records of all queues of a spool."""
    return [each for folder in (spool / "v1").iterdir() for each in Queue(folder, "t").waiting()]


def test_a_journal_that_is_shared_by_a_fork(tmp_path: Path) -> None:
    """Child and parent append at will; what either could delete by its own count holds nothing of the other's."""
    folder = open_queue(tmp_path, Destination("b:1", "t"))
    event_log = SpoolWriter(tmp_path, folder, 2**20)
    event_log.append(record(b"p1"))
    if (child := os.fork()) == 0:
        try:
            event_log.append(record(b"c1"))
            event_log.append(record(b"c2"))
            assert event_log.progress() == (2, 0, 0)
            event_log.close()
        except BaseException:  # noqa: BLE001 # whatever it is, the parent must see it
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    event_log.append(record(b"p2"))
    assert event_log.progress() == (2, 0, 0)
    queue = Queue(folder, "t")
    assert sorted(each.value for each in drain(queue)) == [b"c1", b"c2", b"p1", b"p2"]
    assert event_log.progress() == (2, 2, 0)
    event_log.close()
