"""The log on stderr: JSON lines for machines, text for people.

All lines take the same path, including those of the standard library's loggers, so that all have one format.
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
from consumer.telemetry.log_fields import drop_escape_codes, split_record_field
from consumer.telemetry.log_throttle import LogThrottle

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_NOISY = {
    # Below this level it logs its whole configuration, with the password, and every byte sent.
    "kafka": logging.WARNING,
    "botocore": logging.INFO,
    "boto3": logging.INFO,
    "urllib3": logging.INFO,
    # It logs each error with the whole request, before the caller decides whether it is an error.
    "gremlinpython": logging.CRITICAL,
}


def configure(
    level: Level = "info",
    format: Format = "auto",  # noqa: A002
    stream: TextIO | None = None,
    *,
    repeats_per_minute: int = 0,
) -> None:
    """Configures both structlog and the standard library's logging; safe to call again.

    Args:
        level: Minimum level to log.
        format: `auto` is `console` on a terminal and `json` elsewhere.
        stream: Destination; stderr by default.
        repeats_per_minute: Lines of one repeated warning or error per minute; 0 for no limit.
    """
    out = stream or sys.stderr
    throttle = LogThrottle(repeats_per_minute)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        drop_escape_codes,
    ]
    structlog.configure(
        # A suppressed line skips the later processors.
        processors=[
            structlog.stdlib.filter_by_level,
            throttle,
            *shared,
            split_record_field,
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
    handler.addFilter(throttle)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _renderers(format: Format, out: TextIO) -> list[Processor]:  # noqa: A002
    if format == "console" or (format == "auto" and out.isatty()):
        # Rich would print the values of local variables with a traceback, and secrets with them.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain)
        return [_printable, _Masked(renderer)]
    return [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer(_dumps, ensure_ascii=False)]


def _mask(_: object, __: str, event: EventDict) -> EventDict:
    """Masks the secrets of URLs in all fields."""
    return {key: masked(value) if isinstance(value, str) else value for key, value in event.items()}


class _Masked:
    """Renderer that masks the secrets of URLs, also in a traceback."""

    def __init__(self, renderer: structlog.dev.ConsoleRenderer) -> None:
        self._renderer = renderer

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        """Returns the text of an event."""
        return masked(self._renderer(logger, name, event))


def _dumps(event: EventDict, **options: Any) -> str:
    """Returns a line of JSON that can't control a terminal."""
    return printable_json(json.dumps(event, **options))


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escapes in all fields what a terminal would obey."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}
