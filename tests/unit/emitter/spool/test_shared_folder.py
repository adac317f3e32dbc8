"""A spool in a place that other users may write to: nothing of theirs is followed, sent, or written to."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emitter.brokers.broker import Broker, DeliveryCallback
from emitter.brokers.file_log import FileLog
from emitter.cli.spool import main
from emitter.config.transport_config import CheckedConfig, KafkaConfig
from emitter.delivery.outbox import open_spool
from emitter.errors import SpoolError, UnavailableError
from emitter.record import Record
from emitter.spool.layout import Destination, open_queue
from emitter.spool.private_files import open_own
from emitter.transport import KafkaTransport

SETTINGS = {"bootstrap_servers": "b:1", "topic": "t"}
QUEUE = Destination("b:1", "t").queue
NOBODY = 65534
EVENT = {"job": {"namespace": "a", "name": "b"}, "sql": "select 'private'"}


class Taking:
    """A broker that takes all."""

    def send(self, _record: Record, on_delivery: DeliveryCallback) -> None:
        """Takes it."""
        on_delivery(None)

    def close(self) -> None:
        """Has nothing to close."""


def emit(connect: Callable[[KafkaConfig], Broker] = lambda _: Taking(), **settings: str) -> bool:
    """Emits an event and closes; returns whether it was sent."""
    transport = KafkaTransport(CheckedConfig.from_dict({**SETTINGS, **settings}), connect=connect)
    transport.emit(EVENT)
    return transport.close()


def down(_: KafkaConfig) -> Broker:
    """Nobody answers."""
    raise UnavailableError("down")


def as_nobody(work: Callable[[], None]) -> None:
    """Does something as another user, in a process of its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the other user's part failed"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Sets the umask for a while."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The permissions of all below a folder."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277])
def test_all_that_is_made_is_for_this_user_alone(spool_dir: Path, mask: int) -> None:
    """Whatever the umask: the folders, what waits, what is quarantined, the lock, and the notes beside them."""
    with umask(mask):
        assert emit(down, close_timeout="0.2") is False
        spool = open_spool(KafkaConfig.from_dict(SETTINGS))
        spool.queue.quarantine(Record("t", b"k", b"{}", 0), "too large")
        spool.queue.record_error("down")
        with spool.queue.exclusive():
            pass
    found = modes(spool_dir.parent)
    folders = {name for name in found if (spool_dir.parent / name).is_dir()}
    assert {found[name] for name in folders} == {0o700}, found
    assert {found[name] for name in found.keys() - folders} == {0o600}, found
    kinds = {Path(name).suffix for name in found}
    assert kinds >= {".seg", ".json", ".lock"}, found


def test_rights_that_an_earlier_version_left_are_taken_away(spool_dir: Path) -> None:
    """Below the private folder, queues and what was quarantined were open to others under a lax umask."""
    queue = open_queue(spool_dir, Destination("b:1", "t"))
    for folder in (queue, queue / "quarantine"):
        folder.chmod(0o777)
    open_queue(spool_dir, Destination("b:1", "t"))
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (queue, queue / "quarantine")} == {0o700}


