"""`headwater-dbt spool flush`: it sends what waits and what was quarantined, most of all when there is no room left."""

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emitter.brokers.broker import DeliveryCallback
from emitter.cli.spool import main
from emitter.config.transport_config import KafkaConfig
from emitter.delivery.delivery_summary import DeliverySummary
from emitter.delivery.outbox import Spool, open_spool
from emitter.delivery.sender import Sender
from emitter.delivery.spool_flush import FlushOutbox
from emitter.errors import RejectedError, SpoolError, UnavailableError
from emitter.record import Record
from emitter.spool.segment import SUFFIX
from emitter.spool.spool_status import status
from tests.support.events.spooled_records import Brittle, disk, record

SOON = 10.0
LIMIT = 20_000
TRANSPORT = "emitter.transport.KafkaTransport"


class Sink:
    """A broker that keeps records, and answers some otherwise than with yes."""

    def __init__(self, answer: Callable[[Record], Exception | None] = lambda _: None) -> None:
        self.stored: list[bytes] = []
        self._answer = answer

    def send(self, one: Record, on_delivery: DeliveryCallback) -> None:
        """Stores a record, or says why not."""
        if error := self._answer(one):
            raise error
        self.stored.append(one.value)
        on_delivery(None)

    def close(self) -> None:
        """Does nothing."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool of LIMIT bytes that waits for a log on disk."""
    settings = {
        "type": TRANSPORT,
        "bootstrap_servers": f"file://{tmp_path}/log",
        "spool_dir": str(tmp_path / "spool"),
        "spool_max_bytes": LIMIT,
    }
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(settings))
    return tmp_path


def opened(folder: Path) -> Spool:
    """The spool's queue as a run of dbt would open it."""
    servers = (f"file://{folder}/log",)
    return open_spool(
        KafkaConfig(bootstrap_servers=servers, spool_dir=str(folder / "spool"), spool_max_bytes=LIMIT),
    )


def fill(made: Spool) -> int:
    """Appends until the spool is full, and returns how many records that took."""
    count = 0
    try:
        while True:
            made.writer.append(record(b'{"n": %d, "x": "%s"}' % (count, b"x" * 2000)))
            count += 1
    except SpoolError:
        made.writer.close()
    return count


def logged(folder: Path) -> list[Any]:
    """The numbers of the events that came, in their order."""
    lines = (folder / "log" / "openlineage.events.jsonl").read_bytes().splitlines()
    return [json.loads(line)["value"]["n"] for line in lines]


def test_a_full_spool_with_something_quarantined_is_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What waits goes first, in order; what was quarantined comes after it, whether there is room for it or not."""
    made = opened(folder)
    made.queue.quarantine(record(b'{"n": "quarantine", "x": "%s"}' % (b"x" * 4000)), "too large")
    count = fill(made)
    assert count > 1
    assert main(["flush"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"OpenLineage events: {count + 1} sent, 0 waiting, 0 quarantined; destination: file ")
    assert logged(folder) == [*range(count), "quarantine"]
    [queue] = status(folder / "spool")["queues"]
    assert (queue["waiting"], queue["quarantined"]) == (0, 0)


def test_a_spool_full_of_what_was_quarantined_is_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing waits that could make room; they go in the order of their times."""
    made = opened(folder)
    for n in range(3):
        made.queue.quarantine(Record("t", b"k", b'{"n": %d, "x": "%s"}' % (n, b"x" * LIMIT), n), "too large")
    assert fill(made) == 0
    assert main(["flush", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sent"] == 3
    assert logged(folder) == [0, 1, 2]
    assert not list((folder / "spool").glob(f"v1/*/*{SUFFIX}")), "they were copied on their way"


def test_a_full_disk_is_sent(tmp_path: Path) -> None:
    """Nothing has to be written for it."""
    made = disk(tmp_path)
    made.queue.quarantine(record(b"quarantine"), "too large")
    made.writer.append(record(b"waits"))
    journal = Brittle(made.writer, errno.ENOSPC)
    journal.broken = True
    sink = Sink()
    summary = flush(Spool(journal, made.queue), sink)  # type: ignore[arg-type]
    assert (summary.sent, summary.complete) == (2, True), summary
    assert sink.stored == [b"waits", b"quarantine"]


def flush(made: Spool, sink: Sink, timeout: float = SOON) -> DeliverySummary:
    """Does what the command does, to a broker of the test's."""
    sender = Sender(lambda: sink, FlushOutbox(made), pauses=lambda: iter([0.0] * 2 + [SOON]))
    sender.start()
    return sender.close(timeout)


def test_what_is_refused_again_stays_quarantined(tmp_path: Path) -> None:
    """With the newer reason; the others don't wait for it."""
    made = disk(tmp_path)
    for value in (b"1", b"2"):
        made.queue.quarantine(record(value), "too large")
    sink = Sink(lambda one: RejectedError("larger still") if one.value == b"1" else None)
    summary = flush(made, sink)
    assert (summary.sent, summary.waiting, summary.quarantined, summary.lost) == (1, 0, 1, 0), summary
    assert list(made.queue.quarantined().values()) == [(record(b"1"), "larger still")]


def test_what_flush_does_not_get_to_stays_quarantined(tmp_path: Path) -> None:
    """Without a broker it is told as waiting, with the reason, and is where it was."""
    made = disk(tmp_path)
    made.queue.quarantine(record(), "too large")
    summary = flush(made, Sink(lambda _: UnavailableError("down")), timeout=0.2)
    assert (summary.sent, summary.waiting, summary.reasons) == (0, 1, ("down",))
    assert list(made.queue.quarantined().values()) == [(record(), "too large")]


def test_nothing_is_lost_for_want_of_a_place_to_quarantine_it(tmp_path: Path) -> None:
    """It waits where it is, and the line says what can't be written."""
    made = disk(tmp_path)
    made.writer.append(record(b"1"))
    made.writer.close()
    (made.queue.folder / "quarantine").rmdir()
    (made.queue.folder / "quarantine").touch()
    summary = flush(made, Sink(lambda _: RejectedError("too large")))
    assert (summary.sent, summary.waiting, summary.quarantined, summary.lost) == (0, 1, 0, 0), summary
    assert "can't quarantine an event in " in summary.reasons[0]
    assert "make room there and flush again" in summary.reasons[0]
    assert [one.value for one in made.queue.waiting()] == [b"1"]


def test_what_fails_is_told_in_a_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A system without file locks stands for whatever the spool can't do."""
    opened(folder)
    monkeypatch.setitem(sys.modules, "emitter.spool.spool_writer", None)
    assert main(["flush"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err[:41]) == ("", "headwater-dbt spool: the spool needs a Un"), said
