"""The end of a service by signals, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_SERVICE = """
import sys, threading
from consumer.cli.main import cli
from consumer.cli.stop_signals import StopSignals
import click

@cli.command()
@click.argument("place")
def watch(place):
    stop = StopSignals()
    print("watching", flush=True)
    stop.requested.wait()
    print("stopping", flush=True)
    if place == "working":
        try:
            sys.stdin.readline()
        finally:
            print("cleaned", flush=True)
    if place == "joining":
        # A thread that is not a daemon: the interpreter waits for it as it ends.
        threading.Thread(target=sys.stdin.readline).start()
        return
    stop.finish()
    print("finished", flush=True)
    sys.stdin.readline()

cli(["watch", sys.argv[1]])
"""


@contextmanager
def service(place: str) -> Iterator[subprocess.Popen[str]]:
    """A service that waits at a place for a line, once it was asked to stop."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _SERVICE, place]
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        await_line(process, "watching")
        yield process
        process.kill()


def await_line(process: subprocess.Popen[str], text: str) -> None:
    """Reads the next line of the service."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{text}\n"


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("place", ["working", "joining"])
def test_a_second_interrupt_ends_at_once(first: signal.Signals, place: str) -> None:
    """Wherever the process is: one line and exit code 130, no traceback."""
    with service(place) as process:
        process.send_signal(first)
        await_line(process, "stopping")
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said) == (130, "", "headwater: interrupted\n")


def test_a_late_interrupt_does_nothing() -> None:
    """Once the work is done the exit code is that of the work, and nothing is said."""
    with service("finished") as process:
        process.send_signal(signal.SIGTERM)
        await_line(process, "stopping")
        await_line(process, "finished")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate("\n", timeout=60)
    assert (process.returncode, said) == (0, "")


def test_a_second_termination_does_nothing() -> None:
    """An orchestrator sends it to a group and to the process."""
    with service("working") as process:
        process.send_signal(signal.SIGTERM)
        await_line(process, "stopping")
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate("\n\n", timeout=60)
    assert (process.returncode, out.split(), said) == (0, ["cleaned", "finished"], "")


def test_an_interrupt_alone_is_the_exit_code() -> None:
    """The work is done, and Ctrl-C is reported."""
    with service("working") as process:
        process.send_signal(signal.SIGINT)
        await_line(process, "stopping")
        out, said = process.communicate("\n", timeout=60)
    assert (process.returncode, out, said) == (130, "cleaned\n", "headwater: interrupted\n")
