"""Types of options that click has none for."""

from __future__ import annotations

from typing import NamedTuple

import click

from consumer.time_parsing import parse_duration_s


class Duration(NamedTuple):
    """A duration as typed.

    Attributes:
        text: The text, such as `90d`.
        seconds: Its length in seconds.
    """

    text: str
    seconds: int


class DurationType(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.4
    """Type of a duration such as `90s`, `15m`, `12h`, `7d` or `2w`; the value is a `Duration`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Duration:
        """Parses the text of an option."""
        if isinstance(value, Duration):
            return value
        text = str(value).strip()
        seconds = parse_duration_s(text)
        if seconds is None:
            self.fail(f"{text!r} is not a duration; write 90d for days, 12w for weeks, 36h for hours", param, ctx)
        return Duration(text, seconds)


DURATION = DurationType()
