"""Runs dbt and, beside it, the lineage process; exits as dbt exits.

dbt is a child with this process's terminal, standard streams and environment. The lineage process gets messages through
the event log alone, so that it may crash, hang or be killed without any effect on dbt.
"""

import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from emitter import optimized_bytecode
from emitter.errors import EmitterError
from emitter.runner.dbt_executable import Program
from emitter.runner.event_log import EventLog, ReaderSummary
from emitter.runner.shim import PROGRAM, SCRIPT
from emitter.runner.stderr import print_line

DEFAULT_TIMEOUT = 10.0
"""Seconds that the lineage process may take after dbt's end, if it does not report a limit."""
MARGIN = 2.0
"""Seconds in addition to that limit, for an orderly end."""

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_SHIM = str(Path(__file__).with_name("shim.py"))
_WORKER = "emitter.runner.worker"
_MMAP_BYTES = 1 << 20
_FROM_KERNEL = 0x80
_STDERR = 2


class EventLogUnavailable(EmitterError):
    """The event log can't be created; dbt can still run without lineage."""


def supervise(program: Program, arguments: Sequence[str]) -> NoReturn:
    """Runs `dbt ARGUMENTS` with lineage, and exits with dbt's exit code or by the signal that ended it.

    Raises:
        EventLogUnavailable: Temporary files can't be created, or dbt can't be started; dbt has not run.
    """
    try:
        _occupy_closed_streams()
        event_log = EventLog.make()
        timeout_read, timeout_fd = os.pipe()
        dbt = _start_dbt(program, arguments, event_log)
    except OSError as error:
        raise EventLogUnavailable(f"dbt's messages can't be read ({error}): check TMPDIR and {program.path}") from error
    # From here on signals are blocked and read one by one; the lineage process inherits that and survives Ctrl-C.
    signal.signal(signal.SIGCHLD, _ignore)
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_FORWARDED, signal.SIGCHLD))
    lineage = _start_worker(event_log, timeout_fd, arguments)
    os.close(event_log.wakeup_read)
    os.close(timeout_fd)
    code = _forward_signals(dbt)
    # dbt-core has closed its end by now; dbt v2 never had one, and its children must not keep it open.
    os.close(event_log.wakeup_write)
    if lineage is not None and (end := _wait_for_worker(lineage, timeout_read)):
        _report_early_end(event_log, end)
    _exit_like(code)


def _report_early_end(event_log: EventLog, end: str) -> None:
    """Reports how the lineage process ended early, with the last summary, which outlives it."""
    note, unread = event_log.note() or ReaderSummary("", is_complete=False), event_log.unread()
    if note.is_complete and not unread:
        # Only the last line is missing, unless it was logged.
        if note.text:
            print_line(f"{note.text}; the process that sends them {end}")
        return
    counted = f"; when they were last counted, {note.text}" if note.text else ""
    print_line(
        f"the lineage of this run is not complete: its process {end}, {unread} of dbt's messages unread{counted}; "
        "`headwater backfill` on dbt's target folder adds the rest"
    )


