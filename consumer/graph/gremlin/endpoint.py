"""Where a graph is: from its URL to a WebSocket, and the signature that Neptune asks for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from consumer.errors import UsageError

DEFAULT_PORT = 8182


@dataclass(frozen=True, slots=True)
class Address:
    """Where a graph is, and whether requests to it are signed.

    Attributes:
        url: The WebSocket's.
        region: The AWS region to sign for; None where nothing is signed.
    """

    url: str
    region: str | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address that a graph URL names.

        Raises:
            UsageError: It is no graph URL, or a `neptune://` one without a region.
        """
        parts = urlsplit(url)
        if parts.scheme in {"ws", "wss"} and parts.hostname:
            return cls(url)
        if parts.scheme != "neptune" or not parts.hostname:
            raise UsageError(
                f"{url!r} names no graph; give sqlite:///FILE, ws://HOST:8182/gremlin or neptune://HOST:8182?region=REGION"
            )
        settings = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        unknown = settings.keys() - {"region", "iam"}
        if unknown:
            raise UsageError(f"{url!r} has unknown settings {', '.join(sorted(unknown))}; it knows region and iam")
        signed = settings.get("iam", "true").lower() != "false"
        region = settings.get("region")
        if signed and not region:
            raise UsageError(f"{url!r} lacks a region to sign for: add ?region=REGION, or &iam=false")
        return cls(f"wss://{parts.hostname}:{parts.port or DEFAULT_PORT}/gremlin", region if signed else None)
