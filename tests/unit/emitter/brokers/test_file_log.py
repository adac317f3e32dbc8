"""The log on disk that stands in for Kafka."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emitter.brokers.file_log import FileLog
from emitter.errors import DeliveryError, RejectedError, TooLargeError, UnavailableError
from emitter.record import MAX_BYTES, Record


def append(log: FileLog, value: bytes, key: bytes = b"k") -> None:
    """Sends one record and expects that it is stored at once."""
    answers: list[DeliveryError | None] = []
    log.send(Record(topic="t", key=key, value=value, timestamp_ms=5), answers.append)
    assert answers == [None]


def test_a_line_holds_the_record(tmp_path: Path) -> None:
    """Topic, key and time are told, and the event's bytes are kept as they were."""
    value = b'{"b": 1.50, "a": "\\u00e9"}'
    append(FileLog(tmp_path / "new" / "log"), value, "ns/é".encode())
    content = (tmp_path / "new" / "log" / "t.jsonl").read_bytes()
    assert json.loads(content) == {"topic": "t", "key": "ns/é", "timestamp": 5, "value": {"a": "é", "b": 1.5}}
    assert value in content


def test_a_torn_line_is_dropped(tmp_path: Path) -> None:
    """A process that died while it wrote leaves a part; it was never acknowledged, and must not spoil the next line."""
    log, file = FileLog(tmp_path), tmp_path / "t.jsonl"
    append(log, b"1")
    whole = file.read_bytes()
    for torn in (b'{"topic": "t", "val', b"x" * 10_000):
        file.write_bytes(whole + torn)
        append(log, b"2")
        assert [json.loads(line)["value"] for line in file.read_bytes().splitlines()] == [1, 2]
    file.write_bytes(b"torn")
    append(log, b"3")
    assert json.loads(file.read_bytes())["value"] == 3


def test_several_processes_may_append(tmp_path: Path) -> None:
    """Two processes that write large lines at once leave whole lines only."""
    script = (
        "import sys; from pathlib import Path\n"
        "from emitter.record import Record; from emitter.brokers.file_log import FileLog\n"
        "log = FileLog(Path(sys.argv[1]))\n"
        "value = b'\"' + sys.argv[2].encode() * 9999 + b'\"'\n"
        "for n in range(100): log.send(Record('t', b'k', value, n), lambda _: None)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), letter]) for letter in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    values = [json.loads(line)["value"] for line in (tmp_path / "t.jsonl").read_bytes().splitlines()]
    assert sorted(values) == ["a" * 9999] * 100 + ["b" * 9999] * 100


def test_what_is_not_one_line_is_rejected(tmp_path: Path) -> None:
    """It would be read back as two."""
    with pytest.raises(RejectedError, match="more than one line"):
        append(FileLog(tmp_path), b"{\n}")


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    """Where and why, as with a broker that is down."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"can't make the folder .*file: "):
        FileLog(tmp_path / "file")
    (tmp_path / "t.jsonl").mkdir()
    with pytest.raises(UnavailableError, match=r"can't append to .*t.jsonl: Is a directory"):
        append(FileLog(tmp_path), b"1")


def test_what_no_reader_takes_is_too_large(tmp_path: Path) -> None:
    """As with Kafka it is reduced or quarantined, rather than called sent."""
    append(FileLog(tmp_path), b"1" * MAX_BYTES)
    with pytest.raises(TooLargeError, match=f"the event of b'k' has {MAX_BYTES + 1} bytes, .* at most {MAX_BYTES}"):
        append(FileLog(tmp_path), b"1" * (MAX_BYTES + 1))
