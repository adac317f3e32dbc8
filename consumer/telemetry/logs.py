"""What the service tells on stderr: JSON lines for machines, text for people.

Everything goes one way, that of the standard library's loggers included, so that a line is a line wherever it comes
from.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from consumer.masking import masked
from consumer.safe_text import printable, printable_json
from consumer.telemetry.log_fields import spell_out
from consumer.telemetry.log_throttle import Repeats

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_NOISY = {
    # Below this level it writes its whole configuration, password included, and every byte sent.
    "kafka": logging.WARNING,
    "botocore": logging.INFO,
    "boto3": logging.INFO,
    "urllib3": logging.INFO,
    # It logs each error with the whole request, before anybody has decided whether it is one.
    "gremlinpython": logging.CRITICAL,
}


def configure(
    level: Level = "info",
    format: Format = "auto",  # noqa: A002
    stream: TextIO | None = None,
    *,
    repeats_per_minute: int = 0,
) -> None:
    """Sets up both structlog and the standard library's logging; safe to call again.

    Args:
        level: Least level that is told.
        format: `auto` is `console` on a terminal and `json` elsewhere.
        stream: Where to; stderr if it is not given.
        repeats_per_minute: How often the same warning or error is told; 0 for always.
    """
    out = stream or sys.stderr
    repeats = Repeats(repeats_per_minute)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        # What is held back costs no more than that.
        processors=[
            structlog.stdlib.filter_by_level,
            repeats,
            *shared,
            spell_out,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(format, out)],
        )
    )
    handler.addFilter(repeats)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _renderers(format: Format, out: TextIO) -> list[Processor]:  # noqa: A002
    if format == "console" or (format == "auto" and out.isatty()):
        return [_printable, _Masked(structlog.dev.ConsoleRenderer(colors=out.isatty()))]
    return [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer(_dumps, ensure_ascii=False)]


def _mask(_: object, __: str, event: EventDict) -> EventDict:
    """Masks secrets of URLs in what is logged."""
    return {key: masked(value) if isinstance(value, str) else value for key, value in event.items()}


class _Masked:
    """A renderer whose text has the secrets of URLs masked, those in a traceback too."""

    def __init__(self, renderer: structlog.dev.ConsoleRenderer) -> None:
        self._renderer = renderer

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        """The text of an event."""
        return masked(self._renderer(logger, name, event))


def _dumps(event: EventDict, **options: Any) -> str:
    """A line of JSON that does a terminal no harm."""
    return printable_json(json.dumps(event, **options))


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Spells out what a terminal would obey, in all texts."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}
