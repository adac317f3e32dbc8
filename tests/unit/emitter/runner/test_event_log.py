"""What dbt says arrives in order, as it is said, and survives dbt."""

import os

from emitter.runner.event_log import Journal, has_writer, messages


def test_messages_arrive_while_they_are_written() -> None:
    """Each ring gives what is there by then; the pipe's end is the end."""
    journal = Journal.make()
    said = messages(journal.file, journal.listener, journal.mark)
    os.write(journal.file, b'{"name": "a"}\n')
    os.write(journal.bell, b".")
    assert next(said) == {"name": "a"}
    os.write(journal.file, b'{"name": "b"}\n{"name": "c"}\n{"na')
    os.write(journal.bell, b"..")
    assert [next(said), next(said)] == [{"name": "b"}, {"name": "c"}]
    os.write(journal.file, b'me": "d"}\n{"name": "torn')
    os.close(journal.bell)
    assert list(said) == [{"name": "d"}], "what a death left unfinished is left out"


def test_what_is_no_object_is_nameless() -> None:
    """It is for the reader to tell, and stops nothing."""
    journal = Journal.make()
    os.write(journal.file, b'[1]\nno json\n\n{"name": "a"}\n')
    os.close(journal.bell)
    assert list(messages(journal.file, journal.listener, journal.mark)) == [{"name": ""}, {"name": ""}, {"name": "a"}]


def test_dbt_never_waits_for_a_reader() -> None:
    """Though nobody reads, any number of messages can be written, and a full pipe is rung no more."""
    journal = Journal.make()
    os.set_blocking(journal.bell, False)
    line = b'{"name": "%s"}\n' % (b"x" * 1000)
    rung = 0
    for _ in range(100_000 // 10):
        os.write(journal.file, line)
    try:
        while True:
            rung += os.write(journal.bell, b"." * 4096)
    except BlockingIOError:
        os.close(journal.bell)
    assert rung >= 4096, "the pipe took something"
    assert sum(1 for _ in messages(journal.file, journal.listener, journal.mark)) == 10_000


def test_what_was_not_read_is_counted() -> None:
    """Whoever is left can tell, whatever became of the reader: a message counts until the next is asked for."""
    journal = Journal.make()
    os.write(journal.file, b'{"name": "a"}\nno json\n{"name": "c"}\n{"name": "torn')
    os.close(journal.bell)
    assert journal.unread() == 3, "what a death left unfinished is no message"
    unread = [journal.unread() for _ in messages(journal.file, journal.listener, journal.mark)]
    assert (unread, journal.unread()) == ([3, 2, 1], 0)


def test_a_pipe_has_a_writer_until_its_last_end_is_closed() -> None:
    """Also while messages wait in it."""
    listener, bell = os.pipe()
    other = os.dup(bell)
    os.write(bell, b".")
    os.close(bell)
    assert has_writer(listener)
    os.close(other)
    assert not has_writer(listener)
    os.close(listener)
