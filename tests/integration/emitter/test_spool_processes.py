"""A spool that several processes write, or one that can't write on."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.docs.generated_docs import ROOT
from tests.support.events.spooled_records import disk, drain


def environment() -> dict[str, str]:
    """This process's environment, with this tree importable."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_a_write_that_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    """The system's own limit on a file's size stands for a full disk: the next reader finds whole records only."""
    script = """if True:
        import resource, signal, sys
        from pathlib import Path
        from tests.support.events.spooled_records import SpoolError, disk, record
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        writer, queue = disk(Path(sys.argv[1]))
        writer.append(record(b"first"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
        try:
            writer.append(record(b"x" * 4000))
        except SpoolError as error:
            print(error)
        writer.append(record(b"third"))
    """
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True, env=environment()
    )
    assert "File too large" in done.stdout
    assert [one.value for one in drain(disk(tmp_path).queue)] == [b"first", b"third"]


def test_many_processes_may_append_at_once(tmp_path: Path) -> None:
    """Each in its own order, nothing lost, while one of them sends."""
    script = """if True:
        import sys
        from pathlib import Path
        from tests.support.events.spooled_records import disk, record
        writer, _ = disk(Path(sys.argv[1]), segment_bytes=2000)
        for number in range(200):
            writer.append(record(b"%d" % number, sys.argv[2].encode()))
    """
    processes = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path, f"key{n}"], env=environment()) for n in range(3)
    ]
    queue = disk(tmp_path).queue
    sent = []
    while any(process.poll() is None for process in processes):
        sent += drain(queue)
    sent += drain(queue)
    assert [process.returncode for process in processes] == [0, 0, 0]
    for n in range(3):
        mine = [int(one.value) for one in sent if one.key == b"key%d" % n]
        assert mine == list(range(200)), f"process {n}'s records are not all there in order"