def _occupy_closed_streams() -> None:
    """Opens the null device for each closed standard stream; else the next file here would become dbt's stdout.

    They are not inherited, so that dbt finds its streams closed, as its caller wants them.
    """
    while (taken := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(taken)


def _start_dbt(program: Program, arguments: Sequence[str], event_log: EventLog) -> subprocess.Popen[bytes]:
    # If the program is not a Python script, this interpreter runs the shim, which executes the program in its place.
    kind, interpreter = (
        (SCRIPT, program.interpreter) if program.interpreter else (PROGRAM, (sys.executable, "-I", "-S"))
    )
    command = [*interpreter, _SHIM, str(event_log.file), str(event_log.wakeup_write), kind, program.path, *arguments]
    for file in (event_log.file, event_log.wakeup_write):
        os.set_inheritable(file, True)  # noqa: FBT003 # it takes no keyword
    try:
        # Files that the caller has opened for dbt stay open.
        return subprocess.Popen(command, close_fds=False)  # noqa: S603 # the user's own command
    finally:
        for file in (event_log.file, event_log.wakeup_write):
            os.set_inheritable(file, False)  # noqa: FBT003


def _start_worker(event_log: EventLog, timeout_fd: int, arguments: Sequence[str]) -> subprocess.Popen[bytes] | None:
    files = (event_log.file, event_log.wakeup_read, event_log.progress, timeout_fd)
    try:
        return subprocess.Popen(  # noqa: S603 # our own module
            # Without -P, a module in the working directory could replace one of this package.
            [sys.executable, "-P", "-m", _WORKER, *map(str, files), *arguments],
            env=_worker_environment(os.environ),
            pass_fds=files,
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            # Explicit, since a closed stderr would stay closed in the child.
            stderr=_STDERR,
            start_new_session=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        print_line(f"the lineage process can't be started, no lineage is sent: {error}")
        return None


def _worker_environment(environ: Mapping[str, str]) -> dict[str, str]:
    # PYTHONOPTIMIZE is meant for dbt; kafka-python does not work with it.
    kept = {name: value for name, value in environ.items() if name != optimized_bytecode.VARIABLE}
    # glibc returns the memory of a large text, such as a manifest, only below a threshold, which it raises by itself
    # unless it is set.
    return {"MALLOC_MMAP_THRESHOLD_": str(_MMAP_BYTES), **kept}


def _forward_signals(dbt: subprocess.Popen[bytes]) -> int:
    """Forwards signals until dbt has ended; returns its exit code, or the negated number of the signal."""
    while (code := dbt.poll()) is None:
        number, from_terminal = _next_signal()
        # The terminal sends its signals to dbt too, and a second Ctrl-C has another meaning for dbt.
        if number != signal.SIGCHLD and not from_terminal:
            dbt.send_signal(number)
    return code


def _next_signal() -> tuple[int, bool]:
    signals = (*_FORWARDED, signal.SIGCHLD)
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(signals)
        return info.si_signo, info.si_code == _FROM_KERNEL
    number = signal.sigwait(signals)  # type: ignore[unreachable,unused-ignore] # macOS has no sigwaitinfo
    return number, number in (signal.SIGINT, signal.SIGQUIT) and _is_in_foreground()


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _wait_for_worker(lineage: subprocess.Popen[bytes], timeout_read: int) -> str:
    """Waits for the lineage process until its limit, or until a signal arrives.

    Returns:
        A description of its end, if it was not a normal one.
    """
    # A signal to the process group may still be pending after dbt has ended by it.
    while pending := signal.sigpending().intersection(_FORWARDED):
        signal.sigwait(pending)
    _set_handlers(_interrupt)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_FORWARDED, signal.SIGCHLD))
        ended = time.monotonic()
        deadline = ended + _read_timeout(timeout_read) + MARGIN
        _await_closed(timeout_read, deadline)
        lineage.wait(max(deadline - time.monotonic(), 0))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        lineage.kill()
        lineage.wait()
        return "was still at work and was ended"
    finally:
        # A further signal must not change how this process exits.
        _set_handlers(_ignore)
    return f"ended with {lineage.returncode}" if lineage.returncode else ""


def _set_handlers(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _FORWARDED:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _read_timeout(timeout_read: int) -> float:
    """Reads the limit that the lineage process reports once it has loaded, which may be after dbt's end."""
    if not select.select([timeout_read], [], [], DEFAULT_TIMEOUT)[0]:
        return DEFAULT_TIMEOUT
    record = os.read(timeout_read, 64)
    return float(record) if record else DEFAULT_TIMEOUT


def _await_closed(timeout_read: int, deadline: float) -> None:
    """Waits until the lineage process has closed its end of the pipe, which its own end does at the latest."""
    while (left := deadline - time.monotonic()) > 0 and select.select([timeout_read], [], [], left)[0]:
        if not os.read(timeout_read, 64):
            return


def _exit_like(code: int) -> NoReturn:
    if code < 0:
        # A core file of this process would contain nothing of interest.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        # A signal does not end the first process of a container.
        sys.exit(128 - code)
    sys.exit(code)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Does nothing; with a handler, the signal can be waited for."""


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
