"""Parameters of a query string, read from its raw form with the rules and error answers of Marquez."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

from consumer.api.marquez.refusals import blank, negative, not_one_of, unparsable
from consumer.api.problems import Problem
from schemas.timestamps import canonical_time

MOST_ITEMS = 1_000
"""Items of one answer; a greater limit counts as this one."""

_MOST = 2**31 - 1


class Page(NamedTuple):
    """A part of a list."""

    limit: int
    offset: int

    @property
    def end(self) -> int:
        """The position after the last item."""
        return self.offset + self.limit


class QueryString:
    """The parameters of a request; of a name that stands twice the first one counts.

    Args:
        raw: The query string, percent-encoded.
    """

    def __init__(self, raw: str) -> None:
        self._raw: dict[str, str] = {}
        self._all: defaultdict[str, list[str]] = defaultdict(list)
        for pair in raw.split("&"):
            name, _, value = pair.partition("=")
            self._raw.setdefault(unquote_plus(name), value)
            self._all[unquote_plus(name)].append(unquote_plus(value))

    def raw(self, name: str) -> str:
        """Returns a parameter as it was sent, percent-encoded; empty if it is not there."""
        return self._raw.get(name, "")

    def text(self, name: str) -> str:
        """Returns a parameter; empty if it is not there."""
        return unquote_plus(self._raw.get(name, ""))

    def needed(self, name: str) -> str:
        """Returns a parameter that has to be there.

        Raises:
            Problem: It is blank.
        """
        text = self.text(name)
        if not text.strip():
            raise blank(name)
        return text

    def number(self, name: str, default: int) -> int:
        """Returns a number from 0 on.

        Raises:
            Problem: It is no number, or less than 0.
        """
        if name not in self._raw:
            return default
        text = self.text(name)
        digits = text.removeprefix("-").removeprefix("+")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > len(str(_MOST)) or int(digits) > _MOST:
            raise unparsable()
        if text.startswith("-") and int(digits):
            raise negative(name)
        return int(digits)

    def page(self, limit: int = 100) -> Page:
        """Returns `limit` and `offset`."""
        return Page(min(self.number("limit", limit), MOST_ITEMS), self.number("offset", 0))

    def flag(self, name: str) -> bool:
        """Returns a truth value: `true` in any case of letters is true, all else is false."""
        return self.text(name).casefold() == "true"

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str | None:
        """Returns a value of an enumeration, in any case of letters.

        Raises:
            Problem: It is none of them.
        """
        return next(iter(self.choices(name, choices)), default)

    def choices(self, name: str, choices: Sequence[str]) -> list[str]:
        """Returns the values of a parameter that may stand several times.

        Raises:
            Problem: One of them is not of the enumeration.
        """
        found = [text.upper() for text in self._all.get(name, ()) if text]
        if not set(choices).issuperset(found):
            raise not_one_of(name, choices)
        return found

    def moment(self, name: str) -> str:
        """Returns a time in canonical form; empty if it is not there.

        Raises:
            Problem: It is no time.
        """
        text = self.text(name).strip()
        if not text:
            return ""
        try:
            return canonical_time(f"{text}T00:00:00Z" if len(text) == len("2026-01-01") else text)
        except (ValueError, OverflowError):
            raise unparsable() from None

    def zone(self, name: str) -> tzinfo:
        """Returns a time zone; UTC if it is not there.

        Raises:
            Problem: There is no such zone.
        """
        text = self.text(name)
        if not text:
            return UTC
        try:
            return ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            raise Problem(400, f"query param {name} must be a time zone, such as Europe/Berlin") from None
