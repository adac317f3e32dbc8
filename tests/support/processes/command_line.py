"""Runs `headwater` within the test's process, as a terminal would, and leaves no trace."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch

import structlog
from click.testing import CliRunner, Result

from consumer.cli.main import cli


def headwater(*arguments: str | Path, stdin: bytes = b"", env: Mapping[str, str] = MappingProxyType({})) -> Result:
    """The result of `headwater ARGUMENTS`; of the environment's own HEADWATER_ variables it sees none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    with patch.dict(os.environ, kept | dict(env), clear=True), _logging_restored():
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)


@contextmanager
def _logging_restored() -> Iterator[None]:
    """Commands send logs to their own stderr, which is gone after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
