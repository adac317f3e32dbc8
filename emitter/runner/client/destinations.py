"""The destination of a configured transport, as text for the last line."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from openlineage.client.transport.transport import Transport

from emitter.config.redaction import public_url
from emitter.transport import KafkaTransport


class Destinations(NamedTuple):
    """The transports behind a configured one.

    Attributes:
        own: Those of this package, which report the outcome of events themselves.
        others: The destinations of the others, as text.
    """

    own: tuple[KafkaTransport, ...]
    others: str


def find_destinations(transport: Transport) -> Destinations:
    """Finds the transports behind a configured one: itself, or those of a composite transport."""
    found = list(_leaves(transport))
    own = tuple(each for each in found if isinstance(each, KafkaTransport))
    others = (_words(each) for each in found if not isinstance(each, KafkaTransport))
    return Destinations(own, ", ".join(dict.fromkeys(others)))


def _leaves(transport: Any) -> Iterator[Transport]:
    # A composite transport has several, a transforming one has one.
    inner = getattr(transport, "transports", None) or [getattr(transport, "transport", None)]
    behind = [each for each in inner if isinstance(each, Transport)]
    if not behind:
        yield transport
    for each in behind:
        yield from _leaves(each)


def _words(transport: Any) -> str:
    config = getattr(transport, "config", None)
    if transport.kind == "console":
        return "the log on stderr"
    if path := getattr(config, "log_file_path", None):
        return f"file {public_url(path) if '://' in path else path}"
    if url := getattr(transport, "url", None) or getattr(config, "url", None):
        return public_url(str(url))
    if topic := getattr(transport, "topic", None):
        return f"topic {topic}"
    return f"transport {transport.kind}"
