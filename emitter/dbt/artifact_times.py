"""Times of dbt's artifacts and messages: RFC 3339 text with up to nine digits of a second, compared as moments.

As text they can't be compared: of `08.6Z` and `08.64Z` the later one is the lesser.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

EPOCH = "1970-01-01T00:00:00Z"
_DIGITS = 9


def earliest(times: Iterable[str]) -> str:
    """Returns the earliest of times, one at least."""
    return min(times, key=_order)


def latest(times: Iterable[str]) -> str:
    """Returns the latest of times, one at least."""
    return max(times, key=_order)


def of_nanoseconds(count: int) -> str:
    """Returns the time that is so many nanoseconds after the epoch."""
    seconds, rest = divmod(count, 10**_DIGITS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:0{_DIGITS}d}Z"


def _order(time: str) -> tuple[float, str]:
    """Seconds, and the digits below a microsecond, which `datetime` does not keep."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        # Not a time: it sorts before all others, so that it decides nothing where there is a real one.
        return float("-inf"), time
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    digits = time.partition(".")[2].rstrip("Z")[:_DIGITS]
    return moment.timestamp(), digits.ljust(_DIGITS, "0")
