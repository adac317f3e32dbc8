"""Runs dbt and, beside it, the lineage process; ends as dbt ends.

dbt is a child with this process's terminal, standard streams and environment. The lineage process hears of it through
the journal alone, so that it may crash, hang or be killed without dbt knowing of it.
"""

import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from emitter import optimized_bytecode
from emitter.errors import EmitterError
from emitter.runner.dbt_executable import Program
from emitter.runner.event_log import Journal, Note
from emitter.runner.shim import PROGRAM, SCRIPT
from emitter.runner.stderr import tell

DEFAULT_PATIENCE = 10.0
"""How many seconds lineage may take after dbt's end, where the lineage process does not say."""
MARGIN = 2.0
"""Seconds on top of it to end in order."""

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_SHIM = str(Path(__file__).with_name("shim.py"))
_WORKER = "emitter.runner.worker"
_FROM_KERNEL = 0x80
_STDERR = 2


class CannotListen(EmitterError):
    """There can be no lineage of this run; dbt can still be run without it."""


def supervise(program: Program, arguments: Sequence[str]) -> NoReturn:
    """Runs `dbt ARGUMENTS` with lineage, and ends with dbt's exit code or by the signal that ended it.

    Raises:
        CannotListen: There is no room for temporary files, or no such interpreter; dbt has not been run.
    """
    try:
        _take_closed_streams()
        journal = Journal.make()
        listener, patience = os.pipe()
        dbt = _start_dbt(program, arguments, journal)
    except OSError as error:
        raise CannotListen(f"dbt can't be listened to ({error}): check TMPDIR and {program.path}") from error
    # From here on signals wait until they are asked for; the lineage process inherits that and outlives Ctrl-C.
    signal.signal(signal.SIGCHLD, _ignore)
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_PASSED_ON, signal.SIGCHLD))
    lineage = _start_lineage(journal, patience, arguments)
    os.close(journal.listener)
    os.close(patience)
    code = _attend(dbt)
    # dbt-core has closed its own end by now; dbt v2 never had one, and its children must not keep it open.
    os.close(journal.bell)
    if lineage is not None and (end := _wait_for_lineage(lineage, listener)):
        _tell_of_the_end(journal, end)
    _end_like(code)


def _tell_of_the_end(journal: Journal, end: str) -> None:
    """Reports how the lineage process ended before its time, with the last count of its events, which outlives it."""
    note, unread = journal.note() or Note("", is_whole=False), journal.unread()
    if note.is_whole and not unread:
        # Nothing is missing but the last line, and that only if it has not been logged.
        if note.text:
            tell(f"{note.text}; the process that sends them {end}")
        return
    counted = f"; when they were last counted, {note.text}" if note.text else ""
    tell(f"the lineage of this run is not complete: its process {end}, {unread} of dbt's messages unread{counted}")


def _take_closed_streams() -> None:
    """Opens nothing in place of each standard stream that is closed, or a file of ours would become dbt's stdout.

    In dbt they close by themselves, so that it finds its streams as its caller wants them.
    """
    while (taken := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(taken)


def _start_dbt(program: Program, arguments: Sequence[str], journal: Journal) -> subprocess.Popen[bytes]:
    # Where no Python is behind the program, ours is there only until the program takes its place.
    kind, interpreter = (
        (SCRIPT, program.interpreter) if program.interpreter else (PROGRAM, (sys.executable, "-I", "-S"))
    )
    command = [*interpreter, _SHIM, str(journal.file), str(journal.bell), kind, program.path, *arguments]
    for file in (journal.file, journal.bell):
        os.set_inheritable(file, True)  # noqa: FBT003 # it takes no keyword
    try:
        # Files that the caller has opened for dbt stay open, as they would without us.
        return subprocess.Popen(command, close_fds=False)  # noqa: S603 # it is what the user typed
    finally:
        for file in (journal.file, journal.bell):
            os.set_inheritable(file, False)  # noqa: FBT003


def _start_lineage(journal: Journal, patience: int, arguments: Sequence[str]) -> subprocess.Popen[bytes] | None:
    files = (journal.file, journal.listener, journal.mark, patience)
    try:
        return subprocess.Popen(  # noqa: S603 # our own module
            # Without -P a module of the user's folder could stand in for one of ours.
            [sys.executable, "-P", "-m", _WORKER, *map(str, files), *arguments],
            # What dbt's Python is told of optimisation is not for ours, which could not speak to Kafka then.
            env={name: value for name, value in os.environ.items() if name != optimized_bytecode.VARIABLE},
            pass_fds=files,
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            # Said though it is the same: where stderr was closed, it would be closed there.
            stderr=_STDERR,
            start_new_session=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        tell(f"the lineage process can't be started ({error}), so no lineage is sent")
        return None


def _attend(dbt: subprocess.Popen[bytes]) -> int:
    """Passes signals on until dbt has ended; returns its exit code, or the negative number of the signal."""
    while (code := dbt.poll()) is None:
        number, from_terminal = _next_signal()
        # What the terminal sends it sends to dbt as well, and a second Ctrl-C means something else to dbt.
        if number != signal.SIGCHLD and not from_terminal:
            dbt.send_signal(number)
    return code


def _next_signal() -> tuple[int, bool]:
    signals = (*_PASSED_ON, signal.SIGCHLD)
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(signals)
        return info.si_signo, info.si_code == _FROM_KERNEL
    number = signal.sigwait(signals)  # type: ignore[unreachable,unused-ignore] # macOS has only this
    return number, number in (signal.SIGINT, signal.SIGQUIT) and _is_in_foreground()


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _wait_for_lineage(lineage: subprocess.Popen[bytes], listener: int) -> str:
    """Waits as long as the lineage process said that it may take, or until a signal says that nobody wants to wait.

    Returns:
        How it ended, if not as it should.
    """
    # A signal to all processes at once may still be waiting here after dbt has ended by it.
    while pending := signal.sigpending().intersection(_PASSED_ON):
        signal.sigwait(pending)
    _hear(_interrupt)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_PASSED_ON, signal.SIGCHLD))
        ended = time.monotonic()
        deadline = ended + _patience(listener) + MARGIN
        _await_closed(listener, deadline)
        lineage.wait(max(deadline - time.monotonic(), 0))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        lineage.kill()
        lineage.wait()
        return "was still at work and was ended"
    finally:
        # Once more, by somebody in a hurry, must not change how this ends.
        _hear(_ignore)
    return f"ended with {lineage.returncode}" if lineage.returncode else ""


def _hear(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _PASSED_ON:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _patience(listener: int) -> float:
    """What the lineage process said, as soon as it has said it; it may be younger than dbt is old."""
    if not select.select([listener], [], [], DEFAULT_PATIENCE)[0]:
        return DEFAULT_PATIENCE
    said = os.read(listener, 64)
    return float(said) if said else DEFAULT_PATIENCE


def _await_closed(listener: int, deadline: float) -> None:
    """Waits until the lineage process has closed its end of the pipe, which its own end does at the latest."""
    while (left := deadline - time.monotonic()) > 0 and select.select([listener], [], [], left)[0]:
        if not os.read(listener, 64):
            return


def _end_like(code: int) -> NoReturn:
    if code < 0:
        # The core of this process would tell nothing.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        # The first process of a container can't be ended so.
        sys.exit(128 - code)
    sys.exit(code)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Makes the signal one that can be waited for."""


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
