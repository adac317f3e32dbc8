"""The endpoint of a graph: its WebSocket's URL, and the region to sign for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from consumer.errors import UsageError

DEFAULT_PORT = 8182


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a graph, and the signing of requests to it.

    Attributes:
        url: URL of the WebSocket.
        region: AWS region to sign for; None for unsigned requests.
    """

    url: str
    region: str | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parses a graph URL.

        Raises:
            UsageError: The text is not a graph URL, or is a `neptune://` URL without a region.
        """
        parts = urlsplit(url)
        if parts.scheme in {"ws", "wss"} and parts.hostname:
            return cls(url)
        if parts.scheme != "neptune" or not parts.hostname:
            raise UsageError(
                f"{url!r} is not a graph URL; use sqlite:///FILE, ws://HOST:8182/gremlin or neptune://HOST:8182?region=REGION"
            )
        settings = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        unknown = settings.keys() - {"region", "iam"}
        if unknown:
            raise UsageError(f"{url!r} has unknown settings {', '.join(sorted(unknown))}; use only region and iam")
        signed = settings.get("iam", "true").lower() != "false"
        region = settings.get("region")
        if signed and not region:
            raise UsageError(f"{url!r} lacks a region to sign for: add ?region=REGION, or &iam=false")
        return cls(f"wss://{parts.hostname}:{parts.port or DEFAULT_PORT}/gremlin", region if signed else None)
