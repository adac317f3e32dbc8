"""Damage to the spool's small files, as a power failure leaves it: all the rest is told and sent."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from emitter.cli.spool import main
from emitter.spool.layout import Destination, open_queue, queues
from emitter.spool.queue import Queue
from emitter.spool.spool_status import as_text, status
from emitter.spool.spool_writer import SpoolWriter
from tests.support.events.spooled_records import disk, drain, record

DAMAGE = [b"", b"\0" * 4096, b"\xff\xfe garbage", b'{"key": "k", "val', b"[1]", b"{}", b'"text"', b"null"]


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool that waits for a log on disk."""
    settings = {
        "type": "emitter.transport.KafkaTransport",
        "bootstrap_servers": f"file://{tmp_path}/log",
        "topic": "t",
        "spool_dir": str(tmp_path / "spool"),
    }
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(settings))
    return tmp_path / "spool"


def queue_of(spool: Path) -> Queue:
    """Its queue, with an event that waits and one that was quarantined."""
    folder = open_queue(spool, Destination(f"file://{spool.parent}/log", "t"))
    journal = SpoolWriter(spool, folder, 2**20)
    journal.append(record(b"1"))
    journal.close()
    queue = Queue(folder, "t")
    queue.quarantine(record(b"2"), "too large")
    return queue


def logged(spool: Path) -> list[Any]:
    """The events that came to the log."""
    return [json.loads(line)["value"] for line in (spool.parent / "log" / "t.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize(
    "damage", [*DAMAGE, b'{"reason": "r", "key": "k", "timestamp_ms": Infinity, "value": "{}"}', b'{"reason": "r"}']
)
def test_a_damaged_note_is_passed_over(spool: Path, damage: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """It is counted, the other events are sent, and it stays for people."""
    queue = queue_of(spool)
    note = queue.folder / "quarantine" / "000000000000000-0123456789ab.json"
    note.write_bytes(damage)
    [before] = status(spool)["queues"]
    assert (before["waiting"], before["quarantined"], before["damaged"]) == (1, 1, 1)
    assert main(["status"]) == 0
    assert "damaged     1 unreadable file," in capsys.readouterr().out
    assert main(["flush"]) == 0
    assert logged(spool) == [1, 2]
    assert note.read_bytes() == damage
    assert status(spool)["queues"][0]["damaged"] == 1


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_destination_is_written_anew(spool: Path, damage: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """By the next that knows it, such as a flush; until then what waits is counted all the same."""
    queue = queue_of(spool)
    note = queue.folder / "destination.json"
    whole = note.read_bytes()
    note.write_bytes(damage)
    found = status(spool)
    [before] = found["queues"]
    assert (before["topic"], before["waiting"], before["quarantined"], before["damaged"]) == ("?", 1, 1, 1)
    assert f"? at ?  ({queue.folder.name})" in as_text(found)
    assert main(["status"]) == 0
    assert main(["flush"]) == 0
    capsys.readouterr()
    assert logged(spool) == [1, 2]
    assert note.read_bytes() == whole
    assert (status(spool)["queues"][0]["topic"], status(spool)["queues"][0]["damaged"]) == ("t", 0)


@pytest.mark.parametrize("damage", [*DAMAGE, None])
def test_a_queue_whose_destination_is_lost_can_be_sent(spool: Path, damage: bytes | None) -> None:
    """By its name, as one that waits for other brokers; also where the note never came to the medium."""
    other = open_queue(spool, Destination("gone:1", "t"))
    journal = SpoolWriter(spool, other, 2**20)
    journal.append(record(b"3"))
    journal.close()
    (other / "destination.json").unlink()
    if damage is not None:
        (other / "destination.json").write_bytes(damage)
    assert main(["flush", "--queue", other.name]) == 0
    assert logged(spool) == [3]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_last_error_is_none(spool: Path, damage: bytes) -> None:
    """It is written anew when something fails again."""
    queue = queue_of(spool)
    (queue.folder / "last_error.json").write_bytes(damage)
    assert status(spool)["queues"][0]["last_error"] is None
    assert main(["status"]) == 0
    queue.record_error("no route")
    assert status(spool)["queues"][0]["last_error"] == "no route"


def test_what_a_queue_waits_for_is_not_what_it_depends_on(spool: Path) -> None:
    """Where the note can't be written, events wait and are sent all the same."""
    queue = queue_of(spool)
    (queue.folder / "destination.json").unlink()
    (queue.folder / "destination.json").mkdir()
    assert queue_of(spool).folder == queue.folder
    assert len(drain(queue)) == 2
    assert queues(spool)[queue.folder].topic == "?"


def test_a_note_that_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Neither half of it nor a file of another name."""
    queue = disk(tmp_path).queue
    queue.quarantine(record(), "too large")
    [note] = queue.quarantined_files()
    note.unlink()
    note.mkdir()
    with pytest.raises(IsADirectoryError):
        queue.quarantine(record(), "too large")
    assert list((queue.folder / "quarantine").iterdir()) == [note]


def test_what_is_rare_is_flushed_to_the_medium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content before name, name before it is relied on; what each event or failure writes is not waited for."""
    synced: list[tuple[int, bool]] = []
    names = ("destination.json", "000000000001000-")

    def fsync(file: int) -> None:
        named = any(path.name.startswith(names) for path in tmp_path.rglob("*.json"))
        synced.append((os.fstat(file).st_ino, named))

    monkeypatch.setattr(os, "fsync", fsync)
    journal, queue = disk(tmp_path)
    note = queue.folder / "destination.json"
    assert synced == [(note.stat().st_ino, False), (queue.folder.stat().st_ino, True)]
    note.unlink()
    synced.clear()
    journal.append(record())
    queue.record_error("no route")
    journal.close()
    assert synced == [], "an event waited for the medium"
    queue.quarantine(record(), "too large")
    [quarantined] = queue.quarantined_files()
    assert synced == [(quarantined.stat().st_ino, False), (quarantined.parent.stat().st_ino, True)]
