"""What dbt says arrives in order, as it is said, and survives dbt."""

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

from emitter.runner.event_log import EventLog, Reader, has_writer, messages
from emitter.runner.shim import Recorder


def test_messages_arrive_while_they_are_written() -> None:
    """Each ring gives what is there by then; the pipe's end is the end."""
    event_log = EventLog.make()
    output = messages(event_log.file, event_log.wakeup_read, event_log.progress)
    os.write(event_log.file, b'{"name": "a"}\n')
    os.write(event_log.wakeup_write, b".")
    assert next(output) == {"name": "a"}
    os.write(event_log.file, b'{"name": "b"}\n{"name": "c"}\n{"na')
    os.write(event_log.wakeup_write, b"..")
    assert [next(output), next(output)] == [{"name": "b"}, {"name": "c"}]
    os.write(event_log.file, b'me": "d"}\n{"name": "torn')
    os.close(event_log.wakeup_write)
    assert list(output) == [{"name": "d"}], "what a death left unfinished is left out"


def test_what_is_no_object_is_nameless() -> None:
    """It is for the reader to tell, and stops nothing."""
    event_log = EventLog.make()
    os.write(event_log.file, b'[1]\nno json\n\n{"name": "a"}\n')
    os.close(event_log.wakeup_write)
    assert list(messages(event_log.file, event_log.wakeup_read, event_log.progress)) == [
        {"name": ""},
        {"name": ""},
        {"name": "a"},
    ]


def test_dbt_never_waits_for_a_reader() -> None:
    """Though nobody reads, any number of messages can be written, and a full pipe is rung no more."""
    event_log = EventLog.make()
    os.set_blocking(event_log.wakeup_write, False)
    line = b'{"name": "%s"}\n' % (b"x" * 1000)
    rung = 0
    for _ in range(100_000 // 10):
        os.write(event_log.file, line)
    try:
        while True:
            rung += os.write(event_log.wakeup_write, b"." * 4096)
    except BlockingIOError:
        os.close(event_log.wakeup_write)
    assert rung >= 4096, "the pipe took something"
    assert sum(1 for _ in messages(event_log.file, event_log.wakeup_read, event_log.progress)) == 10_000


def test_what_was_not_read_is_counted() -> None:
    """Whoever is left can tell, whatever became of the reader: a message counts until the next is asked for."""
    event_log = EventLog.make()
    os.write(event_log.file, b'{"name": "a"}\nno json\n{"name": "c"}\n{"name": "torn')
    os.close(event_log.wakeup_write)
    assert event_log.unread() == 3, "what a death left unfinished is no message"
    unread = [event_log.unread() for _ in messages(event_log.file, event_log.wakeup_read, event_log.progress)]
    assert (unread, event_log.unread()) == ([3, 2, 1], 0)


def test_a_pipe_has_a_writer_until_its_last_end_is_closed() -> None:
    """Also while messages wait in it."""
    listener, wakeup = os.pipe()
    other = os.dup(wakeup)
    os.write(wakeup, b".")
    os.close(wakeup)
    assert has_writer(listener)
    os.close(other)
    assert not has_writer(listener)
    os.close(listener)


def test_a_disk_that_is_almost_full_is_found_before_dbt_runs() -> None:
    """The reader's progress and summary have their room; what grows is only the messages."""
    code = (
        "import resource; from emitter.runner.event_log import EventLog\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "try: EventLog.make()\n"
        "except OSError as error: print(error.errno)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{errno.ENOSPC}\n"


def test_a_summary_is_asked_for_before_each_wait() -> None:
    """When all messages so far are processed, so that it counts all of them."""
    event_log, read = EventLog.make(), list[object]()
    for number in range(3):
        os.write(event_log.file, b'{"name": "%d"}\n' % number)
        os.write(event_log.wakeup_write, b".")
    os.close(event_log.wakeup_write)
    reader = Reader(event_log.file, event_log.wakeup_read, event_log.progress)
    for message in reader.messages(lambda: read.append("wait")):
        read.append(message["name"])
    assert read == ["wait", "0", "1", "2", "wait"]


@pytest.mark.parametrize("succeeded", [True, False, None])
def test_the_outcome_of_dbt_needs_no_disk(succeeded: object) -> None:
    """If the last message can't be written; None if it is not dbt's last."""
    event_log = EventLog.make()
    recorder = Recorder(os.open(os.devnull, os.O_RDONLY), event_log.wakeup_write, {})
    data = Struct()
    data.update({"success": succeeded})
    name = "CommandCompleted" if succeeded is not None else "NodeFinished"
    stamp = Timestamp()
    for each in ("NodeFinished", name):
        recorder(SimpleNamespace(info=SimpleNamespace(name=each, msg="", ts=stamp, invocation_id=""), data=data))
    os.close(event_log.wakeup_write)
    reader = Reader(event_log.file, event_log.wakeup_read, event_log.progress)
    assert (list(reader.messages()), reader.lost, reader.succeeded) == ([], 2, succeeded)


def test_what_could_not_be_written_is_counted() -> None:
    """Without any disk, so that the last messages count too, which no later one could report."""
    event_log = EventLog.make()
    recorder = Recorder(os.open(os.devnull, os.O_RDONLY), event_log.wakeup_write, {})
    for _ in range(3):
        recorder(None)
    os.close(event_log.wakeup_write)
    reader = Reader(event_log.file, event_log.wakeup_read, event_log.progress)
    assert (list(reader.messages()), reader.lost) == ([], 3)
