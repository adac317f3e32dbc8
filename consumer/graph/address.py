"""Where a graph is: from its URL to a WebSocket, and the signature that Neptune asks for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from consumer.errors import TransientError, UsageError

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


def signature(address: Address, url: str) -> dict[str, str]:
    """Headers of AWS Signature Version 4 for a connection; none for an address that is not signed for.

    Raises:
        TransientError: There are no AWS credentials (they may yet come, from an instance's role).
    """
    if address.region is None:
        return {}
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - a second that only Neptune needs
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    credentials = get_session().get_credentials()
    if credentials is None:
        raise TransientError(
            "no AWS credentials were found to sign for Neptune: set a role, a profile or AWS_ACCESS_KEY_ID"
        )
    request = AWSRequest("GET", url)
    SigV4Auth(credentials.get_frozen_credentials(), "neptune-db", address.region).add_auth(request)
    return dict(request.headers.items())