def planted(spool_dir: Path, target: Path) -> None:
    """A queue of the victim's with a lock that leads to a file of the victim's."""
    queue = spool_dir / "v1" / QUEUE
    queue.mkdir(parents=True)
    (queue / "flusher.lock").symlink_to(target)
    (spool_dir / "v1").chmod(0o777)


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o701])
def test_a_folder_that_is_open_to_others_is_not_used(
    spool_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    """Events go through memory, one warning says what to do, and a file that a link leads to stays as it was."""
    target = tmp_path / "precious"
    target.write_text("precious content of more than 21 bytes")
    planted(spool_dir, target)
    (spool_dir / "v1").chmod(mode)
    assert emit() is True
    assert target.read_text() == "precious content of more than 21 bytes"
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "wait in memory, not on disk" in warning
    assert f"chmod 700 {spool_dir / 'v1'}" in warning
    assert "HEADWATER_SPOOL_DIR" in warning
    assert not list(spool_dir.rglob("*.seg"))


def test_a_link_in_place_of_the_folder_is_not_followed(
    spool_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it leads, to a private folder of this user's as well."""
    (tmp_path / "mine").mkdir(0o700)
    spool_dir.mkdir()
    (spool_dir / "v1").symlink_to(tmp_path / "mine")
    assert emit() is True
    assert "is a symbolic link" in caplog.text
    assert not list((tmp_path / "mine").iterdir())


def test_a_dangling_link_is_no_way_out(spool_dir: Path, tmp_path: Path) -> None:
    """The folder that it names is not made."""
    spool_dir.mkdir()
    (spool_dir / "v1").symlink_to(tmp_path / "elsewhere")
    assert emit() is True
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_not_used(
    spool_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What that user left there is neither sent, nor shown, nor written to."""
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o711)
    spool_dir.mkdir()
    spool_dir.chmod(0o777)
    target = tmp_path / "precious"
    target.write_text("precious content of more than 21 bytes")
    as_nobody(lambda: planted(spool_dir, target))
    (spool_dir / "v1").chmod(0o700)
    assert (spool_dir / "v1").stat().st_uid == NOBODY
    assert emit() is True
    assert target.read_text() == "precious content of more than 21 bytes"
    assert f"belongs to user {NOBODY}, and this process is user 0" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_files_of_another_user_are_not_opened(tmp_path: Path) -> None:
    """Even where they have come into a private folder, as by a move."""
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents[:-1]:
        folder.chmod(folder.stat().st_mode | 0o711)
    as_nobody((tmp_path / "theirs").touch)
    with pytest.raises(PermissionError, match="not a plain file of this user"):
        open_own(tmp_path / "theirs", os.O_RDWR)


@pytest.mark.parametrize("made", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_opened(tmp_path: Path, made: str) -> None:
    """A link, a named pipe, or a folder, by whatever name the spool would take."""
    path, other = tmp_path / "x", tmp_path / "other"
    other.touch()
    make: dict[str, Callable[[], None]] = {
        "link": lambda: path.symlink_to(other),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }
    make[made]()
    with pytest.raises(OSError, match=r"(?i)symbolic links|plain file|directory"):
        open_own(path, os.O_RDWR)


@pytest.mark.parametrize(
    "name", ["0000000000000001-1-a.seg", "destination.json", "quarantine/1-a.json", "last_error.json"]
)
def test_a_link_among_the_files_is_passed_over(spool_dir: Path, tmp_path: Path, name: str) -> None:
    """What waits beside it is sent all the same, and what it leads to is neither read nor changed."""
    assert emit(down, close_timeout="0.2") is False
    target = tmp_path / "precious"
    target.write_text('{"reason": "r", "key": "k", "timestamp_ms": 1, "value": "v", "error": "e", "at": 1}')
    before = target.read_bytes()
    path = spool_dir / "v1" / QUEUE / name
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    assert emit() is True
    assert target.read_bytes() == before
    assert not list((spool_dir / "v1" / QUEUE).glob("*1-*[0-9].seg")), "what waited was not sent"


@pytest.mark.parametrize("action", ["status", "flush"])
def test_the_command_refuses_such_a_folder(
    spool_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    """To send what others have put there would be to send it with this user's credentials."""
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps({"type": "emitter.transport.KafkaTransport", **SETTINGS}))
    planted(spool_dir, spool_dir / "nothing")
    assert main([action]) == 1
    assert "chmod 700" in capsys.readouterr().err


def test_a_shared_folder_with_private_spools_is_fine(spool_dir: Path) -> None:
    """Only what is below `v1` has to be private; a container's volume is often open to all."""
    spool_dir.mkdir()
    spool_dir.chmod(0o1777)
    assert emit(down, close_timeout="0.2") is False
    assert list(spool_dir.rglob("*.seg"))


def test_a_foreign_file_beside_the_spool_does_not_fill_it(spool_dir: Path) -> None:
    """The limit counts what is in the spool."""
    (spool_dir / "else" / "where").mkdir(parents=True)
    with (spool_dir / "else" / "where" / "big.seg").open("wb") as file:
        file.truncate(1 << 40)
    assert emit(down, close_timeout="0.2") is False
    assert list((spool_dir / "v1").rglob("*.seg")), "the event is not on disk"


@pytest.mark.parametrize("made", ["link", "pipe"])
def test_a_log_on_disk_follows_no_link(tmp_path: Path, made: str) -> None:
    """In a folder that others may write to, it could lead to a file of this user's."""
    target, path = tmp_path / "precious", tmp_path / "log" / "t.jsonl"
    target.write_text("a line that is not whole")
    path.parent.mkdir()
    if made == "link":
        path.symlink_to(target)
    else:
        os.mkfifo(path)
    with pytest.raises(UnavailableError, match="remove it"):
        FileLog(path.parent).send(Record("t", b"k", b"{}", 0), lambda _: None)
    assert target.read_text() == "a line that is not whole"


def test_what_is_refused_says_what_to_do(spool_dir: Path) -> None:
    """A plain file in place of the folder as well."""
    spool_dir.mkdir()
    (spool_dir / "v1").touch()
    with pytest.raises((SpoolError, OSError), match="v1"):
        open_queue(spool_dir, Destination("b:1", "t"))
