"""The most memory that a command of `headwater` takes, as a process.

As a program, `python -m tests.support.processes.peak_memory FILE ARGUMENTS`, it runs the command and writes its peak to
the file.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024


def own_peak_mib() -> float:
    """The peak of this process's resident memory, in MiB.

    From /proc, as `getrusage` counts what the parent had when it forked.
    """
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


class Measured:
    """A command of `headwater` that runs as a process of its own.

    Args:
        folder: For its log, and the note of its peak.
        arguments: Of the command.
        environment: All variables of the process.
    """

    def __init__(self, folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log, self._note = folder / "log", folder / "peak"
        program = [sys.executable, "-m", "tests.support.processes.peak_memory", str(self._note), *arguments]
        with self.log.open("wb") as said:
            self.process = subprocess.Popen(program, cwd=ROOT, env=environment, stdout=said, stderr=said)

    def wait(self, patience_s: float) -> int:
        """The exit code of a process that ends by itself; killed if that takes too long."""
        try:
            return self.process.wait(patience_s)
        finally:
            self.process.kill()
            self.process.wait()

    def peak_mib(self) -> float:
        """The peak of the process, once it has ended, in MiB."""
        return float(self._note.read_text())


def _main() -> None:
    note, *arguments = sys.argv[1:]
    atexit.register(lambda: Path(note).write_text(f"{own_peak_mib():.1f}"))
    from consumer.cli.main import main  # noqa: PLC0415 -- what a command loads counts

    sys.argv = ["headwater", *arguments]
    main()


if __name__ == "__main__":
    _main()
